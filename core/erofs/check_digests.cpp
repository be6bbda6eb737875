// Bytes against digests: a blob's own, which is its tag, and those that files carry as xattrs.
#include "core/base/checked.h"
#include "core/base/hex.h"
#include "core/erofs/check_parts.h"
#include "core/erofs/read.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::size_t piece = 1 << 20;       // bytes read at once
constexpr std::size_t least_hex_digits = 57; // of a tag that counts as a digest: a UUID has 32

// read(offset, into) for all of size bytes; the raw digest.
template <typename Read>
Result<std::string> sha256(std::uint64_t size, Read&& read) {
    Sha256 digester;
    std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(size, piece)));
    for (std::uint64_t at = 0; at < size; at += bytes.size()) {
        const auto part = std::span(bytes).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), size - at)));
        COLDSCOPE_CHECK(read(at, part));
        digester.add(part);
    }
    const Digest digest = digester.take();
    return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

// The digits of a tag that is a SHA-256 digest, or the beginning of one: a tag has 64 bytes.
std::string_view digest_of(std::string_view tag) {
    if (tag.starts_with(digest_name))
        tag.remove_prefix(digest_name.size());
    const bool all_hex = std::ranges::all_of(
        tag, [](unsigned char c) { return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f'); });
    return all_hex && tag.size() >= least_hex_digits && tag.size() <= 2 * digest_size
               ? tag
               : std::string_view();
}

class FingerprintCheck {
public:
    FingerprintCheck(Image& image, const Index& index,
                     std::span<const std::shared_ptr<ReadAt>> devices, Findings& findings)
        : image_(image), index_(index), devices_(devices), findings_(findings) {}
    // budget: the bytes that may still be read; what is read is taken from it.
    void check(NodeId id, std::uint64_t& budget);

private:
    [[nodiscard]] std::string said(const Inode& inode);

    Image& image_;
    const Index& index_;
    std::span<const std::shared_ptr<ReadAt>> devices_;
    Findings& findings_;
};

// The digest that the file's xattrs say, raw; empty without one.
std::string FingerprintCheck::said(const Inode& inode) {
    const auto prefixes = image_.xattr_prefixes();
    const auto xattrs = image_.xattrs(inode);
    const std::uint8_t number = image_.superblock().share_prefix_id;
    if (!prefixes || !xattrs || number >= prefixes->size())
        return {};
    const std::string_view name = (*prefixes)[number].infix;
    for (const Xattr& xattr : *xattrs) {
        if (xattr.name.ends_with(name) && xattr.value.starts_with(digest_name) &&
            xattr.value.size() == digest_name.size() + digest_size)
            return xattr.value.substr(digest_name.size());
    }
    return {};
}

void FingerprintCheck::check(NodeId id, std::uint64_t& budget) {
    const auto inode = image_.inode(index_.node(id).nid);
    if (!inode || !inode->is_regular())
        return;
    const std::string wanted = said(*inode);
    if (wanted.empty())
        return;
    if (inode->size > budget) {
        findings_.add({Severity::warning, inode->offset, label("inode", index_, id), "size",
                       fmt::format("its {} bytes are not hashed: files share more bytes than can "
                                   "be read in reasonable time",
                                   inode->size),
                       "see whether its size is right", std::to_string(inode->size)});
        return;
    }
    budget -= inode->size;
    const auto found = sha256(inode->size, [&](std::uint64_t at, std::span<std::byte> into) {
        return read_file(image_, *inode, at, into, devices_);
    });
    if (!found) {
        findings_.add(found.error(), label("inode", index_, id), make_again, inode->in_metabox());
    } else if (*found != wanted) {
        Finding finding{Severity::error,
                        inode->xattr_offset(),
                        label("inode", index_, id),
                        "fingerprint",
                        fmt::format("the file's bytes have the SHA-256 {}", hex(*found)),
                        "take a fresh copy of image and blobs; do not mount it with inode_share",
                        hex(wanted)};
        finding.in_metabox = inode->in_metabox();
        finding.place = {Structure::xattrs,     inode->in_metabox(), 0,
                         inode->xattr_offset(), inode->xattr_size,   0};
        findings_.add(std::move(finding));
    }
}

} // namespace

void check_digest(const Image& image, std::size_t device, ReadAt& blob, const std::string& name,
                  Findings& findings) {
    const Device& slot = image.devices()[device];
    const std::string_view wanted = digest_of(slot.tag);
    if (wanted.empty())
        return;
    const std::string structure = fmt::format("device slot {}", device + 1);
    const auto found = sha256(blob.size(), [&](std::uint64_t at, std::span<std::byte> into) {
        return blob.read(at, into);
    });
    if (!found)
        findings.add(found.error(), fmt::format("blob {}", name));
    else if (const std::string digits = hex(*found); !digits.starts_with(wanted))
        findings.add({Severity::error, slot.slot_offset, structure, "tag",
                      fmt::format("\"{}\" has the SHA-256 {}", name, digits),
                      "it is damaged or another blob: fetch it again", slot.tag});
}

void check_fingerprints(Image& image, const Index& index,
                        std::span<const std::shared_ptr<ReadAt>> devices, Findings& findings) {
    if (!image.superblock().has_compat(compat::inode_share_xattrs))
        return;
    // Chunks that files share are hashed with each, and what is compressed has more bytes than are
    // stored: a bound for images that share without end.
    constexpr std::uint64_t most_shared = 64;
    constexpr std::uint64_t most_decoded = 4096;
    constexpr std::uint64_t spare = std::uint64_t{1} << 30; // bytes
    std::uint64_t budget = 0;
    for (const std::shared_ptr<ReadAt>& device : devices)
        budget = checked_add(budget, device == nullptr ? 0 : device->size()).value_or(budget);
    const bool compressed = image.superblock().may_be_compressed();
    budget = checked_mul(budget, compressed ? most_decoded : most_shared).value_or(budget);
    budget = checked_add(budget, spare).value_or(budget);
    FingerprintCheck check(image, index, devices, findings);
    std::uint64_t previous = ~std::uint64_t{0};
    for (std::size_t i = 0; i < index.size(); ++i) {
        const auto id = static_cast<NodeId>(i);
        if (!index.node(id).is_regular() || index.node(id).nid == previous)
            continue;
        previous = index.node(id).nid;
        check.check(id, budget);
    }
}

} // namespace coldscope::erofs
