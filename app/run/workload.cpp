#include "app/run/workload.h"

#include "daemon/run/child.h"

#include <QTimer>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coldscope::app {

namespace {
constexpr int grace_ms = 2000; // between SIGTERM and SIGKILL
}

Workload::~Workload() {
    if (child_ > 0)
        kill(-child_, SIGKILL);
    close_output();
    if (process_ >= 0)
        ::close(process_);
}

Result<void> Workload::start(const QStringList& command, const QString& folder) {
    if (running())
        return failure(Code::busy, "a program runs in the mount already");
    if (command.isEmpty())
        return failure(Code::invalid, "no program is named");
    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0)
        return system_error("cannot make a pipe for the program's output");
    std::vector<std::string> words;
    for (const QString& word : command)
        words.push_back(word.toStdString());
    const auto child = start_child(words, folder.toStdString(), pipe[1], pipe[1]);
    ::close(pipe[1]);
    if (!child) {
        ::close(pipe[0]);
        return std::unexpected(child.error());
    }
    command_ = command;
    child_ = *child;
    output_ = pipe[0];
    fcntl(output_, F_SETFL, O_NONBLOCK);
    printed_ = std::make_unique<QSocketNotifier>(output_, QSocketNotifier::Read);
    connect(printed_.get(), &QSocketNotifier::activated, this, &Workload::read_output);
    process_ = static_cast<int>(syscall(SYS_pidfd_open, child_, 0u)); // Linux 5.3
    if (process_ < 0) {
        const auto error = system_error("cannot watch the program");
        kill(-child_, SIGKILL);
        return error;
    }
    fcntl(process_, F_SETFD, FD_CLOEXEC);
    ended_ = std::make_unique<QSocketNotifier>(process_, QSocketNotifier::Read);
    connect(ended_.get(), &QSocketNotifier::activated, this, &Workload::look_for_end);
    Q_EMIT started();
    return {};
}

void Workload::read_output() {
    std::array<char, 65536> bytes{};
    const ssize_t got = ::read(output_, bytes.data(), bytes.size());
    if (got > 0)
        Q_EMIT printed(QByteArray(bytes.data(), got));
    else if (got == 0 || errno != EAGAIN)
        close_output();
}

void Workload::look_for_end() {
    int exit_code = 0;
    if (child_ <= 0 || !child_ended(child_, exit_code))
        return;
    child_ = 0;
    ended_.reset();
    ::close(process_);
    process_ = -1;
    if (output_ >= 0)
        read_output(); // what it wrote last; what it left behind may write on
    Q_EMIT ended(exit_code);
}

void Workload::close_output() {
    printed_.reset();
    if (output_ >= 0)
        ::close(output_);
    output_ = -1;
}

void Workload::end() {
    if (child_ <= 0)
        return;
    kill(-child_, SIGTERM);
    QTimer::singleShot(grace_ms, this, [this, child = child_] {
        if (child_ == child)
            kill(-child, SIGKILL);
    });
}

} // namespace coldscope::app
