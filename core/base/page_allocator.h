// For vectors of bytes that direct I/O may use: they begin at a page, and are not zeroed when they
// grow, since they are filled next.
#pragma once

#include "core/base/checked.h"

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace coldscope {

template <typename T>
struct PageAllocator {
    using value_type = T;
    static constexpr std::size_t page = 4096; // bytes

    PageAllocator() = default;
    template <typename Other>
    PageAllocator(const PageAllocator<Other>&) {}

    [[nodiscard]] T* allocate(std::size_t count) {
        const auto bytes = checked_mul(std::uint64_t{count}, std::uint64_t{sizeof(T)});
        void* const at = bytes && *bytes <= PTRDIFF_MAX - page
                             ? std::aligned_alloc(page, align_up(*bytes, page))
                             : nullptr;
        if (at == nullptr)
            throw std::bad_alloc();
        return static_cast<T*>(at);
    }
    void deallocate(T* at, std::size_t) { std::free(at); }
    template <typename Other>
    void construct(Other* at) {
        ::new (static_cast<void*>(at)) Other;
    }
    template <typename Other, typename... Arguments>
    void construct(Other* at, Arguments&&... arguments) {
        ::new (static_cast<void*>(at)) Other(std::forward<Arguments>(arguments)...);
    }
    template <typename Other>
    bool operator==(const PageAllocator<Other>&) const {
        return true;
    }
};

} // namespace coldscope
