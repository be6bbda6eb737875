// Lists of reads for the simulated kernel, one a line:
//
//   TIME PROCESS PATH [OFFSET LENGTH]
//
// TIME after the start ("0ms", "1.5s"); PATH in the image, in double quotes if it has spaces;
// without OFFSET and LENGTH (bytes, or as 64K) the whole file. # begins a comment.
// The reads of one process follow each other, each no sooner than its time.
#pragma once

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/erofs/index.h"

#include <string>
#include <string_view>
#include <vector>

namespace coldscope {

struct SimulatedRead {
    Nanoseconds at = 0; // after the start
    std::string process;
    std::string path;
    std::uint64_t offset = 0;
    std::uint64_t length = ~std::uint64_t{0}; // clipped to the file
};

// Code::invalid with the byte offset of the word that is wrong.
[[nodiscard]] Result<std::vector<SimulatedRead>> parse_read_list(std::string_view text);

// What a starting program might read: some of the image's files, evenly chosen, two processes.
[[nodiscard]] std::vector<SimulatedRead> example_reads(const erofs::Index& index);

} // namespace coldscope
