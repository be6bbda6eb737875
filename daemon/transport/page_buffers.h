// Buffers for direct I/O: their addresses and lengths are whole pages. A few are kept, since new
// ones cost page faults.
#pragma once

#include "core/base/checked.h"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace coldscope {

class PageBuffers {
public:
    static constexpr std::size_t page = 4096; // bytes

    class Buffer {
    public:
        Buffer() = default;
        explicit Buffer(std::size_t size)
            : bytes_(static_cast<std::byte*>(std::aligned_alloc(page, size))), size_(size) {
            if (!bytes_)
                throw std::bad_alloc();
        }
        [[nodiscard]] std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }

    private:
        struct Free {
            void operator()(std::byte* bytes) const { std::free(bytes); }
        };
        std::unique_ptr<std::byte, Free> bytes_;
        std::size_t size_ = 0;
    };

    // At least so many bytes; what they hold means nothing.
    [[nodiscard]] Buffer take(std::size_t size) {
        if (!spare_.empty() && spare_.back().bytes().size() >= size) {
            Buffer buffer = std::move(spare_.back());
            spare_.pop_back();
            spare_bytes_ -= buffer.bytes().size();
            return buffer;
        }
        return Buffer(align_up(size, page));
    }
    void give_back(Buffer buffer) {
        if (spare_bytes_ + buffer.bytes().size() > most_spare)
            return;
        spare_bytes_ += buffer.bytes().size();
        spare_.push_back(std::move(buffer));
    }

private:
    static constexpr std::size_t most_spare = 8u << 20; // bytes

    std::vector<Buffer> spare_;
    std::size_t spare_bytes_ = 0;
};

} // namespace coldscope
