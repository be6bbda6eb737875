// A Debian chroot with nothing but the base libraries (tests/appimage/bare-chroot), for programs
// that are to run there. It is seen by this process and its children alone, read-only, with /proc,
// /sys, a /dev and /tmp of its own; one folder is shared with the outside, under the same path, and
// mounts that either side makes in it are the other's, too.
#pragma once

#include <QProcessEnvironment>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

namespace coldscope::test {

class BareChroot {
public:
    struct Outcome {
        int code = -1; // -1: killed, or did not end
        QByteArray output;
        QByteArray errors;
    };

    // suite: "bookworm" or "trixie".
    explicit BareChroot(QString suite) : suite_(std::move(suite)) {}
    ~BareChroot();
    BareChroot(const BareChroot&) = delete;
    BareChroot& operator=(const BareChroot&) = delete;

    // Why there can be no such chroot here; empty when there can. Makes it, which the first time
    // takes its time.
    [[nodiscard]] QString obstacle();

    // After obstacle(). shared: a folder. /dev/fuse has this mode; 0: there is none.
    [[nodiscard]] bool open(const QString& shared, unsigned fuse_mode, QString* error);

    // What runs a command there, as the words before it, for others to start with environment().
    [[nodiscard]] QStringList entry(bool as_root) const;
    // A clean one; HOME is `home`, or missing where that is empty.
    [[nodiscard]] static QProcessEnvironment environment(const QString& home);
    // Runs a command there to its end, at most two minutes.
    [[nodiscard]] Outcome run(const QStringList& command, bool as_root, const QString& home) const;
    // Likewise, outside.
    [[nodiscard]] static Outcome run_outside(const QStringList& command, const QString& home);

    // Processes that live there, but this one's children that run() waits for: their command lines.
    [[nodiscard]] QList<qint64> processes() const;
    // Where something is mounted there that open() has not.
    [[nodiscard]] QStringList left_mounted() const;

    // The user that entry(false) becomes.
    static constexpr unsigned ordinary_user = 65534;

private:
    [[nodiscard]] bool mount(const QString& source, const QString& target, const char* type,
                             unsigned long flags, const char* options = nullptr);

    QString suite_;
    QString made_;       // where it is kept
    QTemporaryDir root_; // where it is mounted
    QStringList mounts_; // in the order in which they were made
    QString error_;
};

} // namespace coldscope::test
