#include "daemon/engine/store.h"

#include <algorithm>
#include <cstring>

namespace coldscope {

namespace {
constexpr std::size_t most_spare = 4u << 20;      // bytes
constexpr std::size_t most_unkept = 1u << 20;     // bytes
constexpr std::uint64_t largest_fetch = 4u << 20; // bytes in one call of the source
} // namespace

std::uint64_t Store::Plan::bytes() const {
    std::uint64_t sum = 0;
    for (const Range& range : to_fetch)
        sum += range.length();
    return sum;
}

Store::Store(std::unique_ptr<Source> source, std::unique_ptr<LocalCopy> cache, Keep keep,
             std::function<void(const Result<void>&)> on_cache_error,
             std::function<void()> on_unkept)
    : cache_(std::move(cache)), keep_(keep), on_cache_error_(std::move(on_cache_error)),
      on_unkept_(std::move(on_unkept)), source_(std::move(source)) {}

Store::~Store() {
    settle();
}

Store::Plan Store::plan(Range range) {
    if (touches_unkept(cache_->whole(range)))
        settle();
    Plan plan;
    if (cache_->local().contains(range)) {
        plan.local = true;
        return plan;
    }
    for (Range part : cache_->local().missing(cache_->whole(range))) {
        // What is left of the part after the fetches on their way, which are disjoint and sorted.
        auto fetch = fetches_.upper_bound(part.begin);
        if (fetch != fetches_.begin() && std::prev(fetch)->second.range.end > part.begin)
            --fetch;
        for (; fetch != fetches_.end() && fetch->first < part.end; ++fetch) {
            if (fetch->first > part.begin)
                plan.to_fetch.push_back({part.begin, fetch->first});
            part.begin = std::max(part.begin, fetch->second.range.end);
        }
        if (part.begin < part.end)
            plan.to_fetch.push_back(part);
    }
    return plan;
}

Result<void> Store::read(Range range, std::span<std::byte> into) {
    return cache_->read(range.begin, into);
}

void Store::get(Range range, const Plan& plan, Done done, Origin origin, bool wants_bytes) {
    const WaitId id = next_wait_++;
    for (const Range& part : plan.to_fetch) {
        for (std::uint64_t begin = part.begin; begin < part.end; begin += largest_fetch)
            fetches_[begin] = {{begin, std::min(part.end, begin + largest_fetch)}, {}, {}, origin};
    }
    Wait& wait = waits_[id];
    wait.range = range;
    wait.done = std::move(done);
    wait.wants_bytes = wants_bytes;
    auto fetch = fetches_.upper_bound(range.begin);
    if (fetch != fetches_.begin() && std::prev(fetch)->second.range.end > range.begin)
        --fetch;
    bool covered = false;
    for (; fetch != fetches_.end() && fetch->first < range.end; ++fetch) {
        fetch->second.waits.push_back(id);
        ++wait.pending;
        covered = covered || (fetch->second.range.begin <= range.begin &&
                              range.end <= fetch->second.range.end);
    }
    if (!covered && wants_bytes) {
        // Local parts are copied now; the others as they come.
        wait.assembled = take_buffer(range.length());
        std::uint64_t at = range.begin;
        std::vector<Range> gaps = cache_->local().missing(range);
        gaps.push_back({range.end, range.end});
        for (const Range& gap : gaps) {
            const std::span<std::byte> part(wait.assembled.data() + (at - range.begin),
                                            gap.begin - at);
            if (const auto got = cache_->read(at, part); !got) {
                refuse(id, got.error());
                break;
            }
            at = gap.end;
        }
    }
    for (const Range& part : plan.to_fetch) {
        for (std::uint64_t begin = part.begin; begin < part.end; begin += largest_fetch)
            start({begin, std::min(part.end, begin + largest_fetch)});
    }
}

void Store::start(Range range) {
    const auto bytes = std::make_shared<Buffer>(take_buffer(range.length()));
    fetches_.at(range.begin).bytes = bytes;
    if (source_->try_fetch(range.begin, *bytes)) {
        finish(range.begin, {});
        return;
    }
    source_->fetch(range.begin, *bytes, [this, begin = range.begin, bytes](Result<void> outcome) {
        finish(begin, std::move(outcome));
    });
}

// Whoever asks from now on has it tried again.
void Store::fail_all(std::uint64_t begin, const Error& error) {
    const auto node = fetches_.extract(begin);
    for (const WaitId id : node.mapped().waits)
        refuse(id, error);
    give_back(std::move(*node.mapped().bytes));
}

// An answer may bring the next question at once. Until all have theirs the fetch stays listed, so
// that nobody fetches the range again, and whoever still joins it is served as well.
void Store::serve_all(std::uint64_t begin) {
    Fetch& fetch = fetches_.at(begin);
    for (std::size_t i = 0; i < fetch.waits.size(); ++i)
        serve(fetch.waits[i], fetch);
}

void Store::finish(std::uint64_t begin, Result<void> outcome) {
    const std::shared_ptr<Buffer> fetched = fetches_.at(begin).bytes;
    if (!outcome) {
        fail_all(begin, outcome.error());
        return;
    }
    if (keep_ == Keep::first) {
        cache_->fill(begin, *fetched,
                     [this, begin](const Result<void>& kept) { kept_first(begin, kept); });
        return;
    }
    note_brought(begin);
    serve_all(begin);
    fetches_.erase(begin);
    unkept_bytes_ += fetched->size();
    unkept_.emplace(begin, std::move(*fetched));
    if (!on_unkept_ || unkept_bytes_ >= most_unkept)
        settle();
    else if (unkept_.size() == 1)
        on_unkept_();
}

void Store::kept_first(std::uint64_t begin, const Result<void>& kept) {
    tell_cache_error(kept);
    if (!kept) {
        fail_all(begin, kept.error());
        return;
    }
    const std::shared_ptr<Buffer> fetched = fetches_.at(begin).bytes;
    note_brought(begin);
    serve_all(begin);
    fetches_.erase(begin);
    give_back(std::move(*fetched));
}

void Store::note_brought(std::uint64_t begin) {
    const Fetch& fetch = fetches_.at(begin);
    fetched_bytes_ += fetch.range.length();
    fetched_by_[static_cast<std::size_t>(fetch.origin)] += fetch.range.length();
    origins_.brought(fetch.range, fetch.origin);
}

bool Store::touches_unkept(Range range) const {
    auto at = unkept_.lower_bound(range.end);
    if (at == unkept_.begin())
        return false;
    --at;
    return at->first + at->second.size() > range.begin;
}

void Store::settle() {
    for (auto& [begin, bytes] : unkept_) {
        tell_cache_error(cache_->fill(begin, bytes)); // readers have had them
        give_back(std::move(bytes));
    }
    unkept_.clear();
    unkept_bytes_ = 0;
}

void Store::refuse(WaitId id, const Error& error) {
    auto node = waits_.extract(id);
    if (node.empty())
        return;
    give_back(std::move(node.mapped().assembled));
    node.mapped().done(std::unexpected(error));
}

void Store::serve(WaitId id, const Fetch& fetch) {
    const auto at = waits_.find(id);
    if (at == waits_.end())
        return; // another of its fetches has failed
    Wait& wait = at->second;
    const std::span<const std::byte> bytes(*fetch.bytes);
    if (fetch.range.begin <= wait.range.begin && wait.range.end <= fetch.range.end) {
        Done done = std::move(wait.done);
        const std::span<const std::byte> part =
            bytes.subspan(wait.range.begin - fetch.range.begin, wait.range.length());
        waits_.erase(at);
        done(part);
        return;
    }
    const Range shared{std::max(fetch.range.begin, wait.range.begin),
                       std::min(fetch.range.end, wait.range.end)};
    if (wait.wants_bytes)
        std::memcpy(wait.assembled.data() + (shared.begin - wait.range.begin),
                    bytes.data() + (shared.begin - fetch.range.begin), shared.length());
    if (--wait.pending != 0)
        return;
    auto node = waits_.extract(at);
    node.mapped().done(std::span<const std::byte>(node.mapped().assembled));
    give_back(std::move(node.mapped().assembled));
}

void Store::tell_cache_error(const Result<void>& kept) {
    if (kept.has_value() == cache_failing_) {
        cache_failing_ = !kept;
        on_cache_error_(kept);
    }
}

Store::Buffer Store::take_buffer(std::size_t size) {
    Buffer buffer;
    if (!spare_.empty()) {
        buffer = std::move(spare_.back());
        spare_.pop_back();
        spare_bytes_ -= buffer.capacity();
    }
    buffer.resize(size);
    return buffer;
}

void Store::give_back(Buffer buffer) {
    if (buffer.capacity() == 0 || spare_bytes_ + buffer.capacity() > most_spare)
        return;
    spare_bytes_ += buffer.capacity();
    spare_.push_back(std::move(buffer));
}

} // namespace coldscope
