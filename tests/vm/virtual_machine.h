// A virtual machine with a kernel of its own, for a test: its disks, its script, what that wrote.
// The scripts beside this file do the work; tests/vm/boot says what the machine looks like.
#pragma once

#include <QByteArrayList>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

namespace coldscope::test {

class VirtualMachine {
public:
    // series: "6.1", "6.12" or "7.3".
    explicit VirtualMachine(QString series) : series_(std::move(series)) {}
    ~VirtualMachine();
    VirtualMachine(const VirtualMachine&) = delete;
    VirtualMachine& operator=(const VirtualMachine&) = delete;

    QStringList programs;   // go to /bin, with their shared libraries
    QString data;           // a folder, read-only on /data; empty: without
    QByteArray script;      // for busybox's sh; what it writes are the lines
    QStringList options;    // of tests/vm/boot
    bool with_port = false; // a virtio-serial port, /dev/vport*p1 there, port() here
    int timeout_s = 240;    // of one boot

    // Why there can be no such machine here (no QEMU, no kernel, no network to have it from);
    // empty when there can. Fetches the kernel, which the first time takes its time.
    [[nodiscard]] QString obstacle();

    // After obstacle(): begins to boot. False with a warning when it can't.
    [[nodiscard]] bool start();
    // Waits until the machine is off. True when its script ended with status 0; else what the
    // machine said is in the warnings.
    [[nodiscard]] bool finish();
    // start() and finish().
    [[nodiscard]] bool run() { return start() && finish(); }

    // What the script wrote until now, without the machine's own "vm: ".
    [[nodiscard]] QByteArrayList lines() const;
    // The rest of those lines that begin with this word and a space.
    [[nodiscard]] QByteArrayList said(const QByteArray& word) const;
    // Waits for such a line; empty when none came.
    [[nodiscard]] QByteArray wait_for(const QByteArray& word, int timeout_ms = 60000);
    [[nodiscard]] QString port() const { return folder_.filePath("port"); }
    // "7.3.4+deb13-cloud-amd64"; after obstacle().
    [[nodiscard]] QString version() const;

private:
    QString series_;
    QString kernel_; // its folder
    QTemporaryDir folder_;
    QProcess process_;
};

// The text of tests/vm/NAME.guest, for `script`.
[[nodiscard]] QByteArray guest_script(const QString& name);

// For the start of a test: leaves it where the machine can't be had.
#define NEEDS_MACHINE(machine)                                                                     \
    do {                                                                                           \
        if (const QString why = (machine).obstacle(); !why.isEmpty()) {                            \
            QVERIFY2(!coldscope::test::must_not_skip(), qPrintable(why));                          \
            QSKIP(qPrintable(why));                                                                \
        }                                                                                          \
    } while (false)

} // namespace coldscope::test
