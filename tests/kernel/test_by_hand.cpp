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
        ending_ = true;
        watch_.join();
        ::close(master_);
        ::close(slave_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    [[nodiscard]] int fd() const { return slave_; }
    // All that was written there, once the thread has ended.
    [[nodiscard]] std::string text() {
        ending_ = true;
        if (watch_.joinable())
            watch_.join();
        watch_ = std::thread([] {});
        return text_;
    }

private:
    void watch() {
        bool shown = false;
        while (!ending_) {
            pollfd entry{master_, POLLIN, 0};
            std::array<char, 4096> bytes{};
            if (poll(&entry, 1, 20) <= 0)
                continue;
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

// As sudo would for this user: the exit code, and what it said.
int as_root(const std::string& command, QByteArray* said = nullptr) {
    QProcess shell;
    shell.setProcessChannelMode(QProcess::MergedChannels);
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert("SUDO_UID", QString::number(nobody));
    shell.setProcessEnvironment(environment);
    shell.start("/bin/sh", {"-c", "exec " + QString::fromStdString(command)});
    shell.waitForFinished(60000);
    if (said != nullptr)
        *said = shell.readAll();
    return shell.exitCode();
}

std::string socket_in(const std::string& command) {
    const std::size_t at = command.find("--connect ") + 10;
    return command.substr(at, command.find(' ', at) - at);
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
    QTest::newRow("fuse-blob") << "fuse-blob"
                               << "--user 65534 ";
    QTest::newRow("fanotify") << "fanotify"
                              << "--trusted-user 65534 ";
}

void TestByHand::serves() {
    QFETCH(QString, transport);
    QFETCH(QString, whom);
    std::string command;
    QByteArray said;
    std::atomic<int> ended{-1};
    std::thread guard;
    Terminal terminal([&](const std::string& shown) {
        command = shown;
        guard = std::thread([&] { ended = as_root(command, &said); });
    });
    const auto live = run(transport, terminal);
    const bool started = live->start();
    if (started) {
        for (const QString& file : image_.files)
            QCOMPARE(sha256_of(live->mount() + '/' + file), sha256_of(image_.tree + '/' + file));
        QCOMPARE(ended.load(), -1);
        QCOMPARE(live->stop(), 0);
    }
    const std::string text = terminal.text();
    if (guard.joinable())
        guard.join();
    QVERIFY2(started, (text + said.toStdString()).c_str());
    QVERIFY2(QString::fromStdString(command).contains("/coldscope-guard " + whom + "--connect " +
                                                      work_->filePath("runtime")),
             command.c_str());
    QVERIFY(!is_mounted(live->mount()));
    QCOMPARE(ended.load(), 0); // the guard has ended, too
    QVERIFY2(said.contains("connected"), said.constData());
}

void TestByHand::others_are_turned_away() {
    std::optional<bool> root_folder, the_user;
    int other_guard = -1;
    QByteArray said;
    std::thread guard;
    Terminal terminal([&](const std::string& shown) {
        const std::string path = socket_in(shown);
        root_folder = turned_away(path, another); // it can't even get there
        the_user = turned_away(path, nobody);
        std::string other = shown;
        other.replace(other.find("65534"), 5, "65533");
        QProcess shell;
        shell.setProcessChannelMode(QProcess::MergedChannels);
        shell.start("/bin/sh", {"-c", "exec " + QString::fromStdString(other)});
        shell.waitForFinished(20000);
        other_guard = shell.exitCode();
        said = shell.readAll();
        guard = std::thread([shown] { as_root(shown); });
    });
    const auto live = run("fuse-blob", terminal);
    const bool started = live->start();
    if (started)
        QCOMPARE(live->stop(), 0);
    const std::string text = terminal.text();
    if (guard.joinable())
        guard.join();
    QVERIFY2(started, text.c_str());
    QVERIFY(!root_folder.has_value());
    QCOMPARE(the_user, std::optional(true));
    QCOMPARE(other_guard, 2);
    QVERIFY2(said.contains("is not the user's"), said.constData());
}

void TestByHand::a_signal_gives_up() {
    LiveRun* waiting = nullptr;
    Terminal terminal(
        [&](const std::string&) { ::kill(static_cast<pid_t>(waiting->pid()), SIGINT); });
    const auto live = run("fuse-blob", terminal);
    waiting = live.get();
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
    std::thread ending([&] {
        while (relay.asked().isEmpty())
            ::usleep(10'000);
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
