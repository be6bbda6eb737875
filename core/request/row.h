// A request as it is kept by the million, and the one way in which steps become requests: the log
// of coldscoped and the event store both go through begin() and apply().
#pragma once

#include "core/base/clock.h"
#include "core/request/step.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coldscope {

// Position in an EventStore, in order of arrival.
using Row = std::uint32_t;

// From the most harmless to what a person should see first; a fold shows the greatest in it.
enum class RequestState : std::uint8_t {
    prefetched,  // or amplified: no reader's; open, answered or failed
    refault,     // answered; every byte was local
    answered,    // answered, 0
    filling,     // open; the bytes came
    fetching,    // open; the bytes are on their way
    asked,       // open; arrived or matched
    was_delayed, // answered, 0, after a delay
    was_held,    // answered, 0, after it was held
    delayed,     // open; waits until its due time
    lost,        // nobody waits any more
    failed,      // answered with an errno
    held,        // open; waits for a hand
};
[[nodiscard]] std::string_view name(RequestState state);

// Who asked: interned, since few ask often.
struct Reader {
    std::uint32_t pid = 0;
    std::array<char, 16> command{}; // all NUL behind its end

    bool operator==(const Reader&) const = default;
    [[nodiscard]] std::string_view name() const;
};
[[nodiscard]] Reader reader_of(const StepRecord& record);

// What only few requests have, beside the row.
struct Steering {
    Nanoseconds held = 0; // the last time; 0: never
    Nanoseconds delayed = 0;
};

// Times are CLOCK_MONOTONIC ns, 0 where the step did not happen or its record was lost.
struct RequestRow {
    RequestId id = 0;
    std::uint64_t offset = 0;  // bytes in the object
    std::uint64_t length = 0;  // bytes asked for
    std::uint64_t fetched = 0; // bytes that this request set off
    Nanoseconds start = 0;     // of its first record: the arrival, but for arrival_lost
    Nanoseconds matched = 0;
    Nanoseconds fetching = 0;
    Nanoseconds filling = 0;
    Nanoseconds ended = 0; // when !open()
    ObjectId object = 0;
    std::uint32_t reader = 0;   // in EventStore::reader()
    std::int32_t result = 0;    // errno, when !open()
    std::int32_t rule = 0;      // that matched; 0: none
    std::uint32_t steering = 0; // 0: never held or delayed; else see EventStore::steering()
    std::uint16_t flags = 0;    // of all its steps
    Op op = Op::read;
    Step last : 4 = Step::arrived;
    bool arrival_lost : 1 = false; // its first records never came
    bool length_known : 1 = false;
    bool noted : 1 = false; // EventStore's: is in the list of changes

    [[nodiscard]] bool open() const { return last < Step::answered; }
    // Set off by Coldscope: no reader asked, none waits.
    [[nodiscard]] bool background() const { return (flags & flag::background) != 0; }
    [[nodiscard]] Nanoseconds arrived() const { return arrival_lost ? 0 : start; }
    // Never before its start, whatever the records say. When !open().
    [[nodiscard]] Nanoseconds end() const { return ended < start ? start : ended; }
};
static_assert(sizeof(RequestRow) <= 96);

[[nodiscard]] RequestState state_of(const RequestRow& row, const Steering& steering);

// The row of a request whose first record this is, before that record is applied.
[[nodiscard]] RequestRow begin(const StepRecord& record);
// The next step of an open request; record.step is not notice. An arrival that comes late changes
// nothing. Holding and delaying is kept in the Steering by the second.
void apply(RequestRow& row, const StepRecord& record);
void apply(Steering& steering, const StepRecord& record);

// A step of a request, and one that is known: records of files may hold any byte.
[[nodiscard]] constexpr bool is_request_step(Step step) {
    return step < Step::notice;
}

} // namespace coldscope
