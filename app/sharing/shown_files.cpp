#include "app/sharing/shown_files.h"

#include <algorithm>

namespace coldscope::app {

namespace {

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](char letter) { return lower(letter); });
    return text;
}

bool has(const Tally& tally, Line line, FilesWith with) {
    using sharing::Mark;
    switch (with) {
    case FilesWith::any:
        return true;
    case FilesWith::blocked:
        return tally.has(line, Mark::blocked);
    case FilesWith::shared:
        break;
    }
    return tally.has(line, Mark::shared_now) || tally.has(line, Mark::by_fingerprint) ||
           tally.has(line, Mark::by_blob);
}

} // namespace

ShownFiles pick(const FileUnion& files, const Tally& tally, const FilesOrder& order,
                const std::atomic<bool>& stop) {
    const std::string part = lower(order.part);
    const bool all = part.empty() && order.with == FilesWith::any;
    ShownFiles shown;
    shown.in_folder.resize(files.size());
    shown.row_of.assign(files.size(), ShownFiles::no_row);
    // Files that match, and the folders that lead to them.
    std::vector<bool> wanted(files.size(), all);
    for (auto line = static_cast<Line>(files.size()); line-- > 1;) {
        if (stop)
            return {};
        const bool folder = files.is_folder(line);
        if (!all && !wanted[line] && !folder)
            wanted[line] = has(tally, line, order.with) &&
                           (part.empty() || lower(files.path(line)).find(part) != part.npos);
        if (!wanted[line])
            continue;
        wanted[files.parent(line)] = true;
        shown.files += folder ? 0U : 1U;
    }
    const auto less = [&](Line one, Line other) {
        const auto value = [&](Line line) {
            return order.key == FilesKey::size ? tally.size(line) : tally.lifted(line);
        };
        if (order.key != FilesKey::name && value(one) != value(other))
            return (value(one) < value(other)) != order.descending;
        return order.key == FilesKey::name && order.descending ? other < one : one < other;
    };
    for (Line line = 0; line < files.size(); ++line) {
        if (stop)
            return {};
        const auto children = files.children(line);
        const auto first = static_cast<std::uint32_t>(shown.lines.size());
        for (Line child = children.first; child < children.first + children.count; ++child) {
            if (wanted[child])
                shown.lines.push_back(child);
        }
        std::sort(shown.lines.begin() + first, shown.lines.end(), less);
        shown.in_folder[line] = {first, static_cast<std::uint32_t>(shown.lines.size()) - first};
        for (std::uint32_t row = first; row < shown.lines.size(); ++row)
            shown.row_of[shown.lines[row]] = row - first;
    }
    return shown;
}

} // namespace coldscope::app
