#include "app/maps/file_touches.h"

#include <algorithm>

namespace coldscope::app {

void FileTouches::clear() {
    any_ = false;
    touches_.clear();
    by_device_.clear();
    seen_ = 0;
    more_ = false;
}

void FileTouches::set_file(Workspace& workspace, erofs::NodeId node,
                           const std::vector<erofs::Extent>& extents) {
    clear();
    any_ = true;
    node_ = node;
    nid_ = workspace.image()->index.node(node).nid;
    by_device_.resize(workspace.image()->device_count());
    clusters_.clear();
    for (const erofs::Extent& extent : extents) {
        if (extent.is_placed() && extent.device < by_device_.size())
            by_device_[extent.device].add(extent.address, extent.offset, extent.stored().length(),
                                          node, extent.kind == erofs::ExtentKind::encoded);
        if (extent.kind == erofs::ExtentKind::encoded)
            clusters_.emplace(extent.offset, extent.offset + extent.length);
    }
    for (erofs::ReverseMap& map : by_device_)
        map.seal();
    const Row size = workspace.host().store().size();
    seen_ = size > most_walked ? size - most_walked : 0;
    more_ = seen_ != 0;
    update(workspace);
}

bool FileTouches::update(Workspace& workspace) {
    if (!any_)
        return false;
    // Object and range are known with the first record: a row is looked at once.
    const std::size_t before = touches_.size();
    const Row first = seen_;
    for (const Row end = workspace.host().store().size(); seen_ < end; ++seen_)
        look(workspace, seen_);
    while (touches_.size() > most_kept) {
        touches_.pop_front();
        more_ = true;
    }
    return touches_.size() != before || (more_ && seen_ != first);
}

void FileTouches::look(Workspace& workspace, Row row) {
    const RequestRow& request = workspace.host().store()[row];
    if (request.op != Op::read || request.length == 0)
        return;
    if (request.object >= first_file_object) {
        const erofs::NodeId node = request.object - first_file_object;
        const erofs::Index& index = workspace.image()->index;
        if (node < index.size() && index.node(node).nid == nid_)
            touches_.push_back({row, {request.offset, request.offset + request.length}});
        return;
    }
    if (request.object >= by_device_.size())
        return;
    by_device_[request.object].find(
        request.offset, request.length, [&](const erofs::ReverseExtent& extent) {
            const std::uint64_t begin = std::max(request.offset, extent.address);
            const std::uint64_t end =
                std::min(request.offset + request.length, extent.address + extent.length);
            Range range{extent.file_offset + (begin - extent.address),
                        extent.file_offset + (end - extent.address)};
            if (extent.encoded) // read whole
                range = {extent.file_offset, clusters_.at(extent.file_offset)};
            // Neighbouring extents of one request are one touch.
            if (!touches_.empty() && touches_.back().row == row &&
                touches_.back().range.end == range.begin)
                touches_.back().range.end = range.end;
            else
                touches_.push_back({row, range});
        });
}

} // namespace coldscope::app
