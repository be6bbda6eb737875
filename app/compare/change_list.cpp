#include "app/compare/change_list.h"

#include <algorithm>

namespace coldscope::app {

namespace {

using compare::Change;
using compare::Kind;
using erofs::no_node;

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

std::string lower(std::string text) {
    for (char& letter : text)
        letter = lower(letter);
    return text;
}

bool matches(const Compared& compared, const Change& change, const std::string& part) {
    if (part.empty() || lower(compared.path(change)).find(part) != std::string::npos)
        return true;
    return change.kind == Kind::moved &&
           lower(compared.before->index.path(change.old_node)).find(part) != std::string::npos;
}

std::uint64_t key_of(const Compared& compared, const Change& change, ChangeColumn column) {
    switch (column) {
    case ChangeColumn::kind:
        return static_cast<std::uint64_t>(change.kind);
    case ChangeColumn::what:
        return change.fields;
    case ChangeColumn::size_before:
        return change.old_node == no_node ? 0 : compared.before->index.node(change.old_node).size;
    case ChangeColumn::size_after:
        return change.new_node == no_node ? 0 : compared.after->index.node(change.new_node).size;
    case ChangeColumn::fetch:
        return change.new_node == no_node ? 0 : compared.result.fetch[change.new_node];
    case ChangeColumn::path:
        break;
    }
    return 0;
}

} // namespace

ChangeList pick(const Compared& compared, const ChangeOrder& order, const std::atomic<bool>& stop) {
    ChangeList list;
    const std::string part = lower(order.part);
    const auto& changes = compared.result.changes;
    for (std::size_t i = 0; i < changes.size() && !stop; ++i) {
        const Change& change = changes[i];
        if (((order.kinds >> static_cast<unsigned>(change.kind)) & 1U) == 0 ||
            !matches(compared, change, part))
            continue;
        list.lines.push_back(static_cast<std::uint32_t>(i));
        list.fetch += key_of(compared, change, ChangeColumn::fetch);
    }
    // They are in the order of their paths.
    if (order.column != ChangeColumn::path) {
        const auto key = [&](std::uint32_t line) {
            return key_of(compared, changes[line], order.column);
        };
        if (order.descending)
            std::ranges::stable_sort(list.lines, std::ranges::greater(), key);
        else
            std::ranges::stable_sort(list.lines, std::ranges::less(), key);
    } else if (order.descending) {
        std::ranges::reverse(list.lines);
    }
    const OpenedImage& open = compared.open_is_before ? *compared.before : *compared.after;
    list.line_of_node.assign(open.index.size(), ChangeList::no_line);
    for (std::size_t line = 0; line < list.lines.size(); ++line) {
        if (const auto node = compared.open_node(changes[list.lines[line]]); node != no_node)
            list.line_of_node[node] = static_cast<std::uint32_t>(line);
    }
    return stop ? ChangeList{} : list;
}

} // namespace coldscope::app
