// FUSE, blob mode: the image's devices are files of a FUSE mount, and the kernel mounts EROFS
// file-backed on them (Linux 6.12). Every read of the kernel, the superblock's too, is a request.
// It fails closed: when this process dies, readers get EIO.
#pragma once

#include "daemon/transport/fuse_session.h"

#include <string>
#include <vector>

namespace coldscope {

class FuseBlobTransport final : public FuseSession {
public:
    // names: one file for each of the engine's stores, in their order.
    FuseBlobTransport(Ring& ring, Engine& engine, std::vector<std::string> names)
        : FuseSession(ring, engine), names_(std::move(names)) {}

    [[nodiscard]] std::string_view name() const override { return "fuse-blob"; }

private:
    struct Operations;
    [[nodiscard]] const fuse_lowlevel_ops& operations() const override;
    [[nodiscard]] struct stat attributes(fuse_ino_t inode) const;
    [[nodiscard]] bool is_file(fuse_ino_t inode) const {
        return inode > FUSE_ROOT_ID && inode - FUSE_ROOT_ID - 1 < names_.size();
    }
    static StoreId store_of(fuse_ino_t inode) {
        return static_cast<StoreId>(inode - FUSE_ROOT_ID - 1);
    }

    std::vector<std::string> names_;
};

} // namespace coldscope
