#include "daemon/observe/sample_reader.h"

#include "core/base/cursor.h"
#include "core/sharing/mark.h"
#include "daemon/guard/observing.h"
#include "daemon/guard/resident_pages.h"

#include <cerrno>
#include <utility>

namespace coldscope {

namespace {

constexpr std::size_t file_bytes = 3 * sizeof(std::uint64_t);

std::unexpected<Error> wrong(const char* what) {
    return failure(Code::corrupt, what);
}

} // namespace

Result<void> SampleReader::take(std::span<const std::byte> bytes) {
    const bool joined = !partial_.empty();
    if (joined)
        partial_.insert(partial_.end(), bytes.begin(), bytes.end());
    std::span<const std::byte> left = joined ? std::span<const std::byte>(partial_) : bytes;
    while (!left.empty()) {
        COLDSCOPE_TRY(const std::size_t used, record(left));
        if (used == 0)
            break;
        left = left.subspan(used);
    }
    partial_ = std::vector<std::byte>(left.begin(), left.end());
    return {};
}

Result<std::size_t> SampleReader::record(std::span<const std::byte> bytes) {
    Cursor cursor(bytes);
    const auto kind = static_cast<guard::Seen>(cursor.u32());
    const std::uint32_t number = cursor.u32();
    if (!cursor.ok())
        return 0;
    if (ended_)
        return wrong("an observation goes on behind its end");
    switch (kind) {
    case guard::Seen::file: {
        const auto fields = cursor.bytes(file_bytes);
        if (!cursor.ok())
            return 0;
        COLDSCOPE_CHECK(file(number, fields));
        return cursor.at();
    }
    case guard::Seen::run: {
        if (number == 0 || number > guard::ResidentPages::longest_run)
            return wrong("a run of a wrong length was observed");
        const std::uint64_t page = cursor.u64();
        const auto frames = cursor.bytes(number * sizeof(std::uint64_t));
        if (!cursor.ok())
            return 0;
        COLDSCOPE_CHECK(run(page, frames));
        return cursor.at();
    }
    case guard::Seen::broken:
        if (!in_file_ || number == 0 || !std::in_range<int>(number))
            return wrong("an error of no file was observed");
        broken(static_cast<int>(number));
        return cursor.at();
    case guard::Seen::stacked:
        if (!in_file_)
            return wrong("an overlay's file that is none was observed");
        sample_.files.back().stacked = true;
        return cursor.at();
    case guard::Seen::end:
        sample_.gone = cursor.u64();
        if (!cursor.ok())
            return 0;
        ended_ = true;
        return cursor.at();
    }
    return wrong("an unknown record was observed");
}

Result<void> SampleReader::file(std::uint32_t error, std::span<const std::byte> bytes) {
    if (sample_.files.size() == expected_ || !std::in_range<int>(error))
        return wrong("a file that nobody asked for was observed");
    Cursor cursor(bytes);
    sharing::SeenFile seen;
    seen.sys_errno = static_cast<int>(error);
    seen.device = cursor.u64();
    seen.inode = cursor.u64();
    seen.size = cursor.u64();
    seen.first_run = sample_.runs.size();
    sample_.files.push_back(seen);
    in_file_ = error == 0;
    return {};
}

Result<void> SampleReader::run(std::uint64_t page, std::span<const std::byte> frames) {
    const std::uint64_t count = frames.size() / sizeof(std::uint64_t);
    if (!in_file_ || sample_.frames.size() + count > most_frames)
        return wrong("more pages than there can be were observed");
    sharing::SeenFile& file = sample_.files.back();
    const std::uint64_t size =
        file.size / sharing::page_size + (file.size % sharing::page_size != 0);
    sharing::SeenRun* last = file.runs == 0 ? nullptr : &sample_.runs.back();
    if (page > size || count > size - page || (last && page < last->page + last->count))
        return wrong("pages where the file has none were observed");
    if (last && last->page + last->count == page) {
        last->count += count;
    } else {
        sample_.runs.push_back({page, count, sample_.frames.size()});
        ++file.runs;
    }
    Cursor cursor(frames);
    for (std::uint64_t i = 0; i < count; ++i)
        sample_.frames.push_back(cursor.u64());
    return {};
}

// Nothing else is known of it.
void SampleReader::broken(int error) {
    sharing::SeenFile& file = sample_.files.back();
    if (file.runs != 0)
        sample_.frames.resize(sample_.runs[file.first_run].first_frame);
    sample_.runs.resize(file.first_run);
    file.runs = 0;
    file.sys_errno = error;
    in_file_ = false;
}

Result<sharing::Sample> SampleReader::finish() {
    if (!ended_ || sample_.files.size() != expected_)
        return failure(Code::truncated, "the observation ended early");
    return std::move(sample_);
}

sharing::Sample SampleReader::give_up() {
    if (in_file_ && !ended_)
        broken(ETIMEDOUT);
    sharing::SeenFile missing;
    missing.sys_errno = ETIMEDOUT;
    missing.first_run = sample_.runs.size();
    sample_.files.resize(expected_, missing);
    return std::move(sample_);
}

} // namespace coldscope
