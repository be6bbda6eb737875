// What was seen of the page cache at one time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace coldscope::sharing {

// Pages that were resident, one behind the other.
struct SeenRun {
    std::uint64_t page = 0;        // its first page's number in the file
    std::uint64_t count = 0;       // pages
    std::uint64_t first_frame = 0; // the first of `count` in Sample::frames
};

struct SeenFile {
    int sys_errno = 0;        // it could not be looked at: nothing else is known
    std::uint64_t device = 0; // st_dev, of the mount's file system
    std::uint64_t inode = 0;  // st_ino
    bool stacked = false;     // an overlay's, which has another number for the inode that it shows
    std::uint64_t size = 0;   // bytes
    std::uint64_t first_run = 0; // in Sample::runs
    std::uint64_t runs = 0;
};

struct Sample {
    std::uint64_t taken = 0;     // CLOCK_MONOTONIC at its beginning, ns
    std::uint64_t cost = 0;      // ns that the observation took
    std::uint64_t gone = 0;      // pages that left memory while they were looked at
    std::vector<SeenFile> files; // in the order in which they were asked for
    std::vector<SeenRun> runs;   // of each file in order of their pages
    // Physical page frame numbers, or names of them; 0: it could not be told. Two equal ones are
    // one page of memory.
    std::vector<std::uint64_t> frames;

    [[nodiscard]] std::span<const SeenRun> runs_of(const SeenFile& file) const {
        return std::span(runs).subspan(file.first_run, file.runs);
    }
    [[nodiscard]] std::span<const std::uint64_t> frames_of(const SeenRun& run) const {
        return std::span(frames).subspan(run.first_frame, run.count);
    }
};

} // namespace coldscope::sharing
