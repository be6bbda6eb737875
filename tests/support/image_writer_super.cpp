// The superblock and the device table.
#include "core/erofs/features.h"
#include "tests/support/image_writer.h"

#include <algorithm>

namespace coldscope::test {

using namespace erofs;

void ImageWriter::write_super() {
    Bytes& bytes = out_.bytes;
    const std::uint64_t at = super_offset;
    std::uint32_t features = incompat::chunked_file;
    if (!from_.tags_.empty())
        features |= incompat::device_table;
    if (!from_.prefixes_.empty())
        features |= incompat::xattr_prefixes;
    if (from_.wide_)
        features |= incompat::wide_48bit;
    if (!from_.metabox_.empty()) {
        features |= incompat::metabox;
        put<std::uint8_t>(bytes, at + 13, 1);
        put<std::uint64_t>(bytes, at + super_size, nid(from_.metabox_));
    }
    const bool compressed = std::ranges::any_of(
        nodes_, [](const auto& node) { return is_compressed(node.second.spec.layout); });
    if (compressed)
        features |= incompat::lz4_0padding;
    put<std::uint32_t>(bytes, at, super_magic);
    const bool rafs = from_.rafs_chunk_ != 0;
    std::uint32_t compatible =
        rafs ? compat::rafs_v6 : compat::checksum | compat::mtime | compat::plain_xattr_prefixes;
    if (from_.fingerprints_) {
        compatible |= compat::inode_share_xattrs;
        put<std::uint8_t>(bytes, at + 105, *from_.fingerprints_);
    }
    put<std::uint32_t>(bytes, at + 8, compatible);
    put<std::uint8_t>(bytes, at + 12, static_cast<std::uint8_t>(from_.block_bits_));
    put<std::uint16_t>(bytes, at + 14, static_cast<std::uint16_t>(nid("/")));
    put<std::uint64_t>(bytes, at + 16, nodes_.size());
    put<std::int64_t>(bytes, at + 24, ImageBuilder::epoch);
    put<std::uint32_t>(bytes, at + 36, static_cast<std::uint32_t>(bytes.size() / block_));
    put<std::uint32_t>(bytes, at + 40, static_cast<std::uint32_t>(meta_block_));
    put<std::uint32_t>(bytes, at + 44, static_cast<std::uint32_t>(xattr_block_));
    for (std::uint8_t i = 0; i < 16; ++i)
        put<std::uint8_t>(bytes, at + 48 + i, static_cast<std::uint8_t>(0xA0 + i));
    std::memcpy(bytes.data() + at + 64, "built", 5);
    put<std::uint32_t>(bytes, at + 80, features);
    put<std::uint16_t>(bytes, at + 86, static_cast<std::uint16_t>(from_.tags_.size()));
    put<std::uint16_t>(bytes, at + 88, static_cast<std::uint16_t>(slots_ / device_slot_size));
    put<std::uint8_t>(bytes, at + 91, static_cast<std::uint8_t>(from_.prefixes_.size()));
    put<std::uint32_t>(bytes, at + 92, static_cast<std::uint32_t>(prefixes_ / 4));
    for (std::size_t i = 0; i < from_.tags_.size(); ++i) {
        const std::uint64_t slot = slots_ + i * device_slot_size;
        std::memcpy(bytes.data() + slot, from_.tags_[i].data(),
                    std::min<std::size_t>(from_.tags_[i].size(), device_tag_size));
        put<std::uint32_t>(bytes, slot + 64,
                           static_cast<std::uint32_t>(out_.blobs[i].size() / block_));
        put<std::uint32_t>(
            bytes, slot + 68,
            static_cast<std::uint32_t>(first_unified_block + i * unified_blocks_each));
    }
    if (!rafs)
        out_.fix_checksum();
}

} // namespace coldscope::test
