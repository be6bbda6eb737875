#include "tests/bench/bench_index_image.h"

#include "core/erofs/crc32c.h"
#include "core/erofs/features.h"
#include "core/erofs/format.h"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

namespace coldscope::bench {

namespace {

using namespace erofs;

constexpr std::uint64_t block_size = 4096;

class Writer {
public:
    Writer() : bytes_(block_size) { bytes_.reserve(std::size_t{128} << 20); }

    // Room for length bytes in one block, aligned to an inode slot; returns its offset.
    std::uint64_t place(std::uint64_t length) {
        std::uint64_t at = (bytes_.size() + 31) / 32 * 32;
        if (at % block_size + length > block_size)
            at = (at + block_size - 1) / block_size * block_size;
        bytes_.resize(at + length);
        return at;
    }
    template <typename T>
    void put(std::uint64_t at, T value) {
        std::memcpy(bytes_.data() + at, &value, sizeof value); // little-endian machines only
    }
    void put_text(std::uint64_t at, std::string_view text) {
        std::memcpy(bytes_.data() + at, text.data(), text.size());
    }
    std::vector<std::byte>& bytes() { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

struct Entry {
    std::string name;
    std::uint64_t nid;
    std::uint8_t type;
};

// With entries sorted by name: how many bytes they take in blocks that are full but for the last.
std::vector<std::byte> directory_data(const std::vector<Entry>& entries) {
    std::vector<std::byte> data;
    for (std::size_t i = 0; i < entries.size();) {
        std::size_t used = 0;
        std::size_t end = i;
        while (end < entries.size() && used + dirent_size + entries[end].name.size() <= block_size)
            used += dirent_size + entries[end++].name.size();
        const std::size_t base = (data.size() + block_size - 1) / block_size * block_size;
        data.resize(base + used);
        std::size_t name_at = (end - i) * dirent_size;
        for (std::size_t at = base; i < end; ++i, at += dirent_size) {
            const auto nameoff = static_cast<std::uint16_t>(name_at);
            std::memcpy(data.data() + at, &entries[i].nid, 8);
            std::memcpy(data.data() + at + 8, &nameoff, 2);
            data[at + 10] = std::byte{entries[i].type};
            std::memcpy(data.data() + base + name_at, entries[i].name.data(),
                        entries[i].name.size());
            name_at += entries[i].name.size();
        }
    }
    return data;
}

constexpr std::string_view fingerprint_infix = "erofs.fingerprint.v1";
constexpr std::uint64_t prefix_at = 1536; // bytes
constexpr std::uint64_t print_size = 7 + 32;
constexpr std::uint64_t xattr_area_size = xattr_header_size + 44; // one entry, padded

class LargeImage {
public:
    explicit LargeImage(const LargeImageOptions& options) : options_(options) {}
    std::vector<std::byte>& build();

private:
    // Directories know their size before their children have places: reserve, then fill.
    struct Reserved {
        std::uint64_t inode;
        std::uint64_t tail;
        std::uint64_t size;
        std::uint64_t nid;
    };
    Reserved reserve_directory(std::vector<Entry> entries);
    void fill_directory(const Reserved& place, std::uint64_t parent, std::vector<Entry> entries);
    std::uint64_t add_file(std::uint32_t number);
    void build_subdirectory(const Reserved& place, std::uint64_t parent, std::vector<Entry> entries,
                            std::uint32_t first);
    void write_super(std::uint64_t root_nid);
    void put_fingerprint(std::uint64_t at, std::uint32_t number, bool changed);

    LargeImageOptions options_;
    Writer out_;
    std::uint32_t next_block_ = 0; // on the blob
    std::uint32_t inodes_ = 0;
};

void add_dots(std::vector<Entry>& entries) {
    entries.push_back({".", 0, 2});
    entries.push_back({"..", 0, 2});
}

LargeImage::Reserved LargeImage::reserve_directory(std::vector<Entry> entries) {
    const std::uint64_t size = directory_data(entries).size();
    const std::uint64_t tail = size % block_size;
    const std::uint64_t inode = out_.place(compact_inode_size + tail);
    return {inode, inode + compact_inode_size, size, inode / 32};
}

void LargeImage::fill_directory(const Reserved& place, std::uint64_t parent,
                                std::vector<Entry> entries) {
    entries[0].nid = place.nid;
    entries[1].nid = parent;
    std::uint16_t links = 2;
    for (std::size_t i = 2; i < entries.size(); ++i)
        links = static_cast<std::uint16_t>(links + (entries[i].type == 2 ? 1 : 0));
    const auto data = directory_data(entries);
    const std::uint64_t full = place.size / block_size * block_size;
    std::uint64_t start = 0;
    if (full != 0) {
        start = (out_.bytes().size() + block_size - 1) / block_size * block_size;
        out_.bytes().resize(start + full);
        std::memcpy(out_.bytes().data() + start, data.data(), full);
    }
    std::memcpy(out_.bytes().data() + place.tail, data.data() + full, place.size - full);
    const auto format = static_cast<std::uint16_t>(static_cast<unsigned>(Layout::flat_inline) << 1);
    out_.put<std::uint16_t>(place.inode, format);
    out_.put<std::uint16_t>(place.inode + 4, S_IFDIR | 0755);
    out_.put<std::uint16_t>(place.inode + 6, links);
    out_.put<std::uint32_t>(place.inode + 8, static_cast<std::uint32_t>(place.size));
    out_.put<std::uint32_t>(place.inode + 16, static_cast<std::uint32_t>(start / block_size));
    out_.put<std::uint32_t>(place.inode + 20, ++inodes_);
}

std::uint64_t LargeImage::add_file(std::uint32_t number) {
    const std::uint32_t size = 1 + number * 2654435761U % 8192;
    const auto chunks = static_cast<std::uint32_t>((size + block_size - 1) / block_size);
    const bool changed = options_.changed != 0 && number % options_.changed == 0;
    const std::uint64_t xattrs = options_.fingerprints && number % 2 == 0 ? xattr_area_size : 0;
    const std::uint64_t at = out_.place(compact_inode_size + xattrs + chunks * 8);
    if (xattrs != 0)
        put_fingerprint(at, number, changed);
    out_.put<std::uint16_t>(at, static_cast<unsigned>(Layout::chunk_based) << 1);
    out_.put<std::uint16_t>(at + 4, S_IFREG | 0644);
    out_.put<std::uint16_t>(at + 6, 1);
    out_.put<std::uint32_t>(at + 8, size);
    out_.put<std::uint32_t>(at + 16, chunk_indexes);
    out_.put<std::uint32_t>(at + 20, ++inodes_);
    for (std::uint32_t i = 0; i < chunks; ++i) {
        const std::uint64_t entry = at + compact_inode_size + xattrs + i * 8;
        out_.put<std::uint16_t>(entry + 2, 1); // device 1
        out_.put<std::uint32_t>(entry + 4, next_block_++ + (changed ? 1U << 30 : 0U));
    }
    return at / 32;
}

// Behind the inode.
void LargeImage::put_fingerprint(std::uint64_t at, std::uint32_t number, bool changed) {
    out_.put<std::uint16_t>(at + 2, (xattr_area_size - xattr_header_size) / 4 + 1);
    const std::uint64_t entry = at + compact_inode_size + xattr_header_size;
    out_.put<std::uint8_t>(entry + 1, xattr_long_prefix);
    out_.put<std::uint16_t>(entry + 2, print_size);
    out_.put_text(entry + 4, "sha256:");
    out_.put<std::uint32_t>(entry + 11, number * 2 + (changed ? 1 : 0));
}

void LargeImage::build_subdirectory(const Reserved& place, std::uint64_t parent,
                                    std::vector<Entry> entries, std::uint32_t first) {
    for (std::uint32_t i = 0; i < files_each; ++i)
        entries[i + 2].nid = add_file(first + i);
    fill_directory(place, parent, std::move(entries));
}

std::vector<std::byte>& LargeImage::build() {
    std::vector<Entry> root;
    add_dots(root);
    for (std::uint32_t top = 0; top < options_.directories; ++top)
        root.push_back({fmt::format("layer-{:03}", top), 0, 2});
    const Reserved root_place = reserve_directory(root);
    for (std::uint32_t top = 0; top < options_.directories; ++top) {
        std::vector<Entry> middle;
        add_dots(middle);
        for (std::uint32_t sub = 0; sub < subdirectories; ++sub)
            middle.push_back({fmt::format("package-{:02}", sub), 0, 2});
        const Reserved middle_place = reserve_directory(middle);
        root[top + 2].nid = middle_place.nid;
        for (std::uint32_t sub = 0; sub < subdirectories; ++sub) {
            const std::uint32_t first = (top * subdirectories + sub) * files_each;
            std::vector<Entry> leaf;
            add_dots(leaf);
            for (std::uint32_t i = 0; i < files_each; ++i)
                leaf.push_back({fmt::format("file-{:07}.dat", first + i), 0, 1});
            const Reserved leaf_place = reserve_directory(leaf);
            middle[sub + 2].nid = leaf_place.nid;
            build_subdirectory(leaf_place, middle_place.nid, std::move(leaf), first);
        }
        fill_directory(middle_place, root_place.nid, std::move(middle));
    }
    fill_directory(root_place, root_place.nid, std::move(root));
    out_.bytes().resize((out_.bytes().size() + block_size - 1) / block_size * block_size);
    write_super(root_place.nid);
    return out_.bytes();
}

void LargeImage::write_super(std::uint64_t root_nid) {
    const auto blocks = static_cast<std::uint32_t>(out_.bytes().size() / block_size);
    const std::uint64_t at = super_offset;
    out_.put<std::uint32_t>(at, super_magic);
    out_.put<std::uint32_t>(at + 8, compat::checksum | compat::mtime);
    out_.put<std::uint8_t>(at + 12, 12);
    out_.put<std::uint16_t>(at + 14, static_cast<std::uint16_t>(root_nid));
    out_.put<std::uint64_t>(at + 16, inodes_);
    out_.put<std::uint64_t>(at + 24, 1'700'000'000);
    out_.put<std::uint32_t>(at + 36, blocks);
    out_.put<std::uint32_t>(at + 80, incompat::chunked_file | incompat::device_table);
    out_.put<std::uint16_t>(at + 86, 1);
    out_.put<std::uint16_t>(at + 88, 9); // the slot after the superblock
    const std::uint64_t slot = 9 * device_slot_size;
    out_.put_text(slot, std::string(64, 'b')); // a digest
    out_.put<std::uint32_t>(slot + 64, next_block_);
    out_.put<std::uint32_t>(slot + 68, blocks);
    if (options_.fingerprints) {
        out_.put<std::uint32_t>(at + 8, compat::checksum | compat::mtime |
                                            compat::plain_xattr_prefixes |
                                            compat::inode_share_xattrs);
        out_.put<std::uint32_t>(at + 80, incompat::chunked_file | incompat::device_table |
                                             incompat::xattr_prefixes);
        out_.put<std::uint8_t>(at + 91, 1);
        out_.put<std::uint32_t>(at + 92, prefix_at / 4);
        out_.put<std::uint16_t>(prefix_at, fingerprint_infix.size() + 1);
        out_.put<std::uint8_t>(prefix_at + 2, 4); // "trusted."
        out_.put_text(prefix_at + 3, fingerprint_infix);
    }
    const auto block = std::span(out_.bytes()).subspan(super_offset, block_size - super_offset);
    out_.put<std::uint32_t>(at + super_checksum_at, crc32c(~std::uint32_t{0}, block));
}

} // namespace

std::string write_large_image(const std::string& path, const LargeImageOptions& options) {
    LargeImage image(options);
    const std::vector<std::byte>& bytes = image.build();
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (file == nullptr)
        return fmt::format("{}: {}", path, std::strerror(errno));
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    const bool closed = std::fclose(file) == 0;
    return written && closed ? "" : fmt::format("{}: {}", path, std::strerror(errno));
}

} // namespace coldscope::bench
