// The samples of one perf event of a tracepoint, on one processor. The newest are kept, older ones
// are overwritten. Source of the layout: perf_event_open(2); include/uapi/linux/perf_event.h.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace coldscope {

class PerfRing {
public:
    struct Sample {
        std::uint32_t thread = 0;
        std::uint64_t time = 0;           // ns
        std::span<const std::byte> bytes; // live until the call returns
    };

    // event: opened as guard::open_trace() does.
    [[nodiscard]] static Result<PerfRing> map(Fd event);
    PerfRing(PerfRing&& other) noexcept;
    PerfRing& operator=(PerfRing&&) = delete;
    ~PerfRing();

    // Samples since the last call, newest first. False: older ones were overwritten before they
    // could be taken.
    bool take(const std::function<void(const Sample&)>& sample);
    [[nodiscard]] int fd() const { return event_.get(); }

private:
    PerfRing(Fd event, void* memory) : event_(std::move(event)), memory_(memory) {}

    Fd event_;
    void* memory_; // a page that describes, then the data; owned
    std::uint64_t seen_ = 0;
    std::vector<std::byte> copy_;
};

// One run of records, newest first, as they stand in the ring. A record that is cut off ends it.
void parse_samples(std::span<const std::byte> records,
                   const std::function<void(const PerfRing::Sample&)>& sample);

} // namespace coldscope
