// From a compressed file's bytes to the physical clusters that hold them.
// Source: fs/erofs/zmap.c in Linux, z_erofs_extent in fs/erofs/erofs_fs.h.
#pragma once

#include "core/base/error.h"
#include "core/codec/codec.h"
#include "core/erofs/inode.h"
#include "core/erofs/lcluster.h"

#include <cstdint>
#include <vector>

namespace coldscope::erofs {

class Image;

inline constexpr std::uint64_t max_encoded = std::uint64_t{1} << 20;  // bytes of a cluster
inline constexpr std::uint64_t max_decoded = std::uint64_t{12} << 20; // bytes

// What a range of a compressed file is stored as.
struct Cluster {
    enum class Form : std::uint8_t {
        hole,       // zeros
        encoded,    // by `algorithm`
        plain,      // as it is, from `address` on
        interlaced, // as it is, the bytes of each block at their place in the file's block
        fragment,   // a range of the packed inode
    };
    std::uint64_t offset = 0; // bytes in the file
    std::uint64_t length = 0; // bytes of the file
    Form form = Form::hole;
    codec::Algorithm algorithm = codec::Algorithm::lz4;
    bool partial = false;      // the physical cluster holds more than these bytes: it is shared
    bool inlined = false;      // behind the inode: `address` is where the inode's offset is, too
    std::uint64_t address = 0; // bytes: as the image stores it, without a device; or in the
                               // packed inode
    std::uint64_t stored = 0;  // bytes of the physical cluster

    bool operator==(const Cluster&) const = default;
};

class CompressedMap {
public:
    // Errors: those of the header and of the index of the file's end; unsupported, corrupt.
    // The image must outlive it.
    [[nodiscard]] static Result<CompressedMap> open(Image& image, const Inode& inode);

    // The cluster with a byte of the file, offset < size, whole. Costs a few index entries, those
    // of its head and its end (with records of 4 bytes: all up to it, once; some hundred later).
    [[nodiscard]] Result<Cluster> at(std::uint64_t offset);

private:
    CompressedMap(Image& image, const Inode& inode, const MapHeader& header)
        : image_(&image), inode_(inode), header_(header), table_(image, inode, header) {}

    struct Located {
        Lcluster head;
        std::uint64_t start = 0;  // bytes in the file
        std::uint64_t search = 0; // the logical cluster from which the next head is looked for
        bool end_known = false;
        std::uint64_t end = 0; // bytes in the file
    };
    struct Record {
        std::uint64_t offset = 0; // bytes: where it is in the image
        std::uint64_t start = 0;  // bytes in the file
        std::uint64_t end = 0;
        std::uint32_t length = 0; // with flags, as stored
        std::uint64_t address = 0;
        bool last = false;
    };
    [[nodiscard]] Result<void> find_tail();
    [[nodiscard]] Result<Located> locate(std::uint64_t offset) const;
    [[nodiscard]] Result<std::uint64_t> find_end(const Located& located) const;
    [[nodiscard]] Result<std::uint64_t> blocks_of(const Lcluster& head) const;
    [[nodiscard]] Result<Cluster> at_lcluster(std::uint64_t offset) const;
    [[nodiscard]] Result<Record> record_by_lcluster(std::uint64_t offset);
    [[nodiscard]] Result<Record> record_by_search(std::uint64_t offset) const;
    [[nodiscard]] Result<Cluster> at_record(std::uint64_t offset);
    [[nodiscard]] Result<void> set_algorithm(unsigned number, Cluster& cluster) const;
    [[nodiscard]] Result<void> check(const Cluster& cluster, std::uint64_t offset) const;
    [[nodiscard]] std::unexpected<Error> corrupt(std::string what, std::uint64_t offset) const;

    Image* image_;
    Inode inode_;
    MapHeader header_;
    LclusterTable table_;
    bool has_tail_ = false;          // inline or a fragment
    std::uint64_t tail_head_ = 0;    // its first logical cluster
    std::uint64_t tail_address_ = 0; // bytes: behind the index; or in the packed inode
    std::uint64_t next_record_ = 0;  // records of 4 bytes: where a walk has come to
    std::uint64_t next_address_ = 0;
    std::vector<std::uint64_t> marks_; // addresses of every records_a_mark'th, as far as walked
};

} // namespace coldscope::erofs
