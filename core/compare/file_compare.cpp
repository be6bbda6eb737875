#include "core/compare/file_compare.h"

#include "core/compare/extent_reader.h"
#include "core/compare/same_bytes.h"

#include <algorithm>

namespace coldscope::compare {

namespace {

using erofs::Extent;
using erofs::ExtentKind;
using erofs::Inode;
using erofs::Xattr;

Basis basis_of(const Error& error) {
    switch (error.code) {
    case Code::not_found:
        return Basis::missing;
    case Code::unsupported:
        return Basis::unsupported;
    default:
        return Basis::failed;
    }
}

} // namespace

FileComparer::FileComparer(const Side& before, const Side& after,
                           std::span<const DeviceMatch> matches, const Options& options)
    : before_(before), after_(after), matches_(matches), options_(options),
      old_prints_(before.image), prints_(after.image) {
    same_decoding_ = before.image.superblock().has(erofs::incompat::lz4_0padding) ==
                     after.image.superblock().has(erofs::incompat::lz4_0padding);
    // Slots are the same in one bootstrap; blobs given for them may not be.
    same_images_ = true;
    for (std::size_t i = 0; i < matches.size(); ++i)
        same_images_ = same_images_ && matches[i].before == i;
}

std::optional<FileComparer::Pair> FileComparer::inodes(const Change& change) {
    const erofs::Node& old = before_.index.node(change.old_node);
    const erofs::Node& now = after_.index.node(change.new_node);
    if (old.mode == 0 || now.mode == 0) // the index could not read it either
        return std::nullopt;
    const auto old_inode = before_.image.inode(old.nid);
    const auto new_inode = after_.image.inode(now.nid);
    if (!old_inode || !new_inode)
        return std::nullopt;
    return Pair{*old_inode, *new_inode};
}

FileComparer::Prints FileComparer::compare_xattrs(const Pair& pair) {
    Prints prints;
    if (pair.old.xattr_size == 0 && pair.now.xattr_size == 0)
        return prints;
    auto old = before_.image.xattrs(pair.old);
    auto now = after_.image.xattrs(pair.now);
    if (!old || !now) {
        prints.same_xattrs = false;
        return prints;
    }
    prints.old = old_prints_.take(*old);
    prints.now = prints_.take(*now);
    std::ranges::sort(*old, {}, &Xattr::name);
    std::ranges::sort(*now, {}, &Xattr::name);
    prints.same_xattrs = std::ranges::equal(*old, *now, [](const Xattr& a, const Xattr& b) {
        return a.name == b.name && a.value == b.value;
    });
    return prints;
}

std::uint16_t FileComparer::metadata(const Pair& pair, const Prints& prints) const {
    const Inode& old = pair.old;
    const Inode& now = pair.now;
    std::uint16_t fields = 0;
    const auto differs = [&fields](std::uint16_t bit, bool different) {
        if (different)
            fields |= bit;
    };
    differs(field::mode, old.mode != now.mode);
    differs(field::uid, old.uid != now.uid);
    differs(field::gid, old.gid != now.gid);
    differs(field::mtime, old.mtime != now.mtime || old.mtime_nsec != now.mtime_nsec);
    differs(field::links, old.nlink != now.nlink && !now.is_directory());
    differs(field::xattrs, !prints.same_xattrs);
    if (S_ISCHR(now.mode) || S_ISBLK(now.mode))
        differs(field::rdev, old.rdev != now.rdev);
    return static_cast<std::uint16_t>(fields & ~options_.ignore);
}

bool FileComparer::same_place(const Extent& old, const Extent& now) const {
    if (old.kind == ExtentKind::hole || now.kind == ExtentKind::hole)
        return old.kind == now.kind;
    const std::uint64_t from = std::max(old.offset, now.offset);
    if (old.in_metabox || now.in_metabox) {
        if (!same_images_ || old.in_metabox != now.in_metabox)
            return false;
    } else if (now.device >= matches_.size() || matches_[now.device].before != old.device) {
        return false;
    }
    const bool encoded = old.kind == ExtentKind::encoded;
    if (encoded != (now.kind == ExtentKind::encoded))
        return false;
    if (encoded) // one cluster, and the same part of what it decodes to
        return same_decoding_ && old.address == now.address && old.encoded == now.encoded &&
               old.algorithm == now.algorithm &&
               old.skip + (from - old.offset) == now.skip + (from - now.offset);
    return old.address + (from - old.offset) == now.address + (from - now.offset);
}

template <typename Piece>
Result<void> FileComparer::pieces(const Pair& pair, const Piece& piece) {
    ExtentReader olds(before_.image, pair.old);
    ExtentReader news(after_.image, pair.now);
    COLDSCOPE_TRY(const Extent* old, olds.next());
    COLDSCOPE_TRY(const Extent* now, news.next());
    while (old != nullptr && now != nullptr) {
        const std::uint64_t from = std::max(old->offset, now->offset);
        const std::uint64_t old_end = old->offset + old->length;
        const std::uint64_t new_end = now->offset + now->length;
        const std::uint64_t to = std::min(old_end, new_end);
        COLDSCOPE_TRY(const bool going, piece(from, to - from, same_place(*old, *now)));
        if (!going)
            break;
        if (old_end == to) {
            COLDSCOPE_TRY(old, olds.next());
        }
        if (new_end == to) {
            COLDSCOPE_TRY(now, news.next());
        }
    }
    return {};
}

std::optional<FileComparer::Content> FileComparer::content(const Pair& pair, const Prints& prints) {
    if (pair.old.size != pair.now.size || pair.now.size == 0)
        return Content{Basis::size, pair.old.size == pair.now.size};
    bool same = true;
    const auto mapped =
        pieces(pair, [&](std::uint64_t, std::uint64_t, bool same_place) -> Result<bool> {
            same = same_place;
            return same;
        });
    if (mapped && same)
        return Content{Basis::place, true};
    if (!prints.old.empty() && !prints.now.empty())
        return Content{Basis::fingerprint, prints.old == prints.now};
    if (!mapped)
        return Content{basis_of(mapped.error()), false};
    if (!options_.read)
        return Content{Basis::not_read, false};
    return std::nullopt;
}

void FileComparer::settle(Change& change, const Content& content) {
    change.basis = content.basis;
    if (is_known(content.basis) && !content.same)
        change.fields |= field::content;
    if (change.fields != 0)
        change.kind = Kind::changed;
    else
        change.kind = is_known(content.basis) ? Kind::same : Kind::unknown;
}

bool FileComparer::compare(Change& change) {
    if (same_images_ &&
        before_.index.node(change.old_node).nid == after_.index.node(change.new_node).nid &&
        before_.index.node(change.old_node).mode != 0) {
        change.basis = after_.index.node(change.new_node).is_regular() ? Basis::place : Basis::none;
        return true;
    }
    const auto pair = inodes(change);
    if (!pair) {
        settle(change, {Basis::failed, false});
        return true;
    }
    if (((pair->old.mode ^ pair->now.mode) & S_IFMT) != 0) {
        change.kind = Kind::changed;
        change.fields = field::type;
        return true;
    }
    const Prints prints = compare_xattrs(*pair);
    change.fields = metadata(*pair, prints);
    if (pair->now.is_symlink()) {
        const auto old = before_.image.link_target(pair->old);
        const auto now = after_.image.link_target(pair->now);
        if (old && now && *old != *now)
            change.fields |= field::target;
        settle(change, {old && now ? Basis::none : Basis::failed, true});
        return true;
    }
    if (!pair->now.is_regular()) {
        settle(change, {Basis::none, true});
        return true;
    }
    const auto known = content(*pair, prints);
    if (known)
        settle(change, *known);
    return known.has_value();
}

Result<void> FileComparer::read_content(Change& change, Meter& meter) {
    Content content{Basis::failed, false};
    if (const auto pair = inodes(change)) {
        bool same = true;
        const auto read = pieces(
            *pair,
            [&](std::uint64_t offset, std::uint64_t length, bool same_place) -> Result<bool> {
                if (same_place)
                    return true;
                COLDSCOPE_TRY(
                    same, same_bytes(before_, pair->old, after_, pair->now, offset, length, meter));
                return same;
            });
        if (!read && read.error().code == Code::cancelled)
            return read;
        content = read ? Content{Basis::bytes, same} : Content{basis_of(read.error()), false};
    }
    settle(change, content);
    return {};
}

void FileComparer::compare_moved(Change& change) {
    if (const auto pair = inodes(change))
        change.fields =
            static_cast<std::uint16_t>(metadata(*pair, compare_xattrs(*pair)) & ~field::links);
}

std::optional<Digest> FileComparer::place_of(bool after, const Inode& inode, Sha256& digester) {
    bool placed = true;
    const auto mapped =
        for_each_extent((after ? after_ : before_).image, inode, [&](const Extent& extent) {
            constexpr std::uint64_t none = ~std::uint64_t{0};
            const bool hole = extent.kind == ExtentKind::hole;
            const bool encoded = extent.kind == ExtentKind::encoded;
            std::uint64_t device = hole ? none : extent.device;
            if (after && !hole) {
                const bool known = extent.device < matches_.size();
                device = known ? matches_[extent.device].before.value_or(0) : 0;
                placed = placed && known && matches_[extent.device].before.has_value();
            }
            placed = placed && !extent.in_metabox && (same_decoding_ || !encoded);
            const std::array<std::uint64_t, 6> place{
                extent.length,  device,
                extent.address, encoded ? static_cast<std::uint64_t>(extent.algorithm) + 1 : 0,
                extent.encoded, extent.skip};
            digester.add(std::as_bytes(std::span(place)));
            return Result<void>();
        });
    const Digest digest = digester.take();
    return mapped && placed ? std::optional(digest) : std::nullopt;
}

} // namespace coldscope::compare
