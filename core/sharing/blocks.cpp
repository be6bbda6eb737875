// Pages that lie at the same place: a sweep over the runs in the order of where they are.
#include "core/sharing/table.h"

#include <tuple>

namespace coldscope::sharing {

namespace {

// What damaged or malicious images can ask for: runs that cut each other without end. Those of real
// ones are alike, or lie in few others.
constexpr std::uint64_t spare_steps = std::uint64_t{1} << 24;
constexpr std::uint64_t steps_each = 64;
constexpr std::uint64_t spare_found = std::uint64_t{1} << 18;
constexpr std::uint64_t found_each = 8;

class Sweep {
public:
    Sweep(const Table& table, std::vector<Found>& found)
        : table_(table), found_(found),
          steps_left_(spare_steps + steps_each * table.segments.size()),
          found_left_(spare_found + found_each * table.segments.size()) {}
    Result<void> run();

private:
    // A run that has the pages that are looked at.
    struct Member {
        std::uint64_t delta = 0; // pages: from the file's to the space's, modulo 2^64
        std::uint32_t short_page = 0;
        std::uint32_t domain = 0;
        Reason own = Reason::none;
        std::uint32_t file = 0;
        std::uint32_t segment = 0;
        std::uint32_t last = no_group; // in found_: what it added last, of this run
    };
    // Segments [first, end) that touch each other.
    Result<void> sweep(std::size_t first, std::size_t end);
    Result<void> match(std::uint64_t begin, std::uint64_t end);
    void match_alike(std::size_t first, std::size_t end);
    Result<void> add(Member& member, std::uint64_t begin, std::uint64_t end, Standing standing);
    [[nodiscard]] std::uint64_t end_of(const Segment& segment) const {
        return segment.begin + table_.end_page(segment.run) - table_.runs[segment.run].page;
    }

    const Table& table_;
    std::vector<Found>& found_;
    std::uint64_t steps_left_;
    std::uint64_t found_left_;
    bool aligned_ = false; // see Table::is_aligned()
    std::vector<Member> active_;
    std::vector<Member*> members_;
    std::vector<Standing> standings_; // of members_
    std::vector<std::uint64_t> cuts_;
};

Result<void> Sweep::run() {
    const std::vector<Segment>& segments = table_.segments;
    for (std::size_t first = 0; first < segments.size();) {
        std::size_t end = first + 1;
        while (end < segments.size() && segments[end].space == segments[first].space &&
               segments[end].begin < segments[end - 1].reach)
            ++end;
        if (end - first > 1)
            COLDSCOPE_CHECK(sweep(first, end));
        first = end;
    }
    return {};
}

Result<void> Sweep::sweep(std::size_t first, std::size_t end) {
    const std::vector<Segment>& segments = table_.segments;
    aligned_ = table_.is_aligned(table_.runs[segments[first].run]);
    cuts_.clear();
    for (std::size_t i = first; i < end; ++i) {
        cuts_.push_back(segments[i].begin);
        cuts_.push_back(end_of(segments[i]));
        if (table_.short_page(segments[i].run) != 0)
            cuts_.push_back(cuts_.back() - 1);
    }
    std::ranges::sort(cuts_);
    cuts_.erase(std::unique(cuts_.begin(), cuts_.end()), cuts_.end());
    active_.clear();
    std::size_t next = first;
    for (std::size_t cut = 0; cut + 1 < cuts_.size(); ++cut) {
        const std::uint64_t begin = cuts_[cut];
        std::erase_if(active_, [&](const Member& member) {
            return end_of(segments[member.segment]) <= begin;
        });
        for (; next < end && segments[next].begin == begin; ++next) {
            const Run& run = table_.runs[segments[next].run];
            const File& file = table_.files[run.file];
            Member member;
            member.delta = segments[next].begin - run.page;
            member.domain = table_.images[file.image].domain;
            member.own = file.own;
            member.file = run.file;
            member.segment = static_cast<std::uint32_t>(next);
            active_.push_back(member);
        }
        if (active_.size() > steps_left_)
            return failure(Code::unsupported, "the files' blocks overlap in too many ways");
        steps_left_ -= active_.size();
        if (active_.size() > 1)
            COLDSCOPE_CHECK(match(begin, cuts_[cut + 1]));
    }
    return {};
}

// All that is active has these pages, and none begins or ends among them.
Result<void> Sweep::match(std::uint64_t begin, std::uint64_t end) {
    members_.clear();
    for (Member& member : active_) {
        const Segment& segment = table_.segments[member.segment];
        member.short_page = end == end_of(segment) ? table_.short_page(segment.run) : 0;
        members_.push_back(&member);
    }
    std::ranges::sort(members_, {}, [](const Member* m) {
        return std::tuple(m->short_page, m->delta, m->domain, m->own, m->file, m->segment);
    });
    standings_.assign(members_.size(), {});
    for (std::size_t first = 0; first < members_.size();) {
        std::size_t last = first + 1;
        while (last < members_.size() && members_[last]->short_page == members_[first]->short_page)
            ++last;
        match_alike(first, last);
        first = last;
    }
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (standings_[i].mark != Mark::alone)
            COLDSCOPE_CHECK(add(*members_[i], begin, end, standings_[i]));
    }
    return {};
}

// members_ [first, end) have the same bytes. Of those at one offset, the best partner is the one
// with the least reason of its own: in the same domain, or in any. They are in that order.
void Sweep::match_alike(std::size_t first, std::size_t end) {
    const std::uint32_t one = members_[first]->file;
    const bool several = std::any_of(members_.begin() + static_cast<std::ptrdiff_t>(first),
                                     members_.begin() + static_cast<std::ptrdiff_t>(end),
                                     [&](const Member* m) { return m->file != one; });
    if (!several)
        return;
    const Standing elsewhere{Mark::blocked, Reason::offset_differs};
    const auto standing = [](Reason reason) {
        return reason == Reason::none ? Standing{Mark::by_blob, Reason::none}
                                      : Standing{Mark::blocked, reason};
    };
    const auto group_end = [&](std::size_t from, bool domain_too) {
        std::size_t to = from + 1;
        while (to < end && members_[to]->delta == members_[from]->delta &&
               (!domain_too || members_[to]->domain == members_[from]->domain))
            ++to;
        return to;
    };
    for (std::size_t from = first; from < end;) {
        const std::size_t to = group_end(from, false);
        if (to - from == 1 || !aligned_) {
            std::fill(standings_.begin() + static_cast<std::ptrdiff_t>(from),
                      standings_.begin() + static_cast<std::ptrdiff_t>(to), elsewhere);
            from = to;
            continue;
        }
        // A file has a page once at one offset: another member is another file. The two with the
        // least reasons are a partner for each.
        std::size_t least = from;
        std::size_t second = to;
        for (std::size_t i = from + 1; i < to; ++i) {
            if (members_[i]->own < members_[least]->own) {
                second = least;
                least = i;
            } else if (second == to || members_[i]->own < members_[second]->own) {
                second = i;
            }
        }
        for (std::size_t i = from; i < to;) {
            const std::size_t domain_end = std::min(group_end(i, true), to);
            for (std::size_t m = i; m < domain_end; ++m) {
                const Reason own = members_[m]->own;
                const std::size_t any = m == least ? second : least;
                Reason best = std::max({own, members_[any]->own, Reason::other_domain});
                if (domain_end - i > 1)
                    best = std::min(best, std::max(own, members_[m == i ? i + 1 : i]->own));
                standings_[m] = standing(best);
            }
            i = domain_end;
        }
        from = to;
    }
}

Result<void> Sweep::add(Member& member, std::uint64_t begin, std::uint64_t end, Standing standing) {
    const std::uint64_t page = begin - member.delta;
    if (member.last != no_group && found_[member.last].end == page &&
        found_[member.last].standing == standing) {
        found_[member.last].end = page + (end - begin);
        return {};
    }
    if (found_left_ == 0)
        return failure(Code::unsupported, "the files' blocks overlap in too many ways");
    --found_left_;
    member.last = static_cast<std::uint32_t>(found_.size());
    found_.push_back({page, page + (end - begin), member.file, standing});
    return {};
}

} // namespace

Standing Table::block_standing(const File& a, const File& b, bool aligned) const {
    if (!aligned)
        return {Mark::blocked, Reason::offset_differs};
    const bool other_domain = images[a.image].domain != images[b.image].domain;
    const Reason reason =
        std::max({a.own, b.own, other_domain ? Reason::other_domain : Reason::none});
    return reason == Reason::none ? Standing{Mark::by_blob, Reason::none}
                                  : Standing{Mark::blocked, reason};
}

Result<void> match_blocks(const Table& table, std::vector<Found>& found) {
    return Sweep(table, found).run();
}

} // namespace coldscope::sharing
