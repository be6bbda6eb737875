#include "daemon/engine/background.h"

#include "core/base/checked.h"

#include <algorithm>

namespace coldscope {

namespace {

constexpr std::size_t most_skipped = 1000; // ranges that were local already, in one turn
// While readers are at work, for the time that a piece took of the ring thread's.
constexpr Nanoseconds rest = 3;
constexpr Nanoseconds longest_wait = 3600 * second; // between two fetches, however slow the rate

std::array<char, 16> reader_name(std::uint16_t flags) {
    std::array<char, 16> name{};
    const std::string_view text = (flags & flag::prefetch) != 0 ? "(prefetch)" : "(amplified)";
    std::copy(text.begin(), text.end(), name.begin());
    return name;
}

} // namespace

Background::~Background() {
    if (timer_)
        ring_.cancel(*timer_);
}

bool Background::apply(Control& command) {
    if (auto* ahead = std::get_if<control::Prefetch>(&command))
        prefetch(std::move(*ahead));
    else if (std::holds_alternative<control::StopPrefetch>(command))
        stop();
    else if (const auto* amplify = std::get_if<control::Amplify>(&command))
        amplify_ = amplify->size;
    else
        return false;
    return true;
}

void Background::prefetch(control::Prefetch what) {
    if (ended_)
        return;
    if (jobs_.empty()) {
        next_due_ = 0;
        failures_ = 0;
        failed_ = false;
    }
    for (const Place& place : what.places) {
        const Store* const store = store_of(place.object);
        if (store == nullptr)
            continue;
        const Range range = store->cache().whole(place.range);
        // Files that lie behind each other are fetched together.
        if (!jobs_.empty() && jobs_.back().store == place.object &&
            jobs_.back().rate == what.rate && jobs_.back().range.end == range.begin)
            jobs_.back().range.end = range.end;
        else
            jobs_.push_back({place.object, range, what.rate});
    }
    telling_ = true;
    pump();
}

void Background::stop() {
    if (jobs_.empty())
        return;
    jobs_.clear();
    telling_ = false;
    tell(Notice::prefetch_stopped);
}

void Background::tell(Notice what) {
    StepRecord record;
    record.time = monotonic_now();
    record.step = Step::notice;
    record.result = static_cast<std::int32_t>(what);
    events_.push(record);
}

void Background::end() {
    ended_ = true;
    stop();
    telling_ = false;
    for (const auto& [id, arrival] : fetches_)
        emit(arrival, Step::lost, EIO);
    fetches_.clear();
}

void Background::miss_ends() {
    --misses_;
    last_miss_ = monotonic_now();
    if (misses_ == 0 && telling_)
        wake_at(last_miss_ + quiet);
}

void Background::wake_at(Nanoseconds when) {
    if (timer_ && timer_->when <= when)
        return; // it looks again then
    if (timer_)
        ring_.cancel(*timer_);
    timer_ = ring_.at(when, [this] {
        timer_.reset();
        pump();
    });
}

void Background::pump() {
    // In turns of a piece, so that a miss need not wait for a longer one.
    if (Store* store = unsettled_ ? store_of(*unsettled_) : nullptr)
        store->settle();
    unsettled_.reset();
    std::size_t skipped = 0;
    while (misses_ == 0 && !jobs_.empty()) {
        const Nanoseconds now = monotonic_now();
        const bool at_work = now < last_miss_ + readers_at_work;
        if (in_flight_ >= (at_work ? piece : most_in_flight))
            return; // what comes looks again
        Job& job = jobs_.front();
        const Nanoseconds due = std::max(last_miss_ + quiet, job.rate == 0 ? 0 : next_due_);
        if (due > now) {
            wake_at(due);
            return;
        }
        const Range range = next_of(job);
        if (range.begin >= range.end) {
            jobs_.pop_front();
            if (++skipped < most_skipped)
                continue;
            wake_at(now);
            return;
        }
        if (job.rate != 0) {
            const double wait =
                static_cast<double>(range.length()) / static_cast<double>(job.rate) * 1e9;
            next_due_ = std::max(next_due_, now) + (wait < static_cast<double>(longest_wait)
                                                        ? static_cast<Nanoseconds>(wait)
                                                        : longest_wait);
        }
        pumping_ = true;
        const bool ended = begin(job.store, range, Origin::prefetch);
        pumping_ = false;
        if (ended) { // others have their turn, too
            const Nanoseconds then = monotonic_now();
            wake_at(at_work ? then + rest * (then - now) : then);
            return;
        }
    }
    if (telling_ && jobs_.empty() && fetches_.empty()) {
        telling_ = false;
        tell(failed_ ? Notice::prefetch_stopped : Notice::prefetch_done);
    }
}

Range Background::next_of(Job& job) {
    Store* const store = store_of(job.store);
    while (store != nullptr) {
        const Range gap = store->cache().local().first_missing(job.range);
        if (gap.begin >= gap.end)
            break;
        const std::uint64_t aligned_end = align_down(gap.begin, piece) + piece;
        const Range part{gap.begin, std::min(gap.end, aligned_end)};
        job.range.begin = part.end;
        const Store::Plan plan = store->plan(part);
        if (plan.to_fetch.empty())
            continue;
        const Range first = plan.to_fetch.front();
        if (plan.to_fetch.size() > 1)
            job.range.begin = std::min(part.end, first.end);
        return first;
    }
    return {};
}

void Background::around(StoreId id, Range range) {
    if (amplify_ == 0 || ended_)
        return;
    Store* const store = store_of(id);
    if (store == nullptr)
        return; // the miss's answer brought its end
    const auto end = checked_add(align_down(range.end - 1, amplify_), amplify_);
    const Range block{align_down(range.begin, amplify_),
                      std::min(store->size(), end.value_or(store->size()))};
    constexpr std::uint64_t largest = 1u << 20; // of one fetch
    for (const Range& part : store->plan(block).to_fetch) {
        for (std::uint64_t at = part.begin; at < part.end; at += largest)
            begin(id, {at, std::min(part.end, at + largest)}, Origin::amplified);
    }
}

bool Background::begin(StoreId store, Range range, Origin origin) {
    StepRecord arrival;
    arrival.request = next_id_++;
    arrival.offset = range.begin;
    arrival.length = range.length();
    arrival.object = store;
    arrival.flags = origin == Origin::prefetch ? flag::prefetch : flag::amplified;
    arrival.command = reader_name(arrival.flags);
    fetches_.emplace(arrival.request, arrival);
    in_flight_ += range.length();
    emit(arrival, Step::arrived);
    emit(arrival, Step::fetching);
    Store::Plan plan;
    plan.to_fetch.push_back(range);
    stores_[store]->get(
        range, plan,
        [flight =
             Flight(*this, arrival.request)](Result<std::span<const std::byte>> bytes) mutable {
            if (!bytes)
                flight.tell(bytes.error());
            flight.land(bytes ? 0 : to_errno(bytes.error()));
        },
        origin);
    return !fetches_.contains(arrival.request);
}

void Background::finish(RequestId id, Step step, int error) {
    const auto node = fetches_.extract(id);
    if (node.empty())
        return; // end() has told of it
    const StepRecord& arrival = node.mapped();
    in_flight_ -= arrival.length;
    if (error == 0)
        emit(arrival, Step::filling);
    emit(arrival, step, error);
    if ((arrival.flags & flag::prefetch) != 0) {
        unsettled_ = arrival.object;
        failures_ = error == 0 ? 0 : failures_ + 1;
        failed_ = failed_ || error != 0;
        if (failures_ >= most_failures)
            stop();
    }
    if (on_fetched_)
        on_fetched_(arrival.object);
    if (telling_ && !pumping_)
        wake_at(monotonic_now());
}

void Background::emit(const StepRecord& arrival, Step step, int result) {
    StepRecord record = arrival;
    record.time = monotonic_now();
    record.step = step;
    record.result = result;
    events_.push(record);
}

} // namespace coldscope
