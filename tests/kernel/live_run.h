// Drives the real coldscoped for the kernel tests: images made of this machine's files, a run with
// JSON events, readers as processes of their own.
#pragma once

#include <QByteArray>
#include <QJsonObject>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <sys/types.h>

namespace coldscope::test {

// Sanitizers make everything slow: then tests that repeat themselves do less of it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

// Files of this machine, copied, and an image of them.
struct TreeImage {
    QString tree;        // the folder with the originals
    QString bootstrap;   // the image
    QString blob;        // empty: without one
    QStringList files;   // relative paths of all regular files, sorted
    QString second_blob; // empty: without one
};

// The image is chunk-based, its data on a blob of its own. Empty tree when it can't be made; then
// error says why.
// largest: bytes of one of them.
[[nodiscard]] TreeImage make_tree_image(const QString& folder, int files, QString* error,
                                        qint64 largest = 4 << 20);
// Another image of the same files: "plain", "flat" (no inline data), "4K", "64K" and "1M" (chunks
// on a blob), "lz4", or "two blobs" (a bootstrap over two images). Empty bootstrap when it can't be
// made.
[[nodiscard]] TreeImage make_image_of(const TreeImage& tree, const QString& kind, QString* error);

// mkfs.erofs with these arguments.
[[nodiscard]] bool run_mkfs(const QStringList& arguments, QString* error);

[[nodiscard]] QByteArray sha256_of(const QString& path, QString* error = nullptr);

// Fails in CI where it would be skipped on a user's machine.
[[nodiscard]] bool must_not_skip();
// Rows of a column "transport": both modes; an ordinary user has tree mode alone.
void add_fuse_modes();
// The same, and fanotify for root.
void add_transports();
// Why a run by this transport can't be had here; empty when it can.
[[nodiscard]] QString obstacle(const QString& transport);

// An executable of the same build.
[[nodiscard]] QString program(const QString& name);

class LiveRun {
public:
    // Folders mount and cache are made in `folder`, and kept.
    LiveRun(const TreeImage& image, const QString& folder, const QString& transport);
    ~LiveRun();

    QStringList extra; // further options, before start()
    // Before start(): what coldscoped is started by, in place of this build's: a program and its
    // first arguments.
    QStringList started_by;
    // Before start(). Not 0: coldscoped runs as this user, its guard is started by root (which this
    // process must be) with a socket.
    uid_t user = 0;
    int grace_ms = 1000;                    // of the guard that root has started
    bool takes_over = false;                // the guard of a run that died, in the same folder
    bool asks_for_guard = false;            // the user's run has its guard started itself
    std::map<QString, QString> environment; // of the user's run, beside what there is
    QString programs;                       // the folder of the programs; empty: this build's
    int error_terminal = -1;                // the user's run's standard error; not owned
    [[nodiscard]] bool start();
    // Ends it with this signal and waits; the exit code, or -1 when it was killed.
    int stop(int signal = 15);

    // SIGSTOP; returns when all of its threads have stopped.
    [[nodiscard]] bool suspend();

    void command(const QByteArray& line);
    // Waits until all commands are done, and all that came before has been read.
    [[nodiscard]] bool settled();
    void close_commands(); // the end of its standard input
    // Waits for an event that the test accepts, among those that came since the last call of
    // forget(); empty after 30 s.
    [[nodiscard]] QJsonObject wait_for(const std::function<bool(const QJsonObject&)>& accept,
                                       int timeout_ms = 30000);
    [[nodiscard]] QJsonObject wait_for(const QString& event, qint64 request = -1,
                                       int timeout_ms = 30000);
    void read_events(int timeout_ms = 0); // until none comes for so long
    [[nodiscard]] int count(const QString& event) const;
    void forget() { events_.clear(); }
    [[nodiscard]] const std::vector<QJsonObject>& events() const { return events_; }

    [[nodiscard]] QString mount() const { return mount_; }
    [[nodiscard]] QString cache() const { return cache_; }
    [[nodiscard]] qint64 pid() const { return process_.processId(); }
    [[nodiscard]] pid_t guard_pid() const; // 0 without a guard
    // What its guard wrote, where root has started it.
    [[nodiscard]] QByteArray guard_output();
    [[nodiscard]] QByteArray error_output();

private:
    void become_user(QStringList& arguments);

    TreeImage image_;
    QString transport_;
    QProcess guard_; // of an ordinary user's run
    QString mount_;
    QString cache_;
    QProcess process_;
    QByteArray partial_;
    std::vector<QJsonObject> events_;
    qint64 settles_ = 0;
};

// A process that reads a range of a file and writes it to its standard output. Its exit code is
// the errno it got, or 0.
class Reader {
public:
    Reader(const QString& path, qint64 offset, qint64 length);
    ~Reader();
    [[nodiscard]] bool finished(int timeout_ms);
    // It sleeps in the open or the read of its file.
    [[nodiscard]] bool waits() const;
    [[nodiscard]] int result() const { return process_->exitCode(); }
    [[nodiscard]] bool killed() const { return process_->exitStatus() == QProcess::CrashExit; }
    [[nodiscard]] QByteArray bytes() { return process_->readAllStandardOutput(); }
    [[nodiscard]] qint64 pid() const { return process_->processId(); }

private:
    // As /proc tells it, in which it sleeps; empty: it does not, or in another than of its file.
    [[nodiscard]] QByteArray call() const;

    std::unique_ptr<QProcess> process_;
};

// Whether something is mounted on this path, or is mounted from it.
[[nodiscard]] bool is_mounted(const QString& folder);
[[nodiscard]] QByteArray original(const QString& path, qint64 offset, qint64 length);
// The kernel's copies of all files go, so that the next reads are questions again. Root only.
[[nodiscard]] bool drop_caches();

// For the start of a test of one transport: leaves it where the transport can't be had.
#define NEEDS_TRANSPORT(transport)                                                                 \
    do {                                                                                           \
        if (const QString why = coldscope::test::obstacle(transport); !why.isEmpty()) {            \
            QVERIFY2(!coldscope::test::must_not_skip(), qPrintable(why));                          \
            QSKIP(qPrintable(why));                                                                \
        }                                                                                          \
    } while (false)

} // namespace coldscope::test
