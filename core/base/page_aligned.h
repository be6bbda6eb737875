// Memory that begins on a page, for direct I/O. What vectors grow by is not zeroed.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace coldscope {

template <typename T>
struct PageAligned {
    using value_type = T;
    static constexpr std::align_val_t page{4096};

    PageAligned() = default;
    template <typename U>
    PageAligned(const PageAligned<U>&) {} // NOLINT(google-explicit-constructor): as allocators are

    [[nodiscard]] T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new(count * sizeof(T), page));
    }
    void deallocate(T* memory, std::size_t count) {
        ::operator delete(memory, count * sizeof(T), page);
    }
    template <typename U, typename... Values>
    void construct(U* at, Values&&... values) {
        if constexpr (sizeof...(Values) == 0)
            ::new (static_cast<void*>(at)) U;
        else
            ::new (static_cast<void*>(at)) U(std::forward<Values>(values)...);
    }
    bool operator==(const PageAligned&) const = default;
};

} // namespace coldscope
