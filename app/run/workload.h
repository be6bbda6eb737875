// The program that is started in a run's mount, and what it prints. Its end does not end the run.
#pragma once

#include "core/base/error.h"

#include <QByteArray>
#include <QObject>
#include <QSocketNotifier>
#include <QStringList>
#include <memory>

#include <sys/types.h>

namespace coldscope::app {

class Workload final : public QObject {
    Q_OBJECT

public:
    using QObject::QObject;
    ~Workload() override; // kills it

    // command: program and arguments. folder: where it starts, in the mount.
    Result<void> start(const QStringList& command, const QString& folder);
    [[nodiscard]] bool running() const { return child_ > 0; }
    [[nodiscard]] const QStringList& command() const { return command_; }
    // Asks it and what it started to end (SIGTERM); kills what has not gone after 2 s.
    void end();

Q_SIGNALS:
    void started();
    void printed(const QByteArray& text); // of both outputs, as it comes
    void ended(int exit_code);            // as a shell gives it

private:
    void read_output();
    void look_for_end();
    void close_output();

    QStringList command_;
    pid_t child_ = 0;
    int output_ = -1;  // our end of the pipe, owned
    int process_ = -1; // pidfd, owned
    std::unique_ptr<QSocketNotifier> printed_;
    std::unique_ptr<QSocketNotifier> ended_;
};

} // namespace coldscope::app
