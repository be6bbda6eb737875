// The inodes of a Sample: one may be seen by several names or mounts.
#pragma once

#include "core/sharing/table.h"
#include "core/sharing/usage.h"

#include <cstdint>
#include <span>
#include <vector>

namespace coldscope::sharing {

struct SeenInode {
    std::uint32_t sampled = 0;    // the first that could be looked at, in Sample::files: it counts
    std::uint32_t file = no_file; // of the table; no_file: what an image is mounted from
    std::uint32_t image = 0;
    std::uint32_t blob = no_group; // likewise, which one it is
};

struct SeenInodes {
    std::vector<SeenInode> list;        // in order of images
    std::vector<std::uint32_t> of_file; // of each of Sample::files; no_group: left out
    std::size_t strangers = 0;          // of Sample::files: see Observed::strangers()
};

// What could not be looked at, is none of the images' files, or has another size than the image's
// file, is left out.
[[nodiscard]] SeenInodes seen_inodes(const Table& table, const Sample& sample,
                                     std::span<const SampledFile> files);

// What a sample says of its runs is not taken on trust: pages behind the file's end are cut off.
template <typename Each> // each(first page, frames)
void for_each_seen_run(const Sample& sample, const SeenFile& file, std::uint64_t pages,
                       const Each& each) {
    for (const SeenRun& run : sample.runs_of(file)) {
        if (run.page < pages)
            each(run.page, sample.frames_of(run).first(static_cast<std::size_t>(
                               std::min<std::uint64_t>(run.count, pages - run.page))));
    }
}

} // namespace coldscope::sharing
