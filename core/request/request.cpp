#include "core/request/request.h"

#include <algorithm>

namespace coldscope {

std::optional<Request> RequestLog::take(const StepRecord& record) {
    if (record.step == Step::notice)
        return std::nullopt;
    Request& request = open_[record.request];
    if (request.id == 0)
        begin(request, record);
    request.flags |= record.flags;
    switch (record.step) {
    case Step::arrived:
        request.arrived = record.time;
        return std::nullopt;
    case Step::matched:
    case Step::notice:
        return std::nullopt;
    case Step::held:
        counts_.held += request.held == 0;
        request.held = record.time;
        return std::nullopt;
    case Step::delayed:
        counts_.delayed += request.delayed == 0;
        request.delayed = record.time;
        return std::nullopt;
    case Step::fetching:
        request.fetching = record.time;
        request.fetched += record.length;
        counts_.bytes_fetched += record.length;
        return std::nullopt;
    case Step::filling:
        request.filling = record.time;
        return std::nullopt;
    case Step::answered:
        request.result = record.result;
        counts_.failed += record.result != 0;
        counts_.refaults += (request.flags & flag::refault) != 0;
        break;
    case Step::lost:
        request.lost = true;
        ++counts_.lost;
        break;
    }
    request.ended = record.time;
    if (request.op == Op::read && request.held == 0 && request.delayed == 0 && !request.lost &&
        request.arrived != 0 && request.result == 0)
        latencies_.push_back(request.ended - request.arrived);
    std::optional<Request> ended = std::move(request);
    open_.erase(record.request);
    return ended;
}

// From its first record, which is not that of its arrival where that was lost on the way.
void RequestLog::begin(Request& request, const StepRecord& record) {
    request.id = record.request;
    request.object = record.object;
    request.op = record.op;
    request.pid = record.pid;
    request.offset = record.offset;
    request.command = record.command_name();
    ++counts_.requests;
    if (record.step == Step::fetching)
        return; // its length is what was set off
    request.length = record.length;
    counts_.bytes_asked += record.length;
}

Summary RequestLog::summary() const {
    Summary result = counts_;
    if (latencies_.empty())
        return result;
    std::vector<Nanoseconds> sorted = latencies_;
    std::sort(sorted.begin(), sorted.end());
    // The least that so many of a hundred do not exceed.
    const auto percentile = [&](std::size_t percent) {
        return sorted[(sorted.size() * percent + 99) / 100 - 1];
    };
    result.p50 = percentile(50);
    result.p95 = percentile(95);
    result.max = sorted.back();
    return result;
}

} // namespace coldscope
