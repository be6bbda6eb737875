#include "core/request/row.h"

#include <algorithm>

namespace coldscope {

std::string_view name(RequestState state) {
    switch (state) {
    case RequestState::prefetched:
        return "prefetched";
    case RequestState::refault:
        return "local already";
    case RequestState::answered:
        return "answered";
    case RequestState::filling:
        return "filling";
    case RequestState::fetching:
        return "fetching";
    case RequestState::asked:
        return "asked";
    case RequestState::was_delayed:
        return "was delayed";
    case RequestState::was_held:
        return "was held";
    case RequestState::delayed:
        return "delayed";
    case RequestState::lost:
        return "lost";
    case RequestState::failed:
        return "failed";
    case RequestState::held:
        return "held";
    }
    return "unknown";
}

std::string_view Reader::name() const {
    const auto end = std::find(command.begin(), command.end(), '\0');
    return {command.data(), static_cast<std::size_t>(end - command.begin())};
}

Reader reader_of(const StepRecord& record) {
    Reader reader;
    reader.pid = record.pid;
    const std::string_view command = record.command_name();
    std::copy(command.begin(), command.end(), reader.command.begin());
    return reader;
}

RequestState state_of(const RequestRow& row, const Steering& steering) {
    if (row.background())
        return RequestState::prefetched;
    switch (row.last) {
    case Step::arrived:
    case Step::matched:
        return RequestState::asked;
    case Step::held:
        return RequestState::held;
    case Step::delayed:
        return RequestState::delayed;
    case Step::fetching:
        return RequestState::fetching;
    case Step::filling:
        return RequestState::filling;
    case Step::lost:
        return RequestState::lost;
    case Step::answered:
    case Step::notice:
        break;
    }
    if (row.result != 0)
        return RequestState::failed;
    if (steering.held != 0)
        return RequestState::was_held;
    if (steering.delayed != 0)
        return RequestState::was_delayed;
    return (row.flags & flag::refault) != 0 ? RequestState::refault : RequestState::answered;
}

RequestRow begin(const StepRecord& record) {
    RequestRow row;
    row.id = record.request;
    row.object = record.object;
    row.op = record.op;
    row.offset = record.offset;
    row.start = record.time;
    row.arrival_lost = record.step != Step::arrived;
    return row;
}

void apply(RequestRow& row, const StepRecord& record) {
    row.flags |= record.flags;
    if (!row.length_known && record.step != Step::fetching) {
        row.length = record.length;
        row.length_known = true;
    }
    switch (record.step) {
    case Step::matched:
        row.matched = record.time;
        row.rule = record.result;
        break;
    case Step::fetching: // its length is what was set off
        row.fetching = record.time;
        row.fetched += record.length;
        break;
    case Step::filling:
        row.filling = record.time;
        break;
    case Step::answered:
        row.result = record.result;
        row.ended = record.time;
        break;
    case Step::lost:
        row.result = record.result;
        row.ended = record.time;
        break;
    case Step::held:
    case Step::delayed:
        break;
    case Step::arrived:
    case Step::notice:
        return;
    }
    row.last = record.step;
}

void apply(Steering& steering, const StepRecord& record) {
    if (record.step == Step::held)
        steering.held = record.time;
    else if (record.step == Step::delayed)
        steering.delayed = record.time;
}

} // namespace coldscope
