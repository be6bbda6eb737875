#include "core/request/request.h"

namespace coldscope {

void Tally::step(const RequestRow& row, const Steering& steering, const StepRecord& record) {
    if (((row.flags | record.flags) & flag::background) != 0) {
        if (record.step == Step::fetching)
            ((record.flags & flag::prefetch) != 0 ? counts_.bytes_prefetched
                                                  : counts_.bytes_amplified) += record.length;
        return;
    }
    if (!row.length_known && record.step != Step::fetching)
        counts_.bytes_asked += record.length;
    switch (record.step) {
    case Step::arrived:
    case Step::matched:
    case Step::filling:
    case Step::notice:
        break;
    case Step::held:
        counts_.held += steering.held == 0;
        break;
    case Step::delayed:
        counts_.delayed += steering.delayed == 0;
        break;
    case Step::fetching:
        counts_.bytes_missed += record.length;
        break;
    case Step::answered:
        counts_.failed += record.result != 0;
        counts_.opened += row.op != Op::read && record.result == 0;
        counts_.refaults += ((row.flags | record.flags) & flag::refault) != 0;
        if (row.op == Op::read && record.result == 0 && steering.held == 0 &&
            steering.delayed == 0 && row.arrived() != 0)
            latencies_.add(record.time < row.start ? 0 : record.time - row.start);
        break;
    case Step::lost:
        ++counts_.lost;
        break;
    }
}

Summary Tally::summary() const {
    Summary result = counts_;
    result.p50 = latencies_.percentile(50);
    result.p95 = latencies_.percentile(95);
    result.max = latencies_.max();
    return result;
}

Request to_request(const RequestRow& row, const Steering& steering, const Reader& reader) {
    Request request;
    request.id = row.id;
    request.object = row.object;
    request.op = row.op;
    request.flags = row.flags;
    request.pid = reader.pid;
    request.offset = row.offset;
    request.length = row.length;
    request.fetched = row.fetched;
    request.arrived = row.arrived();
    request.held = steering.held;
    request.delayed = steering.delayed;
    request.fetching = row.fetching;
    request.filling = row.filling;
    request.ended = row.ended;
    request.result = row.result;
    request.lost = row.last == Step::lost;
    request.command = reader.name();
    return request;
}

std::optional<Request> RequestLog::take(const StepRecord& record) {
    if (!is_request_step(record.step))
        return std::nullopt;
    const auto [at, is_new] = open_.try_emplace(record.request);
    Open& open = at->second;
    if (is_new) {
        open.row = begin(record);
        open.reader = reader_of(record);
        tally_.begin(record);
    }
    tally_.step(open.row, open.steering, record);
    apply(open.row, record);
    apply(open.steering, record);
    if (open.row.open())
        return std::nullopt;
    Request ended = to_request(open.row, open.steering, open.reader);
    open_.erase(at);
    return ended;
}

} // namespace coldscope
