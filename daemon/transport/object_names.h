// What the objects of a run are called, where they come and go: one thread adds, any may read.
#pragma once

#include "core/request/step.h"

#include <array>
#include <atomic>
#include <bit>
#include <memory>
#include <string>
#include <utility>

namespace coldscope {

class ObjectNames {
public:
    ObjectNames() = default;
    ObjectNames(const ObjectNames&) = delete;
    ObjectNames& operator=(const ObjectNames&) = delete;

    // One thread. The object's id: they count from 0.
    ObjectId add(std::string name) {
        const std::uint32_t id = size_.load(std::memory_order_relaxed);
        const auto [block, at] = place(id);
        if (at == 0)
            blocks_[block] = std::make_unique<std::string[]>(first_block << block);
        blocks_[block][at] = std::move(name);
        size_.store(id + 1, std::memory_order_release);
        return id;
    }
    // Any thread. "?" for an id that was not added.
    [[nodiscard]] const std::string& of(ObjectId id) const {
        static const std::string unknown = "?";
        if (id >= size())
            return unknown;
        const auto [block, at] = place(id);
        return blocks_[block][at];
    }
    [[nodiscard]] std::uint32_t size() const { return size_.load(std::memory_order_acquire); }

private:
    static constexpr std::uint32_t first_block = 64; // names; each block is twice the one before

    static std::pair<std::size_t, std::size_t> place(std::uint32_t id) {
        const std::uint64_t from_first = std::uint64_t{id} + first_block;
        const auto block =
            static_cast<std::size_t>(std::bit_width(from_first) - std::bit_width(first_block));
        return {block, from_first - (std::uint64_t{first_block} << block)};
    }

    std::array<std::unique_ptr<std::string[]>, 27> blocks_; // 2^32 names
    std::atomic<std::uint32_t> size_{0};
};

} // namespace coldscope
