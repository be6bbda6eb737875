#include "tests/support/counted_memory.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

#include <malloc.h>

// AddressSanitizer compares how memory is taken and given back, and has hooks.
#if defined(__SANITIZE_ADDRESS__)
#define COUNTS_BY_HOOKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNTS_BY_HOOKS 1
#endif
#endif
#if COUNTS_BY_HOOKS
// As in compiler-rt's sanitizer/allocator_interface.h, which GCC does not come with.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*taken)(const volatile void*, std::size_t),
                                              void (*freed)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void* block);
}
#endif

namespace {

std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> peak_bytes{0};
std::atomic<std::size_t> limit_bytes{0};

void add(std::size_t bytes) {
    const std::size_t now = live_bytes.fetch_add(bytes) + bytes;
    std::size_t peak = peak_bytes;
    while (peak < now && !peak_bytes.compare_exchange_weak(peak, now)) {
    }
    if (const std::size_t limit = limit_bytes; limit != 0 && now > limit) {
        limit_bytes = 0;
        std::fprintf(stderr, "%zu bytes are live, more than %zu\n", now, limit);
        std::abort();
    }
}

} // namespace

#if COUNTS_BY_HOOKS

namespace {

void taken(const volatile void*, std::size_t size) {
    add(size);
}

void freed(const volatile void* block) {
    if (block != nullptr)
        live_bytes -= __sanitizer_get_allocated_size(block);
}

[[maybe_unused]] const int hooks = __sanitizer_install_malloc_and_free_hooks(taken, freed);

} // namespace

#else

namespace {

void* counted(void* block) {
    if (block == nullptr)
        throw std::bad_alloc();
    add(malloc_usable_size(block));
    return block;
}

void uncounted(void* block) noexcept {
    if (block != nullptr)
        live_bytes -= malloc_usable_size(block);
    std::free(block);
}

void* aligned(std::size_t size, std::align_val_t alignment) {
    const auto to = static_cast<std::size_t>(alignment);
    return counted(std::aligned_alloc(to, (size + to - 1) / to * to));
}

} // namespace

void* operator new(std::size_t size) {
    return counted(std::malloc(size == 0 ? 1 : size));
}
void* operator new[](std::size_t size) {
    return counted(std::malloc(size == 0 ? 1 : size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return aligned(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return aligned(size, alignment);
}
void operator delete(void* block) noexcept {
    uncounted(block);
}
void operator delete[](void* block) noexcept {
    uncounted(block);
}
void operator delete(void* block, std::size_t) noexcept {
    uncounted(block);
}
void operator delete[](void* block, std::size_t) noexcept {
    uncounted(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
    uncounted(block);
}
void operator delete[](void* block, std::align_val_t) noexcept {
    uncounted(block);
}
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
    uncounted(block);
}
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
    uncounted(block);
}

#endif

namespace coldscope::test {

std::size_t CountedMemory::live() {
    return live_bytes;
}

std::size_t CountedMemory::peak() {
    return peak_bytes;
}

void CountedMemory::forget_peak() {
    peak_bytes = live_bytes.load();
}

std::size_t CountedMemory::set_limit(std::size_t bytes) {
    return limit_bytes.exchange(bytes);
}

} // namespace coldscope::test
