// What a guard's child tells of the page cache: how it is cut does not matter, and whatever is
// taken for a sample has its runs in order, within their files, with a frame for each page. The
// first byte is how many files were asked for, the second how many bytes come at once.
#include "daemon/observe/sample_reader.h"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace coldscope;

// False where it is refused.
bool take(SampleReader& reader, std::span<const std::byte> bytes, std::size_t at_once) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), at_once));
        const auto taken = reader.take(piece);
        if (!taken && taken.error().code != Code::corrupt)
            std::abort();
        if (!taken)
            return false;
        bytes = bytes.subspan(piece.size());
    }
    return true;
}

void look(const sharing::Sample& sample, std::size_t files, std::size_t bytes) {
    std::uint64_t runs = 0, frames = 0;
    for (const sharing::SeenFile& file : sample.files) {
        if (file.first_run != runs || (file.sys_errno != 0 && file.runs != 0))
            std::abort();
        runs += file.runs;
        std::uint64_t page = 0;
        for (const sharing::SeenRun& run : sample.runs_of(file)) {
            if (run.first_frame != frames || run.page < page || run.count == 0 ||
                (run.page + run.count - 1) * 4096 >= file.size)
                std::abort();
            frames += run.count;
            page = run.page + run.count;
        }
    }
    if (sample.files.size() != files || runs != sample.runs.size() ||
        frames != sample.frames.size() || frames > bytes / sizeof(std::uint64_t))
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    const std::size_t files = data[0];
    const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
    SampleReader whole(files), cut(files);
    const bool taken = take(whole, bytes, size);
    if (take(cut, bytes, data[1] + std::size_t{1}) != taken)
        std::abort();
    if (!taken)
        return 0;
    const auto sample = whole.finish();
    if (sample)
        look(*sample, files, size);
    else if (sample.error().code != Code::truncated)
        std::abort();
    if (!sample)
        look(whole.give_up(), files, size);
    if (!cut.finish())
        look(cut.give_up(), files, size);
    return 0;
}
