// A tree that has every case which an option of mkfs.erofs treats in its own way: make_tree()'s,
// and beside it contents for compressors, fragments and deduplication, wide and deep directories,
// odd times, ACLs and capabilities.
#pragma once

#include <cstdint>
#include <string>

namespace coldscope::golden {

// As make_tree().
[[nodiscard]] std::string make_matrix_tree(const std::string& folder);

// Words, which compress to about a third; other words with another seed.
[[nodiscard]] std::string made_text(std::size_t size, std::uint32_t seed);
// Bytes that do not compress.
[[nodiscard]] std::string made_noise(std::size_t size, std::uint32_t seed);

} // namespace coldscope::golden
