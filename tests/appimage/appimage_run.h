// Makes small AppImages and runs them on hosts that lack something: as root or as an ordinary user,
// in a mount namespace of their own where FUSE, or a place to write to, is missing.
#pragma once

#include "tests/appimage/outcome.h"

#include <QByteArray>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>
#include <memory>

namespace coldscope::test {

enum class Fuse { There, Hidden, Refused };

struct Host {
    bool ordinary = false; // user 65534
    Fuse fuse = Fuse::There;
    QByteArray preparation{};  // shell commands that root runs first, in the mount namespace
    QStringList environment{}; // NAME=VALUE, beside PATH, HOME and TMPDIR: it has no other
};

// A folder for a test, outside /tmp, whose subfolders "tmp" and "home" any user may write to.
class AppImageRoom {
public:
    AppImageRoom();

    // Why no AppImage can be made or run here; empty if one can.
    [[nodiscard]] QString obstacle() const;
    [[nodiscard]] QString path(const QString& name) const { return folder_.filePath(name); }
    // A file of the AppDir that is being made; folders are made as needed.
    void add(const QString& name, const QByteArray& content, int mode = 0644) const;
    // Makes an AppImage of the AppDir; false if that fails.
    [[nodiscard]] bool make(const QString& name) const;

    // Starts it in "home", its TMPDIR is "tmp". The process is the AppImage's own.
    [[nodiscard]] std::unique_ptr<QProcess> start(const Host& host,
                                                  const QStringList& command) const;
    [[nodiscard]] Outcome run(const Host& host, const QStringList& command) const;
    [[nodiscard]] static Outcome finish(QProcess& process);

    // Folders that runtimes have made in this one, or places below it, and left.
    [[nodiscard]] QStringList left_folders() const;
    // Processes that run the AppImage's own file: those that serve and clean up.
    [[nodiscard]] QList<int> processes(const QString& name) const;
    // Waits until nothing of it is left.
    [[nodiscard]] bool gone(const QString& name) const;

private:
    QTemporaryDir folder_;
};

// Rows of a column "ordinary"; root's only if this is root.
void add_users();

} // namespace coldscope::test
