// The digests of files' bytes that mkfs.erofs --xattr-inode-digest stores with inodes, by which
// Linux 7.0 shares page cache (inode_share).
#pragma once

#include "core/erofs/image.h"

#include <string>
#include <vector>

namespace coldscope::erofs {

// Borrows the image; one thread at a time.
class Fingerprints {
public:
    explicit Fingerprints(Image& image);

    // The image says which xattr holds them.
    [[nodiscard]] bool any() const { return !name_.empty(); }
    // With what names the digest ("sha256:"); empty: the inode has none, or it can't be read.
    [[nodiscard]] std::string of(const Inode& inode) const;
    // Takes it out of an inode's list.
    [[nodiscard]] std::string take(std::vector<Xattr>& xattrs) const;

private:
    Image& image_;
    std::string name_; // of the xattr
};

} // namespace coldscope::erofs
