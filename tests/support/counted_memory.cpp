#include "tests/support/counted_memory.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> peak_bytes{0};
std::atomic<std::size_t> limit_bytes{0};

void* counted(void* block) {
    if (block == nullptr)
        throw std::bad_alloc();
    const std::size_t now =
        live_bytes.fetch_add(malloc_usable_size(block)) + malloc_usable_size(block);
    std::size_t peak = peak_bytes;
    while (peak < now && !peak_bytes.compare_exchange_weak(peak, now)) {
    }
    if (const std::size_t limit = limit_bytes; limit != 0 && now > limit) {
        limit_bytes = 0;
        std::fprintf(stderr, "%zu bytes are live, more than %zu\n", now, limit);
        std::abort();
    }
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
