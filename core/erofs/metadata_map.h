// Where an image's metadata lies, as a check finds it: to see what overlaps, and to say of a byte
// which structure it belongs to.
#pragma once

#include "core/erofs/format.h"
#include "core/erofs/memory_room.h"
#include "core/erofs/place.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace coldscope::erofs {

enum class SpanKind : std::uint8_t {
    superblock,
    device_table,
    xattr_prefixes,
    shared_xattr,
    inode,     // and what follows it: xattrs, then an inline tail or a chunk table
    directory, // blocks of one
    symlink,   // a target that is not inline
    bad_inode, // what a name leads to, and is none
    metabox,   // the bytes of the metabox
    packed,    // the bytes of the packed inode
};

// In the primary device, or in the metabox.
struct Span {
    std::uint64_t begin = 0; // bytes
    std::uint64_t end = 0;
    std::uint64_t nid = 0; // of what has one; metabox: the offset in it
    SpanKind kind = SpanKind::inode;
};

class MetadataMap {
public:
    explicit MetadataMap(MemoryRoom room) : room_(room) {}
    // Empty spans are left out, and those for which there is no memory. Call seal() when all are
    // there.
    void add(bool in_metabox, Span span);
    // So many are expected.
    void reserve(bool in_metabox, std::size_t count) {
        static_cast<void>(room_.grow(spans_[in_metabox ? 1 : 0], count));
    }
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
    void seal();

    // Sorted by begin; spans may overlap.
    [[nodiscard]] std::span<const Span> spans(bool in_metabox) const {
        return spans_[in_metabox ? 1 : 0];
    }
    // The last that begins at or before the byte and holds it.
    [[nodiscard]] std::optional<Span> at(bool in_metabox, std::uint64_t offset) const;

private:
    MemoryRoom room_;
    std::array<std::vector<Span>, 2> spans_;
    std::uint64_t left_out_ = 0;
};

} // namespace coldscope::erofs
