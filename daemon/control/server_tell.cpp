// What the window is told, as far as there is room on the link.
#include "daemon/control/server.h"

#include <algorithm>

namespace coldscope::attach {

namespace {

constexpr std::size_t most_ranges = 8192;  // in one frame
constexpr std::size_t steps_at_once = 256; // so that a slow line has a whole frame often enough
constexpr int most_rounds = 16;            // of filling the link in one turn

} // namespace

void Server::tell_local(Served& served) {
    const auto& objects = served.local_at_start();
    for (ObjectId object = 0; object < objects.size(); ++object) {
        const std::vector<Range>& ranges = objects[object];
        for (std::size_t at = 0; at < ranges.size(); at += most_ranges) {
            const std::size_t count = std::min(most_ranges, ranges.size() - at);
            const auto begin = ranges.begin() + static_cast<std::ptrdiff_t>(at);
            link_->send(Local{object, {begin, begin + static_cast<std::ptrdiff_t>(count)}});
        }
    }
}

void Server::tell_rules(Served& served) {
    rules_told_ = true;
    Rules part;
    part.first = true;
    std::size_t size = 0;
    for (const RuleText& rule : served.rules()) {
        if (size + rule.text.size() > largest_payload / 2 && !part.rules.empty()) {
            link_->send(part);
            part = {};
            size = 0;
        }
        size += rule.text.size() + 16;
        part.rules.push_back(rule);
    }
    part.last = true;
    link_->send(part);
}

void Server::tell_lost(Served& served) {
    if (const std::uint64_t lost = served.lost_events(); lost != lost_told_) {
        lost_told_ = lost;
        link_->send(Lost{lost, 0});
    }
}

void Server::tell_events(Served& served) {
    if (!rules_told_)
        tell_rules(served);
    tell_lost(served);
    for (int round = 0; round < most_rounds; ++round) {
        const bool told = tell_facts();
        if (told && next_ < history_.first()) {
            // The window was too slow, or came too late: it goes on from now, and knows what is
            // open.
            link_->send(Lost{lost_told_, history_.end() - next_});
            next_ = history_.end();
            tell_open(served);
        }
        while (told && next_ != history_.end() && link_->waiting() < options_.most_waiting) {
            const auto records = history_.from(next_);
            const auto part = records.first(std::min(records.size(), steps_at_once));
            name_objects(served, part);
            link_->send(Steps{next_, {part.begin(), part.end()}});
            next_ += part.size();
        }
        // An error shows when the turn ends.
        if (next_ == history_.end() || !link_->flush() || link_->waiting() != 0)
            return;
    }
}

bool Server::tell_facts() {
    while (link_->waiting() < options_.most_waiting) {
        Facts facts = facts_.take(facts_told_);
        if (facts.empty())
            return true;
        link_->send(std::move(facts));
    }
    return false;
}

void Server::tell_open(Served& served) {
    const std::vector<StepRecord> steps = history_.open_steps();
    name_objects(served, steps);
    std::size_t at = 0;
    do {
        const std::size_t count = std::min(steps_at_once, steps.size() - at);
        const auto begin = steps.begin() + static_cast<std::ptrdiff_t>(at);
        at += count;
        link_->send(OpenSteps{
            at == steps.size(), next_, {begin, begin + static_cast<std::ptrdiff_t>(count)}});
    } while (at != steps.size());
}

void Server::name_objects(Served& served, std::span<const StepRecord> records) {
    for (const StepRecord& record : records) {
        if (record.step != Step::notice && named_.insert(record.object).second)
            link_->send(ObjectName{record.object, served.object_name(record.object)});
    }
}

} // namespace coldscope::attach
