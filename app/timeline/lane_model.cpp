#include "app/timeline/lane_model.h"

#include "app/run/workspace.h"
#include "app/style/text.h"

#include <QCoreApplication>

namespace coldscope::app {

namespace {

QString text_of(std::string_view text) {
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

QString tr(const char* text) {
    return QCoreApplication::translate("LaneModel", text);
}

constexpr std::uint64_t background_key = ~std::uint64_t{0}; // no process's, thread's or container's

Lanes::Key key_by(Grouping grouping, const TimelineNames& names) {
    switch (grouping) {
    case Grouping::object:
        break;
    // Background work has no process, and a lane of its own.
    case Grouping::thread:
        return [](const EventStore& store, const RequestRow& row) -> std::uint64_t {
            return row.background() ? background_key : store.reader(row).pid;
        };
    case Grouping::process:
        return [process = names.process](const EventStore& store,
                                         const RequestRow& row) -> std::uint64_t {
            const std::uint32_t known = process ? process(row) : 0;
            return row.background() ? background_key : known != 0 ? known : store.reader(row).pid;
        };
    case Grouping::container:
        return [container = names.container](const EventStore&,
                                             const RequestRow& row) -> std::uint64_t {
            return row.background() ? background_key : container ? container(row) : 0;
        };
    case Grouping::file:
        // 0: no file, which is metadata.
        return [file = names.file](const EventStore&, const RequestRow& row) -> std::uint64_t {
            const auto node = file ? file(row) : std::nullopt;
            return node ? std::uint64_t{*node} + 1 : 0;
        };
    }
    return [](const EventStore&, const RequestRow& row) -> std::uint64_t { return row.object; };
}

} // namespace

TimelineNames names_of(const Workspace& workspace) {
    TimelineNames names;
    names.object = [&workspace](ObjectId object) { return workspace.object_name(object); };
    names.file = [&workspace](const RequestRow& row) -> std::optional<std::uint32_t> {
        const auto files = workspace.files_of(row, 1);
        return files.nodes.empty() ? std::nullopt : std::optional(files.nodes.front());
    };
    names.path = [&workspace](std::uint32_t node) { return workspace.path_of(node); };
    names.process = [&host = workspace.host()](const RequestRow& row) {
        const ReaderFacts* facts = host.facts_of(row);
        return facts ? facts->process : 0;
    };
    names.container = [&host = workspace.host()](const RequestRow& row) {
        return host.cgroup_of(row);
    };
    names.container_name = [&host = workspace.host()](std::uint64_t number) {
        return container_text(host.cgroup(number));
    };
    return names;
}

LaneModel::LaneModel(TimelineNames names)
    : names_(std::move(names)), lanes_(key_by(Grouping::object, names_)) {}

void LaneModel::regroup(Grouping grouping, EventStore& store) {
    grouping_ = grouping;
    lanes_ = Lanes(key_by(grouping, names_));
    rows_.clear();
    groups_.clear();
    group_by_key_.clear();
    lanes_.update(store);
    arrange(store);
}

bool LaneModel::update(EventStore& store) {
    if (!lanes_.update(store))
        return false;
    if (rows_.size() != lanes_.size())
        arrange(store);
    return true;
}

void LaneModel::arrange(const EventStore& store) {
    rows_.clear();
    const auto& groups = lanes_.groups();
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (i == groups_.size()) {
            groups_.push_back({0, 0, label_of(store, groups[i])});
            group_by_key_.emplace(groups[i].key, i);
        }
        groups_[i].first_row = rows_.size();
        groups_[i].rows = groups[i].lanes.size();
        rows_.insert(rows_.end(), groups[i].lanes.begin(), groups[i].lanes.end());
    }
}

QString LaneModel::label_of(const EventStore& store, const Lanes::Group& group) const {
    if (grouping_ != Grouping::object && grouping_ != Grouping::file && group.key == background_key)
        return tr("prefetched, amplified");
    switch (grouping_) {
    case Grouping::object:
        break;
    case Grouping::container:
        return group.key == 0 || !names_.container_name ? tr("container not known")
                                                        : names_.container_name(group.key);
    case Grouping::thread:
    case Grouping::process: {
        const Lane& lane = lanes_.lane(group.lanes.front());
        const Row row = lane.size() != 0 ? lane.row(0) : lane.open() ? lane.open()->row : 0;
        if (row >= store.size())
            return {};
        const Reader& reader = store.reader(store[row]);
        if (group.key == 0 && reader.name().empty())
            return tr("unknown process");
        return QStringLiteral("%1 (%2)").arg(text_of(reader.name())).arg(group.key);
    }
    case Grouping::file:
        if (group.key == 0)
            return tr("metadata");
        return names_.path ? names_.path(static_cast<std::uint32_t>(group.key - 1))
                           : tr("file %1").arg(group.key - 1);
    }
    const auto object = static_cast<ObjectId>(group.key);
    return names_.object ? names_.object(object) : tr("object %1").arg(object);
}

std::optional<std::size_t> position_in(const Lane& lane, const EventStore& store, Row request) {
    const Nanoseconds start = store[request].start;
    std::size_t low = 0;
    std::size_t high = lane.size();
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (lane.start(middle) < start)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < lane.size() && lane.start(low) == start; ++low) {
        if (lane.row(low) == request)
            return low;
    }
    return std::nullopt;
}

std::optional<std::size_t> LaneModel::row_of(const EventStore& store, Row request) const {
    if (request >= store.size())
        return std::nullopt;
    const auto group = group_by_key_.find(key_by(grouping_, names_)(store, store[request]));
    if (group == group_by_key_.end())
        return std::nullopt;
    const Group& rows = groups_[group->second];
    for (std::size_t i = rows.first_row; i < rows.first_row + rows.rows; ++i) {
        const Lane& lane = lanes_.lane(rows_[i]);
        if ((lane.open() && lane.open()->row == request) || position_in(lane, store, request))
            return i;
    }
    return std::nullopt;
}

} // namespace coldscope::app
