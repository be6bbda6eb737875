#include "core/request/visible.h"

#include <algorithm>
#include <array>

namespace coldscope {

namespace {

// The runs of members [from, to) of a level, from left to right: each what is folded without an
// empty column between, or one member that is drawn by itself.
class Runs {
public:
    static constexpr std::uint32_t nowhere = ~std::uint32_t{0};

    void start(const Lane::Level& level, const TimeAxis& axis, std::size_t from, std::size_t to) {
        level_ = level;
        axis_ = &axis;
        end_ = to;
        longest_ = axis.below_two_columns();
        least_ = Peaks::key(axis.within_column());
        more_ = from < to;
        breaks_[0].left = nowhere;
        if (!more_)
            return;
        const Lane::Times& first = level.times[level.place(from)];
        breaks_[0].left = axis.column_of(first.start);
        breaks_[0].member = static_cast<std::uint32_t>(from);
        breaks_[0].alone = first.end - first.start > longest_;
        ahead_ = from + 1;
        refill();
    }

    // The next run. What is said of it is about columns [left, right) and members [first, last).
    // Behind the last there is an empty one at `nowhere`.
    [[nodiscard]] bool any() const { return left() != nowhere; }
    [[nodiscard]] std::uint32_t left() const { return breaks_[at_].left; }
    [[nodiscard]] std::uint32_t right() const { return breaks_[at_ + 1].right; }
    [[nodiscard]] std::size_t first() const { return breaks_[at_].member; }
    [[nodiscard]] std::size_t last() const { return breaks_[at_ + 1].member; }
    [[nodiscard]] bool alone() const { return breaks_[at_].alone; } // one that is not folded
    void advance() {
        if (++at_ == count_)
            refill();
    }

private:
    // Between two runs.
    struct Break {
        std::uint32_t right;  // of the run before it
        std::uint32_t left;   // of the one behind it
        std::uint32_t member; // the first of that
        bool alone;           // it is
    };

    void refill() {
        breaks_[0] = breaks_[count_];
        at_ = 0;
        count_ = 0;
        while (count_ == 0 && more_) {
            if (level_.places)
                look<true>();
            else
                look<false>();
        }
    }

    // Without branches: which candidates are breaks is hard to foretell.
    template <bool has_places>
    void look() {
        std::array<std::uint32_t, room> found;
        const std::size_t candidates = level_.breaks->next(ahead_, end_, least_, found);
        const TimeAxis axis = *axis_;
        const Lane::Level level = level_;
        const Nanoseconds longest = longest_;
        std::size_t count = 0;
        for (std::size_t i = 0; i < candidates; ++i) {
            const std::uint32_t member = found[i];
            const std::size_t place = has_places ? level.places[member] : member;
            const Lane::Times it = level.times[place];
            const Lane::Times before =
                level.times[has_places ? level.places[member - 1] : member - 1];
            const bool alone = it.end - it.start > longest;
            const bool was_alone = before.end - before.start > longest;
            if (level.requests)
                __builtin_prefetch(level.rows + level.requests[place]);
            const std::uint32_t right = axis.column_of(before.end) + 1;
            const std::uint32_t left = axis.column_of(it.start);
            Break& next = breaks_[count + 1];
            next.right = right;
            next.left = left;
            next.member = member;
            next.alone = alone;
            count += (left > right) | alone | was_alone ? 1 : 0;
        }
        if (ahead_ == end_) {
            Break& last = breaks_[++count];
            last.right = axis.column_of(level.times[level.place(end_ - 1)].end) + 1;
            last.left = nowhere;
            last.member = static_cast<std::uint32_t>(end_);
            last.alone = false;
            more_ = false;
        }
        count_ = count;
    }

    static constexpr std::size_t room = 64;

    Lane::Level level_;
    const TimeAxis* axis_ = nullptr;
    std::size_t end_ = 0;
    std::size_t ahead_ = 0; // members before it were looked at
    bool more_ = false;
    Nanoseconds longest_ = 0; // of those that are folded
    std::uint8_t least_ = 0;  // key of a break
    // The next run is from breaks_[at_] to the one behind it.
    std::array<Break, room + 2> breaks_; // only what is used is set
    std::size_t at_ = 0;
    std::size_t count_ = 0;
};

// The runs of a level lie within those of the levels below it. What a level covers and those above
// it don't are folds in the level's state.
class Sweep {
public:
    Sweep(const Lane& lane, const TimeAxis& axis, std::size_t lowest,
          std::vector<VisibleSpan>& spans)
        : lane_(lane), lowest_(lowest), spans_(spans) {
        const std::size_t from = lane.first_ending(axis.begin());
        const std::size_t to = std::max(from, lane.first_starting(axis.end()));
        const std::size_t mark_from = lane.mark_from(from);
        const std::size_t mark_to = lane.mark_from(to);
        for (std::size_t k = lowest; k < Lane::levels;) {
            const Lane::Level level = lane.level(k);
            if (level.members == 0)
                break;
            const bool of_marks = k >= Lane::mark_level;
            // Levels of the same members are one.
            while (++k < Lane::levels && lane.level(k).members == level.members) {
            }
            Layer& layer = layers_[count_++];
            layer.level = level;
            layer.of_marks = of_marks;
            layer.state = Lane::level_states[k - 1];
            layer.runs.start(level, axis, member_from(level, of_marks ? mark_from : from),
                             member_from(level, of_marks ? mark_to : to));
        }
    }

    void run() {
        if (count_ == 0)
            return;
        Runs& runs = layers_[0].runs;
        for (; runs.any(); runs.advance()) {
            if (runs.alone())
                put(runs.left(), runs.right(), runs.first(), runs.last(),
                    lane_.state(request(runs.first())), false);
            else
                fold(0, runs.left(), runs.right(), runs.first(), runs.last());
        }
        flush();
    }

private:
    struct Layer {
        Lane::Level level;
        bool of_marks = false;
        RequestState state = RequestState::refault;
        Runs runs;
    };

    // The first member at this place or behind it.
    [[nodiscard]] static std::size_t member_from(const Lane::Level& level, std::size_t place) {
        if (!level.places)
            return place;
        return static_cast<std::size_t>(
            std::lower_bound(level.places, level.places + level.members, place) - level.places);
    }
    [[nodiscard]] std::size_t in_lowest(const Layer& layer, std::size_t member) const {
        const std::size_t place = layer.level.place(member);
        return layer.of_marks && lowest_ == 0 ? lane_.mark(place) : place;
    }
    [[nodiscard]] std::size_t request(std::size_t in_lowest) const {
        return lowest_ == 0 ? in_lowest : lane_.mark(in_lowest);
    }

    // What is left between the runs of the next layer is the layer's own. Members are those of the
    // lowest level.
    void fold(std::size_t at, std::uint32_t left, std::uint32_t right, std::size_t first,
              std::size_t last) {
        const RequestState state = layers_[at].state;
        if (at + 1 < count_) {
            Layer& above = layers_[at + 1];
            Runs& runs = above.runs;
            for (; runs.left() < right; runs.advance()) {
                if (runs.alone())
                    continue;
                const std::size_t worse =
                    left < runs.left() ? in_lowest(above, runs.first()) : first;
                put(left, runs.left(), first, worse, state, true);
                left = runs.right();
                const std::size_t behind = in_lowest(above, runs.last() - 1) + 1;
                first = left == right ? last : behind;
                if (at + 2 < count_ && layers_[at + 2].runs.left() < left)
                    fold(at + 1, runs.left(), left, worse, first);
                else
                    put(runs.left(), left, worse, first, above.state, true);
            }
        }
        put(left, right, first, last, state, true);
    }

    // When there are columns; without a branch, since that is hard to foretell.
    void put(std::uint32_t left, std::uint32_t right, std::size_t first, std::size_t last,
             RequestState state, bool folded) {
        if (kept_ == keep_.size())
            flush();
        VisibleSpan& span = keep_[kept_];
        kept_ += left < right ? 1 : 0;
        span.left = left;
        span.right = right;
        span.count = static_cast<std::uint32_t>(last - first);
        span.row = lane_.row(request(std::min(first, last - 1)));
        span.worst = state;
        span.folded = folded;
    }
    void flush() {
        spans_.insert(spans_.end(), keep_.begin(),
                      keep_.begin() + static_cast<std::ptrdiff_t>(kept_));
        kept_ = 0;
    }

    const Lane& lane_;
    std::size_t lowest_;
    std::vector<VisibleSpan>& spans_;
    std::array<Layer, Lane::levels> layers_;
    std::array<VisibleSpan, 64> keep_; // on their way
    std::size_t kept_ = 0;
    std::size_t count_ = 0;
};

// The open request of a lane, where one is seen.
void append_open(const Lane& lane, const EventStore& store, const TimeAxis& axis, Nanoseconds now,
                 bool only_marked, std::vector<VisibleSpan>& spans) {
    if (!lane.open())
        return;
    const Nanoseconds end = std::max(now, lane.open()->start);
    if (lane.open()->start >= axis.end() || end < axis.begin())
        return;
    VisibleSpan span;
    span.worst = store.state(lane.open()->row);
    if (only_marked && span.worst < RequestState::was_delayed)
        return;
    span.left = axis.column_of(lane.open()->start);
    span.right = axis.column_of(end) + 1;
    span.count = 1;
    span.row = lane.open()->row;
    span.open = true;
    spans.push_back(span);
}

} // namespace

void find_visible(const Lane& lane, const EventStore& store, const TimeAxis& axis, Nanoseconds now,
                  std::vector<VisibleSpan>& spans) {
    Sweep(lane, axis, 0, spans).run();
    append_open(lane, store, axis, now, false, spans);
}

void find_marks(const Lane& lane, const EventStore& store, const TimeAxis& axis, Nanoseconds now,
                std::vector<VisibleSpan>& spans) {
    Sweep(lane, axis, Lane::mark_level, spans).run();
    append_open(lane, store, axis, now, true, spans);
}

} // namespace coldscope
