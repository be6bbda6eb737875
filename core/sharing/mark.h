// What can be said of a range of a file's pages: whether other inodes have, could have, or are kept
// from having the same physical memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coldscope::sharing {

inline constexpr std::uint64_t page_size = 4096; // bytes

// Of each range the first that holds, with any other inode.
enum class Mark : std::uint8_t {
    shared_now,     // one physical page is seen from two inodes; only observation tells
    by_fingerprint, // another inode has the same fingerprint and size, in one domain, both mounted
                    // with inode_share and without DAX (Linux 7.0)
    by_blob,    // another file has the same blocks of the same blob, from a page's border on, at
                // the same file offsets, in one domain (no name is one, too), and each of both lies
                // in one blob with all its bytes but holes (the rule of the page-cache sharing RFC;
                // no released kernel shares so)
    blocked,    // the same by fingerprint, blocks or as whole files, but for a Reason
    same_bytes, // equal bytes at different blocks; only a scan of the bytes tells
    alone,      // none of these
};
inline constexpr std::size_t mark_count = 6;

// Why a range is blocked; of alone ones why nothing more is said. Two inodes may come to share in
// two ways, by fingerprint and by blob; of what is in one way the last counts, since it is the most
// to change. Of both ways, and of all other inodes, the first one counts: the least to change.
enum class Reason : std::uint8_t {
    none,
    // By fingerprint; other_domain by blob, too.
    other_domain,   // the mounts' domain_id differ, or there is none
    no_inode_share, // one of the mounts has no inode_share
    dax,            // one of the mounts has DAX
    other_backing,  // one is mounted from a block device, the other from a file (Linux 7.3)
    other_layout,   // one of the inodes is compressed, the other is not (Linux 7.3)
    no_fingerprint, // the whole files are the same, and one of them has none
    // By blob: blocks are the same.
    spans_blobs,    // the bytes of one of the files lie on more than one blob
    inline_tail,    // the end of one of the files lies with its inode
    compressed,     // one of the files has physical clusters
    offset_differs, // they are at different offsets of the files, or begin within a page
    // Alone:
    hole,        // zeros that are stored nowhere
    not_scanned, // the bytes were not looked at
    unreadable,  // the inode, its map or its bytes can't be read
};
inline constexpr std::size_t reason_count = 14;

// Whether a range is in memory; laid over its mark.
enum class Presence : std::uint8_t { unknown, absent, resident };

// The change that would let most of a file's blocked pages be shared.
enum class Lift : std::uint8_t {
    none,        // nothing is blocked, or nothing would help
    one_domain,  // give both mounts the same domain_id
    share_mount, // mount both with inode_share, without DAX, from files
    fingerprint, // mkfs.erofs --xattr-inode-digest
    same_layout, // both compressed, or neither
    chunk_size,  // a chunk size of at least the file's size: by blob
    no_inline,   // no inline tail (mkfs.erofs -E noinline_data): by blob
    plain,       // not compressed: by blob
};
inline constexpr std::size_t lift_count = 8;

[[nodiscard]] const char* name(Mark mark);     // "shared now", "shareable, by fingerprint", ...
[[nodiscard]] const char* name(Reason reason); // "spans blobs", ...; "" for none
[[nodiscard]] const char* name(Lift lift);     // "give both mounts one domain_id", ...; "" for none

} // namespace coldscope::sharing
