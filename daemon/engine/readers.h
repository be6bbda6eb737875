// Who reads: the name of a thread, whether it is Coldscope's own, its process and cgroup.
#pragma once

#include "core/base/clock.h"
#include "core/request/facts.h"

#include <array>
#include <cstdint>
#include <functional>
#include <unordered_map>

namespace coldscope {

struct ReadingThread {
    std::array<char, 16> command{}; // NUL-terminated; empty when it can't be known
    bool own = false;               // a thread of this process
    bool observer = false;          // the observing child of a guard that runs as root
};

// Looks into /proc, and remembers for a moment, since that costs more than a small request.
class Readers {
public:
    // on_new: of a thread that asks for the first time, or for the first time since long: its
    // number may have become another's.
    explicit Readers(std::function<void(ReaderFacts)> on_new) : on_new_(std::move(on_new)) {}

    [[nodiscard]] const ReadingThread& find(std::uint32_t thread_id);

private:
    struct Entry {
        ReadingThread reader;
        Nanoseconds seen = 0;
    };
    std::function<void(ReaderFacts)> on_new_;
    std::unordered_map<std::uint32_t, Entry> entries_;
};

// The thread is gone, or SIGKILL is on its way to it (as it is for every fatal signal).
[[nodiscard]] bool is_dying(std::uint32_t thread_id);

} // namespace coldscope
