#include "core/erofs/fingerprint.h"

#include <algorithm>

namespace coldscope::erofs {

Fingerprints::Fingerprints(Image& image) : image_(image) {
    const Superblock& super = image.superblock();
    if (!super.has_compat(compat::inode_share_xattrs))
        return;
    const auto prefixes = image.xattr_prefixes();
    if (!prefixes)
        return;
    XattrEntryHeader entry; // with nothing behind the prefix
    entry.name_index = xattr_long_prefix | super.share_prefix_id;
    if (auto name = xattr_prefix(entry, *prefixes, 0))
        name_ = std::move(*name);
}

std::string Fingerprints::of(const Inode& inode) const {
    if (name_.empty() || inode.xattr_size == 0)
        return {};
    auto value = image_.xattr(inode, name_);
    return value && *value ? std::move(**value) : std::string();
}

std::string Fingerprints::take(std::vector<Xattr>& xattrs) const {
    const auto at = std::ranges::find(xattrs, name_, &Xattr::name);
    if (name_.empty() || at == xattrs.end())
        return {};
    std::string print = std::move(at->value);
    xattrs.erase(at);
    return print;
}

} // namespace coldscope::erofs
