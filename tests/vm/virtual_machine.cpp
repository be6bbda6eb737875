#include "tests/vm/virtual_machine.h"

#include <QElapsedTimer>
#include <QFile>
#include <QFileInfo>
#include <QtTest>
#include <csignal>

#include <sys/prctl.h>

namespace coldscope::test {

namespace {

// Set by the build: the scripts' folder.
QString tool(const QString& name) {
    return QStringLiteral(COLDSCOPE_VM_SCRIPTS) + '/' + name;
}

QByteArray last_line(QByteArray text) {
    text = text.trimmed();
    return text.mid(text.lastIndexOf('\n') + 1);
}

} // namespace

QByteArray guest_script(const QString& name) {
    QFile file(tool(name + ".guest"));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

VirtualMachine::~VirtualMachine() {
    if (process_.state() == QProcess::NotRunning)
        return;
    process_.terminate();
    if (!process_.waitForFinished(5000))
        process_.kill();
    process_.waitForFinished();
}

QString VirtualMachine::obstacle() {
    if (QStandardPaths::findExecutable("qemu-system-x86_64").isEmpty())
        return "qemu-system-x86_64 is missing (Debian package qemu-system-x86)";
    QProcess process;
    process.start(tool("kernel"), {series_});
    if (!process.waitForFinished(300000))
        return "the kernel " + series_ + " could not be had in five minutes";
    if (process.exitCode() != 0)
        return "no kernel " + series_ + ": " + last_line(process.readAllStandardError());
    kernel_ = process.readAllStandardOutput().trimmed();
    return {};
}

QString VirtualMachine::version() const {
    return QFileInfo(kernel_).fileName();
}

bool VirtualMachine::start() {
    QFile file(folder_.filePath("script"));
    if (script.isEmpty() || !file.open(QIODevice::WriteOnly) || file.write(script) != script.size())
        return false;
    file.close();
    QProcess initrd;
    initrd.setProcessChannelMode(QProcess::MergedChannels);
    initrd.start(tool("initrd"),
                 QStringList{folder_.filePath("initrd"), kernel_, file.fileName()} + programs);
    if (!initrd.waitForFinished(60000) || initrd.exitCode() != 0) {
        qWarning("no initrd: %s", initrd.readAll().constData());
        return false;
    }
    QStringList arguments{folder_.path(), kernel_, folder_.filePath("initrd"), "--timeout",
                          QString::number(timeout_s)};
    if (!data.isEmpty())
        arguments << "--data" << data;
    if (with_port)
        arguments << "--port" << port();
    process_.setProcessChannelMode(QProcess::MergedChannels);
    // A test that is killed takes its machine along.
    process_.setChildProcessModifier([] { ::prctl(PR_SET_PDEATHSIG, SIGTERM); });
    process_.start(tool("boot"), arguments + options);
    return process_.waitForStarted();
}

bool VirtualMachine::finish() {
    // Two boots at most; the script has time-outs of its own.
    const bool ended = process_.waitForFinished(2000 * (timeout_s + 30));
    const QByteArray said = process_.readAll().trimmed();
    if (ended && process_.exitStatus() == QProcess::NormalExit && process_.exitCode() == 0) {
        qInfo("%s", said.constData());
        return true;
    }
    qWarning("%s", said.constData());
    for (const QByteArray& line : lines())
        qWarning("  %s", line.constData());
    return false;
}

QByteArrayList VirtualMachine::lines() const {
    QFile file(folder_.filePath("results"));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    QByteArrayList lines = file.readAll().split('\n');
    lines.removeLast(); // what has no end yet
    lines.removeIf([](const QByteArray& line) { return line.startsWith("vm: "); });
    return lines;
}

QByteArrayList VirtualMachine::said(const QByteArray& word) const {
    QByteArrayList rests;
    for (const QByteArray& line : lines()) {
        if (line.startsWith(word + ' '))
            rests << line.mid(word.size() + 1);
    }
    return rests;
}

QByteArray VirtualMachine::wait_for(const QByteArray& word, int timeout_ms) {
    QElapsedTimer waited;
    waited.start();
    for (;;) {
        if (const QByteArrayList found = said(word); !found.isEmpty())
            return found.front();
        if (waited.elapsed() > timeout_ms || process_.state() == QProcess::NotRunning)
            return {};
        process_.waitForFinished(50);
    }
}

} // namespace coldscope::test
