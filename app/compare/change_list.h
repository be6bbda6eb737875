// Which changes a table shows, and in which order: picked beside the main thread.
#pragma once

#include "app/compare/comparer.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace coldscope::app {

enum class ChangeColumn { kind, path, what, size_before, size_after, fetch };
inline constexpr int change_columns = static_cast<int>(ChangeColumn::fetch) + 1;

struct ChangeOrder {
    std::string part; // of a path, upper and lower case alike; of either, where a file moved
    std::uint32_t kinds = ~std::uint32_t{0}; // a bit for each compare::Kind
    ChangeColumn column = ChangeColumn::path;
    bool descending = false;
    bool operator==(const ChangeOrder&) const = default;
};

struct ChangeList {
    static constexpr std::uint32_t no_line = ~std::uint32_t{0};
    std::vector<std::uint32_t> lines;        // indices of changes
    std::vector<std::uint32_t> line_of_node; // by node of the open image
    std::uint64_t fetch = 0;                 // bytes, of all lines
};

// Empty when stopped.
[[nodiscard]] ChangeList pick(const Compared& compared, const ChangeOrder& order,
                              const std::atomic<bool>& stop);

} // namespace coldscope::app
