#include "tests/unit/sharing/brute_force.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

namespace coldscope::test {

using namespace sharing;
using erofs::Extent;
using erofs::ExtentKind;

BruteForce::BruteForce(const std::vector<std::unique_ptr<OpenedImage>>& images, bool scanned)
    : images_(images), scanned_(scanned) {
    for (std::size_t i = 0; i < images.size(); ++i) {
        std::set<std::uint64_t> seen;
        for (erofs::NodeId node = 0; node < images[i]->index.size(); ++node) {
            const erofs::Node& of = images[i]->index.node(node);
            if (of.is_regular() && of.size > 0 && seen.insert(of.nid).second)
                add(i, node);
        }
    }
}

std::string BruteForce::blob_name(std::size_t image, std::size_t device) const {
    const OpenedImage& of = *images_[image];
    const std::string file =
        device < of.devices.size() && of.devices[device] ? of.devices[device]->identity() : "";
    if (!file.empty())
        return "file " + file;
    if (device > 0 && of.image->devices()[device - 1].tag.size() == 64)
        return "digest " + of.image->devices()[device - 1].tag;
    return fmt::format("device {} of image {}", device, image);
}

void BruteForce::add(std::size_t number, erofs::NodeId node) {
    OpenedImage& from = *images_[number];
    const erofs::Inode inode = value(from.image->inode(from.index.node(node).nid));
    BruteFile file;
    file.image = number;
    file.node = node;
    file.size = inode.size;
    file.compressed_layout = erofs::is_compressed(inode.layout);
    for (const erofs::Xattr& xattr : value(from.image->xattrs(inode))) {
        if (xattr.name.ends_with("erofs.fingerprint.v1"))
            file.print = xattr.value;
    }
    std::set<std::string> blobs;
    for (std::uint64_t at = 0; at < inode.size; at += 4096) {
        const std::uint64_t length = std::min<std::uint64_t>(4096, inode.size - at);
        BrutePage page;
        page.bytes.resize(length);
        const auto into = std::as_writable_bytes(std::span(page.bytes));
        value(erofs::read_file(*from.image, inode, at, into, from.devices));
        bool hole = true;
        for (const Extent& extent : value(from.image->map(inode, at, length))) {
            if (extent.kind == ExtentKind::hole) {
                page.place += fmt::format("hole {};", extent.length);
                continue;
            }
            hole = false;
            const std::string blob = extent.in_metabox ? "box of " + blob_name(number, 0)
                                                       : blob_name(number, extent.device);
            if (extent.kind == ExtentKind::encoded) {
                file.encoded = true;
                page.aligned = false;
                page.place +=
                    fmt::format("{}: cluster {}+{} {} from {} {};", blob, extent.address,
                                extent.encoded, int(extent.algorithm), extent.skip, extent.length);
                continue;
            }
            file.tail = file.tail || extent.kind == ExtentKind::inline_tail;
            page.aligned = page.aligned && extent.length == length && extent.address % 4096 == 0;
            if (extent.length == length && !extent.in_metabox) {
                page.device = extent.device;
                page.address = extent.address;
            }
            page.place += fmt::format("{}: {}+{};", blob, extent.address, extent.length);
            blobs.insert(blob);
        }
        if (hole)
            page.place.clear();
        file.pages.push_back(std::move(page));
    }
    file.spans = blobs.size() > 1;
    files_.push_back(std::move(file));
}

const BruteFile& BruteForce::file(std::size_t image, erofs::NodeId node) const {
    const std::uint64_t nid = images_[image]->index.node(node).nid;
    return *std::ranges::find_if(files_, [&](const BruteFile& file) {
        return file.image == image && images_[image]->index.node(file.node).nid == nid;
    });
}

bool BruteForce::same_file(const BruteFile& a, const BruteFile& b) const {
    if (a.size != b.size)
        return false;
    bool places = true;
    bool bytes = true;
    for (std::size_t i = 0; i < a.pages.size(); ++i) {
        places = places && a.pages[i].place == b.pages[i].place;
        bytes = bytes && a.pages[i].bytes == b.pages[i].bytes;
    }
    return places || (scanned_ && bytes);
}

Said BruteForce::whole(const BruteFile& a, const BruteFile& b) const {
    const Mounted& left = images_[a.image]->mounted;
    const Mounted& right = images_[b.image]->mounted;
    if (!a.print.empty() && a.print == b.print && a.size == b.size) {
        if (a.compressed_layout != b.compressed_layout)
            return {Mark::blocked, Reason::other_layout};
        if (left.block_device != right.block_device)
            return {Mark::blocked, Reason::other_backing};
        if (left.dax || right.dax)
            return {Mark::blocked, Reason::dax};
        if (!left.inode_share || !right.inode_share)
            return {Mark::blocked, Reason::no_inode_share};
        if (left.domain.empty() || left.domain != right.domain)
            return {Mark::blocked, Reason::other_domain};
        return {Mark::by_fingerprint, Reason::none};
    }
    if ((a.print.empty() || b.print.empty()) && same_file(a, b))
        return {Mark::blocked, Reason::no_fingerprint};
    return nothing;
}

Said BruteForce::pair(const BruteFile& a, std::size_t p, const BruteFile& b, std::size_t q) const {
    const BrutePage& left = a.pages[p];
    const BrutePage& right = b.pages[q];
    if (left.place.empty() || right.place.empty())
        return nothing;
    if (left.place != right.place) {
        const bool same = scanned_ && left.bytes == right.bytes;
        return same ? Said{Mark::same_bytes, Reason::none} : nothing;
    }
    if (p != q || (!left.aligned && !a.encoded) ||
        (!left.aligned && left.place.find("cluster") == std::string::npos))
        return {Mark::blocked, Reason::offset_differs};
    if (a.encoded || b.encoded)
        return {Mark::blocked, Reason::compressed};
    if (a.tail || b.tail)
        return {Mark::blocked, Reason::inline_tail};
    if (a.spans || b.spans)
        return {Mark::blocked, Reason::spans_blobs};
    if (images_[a.image]->mounted.domain != images_[b.image]->mounted.domain)
        return {Mark::blocked, Reason::other_domain};
    return {Mark::by_blob, Reason::none};
}

Said BruteForce::page(const BruteFile& file, std::size_t page) const {
    Said best = nothing;
    if (file.pages[page].place.empty())
        best.second = Reason::hole;
    else if (!scanned_)
        best.second = Reason::not_scanned;
    for (const BruteFile& other : files_) {
        if (&other == &file)
            continue;
        if (const Said said = whole(file, other); said.first != Mark::alone)
            best = std::min(best, said);
        for (std::size_t q = 0; q < other.pages.size(); ++q) {
            if (const Said said = pair(file, page, other, q); said.first != Mark::alone)
                best = std::min(best, said);
        }
    }
    return best;
}

Prediction predict(const std::vector<std::unique_ptr<OpenedImage>>& images, bool scanned) {
    std::vector<Side> sides;
    std::vector<Keys> keys;
    std::vector<Scan> scans;
    for (const auto& image : images) {
        sides.push_back(image->side());
        keys.push_back(value(Keys::read(sides.back())));
        if (scanned)
            scans.push_back(value(Scan::read(sides.back(), keys.back())));
    }
    return value(Prediction::make(sides, std::move(keys), {}, std::move(scans)));
}

namespace {

std::string text_of(Said said) {
    return fmt::format("{} ({})", name(said.first), name(said.second));
}

void fail(const std::string& what) {
    qFatal("%s", what.c_str());
}

// The holders of all of a file are those that the brute force finds, each with its best.
void verify_holders(const std::vector<std::unique_ptr<OpenedImage>>& images,
                    const BruteForce& brute, const Prediction& prediction, const BruteFile& file) {
    // (page, other file, its page) -> what is said
    std::map<std::pair<std::size_t, const BruteFile*>, Said> wanted;
    for (std::size_t p = 0; p < file.pages.size(); ++p) {
        for (const BruteFile& other : brute.files()) {
            if (&other == &file)
                continue;
            Said best = brute.whole(file, other);
            for (std::size_t q = 0; q < other.pages.size(); ++q)
                best = std::min(best, brute.pair(file, p, other, q));
            if (best.first != Mark::alone)
                wanted[{p, &other}] = best;
        }
    }
    std::size_t told = 0;
    std::size_t names = 0;
    for (std::size_t p = 0; p < file.pages.size(); ++p) {
        const Range range{p * 4096, p * 4096 + 1};
        for (const Holder& holder : prediction.holders(file.image, file.node, range, 100'000)) {
            if (holder.same_file) {
                names += p == 0 ? 1 : 0;
                continue;
            }
            const BruteFile& other = brute.file(holder.image, holder.node);
            const Said said{holder.mark, holder.reason};
            const auto at = wanted.find({p, &other});
            if (at == wanted.end() || at->second != said)
                fail(fmt::format("page {} of {}: {} holds it: {}", p,
                                 images[file.image]->index.path(file.node),
                                 images[other.image]->index.path(other.node), text_of(said)));
            const std::size_t q = holder.offset / 4096;
            if (holder.length != other.pages[q].bytes.size())
                fail("a holder's length");
            if (std::min(brute.whole(file, other), brute.pair(file, p, other, q)) != said)
                fail("a holder's place");
            ++told;
        }
    }
    if (told != wanted.size())
        fail(fmt::format("{} holders of {}, not {}", told,
                         images[file.image]->index.path(file.node), wanted.size()));
    const erofs::Index& index = images[file.image]->index;
    QCOMPARE(names + 1, index.nodes_of_nid(index.node(file.node).nid).size());
}

} // namespace

void verify_prediction(const std::vector<std::unique_ptr<OpenedImage>>& images, bool scanned) {
    const BruteForce brute(images, scanned);
    const Prediction prediction = predict(images, scanned);
    std::vector<Totals> totals(images.size());
    for (const BruteFile& file : brute.files()) {
        ++totals[file.image].files;
        const FileSharing sharing = prediction.file(file.image, file.node);
        std::uint64_t at = 0;
        for (std::size_t i = 0; i < sharing.pieces.size(); ++i) {
            const Piece& piece = sharing.pieces[i];
            QCOMPARE(piece.begin, at);
            QVERIFY(piece.begin % 4096 == 0 && piece.end > piece.begin);
            if (i > 0)
                QVERIFY(piece.mark != sharing.pieces[i - 1].mark ||
                        piece.reason != sharing.pieces[i - 1].reason);
            for (std::size_t p = at / 4096; p * 4096 < piece.end; ++p) {
                const Said wanted = brute.page(file, p);
                const Said said{piece.mark, piece.reason};
                if (said != wanted)
                    fail(fmt::format("page {} of {} of image {}: {}, not {}", p,
                                     images[file.image]->index.path(file.node), file.image,
                                     text_of(said), text_of(wanted)));
                totals[file.image].by_mark[std::size_t(said.first)] += 4096;
                if (said.first == Mark::blocked || said.first == Mark::alone)
                    totals[file.image].by_reason[std::size_t(said.second)] += 4096;
            }
            at = piece.end;
        }
        QCOMPARE(at, file.size);
        verify_holders(images, brute, prediction, file);
    }
    for (std::size_t i = 0; i < images.size(); ++i) {
        const Totals said = prediction.totals(i);
        QVERIFY(said.by_mark == totals[i].by_mark);
        QVERIFY(said.by_reason == totals[i].by_reason);
        QCOMPARE(said.files, totals[i].files);
    }
}

} // namespace coldscope::test
