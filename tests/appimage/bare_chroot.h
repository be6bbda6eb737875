// A Debian chroot with nothing but the base libraries (tests/appimage/bare-chroot), for programs
// that are to run there. It is seen by this process and its children alone, read-only, with /proc,
// /sys, a /dev and /tmp of its own; one folder is shared with the outside, under the same path, and
// mounts that either side makes in it are the other's, too.
#pragma once

#include "tests/appimage/outcome.h"

#include <QList>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

namespace coldscope::test {

class BareChroot {
public:
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

    // The words before a command that run it there, in a clean environment: HOME is `home`, or
    // missing where that is empty.
    [[nodiscard]] QStringList entry(bool as_root, const QString& home) const;
    // Likewise, outside.
    [[nodiscard]] static QStringList outside(const QString& home);
    // Runs a command to its end, at most two minutes.
    [[nodiscard]] static Outcome run(const QStringList& words);

    // Processes that live there.
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
