#include "core/erofs/superblock.h"

#include "core/base/cursor.h"
#include "core/codec/codec.h"
#include "core/erofs/crc32c.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace coldscope::erofs {

namespace {

std::string text_until_nul(std::span<const std::byte> bytes) {
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    text.resize(std::min(text.size(), text.find('\0')));
    return text;
}

Result<void> check_supported(const Superblock& super) {
    if (const std::uint32_t unknown = super.feature_incompat & ~incompat::all; unknown != 0) {
        return failure(Code::unsupported,
                       fmt::format("the image needs incompatible features that this program does "
                                   "not know: {}",
                                   fmt::join(incompatible_feature_names(unknown), ", ")),
                       super_offset + 80);
    }
    if (super.has(incompat::compression_configs) && super.algorithms() >> codec::algorithm_count) {
        return failure(Code::unsupported,
                       fmt::format("the image needs compression algorithms that this program does "
                                   "not know: bits {:#x}",
                                   super.algorithms()),
                       super_offset + 84);
    }
    if (super.directory_block_bits != 0) {
        return failure(Code::unsupported,
                       fmt::format("directory blocks larger than a block (dirblkbits {})",
                                   super.directory_block_bits),
                       super_offset + 90);
    }
    return {};
}

Result<void> check_ids(const Superblock& super) {
    if ((super.packed_nid & metabox_nid_bit) != 0)
        return failure(Code::corrupt, "the packed inode is said to be in the metabox",
                       super_offset + 96);
    if ((super.metabox_nid & metabox_nid_bit) != 0)
        return failure(Code::corrupt, "the metabox inode is said to be in the metabox",
                       super_offset + super_size);
    if (super.has(incompat::metabox) && super.extension_slots == 0)
        return failure(Code::corrupt, "the superblock is too small for its metabox feature",
                       super_offset + 13);
    return {};
}

} // namespace

Result<std::uint32_t> superblock_checksum(ReadAt& primary, std::uint32_t block_size) {
    std::vector<std::byte> block(block_size > super_offset ? block_size - super_offset
                                                           : block_size);
    COLDSCOPE_CHECK(primary.read(super_offset, block));
    std::memset(block.data() + super_checksum_at, 0, sizeof(std::uint32_t));
    return crc32c(~std::uint32_t{0}, block);
}

Result<Superblock> read_superblock(ReadAt& primary, Findings* tolerant) {
    std::array<std::byte, super_size + 2 * super_slot_size> bytes{};
    const std::uint64_t size = primary.size();
    if (size < super_offset + sizeof(std::uint32_t))
        return failure(Code::not_erofs, fmt::format("no EROFS superblock: only {} bytes", size));
    const auto there = std::span(bytes).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), size - super_offset)));
    COLDSCOPE_CHECK(primary.read(super_offset, there));

    Cursor at(there, super_offset);
    if (const std::uint32_t magic = at.u32(); magic != super_magic)
        return failure(Code::not_erofs,
                       fmt::format("no EROFS superblock: magic {:#010x} instead of {:#010x}", magic,
                                   super_magic),
                       super_offset);
    Superblock super;
    super.checksum = at.u32();
    super.feature_compat = at.u32();
    super.block_bits = at.u8();
    super.extension_slots = at.u8();
    const std::uint16_t root_or_blocks_hi = at.u16();
    super.inodes = at.u64();
    super.epoch = static_cast<std::int64_t>(at.u64());
    super.fixed_nsec = at.u32();
    super.blocks = at.u32();
    super.meta_block = at.u32();
    super.xattr_block = at.u32();
    for (std::uint8_t& byte : super.uuid)
        byte = at.u8();
    super.volume_name = text_until_nul(at.bytes(16));
    super.feature_incompat = at.u32();
    super.compression = at.u16();
    super.extra_devices = at.u16();
    super.device_slot_start = at.u16();
    super.directory_block_bits = at.u8();
    super.xattr_prefix_count = at.u8();
    super.xattr_prefix_start = at.u32();
    super.packed_nid = at.u64();
    super.xattr_filter_reserved = at.u8();
    super.share_prefix_id = at.u8();
    at.skip(2);
    super.build_time = at.u32();
    const std::uint64_t root_nid_8b = at.u64();
    at.skip(8);
    if (!at.ok())
        return at.error("superblock");

    if (super.block_bits < min_block_bits || super.block_bits > max_block_bits)
        return failure(Code::corrupt, fmt::format("block size 2^{}", super.block_bits),
                       super_offset + 12);
    COLDSCOPE_CHECK(check_supported(super));
    if (super.has(incompat::wide_48bit) && root_nid_8b != 0) {
        super.root_nid = root_nid_8b;
        super.blocks |= std::uint64_t{root_or_blocks_hi} << 32;
    } else {
        super.root_nid = root_or_blocks_hi;
    }
    if (!super.has(incompat::device_table))
        super.extra_devices = 0;
    if (super.has(incompat::metabox) && super.extension_slots != 0) {
        super.metabox_nid = at.u64();
        if (!at.ok())
            return at.error("superblock extension");
    }
    COLDSCOPE_CHECK(check_ids(super));

    if (super.has_compat(compat::checksum)) {
        COLDSCOPE_TRY(const std::uint32_t computed,
                      superblock_checksum(primary, super.block_size()));
        if (computed != super.checksum) {
            std::string message = fmt::format("superblock checksum is {:#010x}, but its block "
                                              "gives {:#010x}",
                                              super.checksum, computed);
            if (tolerant == nullptr)
                return failure(Code::checksum, std::move(message),
                               super_offset + super_checksum_at);
            tolerant->add({Severity::error, super_offset + super_checksum_at, "superblock",
                           "checksum", std::move(message),
                           "the block was changed or damaged after the image was made: take a "
                           "fresh copy"});
        }
    }
    return super;
}

std::string Superblock::uuid_text() const {
    std::string text;
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text += '-';
        text += fmt::format("{:02x}", uuid[i]);
    }
    return text;
}

} // namespace coldscope::erofs
