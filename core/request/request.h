// Requests put together again from their steps.
#pragma once

#include "core/base/clock.h"
#include "core/request/latency.h"
#include "core/request/row.h"
#include "core/request/step.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace coldscope {

struct Request {
    RequestId id = 0;
    ObjectId object = 0;
    Op op = Op::read;
    std::uint16_t flags = 0; // of all its steps
    std::uint32_t pid = 0;
    std::uint64_t offset = 0; // bytes
    std::uint64_t length = 0;
    std::uint64_t fetched = 0; // bytes that this request set off
    // CLOCK_MONOTONIC ns; 0 where the step did not happen.
    Nanoseconds arrived = 0;
    Nanoseconds held = 0;
    Nanoseconds delayed = 0;
    Nanoseconds fetching = 0;
    Nanoseconds filling = 0;
    Nanoseconds ended = 0;
    std::int32_t result = 0;
    bool lost = false;
    std::string command;
};

// What a run came to: counts are of readers' requests. Latencies are of answered reads, without
// those that were held or delayed.
struct Summary {
    std::uint64_t requests = 0;
    std::uint64_t failed = 0;
    std::uint64_t lost = 0;
    std::uint64_t held = 0;
    std::uint64_t delayed = 0;
    std::uint64_t refaults = 0;
    std::uint64_t opened = 0; // objects that were opened or closed
    std::uint64_t bytes_asked = 0;
    // That were set off, in whole granules of the cache: by misses, around them, ahead of them.
    std::uint64_t bytes_missed = 0;
    std::uint64_t bytes_amplified = 0;
    std::uint64_t bytes_prefetched = 0;
    std::uint64_t prefetches = 0; // and amplifications: none of them is among the requests
    Nanoseconds p50 = 0;
    Nanoseconds p95 = 0;
    Nanoseconds max = 0;

    [[nodiscard]] std::uint64_t bytes_fetched() const {
        return bytes_missed + bytes_amplified + bytes_prefetched;
    }
};

// Counts of requests and their latencies. 60 KiB, however many there are.
class Tally {
public:
    void begin(const StepRecord& record) {
        ++((record.flags & flag::background) != 0 ? counts_.prefetches : counts_.requests);
    }
    // A step of a request, before it is applied to row and steering.
    void step(const RequestRow& row, const Steering& steering, const StepRecord& record);
    // Percentiles to 1 %. O(1).
    [[nodiscard]] Summary summary() const;

private:
    Summary counts_;
    Latencies latencies_;
};

[[nodiscard]] Request to_request(const RequestRow& row, const Steering& steering,
                                 const Reader& reader);

// Keeps the open requests alone; EventStore keeps all.
class RequestLog {
public:
    // Takes the next record; returns the request when this step ended it. A request whose earlier
    // steps were lost is still one, with 0 where their time would be.
    std::optional<Request> take(const StepRecord& record);
    [[nodiscard]] Summary summary() const { return tally_.summary(); }

private:
    struct Open {
        RequestRow row;
        Steering steering;
        Reader reader;
    };

    std::unordered_map<RequestId, Open> open_;
    Tally tally_;
};

} // namespace coldscope
