// Two images: what became of each path, and which bytes a node that has the first must fetch for
// the second.
#pragma once

#include "core/base/error.h"
#include "core/base/range_set.h"
#include "core/base/read_at.h"
#include "core/compare/device_match.h"
#include "core/compare/meter.h"
#include "core/erofs/image.h"
#include "core/erofs/index.h"
#include "core/rafs/bootstrap.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace coldscope::compare {

using erofs::no_node;
using erofs::NodeId;

// Borrowed; the image is used by the thread that compares alone.
struct Side {
    erofs::Image& image;
    const erofs::Index& index;
    // [0]: the primary device, [i]: the device with id i; null or left out: its bytes are not
    // there.
    std::span<const std::shared_ptr<ReadAt>> devices;
    const rafs::Bootstrap* rafs = nullptr; // null: the image is no RAFS

    [[nodiscard]] ReadAt* device(std::size_t id) const {
        return id < devices.size() ? devices[id].get() : nullptr;
    }
};

// What differs between two files, as bits.
namespace field {
inline constexpr std::uint16_t type = 0x1; // then nothing else is compared
inline constexpr std::uint16_t content = 0x2;
inline constexpr std::uint16_t target = 0x4; // of a symbolic link
inline constexpr std::uint16_t rdev = 0x8;
inline constexpr std::uint16_t mode = 0x10;
inline constexpr std::uint16_t uid = 0x20;
inline constexpr std::uint16_t gid = 0x40;
inline constexpr std::uint16_t mtime = 0x80;
inline constexpr std::uint16_t links = 0x100;  // the count of hard links; not of directories
inline constexpr std::uint16_t xattrs = 0x200; // without fingerprints
} // namespace field
inline constexpr std::size_t field_count = 10;

enum class Kind : std::uint8_t {
    same,
    changed,
    added,
    removed,
    moved,   // a regular file with bytes: gone at one path, the same bytes at another
    unknown, // nothing else differs, and whether the bytes do could not be told
};
inline constexpr std::size_t kind_count = 6;

// How it is known whether the bytes of two files are the same; the last ones: why it is not.
enum class Basis : std::uint8_t {
    none,        // no regular files
    size,        // different, or both empty
    place,       // the same ranges of the same devices, or holes
    fingerprint, // stored in both inodes
    bytes,       // read and compared
    not_read,    // reading was not wanted
    missing,     // a device that holds some is not there
    unsupported, // how they are stored is not read yet
    failed,      // an inode, a map or bytes could not be read
};
[[nodiscard]] constexpr bool is_known(Basis basis) {
    return basis < Basis::not_read;
}

struct Change {
    NodeId old_node = no_node; // no_node: added
    NodeId new_node = no_node; // no_node: removed
    Kind kind = Kind::same;
    Basis basis = Basis::none;
    std::uint16_t fields = 0; // of changed and moved files
};
static_assert(sizeof(Change) == 12);

// Of one device of the second image, in bytes. Files' ranges count in whole blocks, each block
// once; of the primary device all counts. Of a RAFS blob whole chunks count, in stored bytes.
struct DeviceNeed {
    DeviceMatch match;
    std::uint64_t needed = 0;
    std::uint64_t fetch = 0;    // of these, not among what the first image needs
    std::uint64_t metadata = 0; // of fetch: no file's bytes
    // Of fetch, in blocks (or chunks) whose bytes the first image has elsewhere; nothing: not
    // looked at.
    std::optional<std::uint64_t> by_content;
    std::uint64_t chunks = 0; // of chunk-based files, each address once
    std::uint64_t shared_chunks = 0;
    std::vector<Range> to_fetch; // in order; of a RAFS blob decoded
    [[nodiscard]] std::uint64_t shared() const { return needed - fetch; }
};

struct Options {
    std::uint16_t ignore = 0; // fields
    bool read = true;         // files' and blobs' bytes, where nothing else tells
    Report report;
};

struct Comparison {
    std::vector<Change> changes; // each path of both, in order: a folder, then what is in it
    std::array<std::uint64_t, kind_count> counts{};        // paths
    std::array<std::uint64_t, field_count> field_counts{}; // by bit
    std::vector<std::uint64_t>
        fetch; // bytes for each node of the second; a hard link's first has all
    // Of what is to be fetched, for files of each kind; the rest is metadata.
    std::array<std::uint64_t, kind_count> fetch_by_kind{};
    std::vector<DeviceNeed> devices; // of the second image
    std::uint64_t needed_before = 0; // bytes of all devices that the first image needs
    std::uint64_t needed = 0;        // that the second one does
    std::uint64_t to_fetch = 0;      // of these
    std::uint64_t metadata_to_fetch = 0;
    std::optional<std::uint64_t> by_content;
    bool all_looked_at = false;      // by_content: every device's bytes were there
    std::uint32_t content_block = 0; // bytes: the unit of by_content, but for RAFS blobs
    std::vector<std::string> warnings;

    [[nodiscard]] std::uint64_t count(Kind kind) const {
        return counts[static_cast<std::size_t>(kind)];
    }
    // Nothing differs, and all could be told. Where the bytes lie may differ.
    [[nodiscard]] bool same() const { return count(Kind::same) == changes.size(); }
};

// Works in the order of paths, with memory for the paths and for blocks that are to be fetched
// (24 bytes for each), whatever the files' sizes. Errors: cancelled, io, and what the images'
// metadata gives beyond single files.
[[nodiscard]] Result<Comparison> compare(const Side& before, const Side& after,
                                         const Options& options);

// "/usr/bin/tool": of the second image, where it has the path.
[[nodiscard]] std::string path_of(const Side& before, const Side& after, const Change& change);

[[nodiscard]] const char* name(Kind kind);
[[nodiscard]] const char* name(Basis basis);
[[nodiscard]] const char* name(Phase phase);
// In the order of their bits.
[[nodiscard]] std::vector<const char*> field_names(std::uint16_t fields);
[[nodiscard]] std::optional<std::uint16_t> field_by_name(std::string_view name);

} // namespace coldscope::compare
