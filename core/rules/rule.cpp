#include "core/rules/rule.h"

namespace coldscope {

bool is_called(std::string_view name, std::string_view wanted) {
    return name.ends_with(wanted) &&
           (name.size() == wanted.size() || name[name.size() - wanted.size() - 1] == '/');
}

bool matches(const Match& match, const Question& question) {
    if (question.op != match.op || match.nowhere)
        return false;
    if (!match.object.empty() && !is_called(question.object, match.object))
        return false;
    if (match.pid && *match.pid != question.pid)
        return false;
    if (!match.command.empty() && match.command != question.command)
        return false;
    if (match.range &&
        (question.places.empty() || !match.range->overlaps(question.places[0].range)))
        return false;
    if (match.places.empty())
        return true;
    for (const Place& asked : question.places) {
        for (const Place& place : match.places) {
            if (place.object == asked.object && place.range.overlaps(asked.range))
                return true;
        }
    }
    return false;
}

bool RuleSet::remove(std::uint32_t id) {
    return std::erase_if(rules_, [id](const Rule& rule) { return rule.id == id; }) != 0;
}

void RuleSet::clear(Action action) {
    std::erase_if(rules_, [action](const Rule& rule) { return rule.action == action; });
}

Verdict RuleSet::decide(const Question& question) {
    for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
        if (!matches(rule->match, question))
            continue;
        const Verdict verdict{rule->action, rule->delay, rule->error, rule->id, rule->partial};
        if (++rule->hits == rule->count)
            rules_.erase(rule);
        return verdict;
    }
    return {};
}

} // namespace coldscope
