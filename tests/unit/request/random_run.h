// Step records of a made-up run, in order of time, as the event queue would give them.
#pragma once

#include "core/request/step.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <random>
#include <vector>

namespace coldscope {

inline StepRecord make_step(RequestId id, Step step, std::uint64_t time) {
    StepRecord record;
    record.request = id;
    record.step = step;
    record.time = time;
    record.length = 4096;
    record.pid = 42;
    record.command = {'c', 'a', 't'};
    return record;
}

struct RandomRun {
    unsigned requests = 1000;
    unsigned objects = 4;
    std::uint64_t begin = 1'000'000'000; // ns
    unsigned gap = 1000;                 // between arrivals at most, ns
    unsigned life = 5000;                // of most requests at most, ns
    unsigned lost_percent = 0;           // of records, on their way

    [[nodiscard]] std::vector<StepRecord> records(unsigned seed) const {
        std::mt19937_64 random(seed);
        const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
        std::vector<StepRecord> result;
        std::uint64_t now = begin;
        for (RequestId id = 1; id <= requests; ++id) {
            now += random() % gap;
            StepRecord record = make_step(id, Step::arrived, now);
            record.object = static_cast<ObjectId>(random() % objects);
            record.pid = 100 + static_cast<std::uint32_t>(random() % 5);
            record.offset = random() % 1000 * 4096;
            record.length = random() % 64 * 4096;
            std::uint64_t time = now;
            const auto put = [&](Step step) {
                record.step = step;
                record.time = time;
                time += random() % (life / 4 + 1);
                if (!chance(lost_percent))
                    result.push_back(record);
            };
            if (chance(10)) {
                record.flags = chance(50) ? flag::prefetch : flag::amplified;
                record.pid = 0;
                put(Step::arrived);
                put(Step::fetching);
                put(Step::filling);
                record.result = chance(10) ? EIO : 0;
                put(Step::answered);
                continue;
            }
            put(Step::arrived);
            put(Step::matched);
            if (chance(4))
                put(Step::held);
            if (chance(4))
                put(Step::delayed);
            if (chance(1))
                time += 50 * life;
            if (chance(1))
                continue; // waits to the end
            if (chance(30)) {
                record.flags = flag::refault;
            } else {
                put(Step::fetching);
                put(Step::filling);
            }
            record.result = chance(3) ? EIO : 0;
            put(chance(2) ? Step::lost : Step::answered);
        }
        std::stable_sort(result.begin(), result.end(),
                         [](const auto& one, const auto& other) { return one.time < other.time; });
        return result;
    }
};

} // namespace coldscope
