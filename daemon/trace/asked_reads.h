// Which thread has asked each READ of cachefiles. The message does not say it; a tracepoint that is
// passed in the asking thread before the message can be read does, but for the message's number. So
// the two are joined by object and range, and only where one thread alone can have asked: a thread
// waits for one READ at a time. Belongs to the ring thread.
#pragma once

#include "core/base/clock.h"
#include "core/base/range_set.h"
#include "core/request/step.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>

namespace coldscope {

class AskedReads {
public:
    struct Asked {
        std::uint32_t thread = 0;
        Nanoseconds time = 0; // when the kernel began to ask
    };
    // Told of a request whose reader has gone on, or has given up.
    using Resumed = std::function<void(RequestId, Nanoseconds)>;

    static constexpr std::size_t most_threads = 8192;
    // The kernel's fast clock, which stamps tracepoints, and ours differ by less.
    static constexpr Nanoseconds slack = millisecond;

    // taken_over: objects may have been asked for before anything was traced.
    explicit AskedReads(bool taken_over) : taken_over_(taken_over) {}

    // What the tracepoints tell, in order of time; `traced` is their number for an object, which
    // stays the same when it is opened anew. A thread that has no number here (0, -1) counts as
    // lost.
    void asked(std::uint32_t thread, Nanoseconds time, std::uint32_t traced, Range range);
    // The thread's question is over. start: of its range.
    void returned(std::uint32_t thread, Nanoseconds time, std::uint64_t start,
                  const Resumed& resumed);
    // Some of asked() were lost: until all that was asked by now has been read, nobody is certain.
    void lost_asked();
    void lost_returned();

    // What the messages tell; `object` is the number there.
    void opened(std::uint32_t object, std::uint32_t traced);
    // The kernel has taken the answer to OPEN: from now on it gives out READs of the object.
    void served(std::uint32_t object);
    void closed(std::uint32_t object);
    // There was no message: all that was asked of a served object by now has been read.
    void nothing_waits();

    // Who asked a READ that was read not before `began`; nothing unless it is certain.
    [[nodiscard]] std::optional<Asked> match(std::uint32_t object, Range range, Nanoseconds began);
    // The request of a match(), for Resumed.
    void belongs(const Asked& asked, RequestId request);
    // Some request waits for its reader to go on.
    [[nodiscard]] bool awaits() const { return matched_ != 0; }

private:
    struct Thread {
        Nanoseconds time = 0;
        Nanoseconds left = 0; // when its question was over; 0: it waits
        std::uint32_t traced = 0;
        Range range;
        bool matched = false;
        RequestId request = 0;
    };
    struct Object {
        std::uint32_t traced = 0;
        bool served = false;
        bool certain = false; // every READ that is still to be read was traced
    };
    using Threads = std::unordered_map<std::uint32_t, Thread>;

    Threads::iterator forget(Threads::iterator thread);

    bool taken_over_;
    bool gap_ = false;
    Threads threads_; // that have asked and not returned, but for a few
    std::unordered_map<std::uint32_t, Object> objects_;
    std::size_t uncertain_ = 0; // objects
    std::size_t matched_ = 0;   // threads
};

} // namespace coldscope
