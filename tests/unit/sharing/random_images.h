// Images with much in common, made at random: of files on shared blobs, alike in part.
#pragma once

#include "tests/support/image_builder.h"
#include "tests/unit/sharing/brute_force.h"

#include <memory>
#include <random>
#include <vector>

namespace coldscope::test {

struct RandomOptions {
    std::uint32_t block_bits = 12;
    std::uint32_t chunk_bits = 0; // above the block's
    std::size_t images = 2;
    std::size_t blobs = 2;
    std::size_t files = 10; // of each image
};

class RandomImages {
public:
    RandomImages(const RandomOptions& options, std::uint32_t seed);
    // Borrowed from this object.
    [[nodiscard]] const std::vector<std::unique_ptr<OpenedImage>>& images() const {
        return images_;
    }

private:
    [[nodiscard]] std::uint32_t below(std::uint32_t limit) {
        return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
    }
    [[nodiscard]] bool one_in(std::uint32_t n) { return below(n) == 0; }
    [[nodiscard]] Bytes blob();
    [[nodiscard]] FileSpec file(std::size_t number);
    void add_print(FileSpec& spec);
    [[nodiscard]] sharing::Mounted mounted();

    RandomOptions options_;
    std::mt19937 random_;
    std::size_t blob_blocks_ = 0;
    std::vector<Bytes> blobs_;
    std::vector<BuiltImage> built_;
    std::vector<std::unique_ptr<OpenedImage>> images_;
};

} // namespace coldscope::test
