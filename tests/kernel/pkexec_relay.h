// Root's side of standin_pkexec: starts what it is asked for as root, as pkexec does, with the
// asking user's number in PKEXEC_UID and nothing open from descriptor 3 up.
#pragma once

#include <QString>
#include <QStringList>
#include <QTemporaryDir>
#include <mutex>
#include <thread>

#include <sys/types.h>

namespace coldscope::test {

class PkexecRelay {
public:
    enum class Answer : unsigned char { yes, dismissed, none }; // none: it goes on asking
    explicit PkexecRelay(Answer answer = Answer::yes);
    ~PkexecRelay();
    PkexecRelay(const PkexecRelay&) = delete;
    PkexecRelay& operator=(const PkexecRelay&) = delete;

    // For the environment of who asks.
    [[nodiscard]] QString socket_path() const { return folder_.filePath("socket"); }
    // A folder for PATH, in which pkexec is the stand-in.
    [[nodiscard]] QString path() const { return folder_.filePath("bin"); }
    // The program and its arguments, of the last question.
    [[nodiscard]] QStringList asked();
    [[nodiscard]] pid_t started(); // 0: nothing was

private:
    void serve();

    QTemporaryDir folder_;
    Answer answer_;
    int listening_ = -1;
    std::mutex mutex_; // of what follows
    QStringList asked_;
    pid_t started_ = 0;
    std::thread thread_;
};

} // namespace coldscope::test
