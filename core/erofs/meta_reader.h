// Metadata in aligned windows: the last few are kept, so that walking a tree costs few reads. They
// are small, since in a compressed image inodes lie between files' bytes. One thread at a time.
#pragma once

#include "core/base/error.h"
#include "core/base/read_at.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace coldscope::erofs {

class MetaReader {
public:
    static constexpr std::uint64_t window_size = 16 * 1024; // bytes
    static constexpr std::size_t max_view = 64 * 1024;      // bytes

    explicit MetaReader(std::shared_ptr<ReadAt> file) : file_(std::move(file)) {}

    [[nodiscard]] std::uint64_t size() const { return file_->size(); }
    [[nodiscard]] ReadAt& file() { return *file_; }

    // length bytes at offset, at most max_view of them; valid until the next call of view().
    // what: the structure, for the error when the file ends before it does.
    [[nodiscard]] Result<std::span<const std::byte>> view(std::uint64_t offset, std::size_t length,
                                                          const char* what);

private:
    struct Window {
        std::uint64_t number = ~std::uint64_t{0};
        std::uint64_t used = 0;
        std::size_t filled = 0; // bytes
        std::unique_ptr<std::byte[]> bytes;
    };
    // A window has its place in one set, in any of the set's ways.
    static constexpr std::size_t sets = 64;
    static constexpr std::size_t ways = 4;
    using Set = std::array<Window, ways>;

    [[nodiscard]] Result<Window*> window(std::uint64_t number);
    [[nodiscard]] Result<std::span<const std::byte>> across(std::uint64_t offset,
                                                            std::size_t length);

    std::shared_ptr<ReadAt> file_;
    std::vector<Set> sets_;
    Window* latest_ = nullptr;
    std::uint64_t clock_ = 0;
    std::vector<std::byte> joined_; // a view that lies in two windows
};

} // namespace coldscope::erofs
