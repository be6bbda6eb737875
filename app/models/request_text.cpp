#include "app/models/request_text.h"

#include "app/style/look.h"

#include <QCoreApplication>
#include <QStringList>

namespace coldscope::app {

QString command_text(const Reader& reader) {
    const std::string_view name = reader.name();
    return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
}

QString process_text(const Reader& reader) {
    const QString command = command_text(reader);
    if (reader.pid == 0 && command.isEmpty())
        return QCoreApplication::translate("Request", "kernel");
    if (reader.pid == 0)
        return command;
    return QStringLiteral("%1 (%2)").arg(command).arg(reader.pid);
}

QString files_text(const Workspace& workspace, const RequestRow& row, std::size_t most) {
    const Workspace::Files files = workspace.files_of(row, most);
    if (files.nodes.empty())
        return row.object == 0 && workspace.image()
                   ? QCoreApplication::translate("Request", "metadata")
                   : QString();
    QStringList paths;
    for (const erofs::NodeId node : files.nodes)
        paths.push_back(workspace.path_of(node));
    if (files.more)
        paths.push_back(QStringLiteral("…"));
    return paths.join(QStringLiteral(", "));
}

QString state_text(const EventStore& store, Row row) {
    const RequestState state = store.state(row);
    if (state == RequestState::failed ||
        (state == RequestState::prefetched && store[row].result != 0))
        return QStringLiteral("%1: %2").arg(app::name(state),
                                            QString::fromStdString(errno_name(store[row].result)));
    return app::name(state);
}

Nanoseconds took(const RequestRow& row, Nanoseconds now) {
    const Nanoseconds end = row.open() ? now : row.end();
    return end < row.start ? 0 : end - row.start;
}

} // namespace coldscope::app
