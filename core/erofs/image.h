// An EROFS image: its superblock, devices, inodes, names and where each file's bytes are.
// Works on the primary device alone; the blobs' bytes are read by read_file(), see read.h.
// Sources: Linux Documentation/filesystems/erofs.rst, fs/erofs/erofs_fs.h.
#pragma once

#include "core/base/error.h"
#include "core/base/range_set.h"
#include "core/base/read_at.h"
#include "core/codec/codec.h"
#include "core/erofs/cluster_cache.h"
#include "core/erofs/compressed_map.h"
#include "core/erofs/device.h"
#include "core/erofs/directory.h"
#include "core/erofs/finding.h"
#include "core/erofs/inode.h"
#include "core/erofs/meta_reader.h"
#include "core/erofs/superblock.h"
#include "core/erofs/xattr.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coldscope::erofs {

enum class ExtentKind : std::uint8_t {
    data,
    inline_tail, // behind the inode, on the primary device
    hole,        // zeros; no device, address 0
    encoded,     // a part of what a physical cluster decodes to
};

struct Extent {
    std::uint64_t offset = 0; // bytes in the file
    std::uint64_t length = 0; // bytes
    ExtentKind kind = ExtentKind::data;
    std::uint16_t device = 0;  // 0: the primary device
    std::uint64_t address = 0; // bytes from the device's start

    // Encoded ones: the physical cluster is all of the `encoded` bytes from `address` on; what it
    // decodes to begins `skip` bytes before this extent and has `decoded` bytes, or more.
    std::uint32_t encoded = 0;
    std::uint32_t decoded = 0;
    std::uint32_t skip = 0;
    codec::Algorithm algorithm = codec::Algorithm::lz4;
    bool shared = false; // it decodes to more than `decoded` bytes, for other files

    bool in_metabox = false; // `address` is in the metabox, which is compressed: no device has it
    std::uint64_t fragment = no_fragment; // bytes in the packed inode, of which this is a part

    static constexpr std::uint64_t no_fragment = ~std::uint64_t{0};

    // Whether it is read from the bytes stored() of its device.
    [[nodiscard]] bool is_placed() const { return kind != ExtentKind::hole && !in_metabox; }
    [[nodiscard]] Range stored() const { // addresses
        return {address, address + (kind == ExtentKind::encoded ? encoded : length)};
    }
    // What of stored() a part of the extent is read from, begin < end; and back. A cluster is read
    // whole.
    [[nodiscard]] Range stored_of(Range file) const {
        if (kind == ExtentKind::encoded)
            return stored();
        return {address + (file.begin - offset), address + (file.end - offset)};
    }
    [[nodiscard]] Range read_from(Range place) const {
        if (kind == ExtentKind::encoded)
            return {offset, offset + length};
        return {offset + (place.begin - address), offset + (place.end - address)};
    }
    bool operator==(const Extent&) const = default;
};

// One thread at a time: the methods share a cache of metadata.
class Image {
public:
    // next: the position to go on from after this entry. Returns false to stop.
    using EntryCallback = std::function<bool(const DirEntry& entry, std::uint64_t next)>;

    // Errors: those of read_superblock() and read_device_table(). With findings, what can be
    // passed over is listed there instead.
    [[nodiscard]] static Result<std::unique_ptr<Image>> open(std::shared_ptr<ReadAt> primary,
                                                             Findings* tolerant = nullptr);
    ~Image();

    [[nodiscard]] const Superblock& superblock() const { return super_; }
    // devices()[i] has device id i + 1.
    [[nodiscard]] std::span<const Device> devices() const { return devices_; }
    // From now on the bytes of all devices are the primary one's, as the kernel has it where it is
    // given no device. False where the primary one does not hold them all; see flattened_device().
    bool flatten();
    [[nodiscard]] bool flattened() const { return flattened_; }
    [[nodiscard]] std::uint64_t root_nid() const { return super_.root_nid; }
    [[nodiscard]] std::uint64_t size() const { return meta_.size(); } // bytes of the primary device
    [[nodiscard]] ReadAt& primary() { return meta_.file(); }

    [[nodiscard]] Result<Inode> inode(std::uint64_t nid);
    // Follows no symlinks. "" and "/" are the root. not_found names the path.
    [[nodiscard]] Result<Inode> find(std::string_view absolute_path);
    [[nodiscard]] Result<std::optional<std::uint64_t>> look_up(const Inode& directory,
                                                               std::string_view name);
    // Entries as stored, "." and ".." with them, from an opaque position (0: the first).
    Result<void> for_each_entry(const Inode& directory, std::uint64_t from,
                                const EntryCallback& callback);
    [[nodiscard]] Result<std::string> link_target(const Inode& symlink);
    // In stored order: shared ones first.
    [[nodiscard]] Result<std::vector<Xattr>> xattrs(const Inode& inode);
    // The value of one, by its whole name; nothing: the inode has none. Reads no other one's value.
    [[nodiscard]] Result<std::optional<std::string>> xattr(const Inode& inode,
                                                           std::string_view name);
    [[nodiscard]] Result<std::span<const XattrPrefix>> xattr_prefixes();

    // The extents of a range, clipped to the file's size: in order, without gaps, adjacent ones
    // merged. Fragments are those extents of the packed inode that hold them; what a compressed
    // file has plain is data. Errors: unsupported, corrupt, truncated.
    // Addresses past a device's end are not errors here.
    [[nodiscard]] Result<std::vector<Extent>> map(const Inode& inode, std::uint64_t offset,
                                                  std::uint64_t length);
    // The same, appended to `into`.
    Result<void> map_into(const Inode& inode, std::uint64_t offset, std::uint64_t length,
                          std::vector<Extent>& into);

    // The same, but ends early once there are `most` of them more; returns how far it came. How
    // many index entries it may look at: see index_entries().
    Result<std::uint64_t> map_some(const Inode& inode, std::uint64_t offset, std::uint64_t end,
                                   std::size_t most, std::vector<Extent>& into);
    // How many logical clusters a compressed file's index says it has; 0 without such an index.
    [[nodiscard]] Result<std::uint64_t> index_entries(const Inode& inode);

    // Where a Cluster's address is: the device's own.
    [[nodiscard]] DeviceResolver::Place placed(std::uint64_t address) const {
        return resolver_.resolve(0, address);
    }
    // The inode that holds fragments. Errors: corrupt (there is none), those of inode().
    [[nodiscard]] Result<Inode> packed_inode();

    // One block of a directory, block < directory_blocks(); the bytes are valid until the next
    // call of any method. offset: where they are in the primary device (or the metabox); that of
    // the physical cluster where they are compressed.
    struct RawBlock {
        std::span<const std::byte> bytes;
        std::uint64_t offset = 0;
    };
    [[nodiscard]] Result<RawBlock> directory_block(const Inode& directory, std::uint64_t block);
    [[nodiscard]] std::uint64_t directory_blocks(const Inode& directory) const;
    // How many bytes of metadata the image may hold, to bound work and memory: a compressed one
    // more than it has.
    [[nodiscard]] std::uint64_t metadata_room() const;
    [[nodiscard]] ClusterCache& decoded_clusters() { return decoded_; }
    // Bounds what is read and decoded of clusters from now on, in bytes; returns the bound before.
    // Only a walk of all the metadata has one, which a metabox could make go on for hours.
    std::uint64_t bound_decoding(std::uint64_t bytes) { return std::exchange(may_decode_, bytes); }
    [[nodiscard]] std::uint64_t walk_bound() const {
        constexpr std::uint64_t least = std::uint64_t{1} << 30;
        return least + std::min(metadata_room(), ~std::uint64_t{0} / 32) * 16;
    }
    // Takes it from the bound.
    [[nodiscard]] bool may_decode(std::uint64_t bytes) {
        if (may_decode_ == no_bound)
            return true;
        if (bytes > may_decode_)
            return false;
        may_decode_ -= bytes;
        return true;
    }
    static constexpr std::uint64_t no_bound = ~std::uint64_t{0};

    // A range of the primary device, or of the metabox; see MetaReader::view().
    [[nodiscard]] Result<std::span<const std::byte>> metadata(bool in_metabox, std::uint64_t offset,
                                                              std::size_t length, const char* what);
    // The file offset, width (4 or 8) and number of a chunk-based inode's table entries.
    struct ChunkTable {
        std::uint64_t offset = 0;
        std::uint32_t width = 0;
        std::uint64_t count = 0;
    };
    [[nodiscard]] Result<ChunkTable> chunk_table(const Inode& inode) const;

private:
    class NestedFile;
    struct Mapped {
        std::uint64_t nid = 0;
        std::uint64_t offset = 0; // bytes: of the inode
        std::uint64_t size = 0;   // bytes
        std::optional<CompressedMap> map;
    };

    Image(std::shared_ptr<ReadAt> primary, Superblock super, std::vector<Device> devices);
    Result<void> map_flat(const Inode& inode, std::uint64_t offset, std::uint64_t end,
                          std::vector<Extent>& into);
    Result<void> map_tail(const Inode& inode, std::uint64_t tail, std::uint64_t offset,
                          std::uint64_t end, std::vector<Extent>& into);
    Result<std::uint64_t> map_chunks(const Inode& inode, std::uint64_t offset, std::uint64_t end,
                                     std::size_t most, std::vector<Extent>& into);
    Result<std::uint64_t> map_compressed(const Inode& inode, std::uint64_t offset,
                                         std::uint64_t end, std::size_t most,
                                         std::vector<Extent>& into);
    Result<void> add_cluster(const Inode& inode, const Cluster& cluster, std::uint64_t offset,
                             std::uint64_t end, std::size_t first, std::vector<Extent>& into);
    Result<void> add_encoded(const Inode& inode, const Cluster& cluster, std::uint64_t offset,
                             std::uint64_t end, std::vector<Extent>& into);
    Result<std::uint64_t> add_fragment(const Inode& inode, const Cluster& cluster,
                                       std::uint64_t offset, std::uint64_t end, std::size_t first,
                                       std::size_t most, std::vector<Extent>& into);
    [[nodiscard]] Result<std::optional<std::uint64_t>>
    metabox_place(const Inode& inode, std::uint64_t address, std::uint64_t length);
    // Plain bytes behind the inode.
    Result<void> add_inline(const Inode& inode, std::uint64_t address, std::uint64_t offset,
                            std::uint64_t length, std::vector<Extent>& into);
    Result<void> add_data(const Inode& inode, std::uint16_t device, std::uint64_t address,
                          std::uint64_t offset, std::uint64_t length, std::size_t first,
                          std::vector<Extent>& into);
    [[nodiscard]] Result<CompressedMap*> compressed_map(const Inode& inode);
    [[nodiscard]] Result<MetaReader*> metabox();
    [[nodiscard]] std::shared_ptr<ReadAt> nested(const Inode& inode);
    [[nodiscard]] Result<std::vector<XattrPrefix>> read_xattr_prefixes();
    [[nodiscard]] Result<Xattr> xattr_at(MetaReader& area, std::uint64_t offset);
    [[nodiscard]] Result<MetaReader*> shared_xattr_area();
    [[nodiscard]] std::uint64_t shared_xattr_offset(std::uint32_t id) const;
    [[nodiscard]] Result<std::optional<std::string>> xattr_value(MetaReader& area,
                                                                 std::uint64_t offset,
                                                                 const XattrEntryHeader& entry,
                                                                 std::string_view name);

    std::shared_ptr<ReadAt> primary_;
    Superblock super_;
    std::vector<Device> devices_;
    DeviceResolver resolver_;
    bool flattened_ = false;
    MetaReader meta_;
    std::unique_ptr<MetaReader> metabox_;
    std::optional<std::vector<XattrPrefix>> prefixes_;
    std::array<Mapped, 3> maps_; // of the metabox, the packed inode, the file mapped last
    std::optional<Inode> packed_;
    ClusterCache decoded_;
    std::uint64_t may_decode_ = no_bound; // bytes
    std::vector<Extent> scratch_;
    std::vector<std::byte> block_; // a directory block that lies in pieces
};

} // namespace coldscope::erofs
