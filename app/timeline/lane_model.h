// The lanes of a recording as the timeline shows them: their groups' names, and the order of rows.
#pragma once

#include "core/request/lanes.h"

#include <QString>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace coldscope::app {

class Workspace;

enum class Grouping : unsigned char { object, process, thread, container, file };

// What requests are called; without a function, by number.
struct TimelineNames {
    std::function<QString(ObjectId)> object;
    // The file that a request is for; nothing for metadata. Must not change between two regroup().
    std::function<std::optional<std::uint32_t>(const RequestRow&)> file;
    std::function<QString(std::uint32_t)> path;
    // The process of a request's reader; without it its thread. 0: not known.
    std::function<std::uint32_t(const RequestRow&)> process;
    // Its container, or other control group, by a number; 0: not known.
    std::function<std::uint64_t(const RequestRow&)> container;
    std::function<QString(std::uint64_t)> container_name;
};
// The workspace must outlive them.
[[nodiscard]] TimelineNames names_of(const Workspace& workspace);

class LaneModel {
public:
    explicit LaneModel(TimelineNames names);

    // Places everything anew: another grouping, or another store. O(requests x log(lanes)).
    void regroup(Grouping grouping, EventStore& store);
    // Brings in what happened. False when nothing did.
    bool update(EventStore& store);

    [[nodiscard]] Grouping grouping() const { return grouping_; }
    [[nodiscard]] const Lanes& lanes() const { return lanes_; }
    // From top to bottom: groups in order of their first request, the lanes of each together.
    [[nodiscard]] const std::vector<Lanes::LaneId>& rows() const { return rows_; }
    struct Group {
        std::size_t first_row = 0;
        std::size_t rows = 0;
        QString label;
    };
    [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
    // Which of groups() a row belongs to. O(1).
    [[nodiscard]] std::size_t group_of_row(std::size_t row) const {
        return lanes_.lane(rows_[row]).group();
    }
    // The row that a request is drawn in. O(lanes of its group x log(requests)).
    [[nodiscard]] std::optional<std::size_t> row_of(const EventStore& store, Row request) const;
    [[nodiscard]] const TimelineNames& names() const { return names_; }

private:
    [[nodiscard]] QString label_of(const EventStore& store, const Lanes::Group& group) const;
    void arrange(const EventStore& store);

    TimelineNames names_;
    Grouping grouping_ = Grouping::object;
    Lanes lanes_;
    std::vector<Lanes::LaneId> rows_;
    std::vector<Group> groups_;
    std::unordered_map<std::uint64_t, std::size_t> group_by_key_;
};

// Position in a lane of an ended request, or nothing. O(log requests).
[[nodiscard]] std::optional<std::size_t> position_in(const Lane& lane, const EventStore& store,
                                                     Row request);

} // namespace coldscope::app
