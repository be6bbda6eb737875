// Which bytes of each device are local, what brought them and whether they were asked for, as far
// as the run's events tell, and how much of each file.
#pragma once

#include "app/run/opened_image.h"
#include "app/run/run_host.h"
#include "app/run/selection.h"
#include "core/base/origins.h"
#include "core/base/range_set.h"

#include <QObject>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace coldscope::app {

class Residency final : public QObject {
    Q_OBJECT

public:
    // Ranges of devices that a request asks for.
    using Places = std::function<void(const RequestRow&, std::vector<DeviceRange>&)>;

    Residency(RunHost& host, Places places, QObject* parent = nullptr);

    // Another image: nothing is known to be local until a run of it begins.
    void set_image(std::shared_ptr<OpenedImage> image);

    // False: no run has told anything; local() is empty then.
    [[nodiscard]] bool known() const { return known_; }
    [[nodiscard]] const RangeSet& local(std::uint16_t device) const;
    // Of what the run brought.
    [[nodiscard]] const Origins& origins(std::uint16_t device) const;
    // Anything came that no reader waited for.
    [[nodiscard]] bool fetched_ahead() const;
    // Bytes; for a directory of all below it. Shared bytes count for each file that has them.
    [[nodiscard]] std::uint64_t local_of(erofs::NodeId node) const;
    [[nodiscard]] std::uint64_t stored_of(erofs::NodeId node) const;
    // Of all devices.
    [[nodiscard]] std::uint64_t total_local() const;
    [[nodiscard]] std::uint64_t total_stored() const;

Q_SIGNALS:
    void changed();

private:
    void begin();
    void advance();
    // brought_by: nothing for what was local before.
    bool add(const DeviceRange& place, std::optional<Origin> brought_by);

    RunHost& host_;
    Places places_;
    std::shared_ptr<OpenedImage> image_;
    bool known_ = false;
    ChangeMark mark_;
    std::vector<RangeSet> local_;
    std::vector<Origins> origins_;
    std::vector<std::uint64_t> of_node_; // while known
    std::vector<DeviceRange> scratch_;
};

} // namespace coldscope::app
