#include "core/erofs/meta_reader.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace coldscope::erofs {

Result<std::span<const std::byte>> MetaReader::view(std::uint64_t offset, std::size_t length,
                                                    const char* what) {
    const std::uint64_t size = file_->size();
    if (length > max_view)
        return failure(Code::invalid, fmt::format("{}: a view of {} bytes", what, length), offset);
    if (offset > size || length > size - offset)
        return failure(Code::truncated,
                       fmt::format("{} of {} bytes at byte {} lies past the end of the file", what,
                                   length, offset),
                       size);
    const std::uint64_t number = offset / window_size;
    const auto within = static_cast<std::size_t>(offset % window_size);
    if (within + length > window_size)
        return across(offset, length);
    COLDSCOPE_TRY(const Window* found, window(number));
    if (within + length > found->filled)
        return failure(Code::truncated, fmt::format("{}: the file became shorter", what), offset);
    return std::span<const std::byte>(found->bytes.get() + within, length);
}

Result<MetaReader::Window*> MetaReader::window(std::uint64_t number) {
    if (latest_ != nullptr && latest_->number == number)
        return latest_;
    if (sets_.empty())
        sets_.resize(sets);
    Set& set = sets_[number % sets];
    auto found = std::ranges::find(set, number, &Window::number);
    if (found == set.end())
        found = std::ranges::min_element(set, {}, &Window::used);
    Window& window = *found;
    window.used = ++clock_;
    latest_ = &window;
    if (window.number == number)
        return &window;
    const std::uint64_t start = number * window_size;
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(window_size, file_->size() - start));
    window.number = ~std::uint64_t{0};
    if (window.filled < length || window.bytes == nullptr)
        window.bytes = std::make_unique_for_overwrite<std::byte[]>(length);
    window.filled = length;
    COLDSCOPE_CHECK(file_->read(start, std::span(window.bytes.get(), length)));
    window.number = number;
    return &window;
}

Result<std::span<const std::byte>> MetaReader::across(std::uint64_t offset, std::size_t length) {
    joined_.resize(length);
    std::size_t done = 0;
    while (done < length) {
        const std::uint64_t at = offset + done;
        const auto within = static_cast<std::size_t>(at % window_size);
        COLDSCOPE_TRY(const Window* part, window(at / window_size));
        if (within >= part->filled)
            return failure(Code::truncated, "the file became shorter", at);
        const std::size_t count = std::min(length - done, part->filled - within);
        std::memcpy(joined_.data() + done, part->bytes.get() + within, count);
        done += count;
    }
    return std::span<const std::byte>(joined_);
}

} // namespace coldscope::erofs
