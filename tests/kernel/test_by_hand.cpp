// run --privileged in a terminal, where neither pkexec nor sudo starts the guard: the command that
// it shows is run by somebody, or not.
#include "tests/kernel/live_run.h"
#include "tests/kernel/pkexec_relay.h"

#include <QtTest>
#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace coldscope::test;

namespace {

constexpr uid_t nobody = 65534;
constexpr uid_t another = 65533;

// The terminal of a run, with somebody before it: once a command is shown, he does something.
class Terminal {
public:
    explicit Terminal(std::function<void(const std::string& command)> when_shown)
        : when_shown_(std::move(when_shown)), master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        if (grantpt(master_) != 0 || unlockpt(master_) != 0)
            qFatal("no terminal");
        slave_ = ::open(ptsname(master_), O_RDWR | O_NOCTTY | O_CLOEXEC);
        watch_ = std::thread([this] { watch(); });
    }
    ~Terminal() {
        end();
        ::close(master_);
        ::close(slave_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    [[nodiscard]] int fd() const { return slave_; }
    // All that was written there, once the thread has ended.
    [[nodiscard]] std::string text() {
        end();
        return text_;
    }

private:
    void end() {
        ending_ = true;
        if (watch_.joinable())
            watch_.join();
    }
    void watch() {
        bool shown = false;
        for (;;) {
            pollfd entry{master_, POLLIN, 0};
            std::array<char, 4096> bytes{};
            if (poll(&entry, 1, 20) <= 0) {
                if (ending_) // and nothing is left
                    return;
                continue;
            }
            const ssize_t got = ::read(master_, bytes.data(), bytes.size());
            text_.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
            const std::size_t at = text_.find("    sudo ");
            const std::size_t end = at == std::string::npos ? at : text_.find('\r', at);
            if (shown || end == std::string::npos)
                continue;
            shown = true;
            when_shown_(text_.substr(at + 9, end - at - 9)); // without sudo
        }
    }

    std::function<void(const std::string&)> when_shown_;
    std::string text_;
    int master_;
    int slave_ = -1;
    std::atomic<bool> ending_{false};
    std::thread watch_;
};

// As root's shell does, or sudo for a user: the exit code, and what it said. The guard is given a
// process group of its own, which it leads.
int as_root(const std::string& command, std::optional<uid_t> sudo_user = {},
            QByteArray* said = nullptr) {
    QProcess shell;
    shell.setProcessChannelMode(QProcess::MergedChannels);
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    if (sudo_user)
        environment.insert("SUDO_UID", QString::number(*sudo_user));
    shell.setProcessEnvironment(environment);
    shell.setChildProcessModifier([] { ::setpgid(0, 0); });
    shell.start("/bin/sh", {"-c", "exec " + QString::fromStdString(command)});
    const bool ended = shell.waitForFinished(60000);
    if (said != nullptr)
        *said = shell.readAll();
    return ended ? shell.exitCode() : -1;
}

std::string socket_in(const std::string& command) {
    const std::size_t at = command.find("--connect ") + 10;
    return command.substr(at, command.find(' ', at) - at);
}

// The guard that has connected there; 0: none.
pid_t guard_at(const std::string& path) {
    for (const QString& process : QDir("/proc").entryList(QDir::Dirs)) {
        QFile words("/proc/" + process + "/cmdline");
        if (process.toInt() > 0 && words.open(QIODevice::ReadOnly)) {
            const QByteArrayList all = words.readAll().split('\0');
            const auto at = all.indexOf("--connect");
            if (all[0].endsWith("coldscope-guard") && at > 0 &&
                all.value(at + 1).toStdString() == path)
                return process.toInt();
        }
    }
    return 0;
}

// Whether a user's connection is closed by who listens; nothing: there is none.
std::optional<bool> turned_away(const std::string& path, uid_t user) {
    const pid_t child = fork();
    if (child == 0) {
        const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size());
        if (setgroups(0, nullptr) != 0 || setgid(user) != 0 || setuid(user) != 0 ||
            connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            _exit(2);
        char byte = 0;
        pollfd entry{fd, POLLIN, 0};
        _exit(poll(&entry, 1, 20000) > 0 && recv(fd, &byte, 1, 0) == 0 ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 2)
        return std::nullopt;
    return WEXITSTATUS(status) == 1;
}

} // namespace

class TestByHand : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();
    void serves_data();
    void serves();
    void others_are_turned_away();
    void no_descriptor_left();
    void a_signal_gives_up();
    void a_signal_gives_up_pkexec();
    void a_refusal_is_one();

private:
    // Without pkexec and sudo, unless a relay is there.
    [[nodiscard]] std::unique_ptr<LiveRun> run(const QString& transport, const Terminal& terminal,
                                               const PkexecRelay* relay = nullptr);

    QTemporaryDir folder_;
    TreeImage image_;
    std::unique_ptr<QTemporaryDir> work_;
};

void TestByHand::initTestCase() {
    NEEDS_TRANSPORT(QString("fanotify"));
    NEEDS_TRANSPORT(QString("fuse-blob"));
    QString error;
    image_ = make_tree_image(folder_.path(), 400, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

void TestByHand::init() {
    work_ = std::make_unique<QTemporaryDir>();
    QFile::setPermissions(work_->path(), QFile::Permissions(0x7755));
    const QString runtime = work_->filePath("runtime");
    QVERIFY(QDir().mkdir(runtime));
    QCOMPARE(::chown(qPrintable(runtime), nobody, nobody), 0);
    QFile::setPermissions(runtime, QFile::Permissions(0x7700));
}

// Whoever was waited for, and whether he came: no socket is left.
void TestByHand::cleanup() {
    QCOMPARE(QDir(work_->filePath("runtime")).entryList(QDir::AllEntries | QDir::NoDotAndDotDot),
             QStringList());
}

std::unique_ptr<LiveRun> TestByHand::run(const QString& transport, const Terminal& terminal,
                                         const PkexecRelay* relay) {
    auto run = std::make_unique<LiveRun>(image_, work_->path() + "/it's a run", transport);
    run->user = nobody;
    run->asks_for_guard = true;
    run->environment = {{"PATH", relay != nullptr ? relay->path() + ":/usr/bin:/bin" : "/nowhere"},
                        {"XDG_RUNTIME_DIR", work_->filePath("runtime")}};
    if (relay != nullptr)
        run->environment["COLDSCOPE_TEST_PKEXEC"] = relay->socket_path();
    run->extra << "--privileged";
    run->error_terminal = terminal.fd();
    return run;
}

void TestByHand::serves_data() {
    QTest::addColumn<QString>("transport");
    QTest::addColumn<QString>("whom");
    QTest::addColumn<int>("sudo_user"); // -1: root's shell
    QTest::newRow("fuse-blob") << "fuse-blob"
                               << "--user 65534 " << static_cast<int>(nobody);
    QTest::newRow("fanotify") << "fanotify"
                              << "--trusted-user 65534 " << static_cast<int>(nobody);
    QTest::newRow("an administrator's sudo") << "fuse-blob"
                                             << "--user 65534 " << static_cast<int>(another);
    QTest::newRow("root's sudo") << "fuse-blob"
                                 << "--user 65534 " << 0;
    QTest::newRow("root's shell") << "fuse-blob"
                                  << "--user 65534 " << -1;
}

void TestByHand::serves() {
    QFETCH(QString, transport);
    QFETCH(QString, whom);
    QFETCH(int, sudo_user);
    std::string command;
    QByteArray said;
    std::atomic<int> ended{-1};
    std::jthread shell;
    Terminal terminal([&](const std::string& shown) {
        command = shown;
        shell = std::jthread([&] {
            ended = as_root(
                command,
                sudo_user < 0 ? std::nullopt : std::optional(static_cast<uid_t>(sudo_user)), &said);
        });
    });
    const auto live = run(transport, terminal);
    const bool started = live->start();
    const std::string text = terminal.text();
    if (shell.joinable())
        shell.join(); // it has its terminal back
    QVERIFY2(started, (text + said.toStdString()).c_str());
    QVERIFY2(QString::fromStdString(command).contains("/coldscope-guard " + whom + "--connect " +
                                                      work_->filePath("runtime")),
             command.c_str());
    QCOMPARE(text.find("trusts you as root") != std::string::npos, transport == "fanotify");
    QCOMPARE(ended.load(), 0);
    QVERIFY2(said.contains("connected"), said.constData());
    const pid_t guard = guard_at(socket_in(command));
    QVERIFY(guard > 0);
    QCOMPARE(::getsid(guard), guard);
    for (const char* fd : {"1", "2"})
        QCOMPARE(QFileInfo(QString("/proc/%1/fd/%2").arg(guard).arg(fd)).symLinkTarget(),
                 "/dev/null");
    for (const QString& file : image_.files)
        QCOMPARE(sha256_of(live->mount() + '/' + file), sha256_of(image_.tree + '/' + file));
    QCOMPARE(live->stop(), 0);
    QVERIFY(!is_mounted(live->mount()));
    QTRY_COMPARE_WITH_TIMEOUT(guard_at(socket_in(command)), 0, 20000);
}

void TestByHand::others_are_turned_away() {
    std::optional<bool> root_folder, the_user;
    int other_guard = -1;
    QByteArray said;
    std::jthread guard;
    Terminal terminal([&](const std::string& shown) {
        const std::string path = socket_in(shown);
        root_folder = turned_away(path, another); // it can't even get there
        the_user = turned_away(path, nobody);
        std::string other = shown;
        other.replace(other.find("65534"), 5, "65533");
        other_guard = as_root(other, nobody, &said);
        guard = std::jthread([shown] { as_root(shown); });
    });
    const auto live = run("fuse-blob", terminal);
    const bool started = live->start();
    const std::string text = terminal.text();
    QVERIFY2(started, text.c_str());
    QCOMPARE(live->stop(), 0);
    QVERIFY(!root_folder.has_value());
    QCOMPARE(the_user, std::optional(true));
    QCOMPARE(other_guard, 2);
    QVERIFY2(said.contains("is not the user's"), said.constData());
}

// The guard that comes can't be let in.
void TestByHand::no_descriptor_left() {
    std::unique_ptr<LiveRun> live;
    QByteArray said;
    Terminal terminal([&](const std::string& shown) {
        int next = 0; // that it would get
        while (QFileInfo(QString("/proc/%1/fd/%2").arg(live->pid()).arg(next)).isSymLink())
            ++next;
        QProcess::execute("setpriv",
                          {"--reuid=65534", "--regid=65534", "--clear-groups", "prlimit",
                           QString("--pid=%1").arg(live->pid()), QString("--nofile=%1").arg(next)});
        as_root(shown, nobody, &said);
    });
    live = run("fuse-blob", terminal);
    QTest::ignoreMessage(QtWarningMsg, QRegularExpression("did not become ready"));
    QVERIFY(!live->start());
    QCOMPARE(live->stop(), 1);
    const std::string text = terminal.text();
    QVERIFY2(text.find("cannot take the guard's connection") != std::string::npos, text.c_str());
    QVERIFY2(said.contains("connected"), said.constData());
}

void TestByHand::a_signal_gives_up() {
    std::unique_ptr<LiveRun> live;
    Terminal terminal([&](const std::string&) { ::kill(static_cast<pid_t>(live->pid()), SIGINT); });
    live = run("fuse-blob", terminal);
    QTest::ignoreMessage(QtWarningMsg, QRegularExpression("did not become ready"));
    QVERIFY(!live->start());
    QCOMPARE(live->stop(), 1);
    const std::string text = terminal.text();
    QVERIFY2(text.find("given up") != std::string::npos, text.c_str());
}

void TestByHand::a_signal_gives_up_pkexec() {
    PkexecRelay relay(PkexecRelay::Answer::none);
    Terminal terminal([](const std::string&) {});
    const auto live = run("fuse-blob", terminal, &relay);
    std::jthread ending([&] {
        const QDeadlineTimer deadline(20000);
        while (relay.asked().isEmpty() && !deadline.hasExpired())
            ::usleep(10'000);
        if (live->pid() > 0)
            ::kill(static_cast<pid_t>(live->pid()), SIGTERM);
    });
    QTest::ignoreMessage(QtWarningMsg, QRegularExpression("did not become ready"));
    QVERIFY(!live->start());
    ending.join();
    QCOMPARE(live->stop(), 1);
    const std::string text = terminal.text();
    QVERIFY2(text.find("given up") != std::string::npos, text.c_str());
    QVERIFY2(text.find("    sudo ") == std::string::npos, text.c_str());
}

void TestByHand::a_refusal_is_one() {
    PkexecRelay relay(PkexecRelay::Answer::dismissed);
    Terminal terminal([](const std::string&) {});
    const auto live = run("fuse-blob", terminal, &relay);
    QTest::ignoreMessage(QtWarningMsg, QRegularExpression("did not become ready"));
    QVERIFY(!live->start());
    QCOMPARE(live->stop(), 1);
    const std::string text = terminal.text();
    QVERIFY2(text.find("exit status 126") != std::string::npos, text.c_str());
    QVERIFY2(text.find("    sudo ") == std::string::npos, text.c_str());
}

QTEST_GUILESS_MAIN(TestByHand)
#include "test_by_hand.moc"
