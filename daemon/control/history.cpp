#include "daemon/control/history.h"

#include "core/request/row.h"

#include <algorithm>
#include <bit>

namespace coldscope::attach {

namespace {
// More can only be open where the records of their ends were lost.
constexpr std::size_t most_open = 1u << 17;
constexpr std::size_t usual_steps = 4; // of a request before its end
} // namespace

History::History(std::size_t capacity)
    : records_(std::bit_ceil(capacity)), mask_(records_.size() - 1) {}

std::uint64_t History::first() const {
    return end_ > records_.size() ? end_ - records_.size() : 0;
}

void History::add(const StepRecord& record) {
    records_[end_ & mask_] = record;
    ++end_;
    if (is_request_step(record.step))
        note_open(record);
}

void History::note_open(const StepRecord& record) {
    if (record.step == Step::answered || record.step == Step::lost) {
        open_.erase(record.request);
        return;
    }
    std::vector<StepRecord>& steps = open_[record.request];
    if (steps.empty())
        steps.reserve(usual_steps);
    // A hand can delay the same request as often as it likes: the last time counts.
    if (!steps.empty() && steps.back().step == Step::delayed && record.step == Step::delayed)
        steps.back() = record;
    else
        steps.push_back(record);
    if (open_.size() > most_open)
        forget_oldest();
}

void History::forget_oldest() {
    std::vector<RequestId> ids;
    ids.reserve(open_.size());
    for (const auto& [id, steps] : open_)
        ids.push_back(id);
    std::ranges::nth_element(ids, ids.begin() + static_cast<std::ptrdiff_t>(ids.size() / 2));
    const RequestId middle = ids[ids.size() / 2];
    std::erase_if(open_, [middle](const auto& one) { return one.first < middle; });
}

std::span<const StepRecord> History::from(std::uint64_t from) const {
    const std::size_t at = from & mask_;
    const auto count = std::min<std::uint64_t>(end_ - from, records_.size() - at);
    return std::span(records_).subspan(at, static_cast<std::size_t>(count));
}

std::vector<StepRecord> History::open_steps() const {
    std::vector<RequestId> ids;
    for (const auto& [id, steps] : open_)
        ids.push_back(id);
    std::ranges::sort(ids);
    std::vector<StepRecord> all;
    for (const RequestId id : ids) {
        const auto& steps = open_.at(id);
        all.insert(all.end(), steps.begin(), steps.end());
    }
    return all;
}

} // namespace coldscope::attach
