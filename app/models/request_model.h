// The requests of a run as a table, straight over the event store: a million rows, live. Nothing is
// copied but the order. What came is taken in by update(), in at most two insertions and a change
// of layout, so that persistent indexes hold throughout.
#pragma once

#include "app/models/mark_icons.h"
#include "app/models/request_filter.h"
#include "app/models/request_order.h"
#include "app/run/workspace.h"

#include <QAbstractTableModel>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

namespace coldscope::app {

class RequestModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { time, id, process, state, duration, object, offset, size, fetched, files };
    static constexpr int columns = files + 1;
    static constexpr int row_role = Qt::UserRole; // Row in the store
    static constexpr Nanoseconds no_budget = std::numeric_limits<Nanoseconds>::max();

    explicit RequestModel(Workspace& workspace, QObject* parent = nullptr);

    // Takes in what came, new rows for as long as the budget lasts. True: that is all.
    bool update(Nanoseconds budget = no_budget);
    // Words as in request_filter.h. The table is empty until the next update().
    void set_filter(const QString& text, bool only_waiting);
    [[nodiscard]] const QString& filter_error() const { return filter_.error(); }
    [[nodiscard]] bool filtered() const { return !filter_.all(); }
    // Of the store's rows those that were looked at.
    [[nodiscard]] Row looked_at() const { return looked_at_; }

    [[nodiscard]] std::optional<Row> row_at(int at) const;
    // Invalid when it is not listed. O(log n).
    [[nodiscard]] QModelIndex index_of(Row row, int column = 0) const;
    [[nodiscard]] static bool can_sort(int column) { return column != files; }
    [[nodiscard]] bool by_arrival() const {
        return order_.by() == RequestOrder::By::arrival && !order_.descending();
    }
    // Open requests among these lines count up.
    void time_went_on(int first, int last);
    void set_theme(Theme theme);

    [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;
    // By arrival for column -1. O(n log n).
    void sort(int column, Qt::SortOrder order) override;

private:
    using Entry = RequestOrder::Entry;

    void restart();
    void take_in(const std::vector<Row>& changed, Nanoseconds budget);
    void remove(std::vector<std::size_t> places);
    void insert(std::vector<Entry> added, const std::vector<std::size_t>& moved_from,
                const std::vector<Entry>& moved);
    [[nodiscard]] std::optional<std::size_t> place_of(Row row) const;
    [[nodiscard]] QString text(Row row, int column) const;
    [[nodiscard]] QString tool_tip(Row row, int column) const;

    Workspace& workspace_;
    RequestFilter filter_;
    RequestOrder order_;
    ChangeMark mark_;
    Row looked_at_ = 0;
    // Keys of those listed that were open when last looked at; the others' never change.
    std::unordered_map<Row, Entry> open_;
    MarkIcons icons_;
};

} // namespace coldscope::app
