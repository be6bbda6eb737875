// Pages of equal bytes, by the scans' digests.
#include "core/sharing/page_digests.h"
#include "core/sharing/table.h"

#include <numeric>
#include <tuple>

namespace coldscope::sharing {

namespace {

// What damaged or malicious images can ask for: files that all have the same pages. Those of real
// ones are stored for a few files each, but for pages that many have, as those of zeros.
constexpr std::uint64_t spare_pages = std::uint64_t{1} << 22; // of files
constexpr std::uint64_t pages_each = 8;                       // for each stored one

// each(run's number in the image, file of the table) of all that a scan may have read.
template <typename Each>
void for_each_read_run(const Table& table, std::size_t image, const ImageKeys& keys,
                       const Each& each) {
    for (std::uint32_t run = 0; run < keys.runs.size(); ++run) {
        if (is_keyed(keys.runs[run]))
            each(run, table.images[image].first_file + keys.runs[run].file);
    }
}

// Keeps those that two files have.
void keep_common(std::vector<SamePage>& pages) {
    std::ranges::sort(pages, {},
                      [](const SamePage& p) { return std::tuple(p.digest, p.file, p.page); });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < pages.size();) {
        std::size_t end = i + 1;
        while (end < pages.size() && pages[end].digest == pages[i].digest)
            ++end;
        const bool common = pages[i].file != pages[end - 1].file;
        for (; i < end; ++i) {
            if (common)
                pages[kept++] = pages[i];
        }
    }
    pages.resize(kept);
    pages.shrink_to_fit();
}

} // namespace

Result<void> check_scans(std::span<const Scan> scans, std::span<const Keys> keys) {
    std::uint64_t left = spare_pages;
    for (const Scan& scan : scans)
        left += pages_each * scan.digests().digests.size();
    for (std::size_t image = 0; image < scans.size(); ++image) {
        const ImageKeys& from = keys[image].keys();
        for (std::uint32_t run = 0; run < from.runs.size(); ++run) {
            if (!is_keyed(from.runs[run]))
                continue;
            scans[image].digests().for_each(
                from, run,
                [&left](std::uint64_t, std::uint64_t count, PageState state, const Half*) {
                    left -= std::min(left, state == PageState::known ? count : 1);
                });
            if (left == 0)
                return failure(Code::unsupported, "too many files have the same pages");
        }
    }
    return {};
}

void match_pages(Table& table, std::span<const Scan> scans, std::span<const Keys> keys,
                 std::vector<Found>& found) {
    if (scans.empty())
        return;
    std::vector<SamePage>& same = table.same_pages;
    for (std::size_t image = 0; image < scans.size(); ++image) {
        const ImageKeys& from = keys[image].keys();
        for_each_read_run(table, image, from, [&](std::uint32_t run, std::uint32_t file) {
            scans[image].digests().for_each(
                from, run,
                [&](std::uint64_t page, std::uint64_t count, PageState, const Half* digests) {
                    for (std::uint64_t i = 0; digests != nullptr && i < count; ++i)
                        same.push_back({digests[i], page + i, file});
                });
        });
    }
    keep_common(same);
    table.same_order.resize(same.size());
    std::iota(table.same_order.begin(), table.same_order.end(), 0U);
    const auto place = [&same](std::uint32_t i) { return std::pair(same[i].file, same[i].page); };
    std::ranges::sort(table.same_order, {}, place);

    const auto add = [&found](std::uint32_t file, Range pages, Standing standing) {
        if (!found.empty() && found.back().file == file && found.back().end == pages.begin &&
            found.back().standing == standing)
            found.back().end = pages.end;
        else if (pages.begin < pages.end)
            found.push_back({pages.begin, pages.end, file, standing});
    };
    auto next = table.same_order.begin(); // runs are in the same order
    for (std::size_t image = 0; image < scans.size(); ++image) {
        const ImageKeys& from = keys[image].keys();
        for_each_read_run(table, image, from, [&](std::uint32_t run, std::uint32_t file) {
            scans[image].digests().for_each(
                from, run,
                [&](std::uint64_t page, std::uint64_t count, PageState state, const Half*) {
                    const std::uint64_t end = page + count;
                    if (state == PageState::unreadable)
                        add(file, {page, end}, {Mark::alone, Reason::unreadable});
                    if (state != PageState::known)
                        return;
                    for (; next != table.same_order.end() && place(*next) < std::pair(file, end);
                         ++next) {
                        const std::uint64_t here = same[*next].page;
                        add(file, {page, here}, {Mark::alone, Reason::none});
                        add(file, {here, here + 1}, {Mark::same_bytes, Reason::none});
                        page = here + 1;
                    }
                    add(file, {page, end}, {Mark::alone, Reason::none});
                });
        });
    }
}

} // namespace coldscope::sharing
