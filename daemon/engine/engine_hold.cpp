// What keeps requests waiting, and what lets them go.
#include "daemon/engine/engine.h"

#include <algorithm>
#include <utility>

namespace coldscope {

namespace {
constexpr Nanoseconds watch_interval = 250 * millisecond;
constexpr Nanoseconds away = 500 * millisecond; // a watch that is so late
} // namespace

// Silence counts while something is held.
void Engine::count_held() {
    if (held_count_++ == 0)
        listening_since_ = monotonic_now();
}

void Engine::hold(RequestId id, Open& open) {
    open.held = true;
    count_held();
    emit(id, open, Step::held);
    schedule_watch();
}

void Engine::delay(RequestId id, Open& open, Nanoseconds delay) {
    count_held();
    emit(id, open, Step::delayed); // the delay is counted from there
    open.timer = ring_.after(delay, [this, id] {
        Open& due = requests_.at(id);
        due.timer.reset();
        --held_count_;
        proceed(id);
    });
    schedule_watch();
}

void Engine::unhold(Open& open) {
    if (open.held || open.timer)
        --held_count_;
    open.held = false;
    if (open.timer)
        ring_.cancel(*open.timer);
    open.timer.reset();
}

Engine::Open* Engine::waiting(RequestId id) {
    const auto found = requests_.find(id);
    const bool waits = found != requests_.end() && (found->second.held || found->second.timer);
    if (!waits) {
        notice(Notice::not_held, id);
        return nullptr;
    }
    found->second.flags |= flag::by_hand;
    return &found->second;
}

void Engine::release_all(std::uint16_t why) {
    std::vector<RequestId> ids;
    for (auto& [id, open] : requests_) {
        if (open.held || open.timer)
            ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end());
    for (const RequestId id : ids) {
        Open& open = requests_.at(id);
        open.flags |= why;
        unhold(open);
        proceed(id);
    }
}

void Engine::apply(Control command) {
    if (background_.apply(command))
        return;
    if (auto* add = std::get_if<control::AddRule>(&command)) {
        rules_.add(std::move(add->rule));
    } else if (const auto* remove = std::get_if<control::RemoveRule>(&command)) {
        rules_.remove(remove->id);
    } else if (std::holds_alternative<control::ClearRules>(command)) {
        rules_.clear();
    } else if (std::holds_alternative<control::ReleaseAll>(command)) {
        rules_.clear(Action::hold);
        release_all(flag::by_hand);
    } else if (const auto* release = std::get_if<control::Release>(&command)) {
        if (Open* open = waiting(release->id)) {
            unhold(*open);
            proceed(release->id);
        }
    } else if (const auto* later = std::get_if<control::Delay>(&command)) {
        if (Open* open = waiting(later->id)) {
            unhold(*open);
            delay(later->id, *open, later->delay);
        }
    } else if (const auto* failing = std::get_if<control::Fail>(&command)) {
        if (waiting(failing->id) == nullptr)
            return;
        if (failing->partial)
            fail_partly(failing->id);
        else
            fail(failing->id, failing->error);
    }
}

void Engine::schedule_watch() {
    if (watch_)
        return;
    watch_ = ring_.after(watch_interval, [this] {
        const Nanoseconds due = std::exchange(watch_, std::nullopt)->when;
        if (monotonic_now() > due + away)
            listening_since_ = monotonic_now(); // both were stopped, it seems
        watch_held();
    });
}

// While anything is held: is there still somebody to release it, and somebody who waits for it?
void Engine::watch_held() {
    if (held_count_ == 0)
        return;
    // The beat is read first: one that comes meanwhile would lie in the future.
    const Nanoseconds beat = last_beat_.load(std::memory_order_relaxed);
    const Nanoseconds now = monotonic_now();
    const Nanoseconds since = std::max(beat, listening_since_);
    if (now > since && now - since > options_.listener_silence) {
        notice(Notice::held_released_silent_listener);
        rules_.clear(Action::hold);
        release_all(0);
        return;
    }
    std::vector<RequestId> lost;
    for (const auto& [id, open] : requests_) {
        if ((open.held || open.timer) && open.ask.pid != 0 && !open.ask.simulated &&
            is_dying(open.ask.pid))
            lost.push_back(id);
    }
    for (const RequestId id : lost)
        reader_lost(id);
    schedule_watch();
}

} // namespace coldscope
