#include "app/sharing/strip_columns.h"

#include "app/style/look.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace coldscope::app {

namespace {

std::vector<StripColumn> folder_columns(const Tally::Part& part, int width) {
    std::vector<StripColumn> columns;
    const auto all = static_cast<double>(part.bytes());
    double reached = 0; // bytes
    const auto put = [&](std::uint64_t bytes, StripColumn column) {
        reached += static_cast<double>(bytes);
        const auto end = static_cast<std::size_t>(std::lround(reached / all * width));
        if (bytes != 0) // a little of something is seen, too
            columns.resize(
                std::max(std::min(columns.size() + 1, static_cast<std::size_t>(width)), end),
                column);
    };
    for (std::size_t mark = 0; mark < sharing::mark_count; ++mark) {
        const auto which = static_cast<sharing::Mark>(mark);
        const std::uint64_t rest = part.by_mark[mark] - part.resident[mark];
        put(part.resident[mark], {which, sharing::Presence::resident});
        put(rest,
            {which, part.unknown != 0 ? sharing::Presence::unknown : sharing::Presence::absent});
    }
    columns.resize(static_cast<std::size_t>(width),
                   columns.empty() ? StripColumn() : columns.back());
    return columns;
}

} // namespace

std::vector<StripColumn> strip_columns(const FileStrip& strip, int width) {
    if (width <= 0 || strip.size == 0)
        return {};
    if (strip.kind == FileStrip::Kind::folder && strip.part != nullptr)
        return folder_columns(*strip.part, width);
    if (strip.kind != FileStrip::Kind::file || strip.pieces.empty())
        return {};
    std::vector<StripColumn> columns(static_cast<std::size_t>(width));
    std::vector<bool> any(columns.size(), false);
    const double per_byte = width / static_cast<double>(strip.size);
    for (const sharing::SeenPiece& seen : strip.pieces) {
        const auto first = static_cast<std::size_t>(
            std::min(width - 1.0, std::floor(static_cast<double>(seen.piece.begin) * per_byte)));
        const auto end = std::clamp(
            static_cast<std::size_t>(std::ceil(static_cast<double>(seen.piece.end) * per_byte)),
            first + 1, columns.size());
        for (std::size_t at = first; at < end; ++at) {
            StripColumn& column = columns[at];
            if (!any[at] || weight(seen.piece.mark) > weight(column.mark))
                column.mark = seen.piece.mark;
            if (!any[at] || seen.residency == sharing::Presence::resident)
                column.residency = seen.residency;
            any[at] = true;
        }
    }
    return columns;
}

} // namespace coldscope::app
