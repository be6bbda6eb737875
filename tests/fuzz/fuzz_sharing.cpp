// Two images, each of which was overwritten in places: a byte that says in which (bit 0) and
// whether in its blob (bit 1), 4 bytes of offset, one of length, and the bytes. The first byte of
// all says how they are mounted.
#include "core/base/cursor.h"
#include "core/sharing/predict.h"
#include "core/sharing/usage.h"
#include "tests/fuzz/fuzz_support.h"

#include <array>
#include <cstdlib>
#include <optional>

namespace {

using namespace coldscope;

constexpr std::uint64_t enough = 16U << 20; // bytes scanned, then it is given up

struct Opened {
    std::unique_ptr<erofs::Image> image;
    erofs::Index index;
    std::vector<std::shared_ptr<ReadAt>> devices;
    sharing::Mounted mounted;
    [[nodiscard]] sharing::Side side() const { return {*image, index, devices, mounted}; }
};

std::optional<Opened> open(const test::BuiltImage& built, std::uint8_t how) {
    erofs::Findings findings;
    auto image = erofs::Image::open(built.primary(), &findings);
    if (!image)
        return std::nullopt;
    auto index = erofs::Index::build(**image, &findings);
    if (!index)
        return std::nullopt;
    return Opened{std::move(*image),
                  std::move(*index),
                  built.devices(),
                  {(how & 1) != 0, (how & 2) != 0, (how & 4) != 0 ? "domain" : "", (how & 8) != 0}};
}

void require(bool condition) {
    if (!condition)
        std::abort();
}

void check(const std::array<Opened, 2>& images, const sharing::Prediction& prediction) {
    sharing::Sample sample;
    std::vector<sharing::SampledFile> files;
    std::size_t strangers = 0;
    for (std::uint32_t image = 0; image < images.size(); ++image) {
        const erofs::Index& index = images[image].index;
        for (erofs::NodeId node = 0; node < index.size(); ++node) {
            std::uint64_t at = 0;
            const auto pieces = prediction.file(image, node).pieces;
            for (const sharing::Piece& piece : pieces) {
                require(piece.begin == at && piece.end > at && at % sharing::page_size == 0);
                at = piece.end;
            }
            require(pieces.empty() || at == index.node(node).size);
            if (pieces.empty())
                continue;
            for (const sharing::Holder& holder : prediction.holders(image, node, {0, 65536}, 16)) {
                require(holder.image < images.size());
                const erofs::Index& there = images[holder.image].index;
                require(holder.node < there.size() && holder.length > 0 &&
                        holder.length <= there.node(holder.node).size - holder.offset);
            }
            // Every seventh one is a stranger.
            const std::uint64_t size = node % 7 == 6 ? at + 1 : at;
            strangers += size != at ? 1 : 0;
            sample.files.push_back(
                {0, image, index.node(node).nid, false, size, sample.runs.size(), 1});
            sample.runs.push_back({0, 2, sample.frames.size()});
            sample.frames.insert(sample.frames.end(), {node % 7, node});
            files.push_back({image, node, 0});
        }
    }
    const auto all = sharing::usage_of_all(prediction);
    const auto some = sharing::usage_of(prediction, sample, files);
    for (std::size_t i = 0; i < all.size(); ++i) {
        require(all[i].by_fingerprint <= all[i].off && all[i].by_rfc <= all[i].off);
        require(some[i].off <= all[i].off && some[i].by_rfc <= some[i].off);
    }
    const sharing::Observed observed(prediction, sample, files);
    require(observed.strangers() == strangers);
    for (const sharing::SampledFile& file : files) {
        std::uint64_t at = 0;
        for (const sharing::SeenPiece& piece : observed.file(file.image, file.node)) {
            require(piece.piece.begin == at && piece.piece.end > at);
            at = piece.piece.end;
        }
        require(at == images[file.image].index.node(file.node).size);
        static_cast<void>(observed.holders(file.image, file.node, {0, 65536}, 16));
    }
}

void predict(const std::array<Opened, 2>& images) {
    std::vector<sharing::Side> sides;
    std::vector<sharing::Keys> keys;
    std::vector<sharing::Scan> scans;
    for (const Opened& image : images) {
        sides.push_back(image.side());
        auto read = sharing::Keys::read(sides.back());
        if (!read)
            return;
        keys.push_back(std::move(*read));
        auto scan =
            sharing::Scan::read(sides.back(), keys.back(),
                                [](std::uint64_t done, std::uint64_t) { return done < enough; });
        if (scan)
            scans.push_back(std::move(*scan));
    }
    if (const auto prediction = sharing::Prediction::make(sides, keys))
        check(images, *prediction);
    if (scans.size() != keys.size())
        return;
    if (const auto prediction = sharing::Prediction::make(sides, keys, {}, scans))
        check(images, *prediction);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const test::BuiltImage whole = fuzz::sample();
    std::array<test::BuiltImage, 2> built{whole, whole};
    const auto bytes = fuzz::as_bytes(data, size);
    Cursor at(bytes);
    const std::uint8_t how = at.u8();
    while (at.left() > 6) {
        const std::uint8_t where = at.u8();
        const std::uint64_t offset = at.u32();
        const std::size_t count = at.u8();
        const auto part = at.bytes(std::min(count, at.left()));
        test::BuiltImage& image = built[where & 1];
        if ((where & 2) == 0) {
            fuzz::overwrite(image, offset % image.bytes.size(), part);
        } else {
            test::Bytes& blob = image.blobs[0];
            const std::uint64_t from = offset % blob.size();
            const std::size_t room = std::min<std::size_t>(part.size(), blob.size() - from);
            std::copy_n(part.begin(), room, blob.begin() + static_cast<std::ptrdiff_t>(from));
        }
    }
    const fuzz::MemoryBound bound(4 * whole.bytes.size());
    auto first = open(built[0], how);
    auto second = open(built[1], static_cast<std::uint8_t>(how >> 4));
    if (first && second)
        predict({std::move(*first), std::move(*second)});
    return 0;
}
