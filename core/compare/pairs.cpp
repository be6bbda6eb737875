#include "core/compare/pairs.h"

#include <algorithm>
#include <ranges>

namespace coldscope::compare {

namespace {

using erofs::Index;

class Pairing {
public:
    Pairing(const Index& before, const Index& after, Meter& meter)
        : before_(before), after_(after), meter_(meter) {}

    Result<std::vector<Change>> run();

private:
    // Sorted by name: a damaged folder's may not be.
    static void children_of(const Index& index, NodeId node, std::vector<NodeId>& into);
    void expand(const Change& folder);
    void push(NodeId old, NodeId now);

    const Index& before_;
    const Index& after_;
    Meter& meter_;
    std::vector<Change> pending_; // the next one last
    std::vector<NodeId> olds_;
    std::vector<NodeId> news_;
};

void Pairing::children_of(const Index& index, NodeId node, std::vector<NodeId>& into) {
    into.clear();
    if (node == no_node)
        return;
    const Index::Children children = index.children(node);
    for (std::uint32_t i = 0; i < children.count; ++i)
        into.push_back(children.first + i);
    const auto name = [&index](NodeId id) { return index.name(id); };
    if (!std::ranges::is_sorted(into, {}, name))
        std::ranges::stable_sort(into, {}, name);
}

void Pairing::push(NodeId old, NodeId now) {
    const Kind kind = old == no_node ? Kind::added : now == no_node ? Kind::removed : Kind::same;
    pending_.push_back({old, now, kind, Basis::none, 0});
}

void Pairing::expand(const Change& folder) {
    children_of(before_, folder.old_node, olds_);
    children_of(after_, folder.new_node, news_);
    const std::size_t first = pending_.size();
    auto old = olds_.begin();
    auto now = news_.begin();
    while (old != olds_.end() || now != news_.end()) {
        if (now == news_.end())
            push(*old++, no_node);
        else if (old == olds_.end())
            push(no_node, *now++);
        else if (const auto order = before_.name(*old) <=> after_.name(*now); order < 0)
            push(*old++, no_node);
        else if (order > 0)
            push(no_node, *now++);
        else
            push(*old++, *now++);
    }
    std::reverse(pending_.begin() + static_cast<std::ptrdiff_t>(first), pending_.end());
}

Result<std::vector<Change>> Pairing::run() {
    std::vector<Change> changes;
    changes.reserve(std::max(before_.size(), after_.size()));
    push(erofs::root_node, erofs::root_node);
    while (!pending_.empty()) {
        const Change next = pending_.back();
        pending_.pop_back();
        changes.push_back(next);
        expand(next);
        COLDSCOPE_CHECK(meter_.advance(1));
    }
    return changes;
}

} // namespace

Result<std::vector<Change>> pair_paths(const Index& before, const Index& after, Meter& meter) {
    return Pairing(before, after, meter).run();
}

} // namespace coldscope::compare
