#include "daemon/guard/resident_pages.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 // Linux 5.14
#endif

namespace coldscope::guard {

namespace {

constexpr std::uint64_t page_bytes = 4096; // the guard asks the kernel whether it is so
constexpr long cachestat_number = 451;
constexpr std::uint64_t present_bit = std::uint64_t{1} << 63; // of an entry of the page map
constexpr std::uint64_t frame_bits = (std::uint64_t{1} << 55) - 1;

// Of those that allow pre-content events (SB_I_ALLOW_HSM, Linux 6.14): ext4, XFS, Btrfs, bcachefs.
constexpr std::array<std::uint64_t, 4> marked_types{0xef53, 0x58465342, 0x9123683e, 0xca451a4e};

struct CachestatRange {
    std::uint64_t offset;
    std::uint64_t length;
};
struct Cachestat {
    std::uint64_t cached; // pages
    std::uint64_t others[4];
};

// What this process had to wait for a disk for.
std::uint64_t major_faults() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_majflt);
}

class Mapping {
public:
    Mapping(int file, std::uint64_t offset, std::size_t length)
        : at_(mmap(nullptr, length, PROT_READ, MAP_PRIVATE, file, static_cast<off_t>(offset))),
          length_(length) {}
    ~Mapping() {
        if (*this)
            munmap(at_, length_);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    explicit operator bool() const { return at_ != MAP_FAILED; }
    [[nodiscard]] char* at(std::size_t pages) const {
        return static_cast<char*>(at_) + pages * page_bytes;
    }

private:
    void* at_;
    std::size_t length_;
};

} // namespace

bool asks_before_mapping(std::uint64_t magic) {
    return std::ranges::find(marked_types, magic) != marked_types.end();
}

ResidentPages::ResidentPages(int pagemap)
    : pagemap_(pagemap), resident_(longest_run), entries_(longest_run) {}

int ResidentPages::look(int file, std::uint64_t size, bool sparsely, Nanoseconds end,
                        const Run& run) {
    const Pages all{0, size / page_bytes + (size % page_bytes != 0 ? 1 : 0)};
    mapped_.clear();
    end_ = end;
    if (!sparsely)
        mapped_.push_back(all);
    else if (const int error = find_cached(file, all); error != 0)
        return error;
    for (const Pages& pages : mapped_) {
        for (std::uint64_t at = pages.begin; at < pages.end; at += longest_run) {
            if (monotonic_now() > end_)
                return ETIME;
            if (const int error = look_at(file, {at, std::min(at + longest_run, pages.end)}, run);
                error != 0)
                return error;
        }
    }
    return 0;
}

// By halves: a call costs what it finds.
int ResidentPages::find_cached(int file, Pages pages) {
    if (pages.begin == pages.end)
        return 0;
    if (monotonic_now() > end_)
        return ETIME;
    const CachestatRange range{pages.begin * page_bytes, (pages.end - pages.begin) * page_bytes};
    Cachestat found{};
    if (syscall(cachestat_number, file, &range, &found, 0u) != 0) {
        if (errno != ENOSYS) // before 6.5, which has no pre-content events either
            return errno;
        found.cached = pages.end - pages.begin;
    }
    if (found.cached == 0)
        return 0;
    if (found.cached >= pages.end - pages.begin) {
        if (!mapped_.empty() && mapped_.back().end == pages.begin)
            mapped_.back().end = pages.end;
        else
            mapped_.push_back(pages);
        return 0;
    }
    const std::uint64_t middle = pages.begin + (pages.end - pages.begin) / 2;
    if (const int error = find_cached(file, {pages.begin, middle}); error != 0)
        return error;
    return find_cached(file, {middle, pages.end});
}

int ResidentPages::look_at(int file, Pages pages, const Run& run) {
    const auto count = static_cast<std::size_t>(pages.end - pages.begin);
    const Mapping mapping(file, pages.begin * page_bytes, count * page_bytes);
    // MADV_RANDOM: neither a page that goes meanwhile nor one at which the kernel would read ahead
    // brings others.
    if (!mapping || madvise(mapping.at(0), count * page_bytes, MADV_RANDOM) != 0 ||
        mincore(mapping.at(0), count * page_bytes, resident_.data()) != 0)
        return errno;
    std::size_t first = count, last = 0;
    std::uint64_t read = 0;
    for (std::size_t at = 0; at < count; ++at) {
        if ((resident_[at] & 1) == 0)
            continue;
        if (first == count) {
            first = at;
            read = major_faults();
        }
        std::size_t end = at + 1;
        while (end < count && (resident_[end] & 1) != 0)
            ++end;
        // Fails where the file has become shorter or can't be read: then no page is there.
        (void)madvise(mapping.at(at), (end - at) * page_bytes, MADV_POPULATE_READ);
        last = end;
        at = end;
    }
    if (first == count)
        return 0;
    gone_ += major_faults() - read;
    const std::size_t bytes = (last - first) * sizeof(std::uint64_t);
    const auto where = reinterpret_cast<std::uintptr_t>(mapping.at(first)) / page_bytes;
    if (pread(pagemap_, entries_.data(), bytes,
              static_cast<off_t>(where * sizeof(std::uint64_t))) != static_cast<ssize_t>(bytes))
        return EIO;
    std::copy(resident_.begin() + static_cast<std::ptrdiff_t>(first),
              resident_.begin() + static_cast<std::ptrdiff_t>(last), resident_.begin());
    tell(pages.begin + first, last - first, run);
    return 0;
}

// Of the pages at `first` on, what resident_ and entries_ say.
void ResidentPages::tell(std::uint64_t first, std::size_t pages, const Run& run) {
    for (std::size_t at = 0; at < pages;) {
        std::size_t end = at;
        for (; end < pages && (resident_[end] & 1) != 0 && (entries_[end] & present_bit) != 0;
             ++end)
            entries_[end] &= frame_bits;
        if (end > at)
            run(first + at, std::span(entries_).subspan(at, end - at));
        else if ((resident_[at] & 1) != 0)
            ++gone_;
        at = std::max(end, at + 1);
    }
}

} // namespace coldscope::guard
