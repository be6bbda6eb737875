#include "daemon/control/fact_history.h"

#include <algorithm>

namespace coldscope::attach {

namespace {

constexpr std::size_t frame_bytes = 64 * 1024; // about; a frame has one more fact than fits

std::size_t size_of(const ReaderFacts& facts) {
    return sizeof facts + sizeof(std::uint64_t) + facts.cgroup.size();
}
std::size_t size_of(const Failure& failure) {
    return sizeof failure + sizeof(std::uint64_t) + failure.why.size();
}
std::size_t size_of(const AskedThrough& through) {
    return sizeof through + sizeof(std::uint64_t) + through.file.size() + through.mount.size();
}
template <typename T>
std::size_t size_of(const T& fact) {
    return sizeof fact + sizeof(std::uint64_t);
}

} // namespace

template <typename T>
std::uint64_t FactHistory::Kept<T>::before(std::uint64_t next) const {
    const auto at = std::ranges::lower_bound(entries, next, {}, &Entry::next);
    return first + static_cast<std::uint64_t>(at - entries.begin());
}

template <typename T>
void FactHistory::Kept<T>::add(std::uint64_t next, const T& fact, std::size_t most) {
    entries.push_back({next, fact});
    bytes += size_of(fact);
    for (; bytes > most; ++first) {
        bytes -= size_of(entries.front().fact);
        entries.pop_front();
    }
}

void FactHistory::add(const Fact& fact, std::uint64_t next) {
    if (const auto* origin = std::get_if<ReadFor>(&fact))
        return origins_.add(next, *origin, most_);
    if (const auto* kernel = std::get_if<KernelTime>(&fact))
        return times_.add(next, *kernel, most_);
    if (const auto* failure = std::get_if<Failure>(&fact))
        return failures_.add(next, *failure, most_);
    if (const auto* through = std::get_if<AskedThrough>(&fact))
        return through_.add(next, *through, most_);
    const auto& reader = std::get<ReaderFacts>(fact);
    const auto [newest, is_new] = newest_.try_emplace(reader.thread, readers_.end());
    if (!is_new && readers_.entries[newest->second - readers_.first].fact.same_as(reader))
        return;
    newest->second = readers_.end();
    readers_.entries.push_back({next, reader});
    readers_.bytes += size_of(reader);
    while (readers_.bytes > most_)
        forget_oldest_reader();
}

void FactHistory::forget_oldest_reader() {
    const ReaderFacts& oldest = readers_.entries.front().fact;
    if (const auto newest = newest_.find(oldest.thread); newest->second == readers_.first)
        newest_.erase(newest);
    readers_.bytes -= size_of(oldest);
    readers_.entries.pop_front();
    ++readers_.first;
}

FactHistory::Told FactHistory::before(std::uint64_t next) const {
    return {readers_.before(next), origins_.before(next), times_.before(next),
            failures_.before(next), through_.before(next)};
}

Facts FactHistory::take(Told& told) const {
    Facts facts;
    std::size_t size = 0;
    const auto fill = [&size](const auto& kept, std::uint64_t& number, auto& into) {
        for (number = std::max(number, kept.first); number < kept.end() && size < frame_bytes;
             ++number) {
            into.push_back(kept.entries[number - kept.first].fact);
            size += size_of(into.back());
        }
    };
    fill(readers_, told.readers, facts.readers);
    fill(origins_, told.origins, facts.origins);
    fill(times_, told.times, facts.times);
    fill(failures_, told.failures, facts.failures);
    fill(through_, told.through, facts.through);
    return facts;
}

} // namespace coldscope::attach
