// A million requests in 40 lanes, as the event queue would give them.
#pragma once

#include "core/base/clock.h"
#include "core/request/step.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <vector>

namespace coldscope::bench {

inline constexpr unsigned requests = 1'000'000;
inline constexpr unsigned lane_count = 40;

// Every object is asked by one reader after the other: one lane for each. One in 50 is held, one
// in 200 fails, three in ten are refaults.
inline std::vector<StepRecord> make_records() {
    std::mt19937_64 random(1);
    std::vector<StepRecord> records;
    records.reserve(requests * 5);
    std::array<Nanoseconds, lane_count> free_at;
    free_at.fill(second);
    for (unsigned i = 0; i < requests; ++i) {
        StepRecord record;
        record.object = i % lane_count;
        Nanoseconds time = free_at[record.object] + 1 + random() % (400 * microsecond);
        record.request = i + 1;
        record.pid = 1000 + record.object;
        record.command = {'r', 'e', 'a', 'd', 'e', 'r'};
        record.offset = random() % 100'000 * 4096;
        record.length = 128 * 1024;
        const auto put = [&](Step step) {
            record.step = step;
            record.time = time;
            records.push_back(record);
            time += 1 + random() % (100 * microsecond);
        };
        put(Step::arrived);
        put(Step::matched);
        if (random() % 50 == 0)
            put(Step::held);
        if (random() % 10 < 3) {
            record.flags = flag::refault;
        } else {
            put(Step::fetching);
            put(Step::filling);
        }
        record.result = random() % 200 == 0 ? EIO : 0;
        put(Step::answered);
        free_at[record.object] = time;
    }
    std::stable_sort(records.begin(), records.end(),
                     [](const auto& one, const auto& other) { return one.time < other.time; });
    // Numbers in order of arrival.
    std::vector<RequestId> numbers(requests + 1);
    RequestId next = 0;
    for (StepRecord& record : records) {
        RequestId& number = numbers[record.request];
        if (number == 0)
            number = ++next;
        record.request = number;
    }
    return records;
}

} // namespace coldscope::bench
