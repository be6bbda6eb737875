#include "app/sharing/run_sample.h"

#include <map>

namespace coldscope::app {

using erofs::no_node;
using erofs::NodeId;

namespace {

// Bytes of files that requests asked for, by the first node of their inode.
std::map<NodeId, RangeSet> asked(const Workspace& workspace) {
    std::map<NodeId, RangeSet> files;
    const EventStore& store = workspace.host().store();
    const erofs::Index& index = workspace.image()->index;
    std::vector<DeviceRange> places;
    for (Row row = 0; row < store.size(); ++row) {
        const RequestRow& request = store[row];
        if (request.background())
            continue;
        places.clear();
        workspace.places_of(request, places);
        for (const DeviceRange& place : places)
            index.files_at(
                place.device, place.range.begin, place.range.length(),
                [&](NodeId node, std::uint64_t offset, std::uint64_t, std::uint64_t length) {
                    const NodeId first = index.node_of_nid(index.node(node).nid).value_or(node);
                    files[first].add({offset, offset + length});
                });
    }
    return files;
}

void add_file(std::uint32_t image, NodeId node, const erofs::Node& file, const RangeSet& bytes,
              WatchList& list, sharing::Sample& sample) {
    sharing::SeenFile seen;
    seen.device = image;
    seen.inode = file.nid;
    seen.size = file.size;
    seen.first_run = sample.runs.size();
    std::uint64_t next = 0; // page
    for (const Range& range : bytes.common({0, file.size})) {
        const std::uint64_t begin = std::max(next, range.begin / sharing::page_size);
        const std::uint64_t end = (range.end - 1) / sharing::page_size + 1;
        if (begin >= end)
            continue;
        next = end;
        sample.runs.push_back({begin, end - begin, sample.frames.size()});
        sample.frames.resize(sample.frames.size() + (end - begin), 0);
    }
    seen.runs = sample.runs.size() - seen.first_run;
    sample.files.push_back(seen);
    list.files.push_back({image, node, 0});
}

} // namespace

Taken sample_of_run(const Workspace& workspace, const Predicted& predicted, std::size_t open) {
    auto list = std::make_shared<WatchList>();
    Taken taken;
    for (const auto& [node, bytes] : asked(workspace)) {
        const Line line = predicted.files.line_of(open, node);
        for (std::size_t image = 0; image < predicted.images.size(); ++image) {
            const NodeId there = predicted.files.node(line, image);
            if (there == no_node || !predicted.indices[image]->node(there).is_regular())
                continue;
            add_file(static_cast<std::uint32_t>(image), there,
                     predicted.indices[image]->node(there), bytes, *list, taken.sample);
        }
    }
    taken.list = std::move(list);
    return taken;
}

} // namespace coldscope::app
