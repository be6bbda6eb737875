// Which lines of the images' files are shown, and in which order: picked beside the main thread.
#pragma once

#include "app/sharing/file_union.h"
#include "app/sharing/tally.h"

#include <atomic>
#include <string>
#include <vector>

namespace coldscope::app {

enum class FilesKey : unsigned char { name, size, saved };
enum class FilesWith : unsigned char { any, blocked, shared };

struct FilesOrder {
    std::string part; // of a path, upper and lower case alike
    FilesWith with = FilesWith::any;
    FilesKey key = FilesKey::name;
    bool descending = false;
    bool operator==(const FilesOrder&) const = default;
};

struct ShownFiles {
    static constexpr std::uint32_t no_row = ~std::uint32_t{0};
    struct Rows {
        std::uint32_t first = 0; // in `lines`
        std::uint32_t count = 0;
    };
    std::vector<Line> lines;           // of each folder in order
    std::vector<Rows> in_folder;       // by line
    std::vector<std::uint32_t> row_of; // by line: in its folder; no_row: not shown
    std::uint64_t files = 0;           // lines that are shown and no folder
};

// Empty when stopped.
[[nodiscard]] ShownFiles pick(const FileUnion& files, const Tally& tally, const FilesOrder& order,
                              const std::atomic<bool>& stop);

} // namespace coldscope::app
