#include "core/compare/same_bytes.h"

#include "core/compare/compare.h"
#include "core/compare/extent_reader.h"
#include "core/erofs/read.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace coldscope::compare {

namespace {

constexpr std::uint64_t read_size = 256 * 1024; // bytes

std::size_t piece_at(std::uint64_t at, std::uint64_t end) {
    return static_cast<std::size_t>(std::min(read_size, end - at));
}

bool equal(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
    return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

void add_count(Digester& digester, std::uint64_t count) {
    digester.add(std::as_bytes(std::span(&count, 1)));
}

} // namespace

Result<bool> same_bytes(ReadAt& a, ReadAt& b, Meter& meter) {
    std::vector<std::byte> left;
    std::vector<std::byte> right;
    for (std::uint64_t at = 0; at < a.size(); at += left.size()) {
        left.resize(piece_at(at, a.size()));
        right.resize(left.size());
        COLDSCOPE_CHECK(a.read(at, left));
        COLDSCOPE_CHECK(b.read(at, right));
        if (!equal(left, right))
            return false;
        COLDSCOPE_CHECK(meter.advance(left.size()));
    }
    return true;
}

Result<bool> same_bytes(const Side& before, const erofs::Inode& old_inode, const Side& after,
                        const erofs::Inode& new_inode, std::uint64_t offset, std::uint64_t length,
                        Meter& meter) {
    std::vector<std::byte> left;
    std::vector<std::byte> right;
    const std::uint64_t end = offset + length;
    for (std::uint64_t at = offset; at < end; at += left.size()) {
        left.resize(piece_at(at, end));
        right.resize(left.size());
        COLDSCOPE_CHECK(erofs::read_file(before.image, old_inode, at, left, before.devices));
        COLDSCOPE_CHECK(erofs::read_file(after.image, new_inode, at, right, after.devices));
        if (!equal(left, right))
            return false;
        COLDSCOPE_CHECK(meter.advance(left.size()));
    }
    return true;
}

Result<Digest> digest_of(const Side& side, const erofs::Inode& inode, Digester& digester,
                         Meter& meter) {
    std::vector<std::byte> piece;
    std::uint64_t zeros = 0; // pieces of them, since the last other one
    std::uint64_t at = 0;    // all before is added
    const auto add_pieces = [&](const erofs::Extent& extent) -> Result<void> {
        const std::uint64_t end = extent.offset + extent.length;
        if (at < end && extent.kind == erofs::ExtentKind::hole) {
            const std::uint64_t within = (end - at) / read_size;
            zeros += within;
            at += within * read_size;
        }
        // The last piece may go on in the next extents.
        while (at < end) {
            piece.resize(piece_at(at, inode.size));
            COLDSCOPE_CHECK(erofs::read_file(side.image, inode, at, piece, side.devices));
            at += piece.size();
            if (std::ranges::all_of(piece, [](std::byte byte) { return byte == std::byte{}; })) {
                ++zeros;
            } else {
                add_count(digester, std::exchange(zeros, 0));
                digester.add(piece);
            }
            COLDSCOPE_CHECK(meter.advance(piece.size()));
        }
        return {};
    };
    const auto done = for_each_extent(side.image, inode, add_pieces);
    add_count(digester, zeros);
    const Digest digest = digester.take();
    if (!done)
        return std::unexpected(done.error());
    return digest;
}

} // namespace coldscope::compare
