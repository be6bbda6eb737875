// The work behind ImageBuilder::build(): places data, then inodes, then writes them.
//
// Order on disk: superblock, device table, long prefixes, shared xattrs, file data, metadata.
#pragma once

#include "tests/support/image_builder.h"

#include <cstring>
#include <map>
#include <string>

namespace coldscope::test {

template <typename T>
void put(Bytes& bytes, std::uint64_t at, T value) { // on a little-endian machine
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

// Blocks that the image may grow to before the first device's unified range.
inline constexpr std::uint64_t first_unified_block = 1U << 16;
inline constexpr std::uint64_t unified_blocks_each = 1U << 14;

class ImageWriter {
public:
    explicit ImageWriter(const ImageBuilder& from);
    [[nodiscard]] BuiltImage write();

private:
    struct Entry {
        std::string name;
        std::string path;
    };
    struct Node {
        FileSpec spec;
        std::vector<Entry> entries; // directories: sorted, with "." and ".."
        Bytes data;                 // directories: written last
        Bytes xattrs;
        std::uint64_t start_block = 0;
        std::vector<std::uint64_t> chunks; // as stored: block, or all ones
        std::uint64_t offset = 0;          // bytes
        std::uint32_t links = 1;
    };

    void add_tree();
    void add_directory(const std::string& path, const std::string& above);
    Node& directory(const std::string& path);
    void write_prefixes();
    void write_shared_xattrs();
    void place_data();
    void place_chunks(Node& node);
    std::uint64_t place_chunk(const Node& node, const Bytes& chunk);
    void place_inodes();
    void write_nodes();
    void write_inode(const Node& node);
    void write_super();
    [[nodiscard]] Bytes directory_data(const Node& node) const;
    [[nodiscard]] Bytes xattr_area(const FileSpec& spec) const;
    [[nodiscard]] Bytes xattr_entry(const std::string& name, const std::string& value) const;
    [[nodiscard]] std::uint64_t size_of(const Node& node) const;
    [[nodiscard]] std::uint64_t tail_of(const Node& node) const;
    [[nodiscard]] std::uint64_t header_size(const Node& node) const;
    [[nodiscard]] std::string real_path(const std::string& path) const;
    void align(std::uint64_t to);
    [[nodiscard]] std::uint64_t nid(const std::string& path) const;

    const ImageBuilder& from_;
    const std::uint64_t block_;
    std::map<std::string, Node> nodes_; // without hard links
    std::map<std::string, std::string> hard_links_;
    std::map<std::pair<std::string, std::string>, std::uint32_t> shared_ids_;
    std::map<std::pair<std::uint16_t, Bytes>, std::uint64_t> known_chunks_;
    std::map<std::uint16_t, std::uint64_t> rafs_chunks_; // how many a device has
    BuiltImage out_;
    std::uint64_t slots_ = 0;    // byte offset of the device table
    std::uint64_t prefixes_ = 0; // byte offset
    std::uint64_t xattr_block_ = 0;
    std::uint64_t meta_block_ = 0;
};

} // namespace coldscope::test
