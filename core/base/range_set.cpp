#include "core/base/range_set.h"

#include <algorithm>

namespace coldscope {

void RangeSet::add(Range range) {
    if (range.begin >= range.end)
        return;
    auto at = ranges_.upper_bound(range.begin);
    if (at != ranges_.begin()) {
        auto before = std::prev(at);
        if (before->second >= range.begin) {
            if (before->second >= range.end)
                return;
            range.begin = before->first;
            total_ -= before->second - before->first;
            at = ranges_.erase(before);
        }
    }
    while (at != ranges_.end() && at->first <= range.end) {
        range.end = std::max(range.end, at->second);
        total_ -= at->second - at->first;
        at = ranges_.erase(at);
    }
    ranges_.emplace_hint(at, range.begin, range.end);
    total_ += range.length();
}

void RangeSet::remove(Range range) {
    if (range.begin >= range.end)
        return;
    auto at = ranges_.upper_bound(range.begin);
    if (at != ranges_.begin() && std::prev(at)->second > range.begin)
        --at;
    while (at != ranges_.end() && at->first < range.end) {
        const Range old{at->first, at->second};
        total_ -= old.length();
        at = ranges_.erase(at);
        if (old.begin < range.begin) {
            ranges_.emplace(old.begin, range.begin);
            total_ += range.begin - old.begin;
        }
        if (old.end > range.end) {
            at = ranges_.emplace(range.end, old.end).first;
            total_ += old.end - range.end;
            break;
        }
    }
}

bool RangeSet::contains(Range range) const {
    if (range.begin >= range.end)
        return true;
    auto at = ranges_.upper_bound(range.begin);
    return at != ranges_.begin() && std::prev(at)->second >= range.end;
}

std::vector<Range> RangeSet::missing(Range range) const {
    std::vector<Range> result;
    auto at = ranges_.upper_bound(range.begin);
    if (at != ranges_.begin() && std::prev(at)->second > range.begin)
        --at;
    for (; range.begin < range.end && at != ranges_.end() && at->first < range.end; ++at) {
        if (at->first > range.begin)
            result.push_back({range.begin, at->first});
        range.begin = std::max(range.begin, at->second);
    }
    if (range.begin < range.end)
        result.push_back(range);
    return result;
}

std::vector<Range> RangeSet::common(Range range) const {
    std::vector<Range> result;
    if (range.begin >= range.end)
        return result;
    auto at = ranges_.upper_bound(range.begin);
    if (at != ranges_.begin() && std::prev(at)->second > range.begin)
        --at;
    for (; at != ranges_.end() && at->first < range.end; ++at)
        result.push_back({std::max(range.begin, at->first), std::min(range.end, at->second)});
    return result;
}

Range RangeSet::first_missing(Range range) const {
    if (range.begin >= range.end)
        return {range.end, range.end};
    auto at = ranges_.upper_bound(range.begin);
    if (at != ranges_.begin())
        range.begin = std::max(range.begin, std::prev(at)->second);
    // Ranges never touch, so that behind one there is always a gap.
    if (range.begin >= range.end)
        return {range.end, range.end};
    return {range.begin, at == ranges_.end() ? range.end : std::min(range.end, at->first)};
}

std::vector<Range> RangeSet::all() const {
    std::vector<Range> result;
    result.reserve(ranges_.size());
    for (const auto& [begin, end] : ranges_)
        result.push_back({begin, end});
    return result;
}

} // namespace coldscope
