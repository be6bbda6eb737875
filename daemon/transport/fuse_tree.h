// FUSE, tree mode: the image's tree itself, served by the core's reader, for any user who may open
// /dev/fuse. Metadata is read from the primary device at once; each read of a file is a request,
// whose pieces come from the engine's stores; compressed files are decoded by the engine's workers.
#pragma once

#include "core/erofs/image.h"
#include "core/erofs/index.h"
#include "daemon/transport/cluster_decoder.h"
#include "daemon/transport/fuse_session.h"

#include <memory>
#include <unordered_map>

namespace coldscope {

class FuseTreeTransport final : public FuseSession {
public:
    // image: used by the ring thread alone from start() on. index: outlives this, never changes.
    FuseTreeTransport(Ring& ring, Engine& engine, std::unique_ptr<erofs::Image> image,
                      std::shared_ptr<ReadAt> primary, const erofs::Index& index)
        : FuseSession(ring, engine), image_(std::move(image)), primary_(std::move(primary)),
          index_(index), clusters_(std::make_shared<ClusterDecoder>(image_->superblock())) {}

    [[nodiscard]] std::string_view name() const override { return "fuse-tree"; }

private:
    struct Operations;
    [[nodiscard]] const fuse_lowlevel_ops& operations() const override;
    [[nodiscard]] Result<erofs::Inode> inode(fuse_ino_t number);
    [[nodiscard]] fuse_ino_t number_of(std::uint64_t nid) const;
    [[nodiscard]] Result<Ask> question(const erofs::Inode& file, std::uint64_t offset,
                                       std::uint64_t length);
    [[nodiscard]] Result<Piece> piece(const erofs::Inode& file, const erofs::Extent& extent);

    std::unique_ptr<erofs::Image> image_;
    std::shared_ptr<ReadAt> primary_;
    const erofs::Index& index_;
    std::shared_ptr<ClusterDecoder> clusters_; // workers have it, too
    // By file handle. What is open when the connection ends is never released by the kernel.
    std::unordered_map<std::uint64_t, std::unique_ptr<erofs::Inode>> open_files_;
};

} // namespace coldscope
