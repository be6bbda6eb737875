// Requests one after the other, as long and as far apart as from 1 ns to 2^most_bits; of the worse
// states one in `rare`.
#pragma once

#include "core/request/event_store.h"
#include "tests/unit/request/random_run.h"

namespace coldscope {

class OneLane {
public:
    OneLane(unsigned seed, unsigned most_bits, unsigned rare)
        : random_(seed), most_bits_(most_bits), rare_(rare) {}

    void append(EventStore& store, unsigned requests) {
        for (unsigned i = 0; i < requests; ++i) {
            time_ += length();
            step(store, Step::arrived, 0);
            if (random_() % rare_ == 0)
                step(store, random_() % 2 == 0 ? Step::held : Step::delayed, 0);
            time_ += length() - 1;
            const bool lost = random_() % (4 * rare_) == 0;
            step(store, lost ? Step::lost : Step::answered, random_() % (2 * rare_) == 0 ? EIO : 0);
            ++id_;
        }
    }

private:
    Nanoseconds length() { return 1 + random_() % (std::uint64_t{1} << random_() % most_bits_); }
    void step(EventStore& store, Step step, std::int32_t result) {
        StepRecord record = make_step(id_, step, time_);
        record.result = result;
        record.flags = step >= Step::answered && random_() % 3 == 0 ? flag::refault : 0;
        store.take(record);
    }

    std::mt19937_64 random_;
    unsigned most_bits_;
    unsigned rare_;
    RequestId id_ = 1;
    Nanoseconds time_ = 1000;
};

} // namespace coldscope
