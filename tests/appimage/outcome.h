// What the tests of the AppImage share: the file, and how a program has ended.
#pragma once

#include <QByteArray>
#include <QProcess>
#include <QString>

namespace coldscope::test {

// Of COLDSCOPE_APPIMAGE, else what packaging/appimage/build has written; it need not be there.
[[nodiscard]] inline QString appimage_file() {
    const QString named = qEnvironmentVariable("COLDSCOPE_APPIMAGE");
    return named.isEmpty() ? QStringLiteral(COLDSCOPE_BUILT_APPIMAGE) : named;
}

struct Outcome {
    int status = -1; // the exit status, or 128 and the signal's number; -1: it did not end in time
    QByteArray out;
    QByteArray err;
};

// Waits for it, and kills it then.
[[nodiscard]] inline Outcome outcome_of(QProcess& process, int patience_ms) {
    const bool ended = process.waitForFinished(patience_ms);
    if (!ended) {
        process.kill();
        process.waitForFinished();
    }
    const int code = process.exitCode() + (process.exitStatus() == QProcess::CrashExit ? 128 : 0);
    return {ended ? code : -1, process.readAllStandardOutput(), process.readAllStandardError()};
}

} // namespace coldscope::test
