// Values by number: equal ones have one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace coldscope::sharing {

// Puts the items in order, each once; returns for each as it was before its number now.
template <typename T>
std::vector<std::uint32_t> intern(std::vector<T>& items) {
    std::vector<std::uint32_t> order(items.size());
    std::iota(order.begin(), order.end(), 0U);
    const auto item = [&items](std::uint32_t i) -> const T& { return items[i]; };
    if (!std::ranges::is_sorted(items))
        std::ranges::sort(order, {}, item);
    std::vector<std::uint32_t> places(items.size());
    std::vector<T> kept;
    for (const std::uint32_t i : order) {
        if (kept.empty() || kept.back() != items[i])
            kept.push_back(items[i]);
        places[i] = static_cast<std::uint32_t>(kept.size() - 1);
    }
    items = std::move(kept);
    return places;
}

// Numbers that are found to be one: the least of them stands for all.
class Joined {
public:
    explicit Joined(std::size_t count) : to_(count) { std::iota(to_.begin(), to_.end(), 0U); }
    [[nodiscard]] std::uint32_t least(std::uint32_t at) {
        while (to_[at] != at)
            at = to_[at] = to_[to_[at]];
        return at;
    }
    void join(std::uint32_t a, std::uint32_t b) {
        a = least(a);
        b = least(b);
        to_[std::max(a, b)] = std::min(a, b);
    }

private:
    std::vector<std::uint32_t> to_;
};

} // namespace coldscope::sharing
