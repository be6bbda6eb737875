// How far a comparison is, and whether to go on with it.
#pragma once

#include "core/base/error.h"

#include <cstdint>
#include <functional>

namespace coldscope::compare {

enum class Phase : std::uint8_t {
    devices,  // bytes of blobs that may be the same
    paths,    // paths
    contents, // bytes of files at the same path
    moves,    // bytes of files that may have moved
    blocks,   // bytes of what is to be fetched, and of the old image
};

struct Progress {
    Phase phase = Phase::devices;
    std::uint64_t done = 0;
    std::uint64_t total = 0; // paths or bytes, by the phase; an estimate
};

// False gives the comparison up. Called for each path, and for each MiB that is read.
using Report = std::function<bool(const Progress&)>;

class Meter {
public:
    explicit Meter(const Report& report) : report_(report) {}

    [[nodiscard]] Result<void> begin(Phase phase, std::uint64_t total);
    // Errors: cancelled.
    [[nodiscard]] Result<void> advance(std::uint64_t count);

private:
    [[nodiscard]] Result<void> tell();

    const Report& report_;
    Progress progress_;
    std::uint64_t told_ = 0;
    std::uint64_t step_ = 0;
};

} // namespace coldscope::compare
