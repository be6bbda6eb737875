// An EROFS image: its superblock, devices, inodes, names and where each file's bytes are.
// Works on the primary device alone; the blobs' bytes are read by read_file(), see read.h.
// Sources: Linux Documentation/filesystems/erofs.rst, fs/erofs/erofs_fs.h.
#pragma once

#include "core/base/error.h"
#include "core/base/read_at.h"
#include "core/erofs/device.h"
#include "core/erofs/directory.h"
#include "core/erofs/finding.h"
#include "core/erofs/inode.h"
#include "core/erofs/meta_reader.h"
#include "core/erofs/superblock.h"
#include "core/erofs/xattr.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope::erofs {

enum class ExtentKind : std::uint8_t {
    data,
    inline_tail, // behind the inode, on the primary device
    hole,        // zeros; no device, address 0
};

struct Extent {
    std::uint64_t offset = 0; // bytes in the file
    std::uint64_t length = 0; // bytes
    ExtentKind kind = ExtentKind::data;
    std::uint16_t device = 0;  // 0: the primary device
    std::uint64_t address = 0; // bytes from the device's start

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
    [[nodiscard]] Result<std::span<const XattrPrefix>> xattr_prefixes();

    // The extents of a range, clipped to the file's size: in order, without gaps, adjacent ones
    // merged. Errors: unsupported (compressed), corrupt, truncated.
    // Addresses past a device's end are not errors here.
    [[nodiscard]] Result<std::vector<Extent>> map(const Inode& inode, std::uint64_t offset,
                                                  std::uint64_t length);
    // The same, appended to `into`.
    Result<void> map_into(const Inode& inode, std::uint64_t offset, std::uint64_t length,
                          std::vector<Extent>& into);

    // One block of a directory, block < directory_blocks(); the bytes are valid until the next
    // call of any method. offset: where they are in the primary device (or the metabox).
    struct RawBlock {
        std::span<const std::byte> bytes;
        std::uint64_t offset = 0;
    };
    [[nodiscard]] Result<RawBlock> directory_block(const Inode& directory, std::uint64_t block);
    [[nodiscard]] std::uint64_t directory_blocks(const Inode& directory) const;

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

    Image(std::shared_ptr<ReadAt> primary, Superblock super, std::vector<Device> devices);
    Result<void> map_flat(const Inode& inode, std::uint64_t offset, std::uint64_t end,
                          std::vector<Extent>& into);
    Result<void> map_tail(const Inode& inode, std::uint64_t tail, std::uint64_t offset,
                          std::uint64_t end, std::vector<Extent>& into);
    Result<void> map_chunks(const Inode& inode, std::uint64_t offset, std::uint64_t end,
                            std::vector<Extent>& into);
    Result<void> add_data(const Inode& inode, std::uint16_t device, std::uint64_t address,
                          std::uint64_t offset, std::uint64_t length, std::size_t first,
                          std::vector<Extent>& into);
    [[nodiscard]] Result<MetaReader*> metabox();
    [[nodiscard]] std::shared_ptr<ReadAt> nested(const Inode& inode);
    [[nodiscard]] Result<std::vector<XattrPrefix>> read_xattr_prefixes();
    [[nodiscard]] Result<Xattr> xattr_at(MetaReader& area, std::uint64_t offset);

    std::shared_ptr<ReadAt> primary_;
    Superblock super_;
    std::vector<Device> devices_;
    DeviceResolver resolver_;
    MetaReader meta_;
    std::unique_ptr<MetaReader> metabox_;
    std::optional<std::vector<XattrPrefix>> prefixes_;
    std::vector<Extent> scratch_;
    std::vector<std::byte> block_; // a directory block that lies in pieces
};

} // namespace coldscope::erofs
