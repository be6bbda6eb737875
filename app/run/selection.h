// What is chosen, everywhere at once, with back and forward through it.
#pragma once

#include "core/base/range_set.h"
#include "core/erofs/index.h"
#include "core/request/event_store.h"

#include <QObject>
#include <optional>
#include <vector>

namespace coldscope::app {

struct DeviceRange {
    std::uint16_t device = 0;
    Range range; // bytes
    bool operator==(const DeviceRange&) const = default;
};

struct TimeSpan {
    Nanoseconds begin = 0; // CLOCK_MONOTONIC
    Nanoseconds end = 0;
    bool operator==(const TimeSpan&) const = default;
};

// What the user chose is `by`; the other parts follow from it, where they do.
struct Chosen {
    enum class By { nothing, request, node, range };
    By by = By::nothing;
    std::optional<Row> request;        // in RunHost::store()
    std::optional<erofs::NodeId> node; // in OpenedImage::index
    std::optional<DeviceRange> range;
    std::optional<TimeSpan> view; // where the timeline looked when it was left
    bool operator==(const Chosen&) const = default;
};

class Selection final : public QObject {
    Q_OBJECT

public:
    using QObject::QObject;

    [[nodiscard]] const Chosen& current() const { return current_; }
    // Keeps what was chosen before for back(). Nothing happens when it is chosen already.
    void choose(const Chosen& chosen);
    // The timeline looks elsewhere: back() returns to here.
    void remember_view(TimeSpan view);
    [[nodiscard]] bool can_go_back() const { return !back_.empty(); }
    [[nodiscard]] bool can_go_forward() const { return !forward_.empty(); }
    void back();
    void forward();
    // Forgets all: another image or run.
    void clear();

Q_SIGNALS:
    void changed();

private:
    static constexpr std::size_t most = 200;
    void push(std::vector<Chosen>& stack);

    Chosen current_;
    std::vector<Chosen> back_;
    std::vector<Chosen> forward_;
};

} // namespace coldscope::app
