#include "app/steer/steering.h"

#include "app/style/marks.h"
#include "app/style/text.h"

#include <QInputDialog>
#include <QMenu>
#include <algorithm>
#include <array>
#include <cerrno>

namespace coldscope::app {

namespace {

constexpr std::array offered_errors{EIO, ENOSPC, ETIMEDOUT, EACCES, ENOENT, EAGAIN, ESTALE, EPERM};

// Those that the transport passes on.
std::vector<Failing> failings_offered(const Workspace& workspace, Op op) {
    const bool live = workspace.host().live();
    const TransportKind transport = workspace.host().transport();
    const bool opens = op == Op::open && transport == TransportKind::cachefiles;
    std::vector<Failing> offered;
    for (const int error : offered_errors) {
        if (!live || takes_error(transport, error))
            offered.push_back({QString::number(error),
                               opens ? QObject::tr("open fails with %1, and the mount with it")
                                           .arg(errno_text(error))
                                     : reader_gets(workspace, error)});
    }
    if (live && transport == TransportKind::cachefiles)
        offered.push_back({QStringLiteral("partial"),
                           opens ? QObject::tr("half of its size is said: the kernel does not look")
                                 : QObject::tr("half is written: the kernel asks for the rest")});
    return offered;
}

constexpr std::array offered_delays{100 * millisecond, 500 * millisecond, second, 5 * second};

std::vector<Row> waiting_of(Workspace& workspace, const std::vector<Row>& requests) {
    std::vector<Row> rows = workspace.host().waiting();
    std::erase_if(rows,
                  [&](Row row) { return std::ranges::find(requests, row) == requests.end(); });
    return rows;
}

bool on_each(Workspace& workspace, const std::vector<Row>& requests, const QString& line) {
    const std::vector<Row> rows = waiting_of(workspace, requests);
    for (const Row row : rows) {
        if (!steer(workspace, line.arg(workspace.host().store()[row].id)))
            return false;
    }
    return !rows.empty();
}

// In double quotes, as commands are read; empty when it can't be written so.
QString quoted(const QString& text) {
    return text.contains(QLatin1Char('"')) ? QString() : QStringLiteral("\"%1\"").arg(text);
}

// As the condition of a command; empty when it can't be written. Where no image is named, objects
// go by their names alone.
QString object_condition(const Workspace& workspace, ObjectId object) {
    if (workspace.host().has_image())
        return QStringLiteral("object=%1")
            .arg(object == 0 ? QStringLiteral("bootstrap") : QString::number(object));
    const QString word = quoted(workspace.object_name(object));
    return word.isEmpty() ? word : QStringLiteral("object=%1").arg(word);
}
QString range_condition(const Workspace& workspace, const DeviceRange& place) {
    const QString object = object_condition(workspace, place.device);
    return object.isEmpty() ? object
                            : QStringLiteral("%1 range=%2+%3")
                                  .arg(object)
                                  .arg(place.range.begin)
                                  .arg(place.range.length());
}

// "requests like this": what they have in common, and the condition of a rule that says so.
struct Likeness {
    QString label;
    QString condition;
};

std::vector<Likeness> likenesses(const Workspace& workspace, const Target& target) {
    std::vector<Likeness> result;
    if (target.node) {
        const QString path = workspace.path_of(*target.node);
        if (const QString word = quoted(path); !word.isEmpty())
            result.push_back({QObject::tr("of this file (%1)").arg(path.section(u'/', -1)),
                              QStringLiteral("file=%1").arg(word)});
    }
    if (target.object) {
        const QString name = workspace.object_name(*target.object);
        if (const QString condition = object_condition(workspace, *target.object);
            !condition.isEmpty() && target.op == Op::open)
            result.push_back({QObject::tr("that open this object (%1)").arg(name),
                              QStringLiteral("op=open ") + condition});
        else if (!condition.isEmpty())
            result.push_back({QObject::tr("of this object (%1)").arg(name), condition});
    }
    if (const QString condition =
            target.range ? range_condition(workspace, *target.range) : QString();
        !condition.isEmpty())
        result.push_back(
            {QObject::tr("of this range (%1)").arg(range_text(target.range->range)), condition});
    if (target.pid && *target.pid != 0)
        result.push_back(
            {QObject::tr("of this process (%1, %2)").arg(target.command).arg(*target.pid),
             QStringLiteral("pid=%1").arg(*target.pid)});
    if (const QString word = quoted(target.command); !target.command.isEmpty() && !word.isEmpty())
        result.push_back({QObject::tr("of every %1").arg(target.command),
                          QStringLiteral("command=%1").arg(word)});
    return result;
}

void add_likeness(QMenu& menu, Workspace& workspace, const Likeness& like, Op op) {
    QMenu* sub = menu.addMenu(QObject::tr("Requests %1").arg(like.label));
    const auto add = [&](const char* picture, const QString& text, const QString& line) {
        sub->addAction(icon(picture), text, [&workspace, line] { steer(workspace, line); });
    };
    const QString& condition = like.condition;
    add("hold-next", QObject::tr("Hold the next: its reader waits"),
        QStringLiteral("hold next ") + condition);
    add("media-playback-pause", QObject::tr("Hold all: their readers wait"),
        QStringLiteral("hold ") + condition);
    QMenu* delays = sub->addMenu(icon("delay"), QObject::tr("Delay all by"));
    for (const Nanoseconds time : offered_delays)
        delays->addAction(duration_text(time), [&workspace, time, condition] {
            steer(workspace, QStringLiteral("delay %1ns %2").arg(time).arg(condition));
        });
    // Not the next alone: the kernel asks again, page by page, for what a readahead did not get.
    add("fail", QObject::tr("Fail all: %1").arg(reader_gets(workspace, EIO)),
        QStringLiteral("fail EIO ") + condition);
    QMenu* errors = sub->addMenu(icon("fail"), QObject::tr("Fail all with"));
    for (const Failing& failing : failings_offered(workspace, op))
        errors->addAction(failing.seen, [&workspace, word = failing.word, condition] {
            steer(workspace, QStringLiteral("fail %1 %2").arg(word, condition));
        });
}

} // namespace

Target target_of(const Workspace& workspace, const std::vector<Row>& requests) {
    Target target;
    target.requests = requests;
    if (requests.empty())
        return target;
    const EventStore& store = workspace.host().store();
    const RequestRow& row = store[requests.front()];
    if (const auto files = workspace.files_of(row, 1); !files.nodes.empty())
        target.node = files.nodes.front();
    target.op = row.op;
    if (!workspace.host().has_image())
        target.object = row.object;
    std::vector<DeviceRange> places;
    if (row.op == Op::read)
        workspace.places_of(row, places);
    if (!places.empty())
        target.range = places.front();
    target.pid = store.reader(row).pid;
    target.command = QString::fromUtf8(store.reader(row).name().data(),
                                       static_cast<qsizetype>(store.reader(row).name().size()));
    return target;
}

void add_steering(QMenu& menu, Workspace& workspace, const Target& target) {
    const bool live = workspace.host().live();
    if (const std::vector<Row> rows = waiting_of(workspace, target.requests); !rows.empty()) {
        menu.addAction(icon("release"), QObject::tr("Release: the reader goes on"),
                       [&workspace, rows] { release(workspace, rows); });
        QMenu* delays = menu.addMenu(icon("delay"), QObject::tr("Delay by"));
        for (const Nanoseconds time : offered_delays)
            delays->addAction(duration_text(time),
                              [&workspace, rows, time] { delay(workspace, rows, time); });
        QMenu* errors = menu.addMenu(icon("fail"), QObject::tr("Fail with"));
        for (const Failing& failing : failings_offered(workspace, target.op))
            errors->addAction(failing.seen,
                              [&workspace, rows, failing] { fail(workspace, rows, failing); });
        menu.addSeparator();
    }
    if (target.node) {
        menu.addAction(
            icon("media-playback-start"),
            QObject::tr("Read %1 now").arg(workspace.path_of(*target.node).section(u'/', -1)),
            [&workspace, node = *target.node] { workspace.read_now(node); });
    }
    add_prefetch(menu, workspace, target);
    for (const Likeness& like : likenesses(workspace, target))
        add_likeness(menu, workspace, like, target.op);
    for (QAction* action : menu.actions())
        action->setEnabled(live || action->isSeparator());
}

void add_prefetch(QMenu& menu, Workspace& workspace, const Target& target) {
    const auto add = [&](const QString& text, const QString& line) {
        menu.addAction(icon("go-down"), text, [&workspace, line] { steer(workspace, line); })
            ->setEnabled(workspace.host().live());
    };
    if (target.node) {
        const QString path = workspace.path_of(*target.node);
        const bool folder = workspace.shown()->index.node(*target.node).is_directory();
        if (const QString word = quoted(path); !word.isEmpty())
            add(folder ? QObject::tr("Prefetch all in %1").arg(path)
                       : QObject::tr("Prefetch %1").arg(path.section(u'/', -1)),
                QStringLiteral("prefetch file=%1").arg(word));
    }
    if (const QString object =
            target.object ? object_condition(workspace, *target.object) : QString();
        !object.isEmpty())
        add(QObject::tr("Prefetch all of %1").arg(workspace.object_name(*target.object)),
            QStringLiteral("prefetch %1").arg(object));
    if (!target.range || target.range->range.begin >= target.range->range.end)
        return;
    if (const QString condition = range_condition(workspace, *target.range); !condition.isEmpty())
        add(QObject::tr("Prefetch this range (%1)").arg(range_text(target.range->range)),
            QStringLiteral("prefetch %1").arg(condition));
}

bool release(Workspace& workspace, const std::vector<Row>& requests) {
    return on_each(workspace, requests, QStringLiteral("release %1"));
}

bool delay(Workspace& workspace, const std::vector<Row>& requests, Nanoseconds time) {
    return on_each(workspace, requests,
                   QStringLiteral("delay %1 ") + QStringLiteral("%1ns").arg(time));
}

bool fail(Workspace& workspace, const std::vector<Row>& requests, const Failing& failing) {
    return on_each(workspace, requests, QStringLiteral("fail %1 ") + failing.word);
}

bool steer(Workspace& workspace, const QString& line) {
    const auto done = workspace.host().command(line.toStdString());
    if (!done)
        Q_EMIT workspace.failed(QObject::tr("Not done: %1").arg(line), error_text(done.error()));
    return done.has_value();
}

std::optional<Nanoseconds> ask_delay(QWidget* parent) {
    QInputDialog dialog(parent);
    dialog.setWindowTitle(QObject::tr("Delay"));
    dialog.setLabelText(QObject::tr("The request goes on after (seconds):"));
    dialog.setInputMode(QInputDialog::DoubleInput);
    dialog.setDoubleDecimals(3);
    dialog.setDoubleRange(0.001, 3600);
    dialog.setDoubleValue(1);
    dialog.setOkButtonText(QObject::tr("Delay"));
    if (dialog.exec() != QDialog::Accepted)
        return {};
    return static_cast<Nanoseconds>(dialog.doubleValue() * second);
}

std::optional<Failing> ask_failing(QWidget* parent, const Workspace& workspace,
                                   const std::vector<Row>& requests) {
    const std::vector<Failing> offered = failings_offered(
        workspace, requests.empty() ? Op::read : workspace.host().store()[requests.front()].op);
    QStringList items;
    for (const Failing& failing : offered)
        items.push_back(failing.seen);
    QInputDialog dialog(parent);
    dialog.setWindowTitle(QObject::tr("Fail"));
    dialog.setLabelText(QObject::tr("What the reader will see:"));
    dialog.setComboBoxItems(items);
    dialog.setOkButtonText(QObject::tr("Fail"));
    if (dialog.exec() != QDialog::Accepted)
        return {};
    return offered[static_cast<std::size_t>(items.indexOf(dialog.textValue()))];
}

QString reader_gets(const Workspace& workspace, int error) {
    const int seen = workspace.seen_by_reader(error);
    if (seen == error)
        return QObject::tr("reader gets %1").arg(errno_text(error));
    return QObject::tr("%1, of which EROFS makes %2 for the reader")
        .arg(QString::fromStdString(errno_name(error)), QString::fromStdString(errno_name(seen)));
}

} // namespace coldscope::app
