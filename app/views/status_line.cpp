#include "app/views/status_line.h"

#include "app/style/text.h"

#include <algorithm>

namespace coldscope::app {

namespace {
constexpr int look_ms = 200;
}

StatusLine::StatusLine(Workspace& workspace, QWidget* parent)
    : QLabel(parent), workspace_(workspace) {
    setAccessibleName(tr("Figures of the run"));
    setContentsMargins(6, 0, 6, 0);
    setTextInteractionFlags(Qt::TextSelectableByMouse);
    timer_.setInterval(look_ms);
    connect(&timer_, &QTimer::timeout, this, &StatusLine::look);
    timer_.start();
    connect(&workspace_, &Workspace::opening_changed, this, &StatusLine::look);
    look();
}

QString StatusLine::held_text(Workspace& workspace) {
    const std::vector<Row> waiting = workspace.host().waiting();
    if (waiting.empty())
        return {};
    EventStore& store = workspace.host().store();
    Nanoseconds since = workspace.host().now();
    std::size_t held = 0;
    for (const Row row : waiting) {
        if (store.state(row) != RequestState::held)
            continue;
        ++held;
        since = std::min(since, store.steering(store[row]).held);
    }
    if (held == 0)
        return tr("%n delayed", nullptr, static_cast<int>(waiting.size()));
    return tr("‖ %1 held %2").arg(held).arg(duration_text(workspace.host().now() - since));
}

void StatusLine::look() {
    const RunHost& host = workspace_.host();
    if (host.began_at() == 0 || (workspace_.opening() && !host.live())) {
        setText(workspace_.opening() ? tr("Reading the image…")
                : workspace_.image() ? tr("No run yet. Start… (F5) mounts the image and shows each "
                                          "cold read.")
                                     : QString());
        return;
    }
    const Summary summary = host.store().summary();
    QStringList parts;
    if (const Attachment* attachment = host.attachment(); attachment != nullptr)
        parts << (attachment->linked() ? tr("attached to %1") : tr("no link to %1"))
                     .arg(attachment->where());
    if (host.simulated())
        parts << tr("SIMULATED");
    if (!host.has_image())
        parts << host.transport_name();
    parts << (summary.requests == 1 ? tr("1 request")
                                    : tr("%1 requests").arg(count_text(summary.requests)));
    if (const QString held = held_text(workspace_); !held.isEmpty())
        parts << held;
    if (summary.failed != 0)
        parts << tr("✕ %1 failed").arg(count_text(summary.failed));
    if (summary.lost != 0)
        parts << tr("%1 without a reader").arg(count_text(summary.lost));
    parts << (host.has_image() ? tr("%1 of %2 local")
                                     .arg(size_text(workspace_.residency().total_local()),
                                          size_text(workspace_.residency().total_stored()))
                               : tr("%1 fetched").arg(size_text(summary.bytes_fetched())));
    if (const std::uint64_t ahead = summary.bytes_amplified + summary.bytes_prefetched; ahead != 0)
        parts << tr("%1 prefetched or amplified").arg(size_text(ahead));
    if (summary.p95 != 0)
        parts << tr("p50 %1, p95 %2").arg(duration_text(summary.p50), duration_text(summary.p95));
    if (host.lost_events() != 0)
        parts << tr("lost %1 events: the list is incomplete").arg(count_text(host.lost_events()));
    setText(parts.join(QStringLiteral("  ·  ")));
}

} // namespace coldscope::app
