// Which pages of an open file are in memory, and where. Nothing is brought there: only pages that
// mincore(2) calls resident are touched, one by one, so that one that goes meanwhile costs a read
// of itself alone.
#pragma once

#include "core/base/clock.h"
#include "core/base/fd.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <sys/types.h>

namespace coldscope::guard {

// The kernel asks before a file of this type is mapped where somebody has marked it (fanotify's
// pre-content events), and whoever fetches on demand would fetch all of it. `magic` is statfs(2)'s.
[[nodiscard]] bool asks_before_mapping(std::uint64_t magic);

class ResidentPages {
public:
    // Frames are physical page frame numbers; 0 where the kernel hides them.
    using Run = std::function<void(std::uint64_t page, std::span<const std::uint64_t> frames)>;

    // pagemap: /proc/self/pagemap of this process, opened with CAP_SYS_ADMIN; not owned.
    explicit ResidentPages(int pagemap);

    // Runs of at most longest_run pages, in order. size: bytes. An errno, or 0; ETIME after `end`.
    // sparsely: maps nothing but what cachestat(2) says is there (Linux 6.5), for where mapping
    // asks. Not for all: it says 0 of an inode that others' pages serve (EROFS's inode_share), and
    // of overlayfs's.
    [[nodiscard]] int look(int file, std::uint64_t size, bool sparsely, Nanoseconds end,
                           const Run& run);
    // Pages that left memory between two looks at them, so far.
    [[nodiscard]] std::uint64_t gone() const { return gone_; }

    static constexpr std::size_t longest_run = 4096; // pages: what is mapped at once

private:
    struct Pages {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };
    [[nodiscard]] int find_cached(int file, Pages pages);
    [[nodiscard]] int look_at(int file, Pages pages, const Run& run);
    void tell(std::uint64_t first, std::size_t pages, const Run& run);

    int pagemap_;
    std::uint64_t gone_ = 0;
    Nanoseconds end_ = 0;
    std::vector<Pages> mapped_; // of the file
    std::vector<unsigned char> resident_;
    std::vector<std::uint64_t> entries_; // of the page map, then frames
};

} // namespace coldscope::guard
