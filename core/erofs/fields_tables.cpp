// The structures of the format, field by field.
// Source: Linux fs/erofs/erofs_fs.h.
#include "core/base/cursor.h"
#include "core/erofs/fields.h"
#include "core/erofs/lcluster.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace coldscope::erofs {

namespace {

constexpr std::size_t longest_text = 60; // bytes of a name or value that are shown

// Takes a structure's fields from its bytes, in order.
class Taker {
public:
    Taker(std::span<const std::byte> bytes, std::uint64_t base) : at_(bytes, base) {}

    template <std::unsigned_integral T>
    T number(const char* name) {
        return take<T>(name, [](T value) { return std::to_string(value); });
    }
    template <std::unsigned_integral T>
    T hex(const char* name) {
        return take<T>(name,
                       [](T value) { return fmt::format("{:#0{}x}", value, 2 + 2 * sizeof(T)); });
    }
    template <std::unsigned_integral T, typename Say>
    T take(const char* name, Say&& say) {
        const std::uint64_t offset = at_.offset();
        const T value = at_.get<T>();
        add(name, offset, sizeof(T), [&] { return std::string(say(value)); });
        return value;
    }
    void text(const char* name, std::size_t length) {
        const std::uint64_t offset = at_.offset();
        const auto bytes = at_.bytes(length);
        add(name, offset, length, [&] { return shown(bytes); });
    }
    void raw(const char* name, std::size_t length) {
        const std::uint64_t offset = at_.offset();
        const auto bytes = at_.bytes(length);
        add(name, offset, length, [&] {
            std::string value;
            for (const std::byte byte : bytes.first(std::min(bytes.size(), longest_text / 2)))
                value += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
            return value;
        });
    }
    void next_group() { ++group_; }
    void align(std::uint64_t to) {
        at_.skip(static_cast<std::size_t>((to - at_.offset() % to) % to));
    }
    [[nodiscard]] Cursor& at() { return at_; }
    void add_all(std::vector<Field> fields) {
        fields_.insert(fields_.end(), std::make_move_iterator(fields.begin()),
                       std::make_move_iterator(fields.end()));
    }
    [[nodiscard]] std::vector<Field> result() { return std::move(fields_); }

private:
    template <typename Say>
    void add(const char* name, std::uint64_t offset, std::size_t width, Say&& say) {
        if (at_.ok() && width != 0)
            fields_.push_back({name, offset, static_cast<std::uint32_t>(width), say(), group_});
    }
    // Up to the first NUL; bytes that are no ASCII as \xNN.
    static std::string shown(std::span<const std::byte> bytes) {
        std::string text = "\"";
        for (const std::byte byte : bytes) {
            const auto c = std::to_integer<unsigned char>(byte);
            if (c == 0)
                break;
            if (text.size() > longest_text)
                return text + "\"...";
            if (c >= 0x20 && c < 0x7F)
                text += static_cast<char>(c);
            else
                text += fmt::format("\\x{:02x}", c);
        }
        return text + "\"";
    }

    Cursor at_;
    std::uint32_t group_ = 0;
    std::vector<Field> fields_;
};

std::string flags(std::uint32_t bits, const std::vector<std::string>& names) {
    return bits == 0 ? "0" : fmt::format("{:#x}: {}", bits, fmt::join(names, ", "));
}

void superblock_fields(Taker& take, const Superblock& super) {
    take.hex<std::uint32_t>("magic");
    take.hex<std::uint32_t>("checksum");
    take.take<std::uint32_t>("feature_compat", [](std::uint32_t bits) {
        return flags(bits, compatible_feature_names(bits));
    });
    take.take<std::uint8_t>("blkszbits", [](std::uint8_t bits) {
        return bits < 32 ? fmt::format("{}: {} bytes", bits, 1U << bits) : std::to_string(bits);
    });
    take.number<std::uint8_t>("sb_extslots");
    take.number<std::uint16_t>(super.has(incompat::wide_48bit) ? "blocks_hi" : "root_nid");
    take.number<std::uint64_t>("inos");
    take.number<std::uint64_t>("epoch");
    take.number<std::uint32_t>("fixed_nsec");
    take.number<std::uint32_t>("blocks");
    take.number<std::uint32_t>("meta_blkaddr");
    take.number<std::uint32_t>("xattr_blkaddr");
    take.raw("uuid", 16);
    take.text("volume_name", 16);
    take.take<std::uint32_t>("feature_incompat", [](std::uint32_t bits) {
        return flags(bits, incompatible_feature_names(bits));
    });
    take.hex<std::uint16_t>(super.has(incompat::compression_configs) ? "available_compr_algs"
                                                                     : "lz4_max_distance");
    take.number<std::uint16_t>("extra_devices");
    take.number<std::uint16_t>("devt_slotoff");
    take.number<std::uint8_t>("dirblkbits");
    take.number<std::uint8_t>("xattr_prefix_count");
    take.number<std::uint32_t>("xattr_prefix_start");
    take.number<std::uint64_t>("packed_nid");
    take.number<std::uint8_t>("xattr_filter_reserved");
    take.number<std::uint8_t>("ishare_xattr_prefix_id");
    take.raw("reserved", 2);
    take.number<std::uint32_t>("build_time");
    take.number<std::uint64_t>("rootnid_8b");
    take.raw("reserved", 8);
    if (super.extension_slots != 0)
        take.number<std::uint64_t>("metabox_nid");
}

void device_fields(Taker& take) {
    take.text("tag", device_tag_size);
    take.number<std::uint32_t>("blocks");
    take.number<std::uint32_t>("uniaddr");
    take.number<std::uint16_t>("blocks_hi");
    take.number<std::uint16_t>("uniaddr_hi");
    take.raw("reserved", 52);
}

// What nb and u hold goes by type and layout; the bytes are those of the whole inode.
struct Union {
    const char* nb = "nlink";
    const char* u = "startblk";
    bool chunked = false;
};
Union union_of(std::uint16_t format, std::uint16_t mode) {
    Union names;
    const auto layout = static_cast<Layout>((format >> 1) & 7U);
    const bool compact = (format & 1U) == 0;
    if (!compact || (!S_ISDIR(mode) && (format & 0x10U) != 0))
        names.nb = is_compressed(layout) ? "blocks_hi" : "startblk_hi";
    if (S_ISCHR(mode) || S_ISBLK(mode))
        names.u = "rdev";
    else if (is_compressed(layout))
        names.u = "blocks";
    else
        names.chunked = layout == Layout::chunk_based;
    return names;
}

void inode_fields(Taker& take) {
    Cursor ahead = take.at();
    const std::uint16_t format = ahead.u16();
    ahead.skip(2);
    const std::uint16_t mode = ahead.u16();
    const Union names = union_of(format, mode);
    const bool extended = (format & 1U) != 0;
    const auto u = [&] {
        if (names.chunked) {
            take.hex<std::uint16_t>("chunk_format");
            take.raw("reserved", 2);
        } else {
            take.number<std::uint32_t>(names.u);
        }
    };
    take.take<std::uint16_t>("format", [](std::uint16_t bits) {
        const unsigned layout = (bits >> 1) & 7U;
        return fmt::format("{:#x}: {}, {}", bits, (bits & 1U) != 0 ? "extended" : "compact",
                           layout <= 4 ? name(static_cast<Layout>(layout)) : "no known layout");
    });
    take.number<std::uint16_t>("xattr_icount");
    take.take<std::uint16_t>("mode", [](std::uint16_t m) { return fmt::format("0{:o}", m); });
    take.number<std::uint16_t>(names.nb);
    if (!extended) {
        take.number<std::uint32_t>("size");
        take.number<std::uint32_t>("mtime");
        u();
        take.number<std::uint32_t>("ino");
        take.number<std::uint16_t>("uid");
        take.number<std::uint16_t>("gid");
        take.raw("reserved", 4);
        return;
    }
    take.number<std::uint64_t>("size");
    u();
    take.number<std::uint32_t>("ino");
    take.number<std::uint32_t>("uid");
    take.number<std::uint32_t>("gid");
    take.number<std::uint64_t>("mtime");
    take.number<std::uint32_t>("mtime_nsec");
    take.number<std::uint32_t>("nlink");
    take.raw("reserved", 16);
}

void xattr_entry_fields(Taker& take) {
    const std::size_t length = take.number<std::uint8_t>("name_len");
    take.take<std::uint8_t>("name_index", [](std::uint8_t index) {
        return (index & xattr_long_prefix) != 0
                   ? fmt::format("long prefix {}", index & ~xattr_long_prefix)
                   : std::to_string(index);
    });
    const std::size_t size = take.number<std::uint16_t>("value_size");
    take.text("name", length);
    take.text("value", std::min(size, take.at().left()));
}

void xattr_fields(Taker& take) {
    take.hex<std::uint32_t>("name_filter");
    const std::size_t shared = take.number<std::uint8_t>("shared_count");
    take.raw("reserved", 7);
    for (std::size_t i = 0; i < shared && take.at().ok(); ++i) {
        take.next_group();
        take.number<std::uint32_t>("shared xattr id");
    }
    while (take.at().ok() && take.at().left() >= xattr_entry_size) {
        Cursor ahead = take.at();
        if (ahead.u32() == 0) { // padding
            take.at().skip(xattr_entry_size);
            continue;
        }
        take.next_group();
        xattr_entry_fields(take);
        take.align(4);
    }
}

void chunk_fields(Taker& take, const Place& place) {
    std::uint64_t number = place.first;
    while (take.at().left() >= place.unit && take.at().ok()) {
        const std::string entry = fmt::format("chunk {}", number++);
        take.next_group();
        const auto block = [&](std::uint32_t value) {
            return value == ~std::uint32_t{0} ? entry + ": hole"
                                              : fmt::format("{}: block {}", entry, value);
        };
        if (place.unit == 8) {
            take.number<std::uint16_t>("startblk_hi");
            take.number<std::uint16_t>("device_id");
        }
        take.take<std::uint32_t>("chunk address", block);
    }
}

// Those of an index of logical clusters, or of extent records.
void map_header_fields(Taker& take, const Place& place) {
    if (place.unit != 0) {
        take.number<std::uint32_t>("extents_lo");
        take.take<std::uint16_t>("advise", [&](std::uint16_t bits) {
            return fmt::format("{:#06x}: extent records of {} bytes", bits, place.unit);
        });
        take.number<std::uint16_t>("extents_hi");
        return;
    }
    Cursor ahead = take.at();
    ahead.skip(4);
    const std::uint16_t bits = ahead.u16();
    if ((bits & advise::fragment) == 0 && (bits & advise::inline_tail) != 0) {
        take.raw("reserved", 2);
        take.number<std::uint16_t>("idata_size");
    } else {
        take.number<std::uint32_t>("fragment offset");
    }
    take.hex<std::uint16_t>("advise");
    take.take<std::uint8_t>("algorithms", [](std::uint8_t pair) {
        return fmt::format("{} for head 1, {} for head 2", pair & 0xFU, pair >> 4U);
    });
    take.take<std::uint8_t>("clusterbits", [](std::uint8_t value) {
        return (value & 0x80U) != 0 ? std::string("all in the packed inode")
                                    : std::to_string(value & 0xFU);
    });
}

void cluster_index_fields(Taker& take, const Place& place) {
    static constexpr const char* types[] = {"plain", "head 1", "not a head", "head 2"};
    std::uint64_t number = place.first;
    while (take.at().ok() && take.at().left() >= place.unit) {
        const std::uint64_t here = number++;
        take.next_group();
        const std::uint16_t bits = take.take<std::uint16_t>("advise", [&](std::uint16_t value) {
            return fmt::format("logical cluster {}: {}", here, types[value & 3U]);
        });
        take.number<std::uint16_t>("clusterofs");
        if ((bits & 3U) == static_cast<unsigned>(LclusterType::nonhead)) {
            take.number<std::uint16_t>("delta[0]");
            take.number<std::uint16_t>("delta[1]");
        } else {
            take.number<std::uint32_t>("block");
        }
    }
}

void directory_fields(Taker& take, std::span<const std::byte> bytes, const Place& place) {
    const auto block = DirBlock::open(bytes, place.offset);
    const std::size_t count = block ? block->count() : std::min<std::size_t>(1, bytes.size() / 12);
    std::vector<std::uint16_t> starts;
    for (std::size_t i = 0; i < count; ++i) {
        take.number<std::uint64_t>("nid");
        starts.push_back(take.number<std::uint16_t>("nameoff"));
        take.number<std::uint8_t>("file_type");
        take.raw("reserved", 1);
        take.next_group();
    }
    // Names are marked with their entry's number.
    Taker names(bytes, place.offset);
    for (std::size_t i = 0; block && i < count; ++i) {
        if (const auto entry = block->entry(i)) {
            names.at().seek(starts[i]);
            names.text("name", entry->name.size());
        }
        names.next_group();
    }
    take.add_all(names.result());
}

} // namespace

std::vector<Field> fields_of(const Superblock& super, const Place& place,
                             std::span<const std::byte> bytes) {
    Taker take(bytes, place.offset);
    switch (place.structure) {
    case Structure::superblock:
        superblock_fields(take, super);
        break;
    case Structure::device_slot:
        device_fields(take);
        break;
    case Structure::inode:
        inode_fields(take);
        break;
    case Structure::xattrs:
        xattr_fields(take);
        break;
    case Structure::shared_xattr:
        xattr_entry_fields(take);
        break;
    case Structure::xattr_prefix:
        take.number<std::uint16_t>("length");
        take.number<std::uint8_t>("base");
        take.text("infix", take.at().left());
        break;
    case Structure::chunk_table:
        chunk_fields(take, place);
        break;
    case Structure::map_header:
        map_header_fields(take, place);
        break;
    case Structure::cluster_index:
        cluster_index_fields(take, place);
        break;
    case Structure::directory_block:
        directory_fields(take, bytes, place);
        break;
    case Structure::none:
    case Structure::bytes:
        break;
    }
    return take.result();
}

} // namespace coldscope::erofs
