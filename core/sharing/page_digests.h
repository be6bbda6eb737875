// What a Scan holds: digests of an image's pages, by where they are stored.
#pragma once

#include "core/sharing/image_keys.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace coldscope::sharing {

enum class PageState : std::uint8_t { left_out, unreadable, known };

struct PageDigests {
    // Pages of a space, one behind the other.
    struct Stretch {
        std::uint64_t space = 0; // see key_of()
        std::uint64_t begin = 0; // pages of the space
        std::uint64_t end = 0;
        std::uint64_t first = 0; // of digests; where they are unreadable: of none
        bool known = false;
    };
    std::vector<Stretch> stretches; // in order of space and begin, disjoint
    std::vector<Half> digests;

    // A local space, the position's place in a page, and the bytes of a page that is not whole.
    [[nodiscard]] static std::uint64_t key_of(const Run& run, std::uint32_t short_page) {
        return (std::uint64_t{run.space} << 2 * page_bits) |
               (run.position % page_size << page_bits) | short_page;
    }

    // Calls each(page of the file, count, state, digests of them) for the pages of a run, in order.
    template <typename Each>
    void for_each(const ImageKeys& keys, std::uint32_t run_number, const Each& each) const;

private:
    template <typename Each>
    void for_each_at(std::uint64_t space, std::uint64_t begin, std::uint64_t end,
                     std::uint64_t page, const Each& each) const;
};

template <typename Each>
void PageDigests::for_each(const ImageKeys& keys, std::uint32_t run_number,
                           const Each& each) const {
    const Run& run = keys.runs[run_number];
    const std::uint64_t size = keys.files[run.file].size;
    const std::uint64_t end = keys.end_page(run_number);
    const std::uint64_t begin = run.position / page_size;
    // The file's last page, where it has a part of one, is by itself.
    const std::uint64_t whole = std::min(end, size / page_size);
    for_each_at(key_of(run, 0), begin, begin + (whole - run.page), run.page, each);
    if (whole < end)
        for_each_at(key_of(run, bytes_in_page(size, whole)), begin + (whole - run.page),
                    begin + (end - run.page), whole, each);
}

template <typename Each>
void PageDigests::for_each_at(std::uint64_t space, std::uint64_t begin, std::uint64_t end,
                              std::uint64_t page, const Each& each) const {
    auto at = std::ranges::upper_bound(stretches, std::pair(space, begin), {},
                                       [](const Stretch& s) { return std::pair(s.space, s.end); });
    while (begin < end) {
        const bool found = at != stretches.end() && at->space == space && at->begin < end;
        const std::uint64_t from = found ? std::max(begin, at->begin) : end;
        if (begin < from)
            each(page, from - begin, PageState::left_out, static_cast<const Half*>(nullptr));
        page += from - begin;
        if (!found)
            return;
        const std::uint64_t to = std::min(end, at->end);
        each(page, to - from, at->known ? PageState::known : PageState::unreadable,
             at->known ? digests.data() + at->first + (from - at->begin) : nullptr);
        page += to - from;
        begin = to;
        ++at;
    }
}

} // namespace coldscope::sharing
