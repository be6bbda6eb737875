// Requests made up for a store, one call each.
#pragma once

#include "core/request/event_store.h"

#include <cerrno>

namespace coldscope {

enum class Kind {
    answered,
    refault,
    was_held,
    was_delayed,
    failed,
    lost,
    prefetched,
    held, // these and those below are open; `end` is not used
    delayed,
    fetching,
};

class MadeRun {
public:
    explicit MadeRun(EventStore& store) : store_(store) {}

    std::uint64_t offset = 0;
    std::uint64_t length = 4096;
    std::uint32_t pid = 42;

    // Its row. Calls are in order of start.
    Row add(ObjectId object, Nanoseconds start, Nanoseconds end, Kind kind = Kind::answered) {
        StepRecord record;
        record.request = ++last_;
        record.object = object;
        record.offset = offset;
        record.length = length;
        record.pid = pid;
        record.command = {'c', 'a', 't'};
        const auto put = [&](Step step, Nanoseconds time) {
            record.step = step;
            record.time = time;
            return *store_.take(record);
        };
        const Row row = put(Step::arrived, start);
        const Nanoseconds part = (end - start) / 4;
        switch (kind) {
        case Kind::held:
            put(Step::held, start);
            return row;
        case Kind::delayed:
            put(Step::delayed, start);
            return row;
        case Kind::fetching:
            put(Step::fetching, start);
            return row;
        case Kind::was_held:
            put(Step::held, start + 1);
            put(Step::fetching, start + 2 * part);
            break;
        case Kind::was_delayed:
            put(Step::delayed, start + 1);
            put(Step::fetching, start + 2 * part);
            break;
        case Kind::refault:
            record.flags = flag::refault;
            break;
        case Kind::failed:
            record.result = EIO;
            break;
        case Kind::answered:
            put(Step::fetching, start + part);
            put(Step::filling, start + 3 * part);
            break;
        case Kind::lost:
            break;
        case Kind::prefetched:
            record.flags = flag::prefetch;
            put(Step::fetching, start + part);
            put(Step::filling, start + 3 * part);
            break;
        }
        put(kind == Kind::lost ? Step::lost : Step::answered, end);
        return row;
    }

private:
    EventStore& store_;
    RequestId last_ = 0;
};

} // namespace coldscope
