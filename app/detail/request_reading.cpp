// Which file a request is read for, and when, as the kernel and the guard know it.
#include "app/detail/request_detail.h"
#include "app/style/text.h"
#include "core/erofs/read_for.h"

#include <QHash>
#include <QStringList>

namespace coldscope::app {

namespace {

constexpr Nanoseconds ask_again = 500 * millisecond;

// The answer's "key=value" lines.
QHash<QString, QString> fields_of(const QString& text) {
    QHash<QString, QString> fields;
    for (const QString& line : text.split(u'\n', Qt::SkipEmptyParts))
        fields.insert(line.section(u'=', 0, 0), line.section(u'=', 1));
    return fields;
}

} // namespace

// Only of a reader that may still wait; not of Coldscope's own reader, whose object is the file.
void RequestDetail::ask_waiting() {
    const RequestRow& request = workspace_.host().store()[*row_];
    const std::uint32_t thread = workspace_.host().store().reader(request).pid;
    if (waiting_of_ != row_) {
        waiting_of_ = row_;
        waiting_.clear();
        waiting_asked_ = 0;
    }
    const Nanoseconds now = monotonic_now();
    if (!request.open() || thread == 0 || request.object >= first_file_object ||
        (request.flags & flag::own) != 0 || now - waiting_asked_ < ask_again)
        return;
    waiting_asked_ = now;
    workspace_.host().ask_waiting(thread);
}

void RequestDetail::hear_waiting(std::uint32_t thread, const QString& text) {
    const EventStore& store = workspace_.host().store();
    if (text.isEmpty() || !row_ || *row_ >= store.size() ||
        store.reader(store[*row_]).pid != thread)
        return;
    waiting_ = text;
    gate_.ask();
}

QString RequestDetail::reading_text() const {
    const RequestRow& request = workspace_.host().store()[*row_];
    QStringList lines;
    const ReadFor* origin = workspace_.host().origin_of(request.id);
    if (const auto& image = workspace_.image(); origin && image) {
        const auto node = image->index.node_of_nid(origin->nid);
        if (node && erofs::may_be_read_for(*image->image, image->index, *node,
                                           static_cast<std::uint16_t>(request.object),
                                           request.offset, request.length))
            lines.push_back(tr("EROFS was reading %1 of <a href=\"%2\">%3</a>")
                                .arg(range_text({origin->offset, origin->offset + origin->length})
                                         .toHtmlEscaped())
                                .arg(*node)
                                .arg(workspace_.path_of(*node).toHtmlEscaped()));
    }
    if (const auto* kernel = workspace_.host().kernel_times_of(request.id)) {
        if (request.arrived() > kernel->asked)
            lines.push_back(tr("The kernel began to ask %1 before the question was read")
                                .arg(duration_text(request.arrived() - kernel->asked)));
        if (kernel->resumed > kernel->asked)
            lines.push_back(tr("The reader went on %1 after that began")
                                .arg(duration_text(kernel->resumed - kernel->asked)));
    }
    const QHash<QString, QString> waiting = fields_of(waiting_);
    if (const QString call = waiting.value(QStringLiteral("call")); !call.isEmpty()) {
        QString file = waiting.value(QStringLiteral("file"));
        const QString mount = QString::fromStdString(workspace_.host().options().mount_point);
        if (file.startsWith(mount + u'/'))
            file.remove(0, mount.size()); // as the image has it
        const QString offset = waiting.value(QStringLiteral("offset"));
        lines.push_back(
            offset.isEmpty()
                ? tr("Its thread waits in %1 of %2").arg(call.toHtmlEscaped(), file.toHtmlEscaped())
                : tr("Its thread waits in %1 at %2 of %3")
                      .arg(call.toHtmlEscaped(), count_text(offset.toULongLong(nullptr, 0)),
                           file.toHtmlEscaped()));
    }
    return lines.join(QStringLiteral("<br>"));
}

} // namespace coldscope::app
