// Who may observe: without root's rights nobody; a user of root's guard what he may read himself,
// in the folders that it was started with. And what becomes of the child that looks.
#include "daemon/guard/observed_list.h"
#include "daemon/guard/observing.h"
#include "daemon/observe/sample_reader.h"
#include "tests/kernel/guard_peer.h"
#include "tests/kernel/live_run.h"
#include "tests/kernel/observed_files.h"

#include <QtTest>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <set>

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;
using guard::Message;
using guard::Type;

namespace {

constexpr uid_t nobody = 65534;

Fd list_of(const std::string& folder, const std::vector<std::string>& paths) {
    guard::ObservedListWriter writer;
    writer.folder(folder, static_cast<std::uint32_t>(paths.size()));
    for (const std::string& path : paths)
        writer.path(path);
    auto list = writer.seal();
    if (!list)
        qFatal("%s", describe(list.error()).c_str());
    return std::move(*list);
}

sharing::Sample sample_from(int pipe, std::size_t files) {
    SampleReader reader(files);
    std::vector<std::byte> bytes(1 << 16);
    for (ssize_t got = 0; (got = ::read(pipe, bytes.data(), bytes.size())) > 0;) {
        if (const auto taken = reader.take(std::span(bytes).first(static_cast<std::size_t>(got)));
            !taken)
            qFatal("%s", describe(taken.error()).c_str());
    }
    auto sample = reader.finish();
    if (!sample)
        qFatal("%s", describe(sample.error()).c_str());
    return std::move(*sample);
}

// The pipe's other end is closed, once what it holds has been read.
bool ends_early(int pipe) {
    std::vector<char> bytes(1 << 16);
    qint64 all = 0;
    pollfd entry{pipe, POLLIN, 0};
    while (poll(&entry, 1, 20000) > 0) {
        const ssize_t got = ::read(pipe, bytes.data(), bytes.size());
        if (got <= 0)
            return got == 0 && all <= 1 << 20;
        all += got;
    }
    return false;
}

// The value of a line of /proc/PID/status.
QByteArray status_of(qint64 pid, const QByteArray& key) {
    QFile file(QString("/proc/%1/status").arg(pid));
    if (file.open(QIODevice::ReadOnly)) {
        for (const QByteArray& line : file.readAll().split('\n')) {
            if (line.startsWith(key + ':'))
                return line.mid(key.size() + 1).simplified();
        }
    }
    return {};
}

// The same pages, each with its frame's one name, which is not the frame's number. names: by frame.
bool are_named(const Frames& told, const Frames& frames, Frames& names) {
    return std::ranges::equal(told, frames, [&](const auto& one, const auto& frame) {
        return one.first == frame.first && one.second != frame.second &&
               names.try_emplace(frame.second, one.second).first->second == one.second;
    });
}

} // namespace

class TestObserveUsers : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void without_roots_rights();
    void only_what_the_user_may_read();
    void only_the_guards_folders();
    void lists_that_are_none();
    void the_child_that_looks();
    void a_client_that_dies();
    void a_newer_question();

private:
    // root's guard for `nobody`, with a folder to watch.
    void start_guard();
    std::string path(const char* file) const { return watched_ + '/' + file; }
    bool make(const char* file, uid_t owner, mode_t mode, std::size_t bytes = 10000) const;

    QTemporaryDir folder_;
    std::string watched_;
    std::unique_ptr<GuardRun> guard_;
    std::unique_ptr<Peer> client_;
};

bool TestObserveUsers::make(const char* file, uid_t owner, mode_t mode, std::size_t bytes) const {
    const Fd fd(::open(path(file).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const std::string text(bytes, 'a');
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(bytes) &&
           fchown(fd.get(), owner, owner) == 0 && fchmod(fd.get(), mode) == 0;
}

void TestObserveUsers::start_guard() {
    client_.reset();
    guard_.reset();
    watched_ = folder_.filePath("watched").toStdString();
    QFile::setPermissions(folder_.path(), QFile::Permissions(0x7755));
    ::mkdir(watched_.c_str(), 0755);
    guard_ = std::make_unique<GuardRun>(nobody);
    QVERIFY(guard_->start(
        {"--user", QString::number(nobody), "--watch", QString::fromStdString(watched_)}));
    client_ = std::make_unique<Peer>(guard_->socket(), nobody);
}

// As an ordinary user's, and as a root's who may not be told of others' files.
void TestObserveUsers::without_roots_rights() {
    const std::string folder = folder_.path().toStdString();
    QFile file(folder_.filePath("own"));
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write("text") == 4 && file.flush());
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_CAPBSET_DROP, CAP_FOWNER); // what root starts lacks it then
        const auto observer = Observer::start({folder}, guard::Rights::own);
        if (!observer)
            _exit(1);
        const auto sample = (*observer)->sample({{folder, {"own"}}});
        if (sample || sample.error().sys_errno != EPERM ||
            !describe(sample.error()).contains("it is unknown"))
            _exit(2);
        _exit(0);
    }
    int status = 0;
    QCOMPARE(waitpid(child, &status, 0), child);
    QCOMPARE(status, 0);
}

void TestObserveUsers::only_what_the_user_may_read() {
    start_guard();
    ::mkdir(path("secret").c_str(), 0700);
    ::mkdir(path("open").c_str(), 0755);
    const std::vector<std::pair<const char*, int>> expected{
        {"all", 0},         {"roots", EACCES},       {"theirs", 0},   {"group", 0},
        {"no_one", EACCES}, {"secret/file", EACCES}, {"open/file", 0}};
    QVERIFY(make("all", 0, 0644) && make("roots", 0, 0600) && make("theirs", nobody, 0600) &&
            make("group", nobody, 0640) && ::chown(path("group").c_str(), 0, nobody) == 0 &&
            make("no_one", nobody, 0) && make("secret/file", nobody, 0644) &&
            make("open/file", 0, 0644));
    std::vector<std::string> paths;
    for (const auto& one : expected)
        paths.emplace_back(one.first);
    paths.emplace_back("all");
    const auto told = client_->ask({Type::observe, 0, {}}, list_of(watched_, paths).get());
    QCOMPARE(told.message.number, 0u);
    const auto sample = sample_from(told.fd.get(), paths.size());
    Frames names;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        QCOMPARE(sample.files[i].sys_errno, expected[i].second);
        if (expected[i].second == 0)
            QVERIFY(are_named(frames_of(sample, i),
                              probed(QString::fromStdString(path(expected[i].first))), names));
        else
            QCOMPARE(sample.files[i].size + sample.files[i].inode + sample.files[i].runs, 0u);
    }
    QCOMPARE(frames_of(sample, expected.size()), frames_of(sample, 0));
    std::set<std::uint64_t> different;
    for (const auto& [frame, name] : names)
        different.insert(name);
    QVERIFY(!names.empty());
    QCOMPARE(different.size(), names.size());
}

void TestObserveUsers::only_the_guards_folders() {
    start_guard();
    for (const std::string& folder :
         {std::string("/usr/bin"), watched_ + "/open", watched_ + "/../watched", std::string("/"),
          watched_ + '/', std::string(), std::string("watched"), guard_->folder()}) {
        const auto told = client_->ask({Type::observe, 0, {}}, list_of(folder, {"a"}).get());
        QCOMPARE(told.message.number, static_cast<std::uint32_t>(EACCES));
        QVERIFY(!told.fd);
        QVERIFY(guard_->said("is no folder of the guard's"));
    }
    // Those that it may mount on are among them.
    for (const std::string& folder : {guard_->cache(), guard_->mount(), watched_}) {
        const auto told = client_->ask({Type::observe, 0, {}}, list_of(folder, {"missing"}).get());
        QCOMPARE(told.message.number, 0u);
        QCOMPARE(sample_from(told.fd.get(), 1).files[0].sys_errno, ENOENT);
    }
}

void TestObserveUsers::lists_that_are_none() {
    start_guard();
    const auto refused = [this](int fd) {
        const auto told = client_->ask({Type::observe, 0, {}}, fd);
        return told.message.number == EINVAL && !told.fd && guard_->said("a list of files");
    };
    QVERIFY(refused(-1));
    int ends[2] = {-1, -1};
    QVERIFY(pipe2(ends, O_CLOEXEC) == 0);
    const Fd from(ends[0]), into(ends[1]);
    QVERIFY(refused(from.get()));
    const Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    QVERIFY(refused(file.get()));
    const Fd memory(memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    QVERIFY(::write(memory.get(), "\1\0\0\0", 4) == 4);
    QVERIFY(refused(memory.get())); // not sealed
    QVERIFY(fcntl(memory.get(), F_ADD_SEALS,
                  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0);
    const auto told = client_->ask({Type::observe, 0, {}}, memory.get());
    QVERIFY(told.message.number != 0 && !told.fd);
    QVERIFY(guard_->said("ends early"));
}

// It waits for who reads the pipe, which nobody does.
void TestObserveUsers::the_child_that_looks() {
    start_guard();
    QVERIFY(make("large", 0, 0644, 1 << 20));
    const std::vector<std::string> paths(200, "large");
    const auto told = client_->ask({Type::observe, 0, {}}, list_of(watched_, paths).get());
    QCOMPARE(told.message.number, 0u);
    QFile children(QString("/proc/%1/task/%1/children").arg(guard_->pid()));
    QVERIFY(children.open(QIODevice::ReadOnly));
    const qint64 child = children.readAll().trimmed().toLongLong();
    QVERIFY(child > 0);
    QCOMPARE(status_of(child, "Name"), QByteArray("coldscope-look"));
    QCOMPARE(status_of(child, "Uid"), QByteArray("65534 65534 65534 65534"));
    QCOMPARE(status_of(child, "Gid"), QByteArray("65534 65534 65534 65534"));
    QCOMPARE(status_of(child, "Groups"), QByteArray());
    for (const char* set : {"CapEff", "CapPrm"})
        QCOMPARE(status_of(child, set).toULongLong(nullptr, 16), 1ull << CAP_FOWNER);
    QCOMPARE(status_of(child, "NoNewPrivs"), QByteArray("1"));
    QFile score(QString("/proc/%1/oom_score_adj").arg(child));
    QVERIFY(score.open(QIODevice::ReadOnly));
    QCOMPARE(score.readAll().trimmed(), QByteArray("0"));
    struct stat status {};
    QVERIFY(::stat(qPrintable(QString("/proc/%1/mem").arg(child)), &status) == 0);
    QCOMPARE(status.st_uid, 0u); // its user can't look into it
    const auto sample = sample_from(told.fd.get(), paths.size());
    QCOMPARE(frames_of(sample, 199).size(), std::size_t{256});
    QTRY_VERIFY_WITH_TIMEOUT(!QFile::exists(QString("/proc/%1").arg(child)), 20000);
}

void TestObserveUsers::a_client_that_dies() {
    start_guard();
    QVERIFY(make("large", 0, 0644, 1 << 20));
    const std::vector<std::string> paths(2000, "large");
    const auto told = client_->ask({Type::observe, 0, {}}, list_of(watched_, paths).get());
    QCOMPARE(told.message.number, 0u);
    client_.reset();
    ::shutdown(guard_->socket(), SHUT_RDWR);
    QVERIFY(ends_early(told.fd.get()));
    QCOMPARE(guard_->exit_code(), 0);
}

void TestObserveUsers::a_newer_question() {
    start_guard();
    QVERIFY(make("large", 0, 0644, 1 << 20));
    const std::vector<std::string> paths(2000, "large");
    const Fd list = list_of(watched_, paths);
    std::vector<guard::Received> told;
    for (int i = 0; i < 12; ++i) {
        told.push_back(client_->ask({Type::observe, 0, {}}, list.get()));
        QCOMPARE(told.back().message.number, 0u);
    }
    for (std::size_t i = 0; i + 1 < told.size(); ++i)
        QVERIFY(ends_early(told[i].fd.get()));
    QCOMPARE(sample_from(told.back().fd.get(), paths.size()).files.size(), paths.size());
}

QTEST_GUILESS_MAIN(TestObserveUsers)
#include "test_observe_users.moc"
