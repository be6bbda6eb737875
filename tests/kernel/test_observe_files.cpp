// Files that the observer finds odd, changing, or many.
#include "tests/kernel/live_run.h"
#include "tests/kernel/observed_files.h"

#include <QtTest>
#include <atomic>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

class TestObserveFiles : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { NEEDS_TRANSPORT(QString("fanotify")); } // root
    void what_is_no_file();
    void another_file_system_below();
    void files_that_change_meanwhile();
    void many_files_and_a_long_list();

private:
    QTemporaryDir folder_;
};

// An error in its place, and nobody waits.
void TestObserveFiles::what_is_no_file() {
    const QString folder = folder_.filePath("odd");
    QVERIFY(QDir(folder_.path()).mkpath("odd/sub"));
    QFile file(folder + "/sub/file");
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write("text") == 4 && file.flush());
    const std::string in = folder.toStdString();
    QVERIFY(::symlink("sub/file", (in + "/link").c_str()) == 0);
    QVERIFY(::symlink("sub", (in + "/way").c_str()) == 0);
    QVERIFY(::mkfifo((in + "/fifo").c_str(), 0600) == 0);
    QVERIFY(::mknod((in + "/null").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0);
    const std::vector<std::pair<std::string, int>> expected{
        {"link", ELOOP},
        {"way/file", ELOOP},
        {"fifo", EINVAL},
        {"null", EINVAL},
        {"sub", EISDIR},
        {".", EISDIR},
        {"", ENOENT},
        {"missing", ENOENT},
        {"sub/file/more", ENOTDIR},
        {"../odd/sub/file", EXDEV},
        {"sub/../../odd/sub/file", EXDEV},
        {in + "/sub/file", EXDEV},
        {"/etc/passwd", EXDEV},
        {std::string(5000, 'x'), ENAMETOOLONG},
        {"sub/file", 0},
        {"sub/../sub/file", 0},
    };
    Watched watched{in, {}};
    for (const auto& one : expected)
        watched.paths.push_back(one.first);
    const auto sample = seen({watched, {in + "/link", {"file"}}, {in + "/missing", {"a", "b"}}});
    QCOMPARE(sample.files.size(), expected.size() + 3);
    for (std::size_t i = 0; i < expected.size(); ++i)
        QCOMPARE(sample.files[i].sys_errno, expected[i].second);
    QCOMPARE(sample.files[expected.size()].sys_errno, ELOOP);
    QCOMPARE(sample.files.back().sys_errno, ENOENT);
    QCOMPARE(frames_of(sample, expected.size() - 2), probed(folder + "/sub/file"));
}

// A mount in the way is not entered: it may be anybody's, and nobody may serve it.
void TestObserveFiles::another_file_system_below() {
    QVERIFY(QDir(folder_.path()).mkpath("base"));
    const Mounted below("none", folder_.filePath("base/tmp"), "tmpfs");
    QVERIFY(below);
    QFile file(below.path("file"));
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(QByteArray(9000, 'a')) && file.flush());
    const auto sample =
        seen({{folder_.filePath("base").toStdString(), {"tmp/file"}}, {below.folder(), {"file"}}});
    QCOMPARE(sample.files[0].sys_errno, EXDEV);
    QCOMPARE(sample.files[1].sys_errno, 0);
    QCOMPARE(frames_of(sample, 1).size(), std::size_t{3});
}

void TestObserveFiles::files_that_change_meanwhile() {
    const QString folder = folder_.filePath("changing");
    QVERIFY(QDir(folder_.path()).mkpath("changing"));
    const std::string in = folder.toStdString();
    std::atomic<bool> over = false;
    std::jthread changing([&] {
        const std::string bytes(300000, 'a');
        for (unsigned i = 0; !over; ++i) {
            const std::string name = in + '/' + std::to_string(i % 40);
            const Fd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
            if (!fd || ::write(fd.get(), bytes.data(), bytes.size()) < 0)
                continue;
            if (i % 3 == 0)
                (void)!ftruncate(fd.get(), 5000);
            else if (i % 3 == 1)
                ::unlink(name.c_str());
            else if (fsync(fd.get()) == 0)
                posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
        }
    });
    const auto end = qScopeGuard([&] { over = true; });
    Watched watched{in, {}};
    for (int i = 0; i < 40; ++i)
        watched.paths.push_back(std::to_string(i));
    auto observer = Observer::start({in}, guard::Rights::own);
    QVERIFY(observer);
    std::size_t pages = 0;
    int late_samples = 0; // a disk may once take longer than the observer waits for a file
    for (int i = 0; i < 100; ++i) {
        bool is_late = false;
        const auto sample = (*observer)->sample({watched});
        if (!sample)
            QFAIL(describe(sample.error()).c_str());
        for (const sharing::SeenFile& file : sample->files) {
            const bool late = file.sys_errno == ETIME || file.sys_errno == ETIMEDOUT;
            is_late = is_late || late;
            if (file.sys_errno != ENOENT && !late)
                QCOMPARE(file.sys_errno, 0);
        }
        late_samples += is_late ? 1 : 0;
        pages += sample->frames.size();
    }
    QVERIFY(pages > 0);
    QVERIFY(late_samples <= 1);
}

// More than a pipe or a message holds.
void TestObserveFiles::many_files_and_a_long_list() {
    const QString folder = folder_.filePath("many");
    QVERIFY(QDir(folder_.path()).mkpath("many"));
    Watched watched{folder.toStdString(), {}};
    std::vector<std::size_t> pages;
    for (std::size_t i = 0; i < 200; ++i) {
        pages.push_back(i % 5 * 7);
        watched.paths.push_back(std::to_string(i));
        QFile file(folder + '/' + QString::number(i));
        const QByteArray bytes(static_cast<qsizetype>(pages[i] * 4096), 'a');
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size());
    }
    constexpr std::size_t times = sanitized ? 100 : 1000;
    while (watched.paths.size() < times * pages.size())
        watched.paths.push_back(watched.paths[watched.paths.size() - pages.size()]);
    const auto sample = seen({watched});
    QCOMPARE(sample.files.size(), watched.paths.size());
    std::size_t differ = 0;
    for (std::size_t i = 0; i < sample.files.size(); ++i)
        differ += frames_of(sample, i).size() == pages[i % pages.size()] ? 0 : 1;
    QVERIFY2(differ < sample.files.size() / 10, qPrintable(QString::number(differ)));
}

QTEST_GUILESS_MAIN(TestObserveFiles)
#include "test_observe_files.moc"
