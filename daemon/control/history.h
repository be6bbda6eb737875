// What a run that can be attached to remembers of its events: the newest records, numbered from 0,
// and all steps of the requests that are open.
#pragma once

#include "core/request/step.h"

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace coldscope::attach {

class History {
public:
    // capacity: records of 64 bytes; rounded up to a power of two.
    explicit History(std::size_t capacity);

    void add(const StepRecord& record);
    [[nodiscard]] std::uint64_t end() const { return end_; } // the next record's number
    [[nodiscard]] std::uint64_t first() const;               // the oldest that is still here
    // Records from `from` on, as many as lie behind each other in memory; from is in [first, end).
    [[nodiscard]] std::span<const StepRecord> from(std::uint64_t from) const;
    // All steps of the open requests, by request, each in order of time.
    [[nodiscard]] std::vector<StepRecord> open_steps() const;

private:
    void note_open(const StepRecord& record);
    void forget_oldest();

    std::vector<StepRecord> records_;
    std::size_t mask_;
    std::uint64_t end_ = 0;
    std::unordered_map<RequestId, std::vector<StepRecord>> open_;
};

} // namespace coldscope::attach
