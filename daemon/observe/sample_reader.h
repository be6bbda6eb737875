// What a guard's observing child writes (daemon/guard/observing.h), made a Sample of.
#pragma once

#include "core/base/error.h"
#include "core/sharing/sample.h"

#include <cstddef>
#include <span>
#include <vector>

namespace coldscope {

class SampleReader {
public:
    // files: how many were asked for.
    explicit SampleReader(std::size_t files) : expected_(files) { sample_.files.reserve(files); }

    // The next bytes, as they come. Code::corrupt for what can't be true: an unknown record, more
    // files, pages that are out of order or behind the file's end, more than most_frames of them.
    [[nodiscard]] Result<void> take(std::span<const std::byte> bytes);
    // After the last ones. Code::truncated when they are not all.
    [[nodiscard]] Result<sharing::Sample> finish();
    // None come any more: the files that were not looked at to the end get ETIMEDOUT.
    [[nodiscard]] sharing::Sample give_up();

    static constexpr std::size_t most_frames = std::size_t{1} << 26; // 256 GiB of page cache

private:
    // How many bytes of the record there have been used; 0: it is not all there yet.
    [[nodiscard]] Result<std::size_t> record(std::span<const std::byte> bytes);
    [[nodiscard]] Result<void> file(std::uint32_t error, std::span<const std::byte> bytes);
    [[nodiscard]] Result<void> run(std::uint64_t page, std::span<const std::byte> frames);
    void broken(int error);

    std::size_t expected_;
    bool ended_ = false;
    bool in_file_ = false;           // runs may come
    std::vector<std::byte> partial_; // of a record
    sharing::Sample sample_;
};

} // namespace coldscope
