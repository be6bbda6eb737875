// Writes the large image that bench_index reads: 500 directories of 40 directories of 50 files,
// 1,020,501 inodes, chunk-based with 4 KiB chunks on one blob (which is not written: nothing here
// reads file contents).
#pragma once

#include <cstdint>
#include <string>

namespace coldscope::bench {

inline constexpr std::uint32_t top_directories = 500;
inline constexpr std::uint32_t subdirectories = 40;
inline constexpr std::uint32_t files_each = 50;
inline constexpr std::uint32_t file_count = top_directories * subdirectories * files_each;

struct LargeImageOptions {
    std::uint32_t directories = top_directories;
    bool fingerprints = false; // of each second file
    std::uint32_t changed = 0; // each n-th file is another one, at blocks of its own; 0: none
};
// Returns an empty string, or what went wrong.
[[nodiscard]] std::string write_large_image(const std::string& path,
                                            const LargeImageOptions& options = {});

} // namespace coldscope::bench
