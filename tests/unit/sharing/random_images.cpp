#include "tests/unit/sharing/random_images.h"

#include <fmt/format.h>

namespace coldscope::test {

namespace {

constexpr std::uint32_t kinds_of_block = 6; // so few that equal bytes are frequent

} // namespace

RandomImages::RandomImages(const RandomOptions& options, std::uint32_t seed)
    : options_(options), random_(seed) {
    blob_blocks_ = (std::size_t{1} << options.chunk_bits) * 2 + (options.block_bits < 12 ? 64 : 16);
    for (std::size_t i = 0; i < options.blobs; ++i)
        blobs_.push_back(blob());
    std::vector<FileSpec> common;
    for (std::size_t i = 0; i < options.files; ++i)
        common.push_back(file(i));
    for (std::size_t image = 0; image < options.images; ++image) {
        ImageBuilder builder(options.block_bits);
        builder.add_prefix(4, "erofs.fingerprint.v1").set_fingerprints(0);
        for (std::size_t i = 0; i < options.blobs; ++i)
            builder.add_device(std::string(64, static_cast<char>('a' + i)), blobs_[i]);
        for (std::size_t i = 0; i < options.files; ++i) {
            FileSpec spec = one_in(2) ? common[i] : file(i);
            spec.xattrs.clear();
            spec.shared_xattrs.clear();
            add_print(spec);
            builder.add(spec);
        }
        FileSpec link;
        link.path = "/link";
        link.link_to = "/file-0";
        built_.reserve(options.images);
        built_.push_back(builder.add(link).build());
        images_.push_back(std::make_unique<OpenedImage>(built_.back().devices(), mounted()));
    }
}

Bytes RandomImages::blob() {
    const std::size_t block = std::size_t{1} << options_.block_bits;
    Bytes bytes;
    for (std::size_t i = 0; i < blob_blocks_; ++i) {
        const std::uint32_t kind = below(kinds_of_block);
        const Bytes one = kind == 0 ? Bytes(block) : pattern(block, kind);
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    return bytes;
}

FileSpec RandomImages::file(std::size_t number) {
    const std::size_t block = std::size_t{1} << options_.block_bits;
    const std::size_t chunk = block << options_.chunk_bits;
    FileSpec spec;
    spec.path = fmt::format("/file-{}", number);
    const std::uint32_t kind = below(8);
    if (kind < 2) { // by itself
        spec.layout = kind == 0 ? erofs::Layout::flat_inline : erofs::Layout::flat_plain;
        const std::uint32_t size = 1 + below(3 * 4096);
        spec.data = pattern(size, 1 + below(2));
        return spec;
    }
    spec.layout = erofs::Layout::chunk_based;
    spec.chunk_bits = options_.chunk_bits;
    const std::size_t chunks = 1 + below(options_.chunk_bits > 4 ? 2 : 5);
    // Sizes are few, so that prints may match.
    spec.data.resize(chunks * chunk - (one_in(2) ? 0 : chunk / 2 + 7));
    const bool spans = one_in(3);
    const auto first =
        static_cast<std::uint16_t>(1 + below(static_cast<std::uint32_t>(blobs_.size())));
    std::uint64_t next = below(4) * (one_in(4) ? 1 : 4096 / block);
    for (std::size_t i = 0; i < chunks; ++i) {
        FileSpec::ChunkPlace place;
        place.device =
            spans ? static_cast<std::uint16_t>(1 + below(static_cast<std::uint32_t>(blobs_.size())))
                  : first;
        if (one_in(4)) // elsewhere
            next = below(16);
        if (!one_in(6))
            place.block = next;
        else
            place.device = 0;
        next += chunk / block;
        if (next + chunk / block > blob_blocks_)
            next = 0;
        spec.places.push_back(place);
    }
    return spec;
}

// Some forged: which bytes they are of, nobody looks.
void RandomImages::add_print(FileSpec& spec) {
    if (one_in(2))
        return;
    const std::string print = "sha256:" + std::string(32, static_cast<char>('0' + below(3)));
    auto& xattrs = one_in(2) ? spec.xattrs : spec.shared_xattrs;
    xattrs.emplace_back("trusted.erofs.fingerprint.v1", print);
}

sharing::Mounted RandomImages::mounted() {
    sharing::Mounted how;
    how.inode_share = !one_in(4);
    how.dax = one_in(8);
    how.domain = one_in(4) ? "" : one_in(4) ? "other" : "one";
    how.block_device = one_in(8);
    return how;
}

} // namespace coldscope::test
