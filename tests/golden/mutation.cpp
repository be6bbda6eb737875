#include "tests/golden/mutation.h"

#include "core/base/read_at.h"
#include "core/erofs/image.h"
#include "core/erofs/index.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <stdexcept>

#include <fmt/format.h>

namespace coldscope::golden {

namespace {

using Random = std::mt19937_64;

constexpr std::size_t structure_size = 32; // bytes around a structure's start that are hit

std::size_t below(Random& random, std::size_t end) {
    return end == 0 ? 0 : static_cast<std::size_t>(random() % end);
}

// Half of the hits are near a structure, a quarter in the superblock and what follows it.
std::size_t somewhere(const SeedImage& image, Random& random, std::size_t size) {
    std::size_t at = below(random, size);
    if (const auto kind = random() % 4; kind == 0)
        at = erofs::super_offset + below(random, 256);
    else if (kind != 1)
        at = static_cast<std::size_t>(image.structures[below(random, image.structures.size())]) +
             below(random, structure_size);
    return std::min(at, size - 1);
}

std::string flip_bits(const SeedImage& image, Random& random, Bytes& bytes) {
    std::string what = "bits flipped at";
    for (std::size_t count = 1 + below(random, 4); count > 0; --count) {
        const std::size_t at = somewhere(image, random, bytes.size());
        bytes[at] ^= static_cast<std::byte>(1U << below(random, 8));
        what += fmt::format(" {}", at);
    }
    return what;
}

std::string set_number(const SeedImage& image, Random& random, Bytes& bytes) {
    static constexpr std::array<std::size_t, 4> widths{1, 2, 4, 8};
    const std::size_t width = widths[below(random, widths.size())];
    std::size_t at = somewhere(image, random, bytes.size());
    at = std::min(at - at % width, bytes.size() - width);
    const std::array<std::uint64_t, 8> numbers{0,
                                               1,
                                               ~std::uint64_t{0},
                                               ~std::uint64_t{0} >> 1,
                                               bytes.size(),
                                               bytes.size() >> 12,
                                               random() % 64,
                                               random()};
    const std::uint64_t number = numbers[below(random, numbers.size())];
    std::memcpy(bytes.data() + at, &number, width);
    return fmt::format("{} bytes at {} say {}", width, at, number);
}

std::string truncate(Random& random, Bytes& bytes) {
    const std::size_t length = below(random, bytes.size());
    bytes.resize(length);
    return fmt::format("truncated to {}", length);
}

// A structure, or a block, of this or another image in place of one here.
std::string splice(const std::vector<SeedImage>& images, const SeedImage& image, Random& random,
                   Bytes& bytes) {
    static constexpr std::array<std::size_t, 6> lengths{12, 32, 64, 128, 512, 4096};
    const SeedImage& other = random() % 2 == 0 ? image : images[below(random, images.size())];
    const std::size_t length = lengths[below(random, lengths.size())];
    std::size_t from = somewhere(other, random, other.bytes.size());
    std::size_t to = somewhere(image, random, bytes.size());
    if (random() % 4 != 0) { // whole structures
        from = static_cast<std::size_t>(other.structures[below(random, other.structures.size())]);
        to = static_cast<std::size_t>(image.structures[below(random, image.structures.size())]);
    }
    const std::size_t count =
        std::min({length, other.bytes.size() - from, bytes.size() - std::min(to, bytes.size())});
    std::memcpy(bytes.data() + to, other.bytes.data() + from, count);
    return fmt::format("{} bytes from {} of \"{}\" at {}", count, from, other.name, to);
}

} // namespace

void find_structures(SeedImage& seed) {
    const auto file = std::make_shared<MemoryReadAt>(seed.bytes);
    auto opened = erofs::Image::open(file);
    if (!opened)
        throw std::runtime_error(seed.name + ": " + describe(opened.error()));
    erofs::Image& image = **opened;
    const auto index = erofs::Index::build(image);
    if (!index)
        throw std::runtime_error(seed.name + ": " + describe(index.error()));
    seed.structures = {erofs::super_offset};
    for (const erofs::Device& device : image.devices())
        seed.structures.push_back(device.slot_offset);
    for (std::size_t i = 0; i < index->size(); ++i) {
        const auto inode = image.inode(index->nodes()[i].nid);
        if (!inode)
            continue;
        if (!inode->in_metabox()) {
            seed.structures.push_back(inode->offset);
            seed.structures.push_back(inode->xattr_offset());
            seed.structures.push_back(inode->body_offset());
        }
        if (!inode->is_directory())
            continue;
        for (std::uint64_t block = 0; block < image.directory_blocks(*inode); ++block) {
            const auto raw = image.directory_block(*inode, block);
            const auto entries =
                raw ? erofs::DirBlock::open(raw->bytes, raw->offset) : std::unexpected(raw.error());
            for (std::size_t entry = 0; entries && entry < entries->count(); ++entry)
                seed.structures.push_back(entries->entry_offset(entry));
        }
    }
    std::erase_if(seed.structures, [&](std::uint64_t at) { return at >= seed.bytes.size(); });
}

Mutation mutate(const std::vector<SeedImage>& images, std::size_t image, std::uint64_t seed,
                std::uint64_t number) {
    std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                           static_cast<std::uint32_t>(number)};
    Random random(sequence);
    const SeedImage& from = images[image];
    Mutation mutation{from.bytes, {}};
    switch (random() % 8) {
    case 0:
        mutation.what = truncate(random, mutation.bytes);
        break;
    case 1:
    case 2:
        mutation.what = splice(images, from, random, mutation.bytes);
        break;
    case 3:
    case 4:
    case 5:
        mutation.what = set_number(from, random, mutation.bytes);
        break;
    default:
        mutation.what = flip_bits(from, random, mutation.bytes);
    }
    if (random() % 16 != 0)
        fix_checksum(mutation.bytes);
    return mutation;
}

void fix_checksum(Bytes& bytes) {
    MemoryReadAt file(bytes);
    const auto super = [&] {
        erofs::Findings passed_over;
        return erofs::read_superblock(file, &passed_over);
    }();
    if (!super || !super->has_compat(erofs::compat::checksum))
        return;
    if (const auto checksum = erofs::superblock_checksum(file, super->block_size()))
        std::memcpy(bytes.data() + erofs::super_offset + erofs::super_checksum_at, &*checksum,
                    sizeof *checksum);
}

} // namespace coldscope::golden
