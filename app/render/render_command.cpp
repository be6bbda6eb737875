#include "app/render/render_command.h"

#include "app/style/look.h"
#include "app/style/picture_file.h"
#include "app/style/text.h"
#include "app/timeline/timeline_picture.h"
#include "daemon/run/event_log.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QFontMetrics>
#include <QGuiApplication>
#include <QPainter>
#include <QStringList>
#include <algorithm>
#include <cstdio>

namespace coldscope::app {

namespace {

constexpr int width = 1600; // logical pixels
constexpr double ratio = 2;
constexpr int margin = 12;

QString tr(const char* text) {
    return QCoreApplication::translate("Render", text);
}

int fail(const QString& text) {
    std::fprintf(stderr, "coldscope: %s\n", qUtf8Printable(text));
    return 1;
}

// What the run was and came to, above its timeline.
QString headline(const EventLog& log, const EventStore& store) {
    const Summary summary = store.summary();
    QStringList parts;
    if (!log.transport.empty() && !log.simulated)
        parts << QString::fromStdString(log.transport);
    parts << tr("%1 requests").arg(count_text(summary.requests));
    parts << tr("%1 fetched").arg(size_text(summary.bytes_fetched()));
    if (summary.max != 0)
        parts << tr("p50 %1, p95 %2").arg(duration_text(summary.p50), duration_text(summary.p95));
    if (summary.held != 0)
        parts << tr("%1 held").arg(count_text(summary.held));
    if (summary.failed != 0)
        parts << tr("%1 failed").arg(count_text(summary.failed));
    if (summary.lost != 0)
        parts << tr("%1 lost").arg(count_text(summary.lost));
    if (log.lost_events != 0)
        parts << tr("%1 events missing").arg(count_text(log.lost_events));
    return parts.join(QStringLiteral(" · "));
}

// The timeline under its headline.
QImage compose(const QImage& timeline, const EventLog& log, const EventStore& store,
               const QPalette& palette) {
    const Surface surface = surface_of(palette);
    const QFont font = QGuiApplication::font();
    QFont bold = font;
    bold.setBold(true);
    const int line = QFontMetrics(font).height();
    const int head = line + 2 * margin;
    const int timeline_height = static_cast<int>(timeline.height() / ratio);
    QImage picture(QSize(width, head + timeline_height) * ratio, QImage::Format_RGB32);
    picture.setDevicePixelRatio(ratio);
    picture.fill(surface.base);
    QPainter painter(&picture);
    const QString title = log.image.empty()
                              ? tr("Cold reads")
                              : QFileInfo(QString::fromStdString(log.image)).fileName();
    int left = margin;
    const auto put = [&](const QString& text, const QFont& in, const QColor& colour) {
        const int room = width - margin - left;
        const QString fits = QFontMetrics(in).elidedText(text, Qt::ElideRight, room);
        painter.setFont(in);
        painter.setPen(colour);
        painter.drawText(QRect(left, margin, room, line), Qt::AlignLeft | Qt::AlignVCenter, fits);
        left += QFontMetrics(in).horizontalAdvance(fits) + margin;
    };
    if (log.simulated) {
        const QString word = tr("SIMULATED");
        const int wide = QFontMetrics(bold).horizontalAdvance(word) + margin;
        painter.setPen(surface.text);
        painter.drawRect(QRectF(left + 0.5, margin - 2.5, wide, line + 5));
        left += margin / 2;
        put(word, bold, surface.text);
        left += margin / 2;
    }
    put(title, bold, surface.text);
    put(headline(log, store), font, surface.faint);
    painter.drawImage(QPoint(0, head), timeline);
    return picture;
}

} // namespace

int render_events(const QString& events, const QString& picture) {
    auto file = FileReadAt::open(events.toStdString());
    if (!file)
        return fail(error_text(file.error(), events));
    EventStore store;
    const auto log =
        read_event_log(**file, [&store](const StepRecord& record) { store.take(record); });
    if (!log)
        return fail(error_text(log.error(), events));
    if (store.size() == 0)
        return fail(tr("%1 has no requests: there is nothing to draw").arg(events));
    TimelineNames names;
    names.object = [&log](ObjectId object) {
        const auto at = log->object_names.find(object);
        return at == log->object_names.end() ? tr("object %1").arg(object)
                                             : QString::fromStdString(at->second);
    };
    PictureOptions options;
    options.size = QSize(width, 0);
    options.ratio = ratio;
    options.palette = QGuiApplication::palette();
    const QImage timeline = render_timeline(store, names, options);
    const QString error = save_picture(compose(timeline, *log, store, options.palette), picture);
    return error.isEmpty() ? 0 : fail(error);
}

} // namespace coldscope::app
