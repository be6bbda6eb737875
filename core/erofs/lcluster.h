// The index of a compressed file: its map header, and an entry for each logical cluster, either
// full (8 bytes) or compact (packs of 2 entries in 8 bytes, or 16 in 32).
// Sources: struct z_erofs_map_header and z_erofs_lcluster_index in Linux fs/erofs/erofs_fs.h; what
// the packs mean in fs/erofs/zmap.c.
#pragma once

#include "core/base/error.h"
#include "core/erofs/inode.h"

#include <array>
#include <cstdint>
#include <optional>

namespace coldscope::erofs {

class Image;

namespace advise {
inline constexpr std::uint16_t compacted_2b = 0x1; // compact indexes
inline constexpr std::uint16_t extents = 0x1;      // full indexes: extent records instead
inline constexpr std::uint16_t big_clusters_1 = 0x2;
inline constexpr std::uint16_t big_clusters_2 = 0x4;
inline constexpr std::uint16_t inline_tail = 0x8;
inline constexpr std::uint16_t interlaced = 0x10;
inline constexpr std::uint16_t fragment = 0x20;
} // namespace advise

struct MapHeader {
    std::uint64_t offset = 0;   // bytes: where it is, as Inode::offset
    std::uint64_t extents = 0;  // how many extent records there are
    std::uint64_t fragment = 0; // bytes in the packed inode: whole_packed; or the low 32 bits
    std::uint16_t advise = 0;
    std::uint16_t inline_size = 0; // bytes; 0: no inline tail
    std::array<std::uint8_t, 2> algorithms{};
    std::uint8_t lcluster_bits = 0;
    bool whole_packed = false; // all of the file is in the packed inode
    bool has_records = false;

    [[nodiscard]] bool has(std::uint16_t bit) const { return (advise & bit) != 0; }
    [[nodiscard]] std::uint64_t end() const { return offset + 8; }
    // Bytes of an extent record.
    [[nodiscard]] std::uint32_t record_size() const { return 4U << ((advise >> 1) & 3U); }
};

// Errors: truncated, corrupt, unsupported.
[[nodiscard]] Result<MapHeader> read_map_header(Image& image, const Inode& inode);

enum class LclusterType : std::uint8_t { plain, head1, nonhead, head2 };

struct Lcluster {
    std::uint64_t number = 0;
    std::uint64_t offset = 0; // bytes: its entry or its pack
    std::uint64_t next = 0;   // bytes: what follows its entry or its pack
    LclusterType type = LclusterType::plain;
    std::uint32_t start = 0;             // heads: where in the logical cluster the cluster begins
    std::uint64_t block = 0;             // heads: the physical cluster's first
    std::uint16_t back = 0;              // others: logical clusters to the head
    std::uint16_t forward = 1;           // others: logical clusters to the next head, at most
    std::optional<std::uint16_t> blocks; // the head's physical cluster, where this entry says it
    bool partial = false;                // heads: the physical cluster holds more than is used
    bool hole = false;

    [[nodiscard]] bool is_head() const { return type != LclusterType::nonhead; }
};

class LclusterTable {
public:
    LclusterTable(Image& image, const Inode& inode, const MapHeader& header)
        : image_(&image), inode_(inode), header_(header) {}

    // Errors: truncated, corrupt, unsupported, those of the metabox.
    [[nodiscard]] Result<Lcluster> load(std::uint64_t number) const;

private:
    struct Pack;
    [[nodiscard]] Result<Lcluster> load_full(std::uint64_t number) const;
    [[nodiscard]] Result<Lcluster> load_compact(std::uint64_t number) const;
    [[nodiscard]] Result<void> read_pack(const Pack& pack, unsigned index, Lcluster& one) const;
    [[nodiscard]] std::unexpected<Error> corrupt(const Lcluster& one, const char* what) const;

    Image* image_;
    Inode inode_;
    MapHeader header_;
    // By number: a walk asks for a head, what follows it and the next head two or three times.
    mutable std::array<std::optional<Lcluster>, 4> kept_;
};

} // namespace coldscope::erofs
