// Makes small EROFS images in memory, of every uncompressed layout, for tests. Images are valid
// unless a test breaks their bytes afterwards.
#pragma once

#include "core/base/read_at.h"
#include "core/erofs/format.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace coldscope::test {

using Bytes = std::vector<std::byte>;

[[nodiscard]] Bytes to_bytes(std::string_view text);
// size bytes that look random; the same for the same seed.
[[nodiscard]] Bytes pattern(std::size_t size, std::uint32_t seed);

struct FileSpec {
    std::string path; // absolute; its directories are added as needed
    std::uint32_t mode = S_IFREG | 0644;
    erofs::Layout layout = erofs::Layout::flat_inline;
    Bytes data; // a symbolic link's target, a regular file's bytes
    bool extended = false;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime = 1'700'000'000; // compact inodes: not before the image's epoch
    std::uint32_t mtime_nsec = 0;       // extended inodes only
    std::uint32_t rdev = 0;             // as encoded on disk
    std::string link_to;                // another path: this is a hard link to it

    // Chunk-based files.
    std::uint32_t chunk_bits = 0; // above the block's
    bool indexes = true;          // 8-byte entries, else 4-byte ones
    std::uint16_t device = 0;     // 0: the image itself
    bool unified = false;         // addressed as device 0, by the device's unified range
    bool holes = true;            // chunks of zeros are holes
    bool deduplicate = false;     // equal chunks of such files share blocks
    // Where its chunks are: nothing is written for them, and of `data` the size alone counts.
    struct ChunkPlace {
        static constexpr std::uint64_t hole = ~std::uint64_t{0};
        std::uint16_t device = 0;
        std::uint64_t block = hole;
    };
    std::vector<ChunkPlace> places;

    // Name with prefix, value.
    std::vector<std::pair<std::string, std::string>> xattrs;
    std::vector<std::pair<std::string, std::string>> shared_xattrs;
};

// What a device has for one or more files.
struct PlacedChunk {
    std::uint16_t device = 0;
    std::uint64_t address = 0; // bytes
    std::uint64_t length = 0;  // bytes, without what fills its last block
};

struct BuiltImage {
    Bytes bytes;
    std::vector<Bytes> blobs;                   // of devices 1, 2, ...
    std::map<std::string, std::uint64_t> nids;  // by path
    std::map<std::string, std::uint64_t> inode; // byte offset, by path
    std::vector<PlacedChunk> chunks;            // of all devices, in the order of placing
    std::uint32_t block_size = 4096;

    // Borrowed from this object, which must outlive them. [0] is the image itself.
    [[nodiscard]] std::shared_ptr<ReadAt> primary() const;
    [[nodiscard]] std::vector<std::shared_ptr<ReadAt>> devices() const;
    // After a change within the superblock's block.
    void fix_checksum();
};

class ImageBuilder {
public:
    static constexpr std::int64_t epoch = 1'600'000'000;

    explicit ImageBuilder(std::uint32_t block_bits = 12) : block_bits_(block_bits) {}

    // Device ids count from 1 in the order of these calls.
    // blob: what it has before anything is placed on it.
    ImageBuilder& add_device(std::string tag, Bytes blob = {});
    // A long xattr prefix: a short prefix ("user.") and what follows it.
    ImageBuilder& add_prefix(std::uint8_t base, std::string infix);
    // Says that the xattr that this long prefix names has files' fingerprints.
    ImageBuilder& set_fingerprints(std::uint8_t prefix) {
        fingerprints_ = prefix;
        return *this;
    }
    ImageBuilder& add(FileSpec file);
    ImageBuilder& set_48bit() {
        wide_ = true;
        return *this;
    }
    // As Nydus makes it: room for its tables' places behind the superblock, which has no checksum,
    // and the numbers of chunks, of this size, in the chunk indexes. See rafs_builder.h.
    ImageBuilder& set_rafs(std::uint32_t chunk_size) {
        rafs_chunk_ = chunk_size;
        return *this;
    }
    // This file of the image is its metabox. Inodes in it are the test's to write.
    ImageBuilder& set_metabox(std::string path) {
        metabox_ = std::move(path);
        return *this;
    }
    [[nodiscard]] BuiltImage build() const;

private:
    friend class ImageWriter;
    std::string metabox_;
    std::uint32_t block_bits_;
    bool wide_ = false;
    std::uint32_t rafs_chunk_ = 0; // bytes; 0: not RAFS
    std::vector<std::string> tags_;
    std::vector<Bytes> blobs_; // of the tags
    std::optional<std::uint8_t> fingerprints_;
    std::vector<std::pair<std::uint8_t, std::string>> prefixes_;
    std::vector<FileSpec> files_;
};

// One image with a bit of everything, for corruption and agreement tests.
[[nodiscard]] BuiltImage sample_image(std::uint32_t block_bits);

// /boxed and /chunks (on device 1) have their inodes in the metabox; see metabox_data().
[[nodiscard]] BuiltImage metabox_image(std::uint32_t block_bits);
[[nodiscard]] Bytes metabox_data(const char* path); // the contents of those files

} // namespace coldscope::test
