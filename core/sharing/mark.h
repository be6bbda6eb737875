// What can be said of a range of a file's pages: whether other inodes have, could have, or are kept
// from having the same physical memory.
#pragma once

#include <cstdint>

namespace coldscope::sharing {

inline constexpr std::uint64_t page_size = 4096; // bytes

// Of each range the first that holds.
enum class Mark : std::uint8_t {
    shared_now,     // one physical page is seen from two inodes; only observation tells
    by_fingerprint, // another inode has the same fingerprint and size, in one domain, both mounted
                    // with inode_share and without DAX (Linux 7.0)
    by_blob,    // another file has the same blocks of the same blob at the same file offsets, in
                // one domain, and each of both lies in one blob with all its bytes (the rule of
                // the page-cache sharing RFC; no released kernel shares so)
    blocked,    // the same by fingerprint or blocks, but for a Reason
    same_bytes, // equal bytes at different blocks; only a scan of the bytes tells
    alone,      // none of these
};
inline constexpr std::size_t mark_count = 6;

// Why a range is blocked (of several the first in this order); of alone ones why nothing more is
// said.
enum class Reason : std::uint8_t {
    none,
    // Fingerprints are equal:
    other_domain,   // the mounts' domain_id differ
    no_inode_share, // one of the mounts has no inode_share
    dax,            // one of the mounts has DAX
    // Blocks are the same:
    no_fingerprint, // one of the files has none, and by_blob would not do for:
    spans_blobs,    // the file's bytes lie on more than one blob
    inline_tail,    // the end of one of the files lies with its inode
    compressed,     // the blocks hold physical clusters
    offset_differs, // they are at different offsets of the files
    // Alone:
    hole,        // zeros that are stored nowhere
    not_scanned, // the bytes were not looked at
    unreadable,  // the inode, its map or its bytes can't be read
};
inline constexpr std::size_t reason_count = 12;

// Whether a range is in memory; laid over its mark.
enum class Residency : std::uint8_t { unknown, absent, resident };

[[nodiscard]] const char* name(Mark mark);     // "shared now", "shareable, by fingerprint", ...
[[nodiscard]] const char* name(Reason reason); // "spans blobs", ...

} // namespace coldscope::sharing
