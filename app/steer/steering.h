// What a hand can do to requests, for menus and buttons of every view: each act says what the
// reader will see. Errors are shown through Workspace::failed().
#pragma once

#include "app/run/workspace.h"

#include <QString>
#include <optional>
#include <vector>

class QMenu;
class QWidget;

namespace coldscope::app {

// What the pointer is on; the more is known, the more "requests like this" are offered.
struct Target {
    std::vector<Row> requests;         // those chosen; like the first are "requests like this"
    std::optional<erofs::NodeId> node; // a regular file; for add_prefetch() also a folder
    std::optional<ObjectId> object;    // where no image is named
    std::optional<DeviceRange> range;
    Op op = Op::read; // of the first request
    std::optional<std::uint32_t> pid;
    QString command; // of the process
};

// One way to fail a request: as a command has it, and what the reader sees.
struct Failing {
    QString word;
    QString seen;
};

// A request with its file, range and process.
[[nodiscard]] Target target_of(const Workspace& workspace, const std::vector<Row>& requests);

// Release, delay and fail what waits among the requests; read or prefetch the file now; hold,
// delay, fail requests like this.
void add_steering(QMenu& menu, Workspace& workspace, const Target& target);

// Prefetch this file, all in this folder, this range.
void add_prefetch(QMenu& menu, Workspace& workspace, const Target& target);

// The acts themselves, on those of the requests that wait. False when none of them did.
bool release(Workspace& workspace, const std::vector<Row>& requests);
bool delay(Workspace& workspace, const std::vector<Row>& requests, Nanoseconds time);
bool fail(Workspace& workspace, const std::vector<Row>& requests, const Failing& failing);
// One line as in core/rules/command.h; false when it was refused, which was shown.
bool steer(Workspace& workspace, const QString& line);

// Asks; nothing when the dialog was left.
[[nodiscard]] std::optional<Nanoseconds> ask_delay(QWidget* parent);
[[nodiscard]] std::optional<Failing> ask_failing(QWidget* parent, const Workspace& workspace,
                                                 const std::vector<Row>& requests);

// "reader gets EIO", "the kernel turns ENOSPC into EIO for the reader".
[[nodiscard]] QString reader_gets(const Workspace& workspace, int error);

} // namespace coldscope::app
