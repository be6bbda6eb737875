#include "app/maps/shared_cells.h"

#include <algorithm>
#include <cmath>

namespace coldscope::app {

namespace {

void add(SharedCell& cell, const sharing::SeenPiece& seen) {
    if (!cell.any || weight(seen.piece.mark) > weight(cell.mark))
        cell.mark = seen.piece.mark;
    cell.any = true;
    cell.resident = cell.resident || seen.residency == sharing::Presence::resident;
}

// The first piece that ends behind an offset.
auto piece_after(const std::vector<sharing::SeenPiece>& pieces, std::uint64_t offset) {
    return std::ranges::upper_bound(pieces, offset, {},
                                    [](const sharing::SeenPiece& seen) { return seen.piece.end; });
}

} // namespace

void find_shared_cells(const Workspace& workspace, std::uint16_t device, const CellSpace& space,
                       std::uint64_t first, std::size_t count, std::vector<SharedCell>& cells) {
    count = first < space.count() ? std::min<std::size_t>(count, space.count() - first) : 0;
    cells.assign(count, {});
    if (count == 0 || !workspace.shared_pieces() || !workspace.image())
        return;
    const Range window{space.range(first).begin, space.range(first + count - 1).end};
    const auto put = [&](Range range, const sharing::SeenPiece& seen) {
        range.begin = std::max(range.begin, window.begin);
        range.end = std::min(range.end, window.end);
        if (range.begin >= range.end)
            return;
        const std::uint64_t last = space.cell_of(range.end - 1);
        for (std::uint64_t cell = space.cell_of(range.begin); cell <= last; ++cell)
            add(cells[static_cast<std::size_t>(cell - first)], seen);
    };
    const erofs::Index& index = workspace.image()->index;
    erofs::NodeId node = erofs::no_node;
    std::vector<sharing::SeenPiece> pieces; // of node
    index.files_at(
        device, window.begin, window.length(),
        [&](erofs::NodeId file, std::uint64_t offset, std::uint64_t address, std::uint64_t length) {
            if (file != node) {
                node = file;
                pieces = workspace.shared_pieces()(file);
            }
            auto at = piece_after(pieces, offset);
            // Of a physical cluster the part is not that of the file's bytes.
            if (erofs::is_compressed(index.node(file).layout)) {
                if (at != pieces.end())
                    put({address, address + length}, *at);
                return;
            }
            for (; at != pieces.end() && at->piece.begin < offset + length; ++at) {
                const std::uint64_t begin = std::max(at->piece.begin, offset);
                const std::uint64_t end = std::min(at->piece.end, offset + length);
                put({address + (begin - offset), address + (end - offset)}, *at);
            }
        });
}

void share_columns(const std::vector<sharing::SeenPiece>& pieces, const FileAxis& axis,
                   std::vector<Column>& columns) {
    std::vector<int> weights(columns.size(), -1);
    for (auto at = piece_after(pieces, static_cast<std::uint64_t>(std::max(0.0, axis.begin)));
         at != pieces.end() && static_cast<double>(at->piece.begin) < axis.end; ++at) {
        const double from = axis.column_of(static_cast<double>(at->piece.begin));
        const double to = axis.column_of(static_cast<double>(at->piece.end));
        const auto first =
            static_cast<std::size_t>(std::clamp(std::floor(from), 0.0, axis.width - 1.0));
        const auto end = static_cast<std::size_t>(std::clamp(
            std::ceil(to), static_cast<double>(first) + 1, static_cast<double>(columns.size())));
        for (std::size_t column = first; column < end; ++column) {
            if (columns[column].data == 0 || weight(at->piece.mark) <= weights[column])
                continue;
            weights[column] = weight(at->piece.mark);
            columns[column].mark = mark_of(at->piece.mark);
        }
    }
}

} // namespace coldscope::app
