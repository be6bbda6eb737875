#include "daemon/trace/asked_reads.h"

#include <iterator>
#include <limits>

namespace coldscope {

AskedReads::Threads::iterator AskedReads::forget(Threads::iterator thread) {
    matched_ -= thread->second.matched ? 1 : 0;
    return threads_.erase(thread);
}

void AskedReads::asked(std::uint32_t thread, Nanoseconds time, std::uint32_t traced, Range range) {
    constexpr std::uint32_t most = std::numeric_limits<std::int32_t>::max();
    if (thread == 0 || thread > most || threads_.size() >= most_threads) {
        lost_asked();
        return;
    }
    const auto known = threads_.find(thread);
    if (known != threads_.end()) {
        if (known->second.time > time)
            return;
        forget(known);
    }
    threads_[thread] = {time, 0, traced, range, false, 0};
}

void AskedReads::returned(std::uint32_t thread, Nanoseconds time, std::uint64_t start,
                          const Resumed& resumed) {
    const auto known = threads_.find(thread);
    if (known == threads_.end() || known->second.left != 0 || time < known->second.time)
        return;
    Thread& one = known->second;
    if (!one.matched) {
        one.left = time; // its message may have been read just before
        return;
    }
    if (one.request != 0 && start == one.range.begin)
        resumed(one.request, time);
    forget(known);
}

void AskedReads::lost_asked() {
    threads_.clear();
    matched_ = 0;
    gap_ = true;
    for (auto& [number, object] : objects_)
        object.certain = false;
    uncertain_ = objects_.size();
}

void AskedReads::lost_returned() {
    for (auto at = threads_.begin(); at != threads_.end();)
        at = at->second.matched ? forget(at) : std::next(at);
}

void AskedReads::opened(std::uint32_t object, std::uint32_t traced) {
    closed(object);
    const bool certain = !taken_over_ && !gap_;
    objects_[object] = {traced, false, certain};
    uncertain_ += certain ? 0 : 1;
}

void AskedReads::served(std::uint32_t object) {
    if (const auto known = objects_.find(object); known != objects_.end())
        known->second.served = true;
}

void AskedReads::closed(std::uint32_t object) {
    const auto known = objects_.find(object);
    if (known == objects_.end())
        return;
    uncertain_ -= known->second.certain ? 0 : 1;
    objects_.erase(known);
}

void AskedReads::nothing_waits() {
    gap_ = false;
    if (uncertain_ == 0)
        return;
    for (auto& [number, object] : objects_) {
        if (object.served && !object.certain) {
            object.certain = true;
            --uncertain_;
        }
    }
}

std::optional<AskedReads::Asked> AskedReads::match(std::uint32_t object, Range range,
                                                   Nanoseconds began) {
    const auto known = objects_.find(object);
    if (known == objects_.end() || !known->second.certain)
        return std::nullopt;
    auto found = threads_.end();
    for (auto at = threads_.begin(); at != threads_.end();) {
        const Thread& one = at->second;
        if (one.left != 0 && one.left + slack < began) {
            at = forget(at);
            continue;
        }
        if (!one.matched && one.traced == known->second.traced && one.range == range) {
            if (found != threads_.end())
                return std::nullopt;
            found = at;
        }
        ++at;
    }
    if (found == threads_.end())
        return std::nullopt;
    const Asked asked{found->first, found->second.time};
    if (found->second.left != 0) { // killed meanwhile
        forget(found);
        return asked;
    }
    found->second.matched = true;
    ++matched_;
    return asked;
}

void AskedReads::belongs(const Asked& asked, RequestId request) {
    const auto known = threads_.find(asked.thread);
    if (known != threads_.end() && known->second.matched && known->second.time == asked.time)
        known->second.request = request;
}

} // namespace coldscope
