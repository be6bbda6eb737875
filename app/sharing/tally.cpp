#include "app/sharing/tally.h"

#include <algorithm>
#include <numeric>

namespace coldscope::app {

using erofs::no_node;
using erofs::NodeId;

namespace {

// The nodes of an image that stand for their inode.
std::vector<bool> first_names(const erofs::Index& index) {
    std::vector<bool> first(index.size(), false);
    std::uint64_t before = ~std::uint64_t{0};
    for (const NodeId node : index.by_nid()) {
        const std::uint64_t nid = index.node(node).nid;
        first[node] = nid != before;
        before = nid;
    }
    return first;
}

} // namespace

std::uint64_t Tally::Part::bytes() const {
    return std::accumulate(by_mark.begin(), by_mark.end(), std::uint64_t{0});
}

Tally::Tally(const FileUnion& files, const std::vector<const erofs::Index*>& indices,
             const sharing::Prediction& prediction, const Pieces& pieces,
             const std::atomic<bool>& stop)
    : images_(indices.size()), folders_(files.size(), no_folder), lifted_(files.size()),
      lifts_(files.size()), sizes_(files.size()), marks_(files.size()) {
    std::vector<std::vector<bool>> firsts;
    for (const erofs::Index* index : indices)
        firsts.push_back(first_names(*index));
    for (Line line = 0; line < files.size(); ++line) {
        if (!files.is_folder(line))
            continue;
        folders_[line] = static_cast<std::uint32_t>(parts_.size());
        parts_.resize(parts_.size() + images_);
    }
    // Of each folder the bytes that each way would lift.
    std::vector<std::array<std::uint64_t, sharing::lift_count>> ways(
        parts_.size() / std::max<std::size_t>(images_, 1));
    const auto ways_of = [&](Line line) -> auto& {
        return ways[folders_[line] / images_];
    };
    // A folder comes before what is in it.
    for (auto line = static_cast<Line>(files.size()); line-- > 0;) {
        if (stop)
            return;
        const Line above = files.parent(line);
        Part* const sums = folders_[above] == no_folder ? nullptr : &parts_[folders_[above]];
        sizes_[line] += files.file_size(line).value_or(0);
        bool counts = files.is_folder(line); // or is the first name of an inode
        for (std::size_t image = 0; image < images_; ++image) {
            const NodeId node = files.node(line, image);
            if (node == no_node || !indices[image]->node(node).is_regular())
                continue;
            counts = counts || firsts[image][node];
            if (const sharing::FileSharing file = prediction.file(image, node);
                lifts_[line] == sharing::Lift::none || file.lifted > lifted_[line]) {
                lifts_[line] = file.lift;
                lifted_[line] = file.lifted;
            }
            for (const sharing::SeenPiece& seen : pieces(image, node)) {
                const auto mark = static_cast<std::size_t>(seen.piece.mark);
                const std::uint64_t bytes = seen.piece.end - seen.piece.begin;
                marks_[line] = static_cast<std::uint8_t>(marks_[line] | 1U << mark);
                if (sums == nullptr || !firsts[image][node])
                    continue;
                sums[image].by_mark[mark] += bytes;
                if (seen.residency == sharing::Presence::resident)
                    sums[image].resident[mark] += bytes;
                else if (seen.residency == sharing::Presence::unknown)
                    sums[image].unknown += bytes;
            }
        }
        if (folders_[line] != no_folder) {
            const auto& all = ways_of(line);
            lifts_[line] = static_cast<sharing::Lift>(std::ranges::max_element(all) - all.begin());
        }
        if (line == FileUnion::root)
            break;
        if (sums != nullptr && folders_[line] == no_folder && counts)
            ways_of(above)[static_cast<std::size_t>(lifts_[line])] += lifted_[line];
        if (counts) {
            lifted_[above] += lifted_[line];
            sizes_[above] += sizes_[line];
        }
        marks_[above] = static_cast<std::uint8_t>(marks_[above] | marks_[line]);
        if (sums == nullptr || folders_[line] == no_folder)
            continue;
        for (std::size_t way = 0; way < sharing::lift_count; ++way)
            ways_of(above)[way] += ways_of(line)[way];
        for (std::size_t image = 0; image < images_; ++image) {
            const Part& part = parts_[folders_[line] + image];
            for (std::size_t mark = 0; mark < sharing::mark_count; ++mark) {
                sums[image].by_mark[mark] += part.by_mark[mark];
                sums[image].resident[mark] += part.resident[mark];
            }
            sums[image].unknown += part.unknown;
        }
    }
}

const Tally::Part* Tally::folder(Line line, std::size_t image) const {
    return line < folders_.size() && folders_[line] != no_folder ? &parts_[folders_[line] + image]
                                                                 : nullptr;
}

} // namespace coldscope::app
