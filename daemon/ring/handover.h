// Two threads, of which one leads. Who leads may go away for a call that can block; when it isn't
// back soon, the other leads, and it stands by in its place.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace coldscope {

class Handover {
public:
    using Absence = std::uint64_t;

    // Of the one that leads, around the call. Only while has_relief(): else nobody would lead.
    [[nodiscard]] Absence leave();
    // False: the other leads now. What it may have done meanwhile belongs to it.
    [[nodiscard]] bool back(Absence absence);
    [[nodiscard]] bool has_relief() const { return relief_; }

    // Of the other: true when it leads from now on, false after end().
    [[nodiscard]] bool stand_by();
    void end();
    void begin_again(); // after end(), when both have seen it

private:
    std::atomic<Absence> away_{0}; // 0: the one that leads is there
    std::atomic<Absence> newest_{0};
    std::atomic<bool> watched_{false}; // the other looks at away_ every so often
    std::atomic<bool> relief_{false};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
};

} // namespace coldscope
