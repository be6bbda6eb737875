// What the root guard refuses of the ordinary user whom it serves, and of others: each refusal has
// its reason in its log, and it serves on. And what it keeps of root's power.
#include "daemon/guard/client.h"
#include "daemon/guard/inode_share.h"
#include "tests/kernel/guard_peer.h"
#include "tests/kernel/live_run.h"

#include <QtTest>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;
using guard::Kind;
using guard::Message;
using guard::Type;

namespace {
constexpr uid_t nobody = 65534;
constexpr uid_t another = 65533;

Fd make_file(const std::string& path, uid_t owner) {
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file || ftruncate(file.get(), 8192) != 0 || fchown(file.get(), owner, owner) != 0)
        qFatal("cannot make %s", path.c_str());
    return file;
}

// The value of a line of /proc/PID/status.
QByteArray status_of(qint64 pid, const QByteArray& key) {
    QFile file(QString("/proc/%1/status").arg(pid));
    if (file.open(QIODevice::ReadOnly)) {
        for (const QByteArray& line : file.readAll().split('\n')) {
            if (line.startsWith(key + ':'))
                return line.mid(key.size() + 1).trimmed();
        }
    }
    return {};
}

long system_call_of(qint64 pid) {
    QFile file(QString("/proc/%1/syscall").arg(pid));
    return file.open(QIODevice::ReadOnly) ? file.readAll().split(' ').first().toLong() : -1;
}
} // namespace

class TestGuard : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();
    void paths_outside();
    void symbolic_links();
    void malformed_messages_data();
    void malformed_messages();
    void other_senders();
    void a_second_client();
    void marks_of_what_is_not_meant();
    void mounts_of_what_is_not_meant();
    void disks_of_others_stay();
    void what_stands_below_stays();
    void threads_elsewhere();
    void groups_that_are_none();
    void the_group_is_for_the_trusted();
    void fuse_mounts_that_are_not_meant();
    void a_fuse_mount();
    void fuse_connections_that_are_none();
    void a_second_client_on_fuse();
    void cachefiles_commands_that_are_none();
    void what_is_kept_of_root();
    void one_user_alone_is_named();
    void who_asked_for_it();

private:
    // It answers this with that error, and says why.
    void refuses(Message question, int error, const char* reason, int fd = -1);
    void answers(); // a good message

    std::unique_ptr<GuardRun> guard_;
    std::unique_ptr<Peer> client_;
};

#define REFUSES(...)                                                                               \
    do {                                                                                           \
        refuses(__VA_ARGS__);                                                                      \
        if (QTest::currentTestFailed())                                                            \
            return;                                                                                \
    } while (false)
#define REFUSED(reason)                                                                            \
    do {                                                                                           \
        QVERIFY2(guard_->said(reason), guard_->output().constData());                              \
        answers();                                                                                 \
    } while (false)

void TestGuard::initTestCase() {
    NEEDS_TRANSPORT(QString("fanotify"));
    if (geteuid() != 0) {
        QVERIFY2(!must_not_skip(), "not root");
        QSKIP("a root guard needs root");
    }
}

void TestGuard::init() {
    guard_ = std::make_unique<GuardRun>(nobody);
    QVERIFY(guard_->start({"--trusted-user", QString::number(nobody)}));
    client_ = std::make_unique<Peer>(guard_->socket(), nobody);
    answers();
}

void TestGuard::cleanup() {
    client_.reset();
    guard_.reset();
}

void TestGuard::answers() {
    QCOMPARE(client_->ask({Type::hello, 0, {}, 7}).message.number, 0u);
}

void TestGuard::refuses(Message question, int error, const char* reason, int fd) {
    QCOMPARE(client_->ask(std::move(question), fd).message.number,
             static_cast<std::uint32_t>(error));
    REFUSED(reason);
}

void TestGuard::paths_outside() {
    const Fd inside = make_file(guard_->cache() + "/inside", nobody);
    const Fd outside = make_file(guard_->folder() + "/outside", nobody);
    const std::string good = guard_->cache() + "/inside";
    const std::string bad = guard_->folder() + "/outside";
    REFUSES({Type::mount, 0, {"/mnt", "", good}}, EACCES, "/mnt is outside");
    REFUSES({Type::mount, 0, {guard_->mount() + "/../mount", "", good}}, EACCES, "is outside");
    REFUSES({Type::mount, 0, {guard_->mount(), "", bad}}, EACCES, "is outside");
    REFUSES({Type::mount, 0, {guard_->mount(), "", guard_->cache() + "/../outside"}}, EACCES,
            "is outside");
    REFUSES({Type::mark, 0, {bad}}, EACCES, "is not in the guard's first folder", outside.get());
    REFUSES({Type::mark, 0, {"/etc/passwd"}}, EACCES, "is not in the guard's first folder",
            outside.get());
    REFUSES({Type::unmount, 1, {"/proc", ""}}, EACCES, "to unmount /proc");
    QVERIFY(is_mounted("/proc"));
    client_->tell({Type::keep, static_cast<std::uint32_t>(Kind::erofs), {"/proc", ""}});
    REFUSED("/proc is outside");
}

// Put there after the guard has looked at the folders.
void TestGuard::symbolic_links() {
    const Fd roots = make_file(guard_->folder() + "/roots", 0);
    const std::string object = guard_->cache() + "/object";
    (void)make_file(object, nobody);
    QCOMPARE(::unlink(object.c_str()), 0);
    QCOMPARE(::symlink("../roots", object.c_str()), 0);
    REFUSES({Type::mark, 0, {object}}, ELOOP, "symbolic links", roots.get());
    REFUSES({Type::mount, 0, {guard_->mount(), "", object}}, ELOOP, "symbolic links");
    QCOMPARE(::rmdir(guard_->mount().c_str()), 0);
    QCOMPARE(::symlink("/mnt", guard_->mount().c_str()), 0);
    (void)make_file(guard_->cache() + "/file", nobody);
    REFUSES({Type::mount, 0, {guard_->mount(), "", guard_->cache() + "/file"}}, ELOOP,
            "symbolic links");
    // The cache folder itself: names are still looked up in the one of the start.
    const std::string old = guard_->folder() + "/old";
    QCOMPARE(::rename(guard_->cache().c_str(), old.c_str()), 0);
    QCOMPARE(::symlink("/etc", guard_->cache().c_str()), 0);
    const Fd passwd(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    REFUSES({Type::mark, 0, {guard_->cache() + "/passwd"}}, ENOENT, "cannot open", passwd.get());
    REFUSES({Type::mount, 0, {guard_->mount(), "", guard_->cache() + "/passwd"}}, ELOOP,
            "symbolic links");
    QVERIFY(!is_mounted("/mnt"));
}

void TestGuard::malformed_messages_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("reason");
    const auto message = [](std::uint32_t version, std::uint32_t type, std::uint32_t texts,
                            const QByteArray& rest = {}) {
        const std::uint32_t header[]{version, type, 0, texts, 1};
        return QByteArray(reinterpret_cast<const char*>(header), sizeof header) + rest;
    };
    const auto text = [](const char* told) { return QByteArray(told); };
    const auto unmount = static_cast<std::uint32_t>(Type::unmount);
    const auto adopt = static_cast<std::uint32_t>(Type::adopt);
    QTest::newRow("oversized") << QByteArray() << text("of a wrong length");
    QTest::newRow("short") << QByteArray(19, '\1') << text("of a wrong length");
    QTest::newRow("unknown type") << message(guard::version, 1000, 0) << text("an unknown type");
    QTest::newRow("type 0") << message(guard::version, 0, 0) << text("an unknown type");
    QTest::newRow("another version")
        << message(guard::version + 1, 7, 0) << text("another version");
    QTest::newRow("too few strings") << message(guard::version, unmount, 1, QByteArray("a", 2))
                                     << text("a wrong number of strings");
    QTest::newRow("too many strings")
        << message(guard::version, 2, 1u << 31) << text("a wrong number of strings");
    QTest::newRow("not closed") << message(guard::version, adopt, 1, "abc") << text("not closed");
    QTest::newRow("bytes behind") << message(guard::version, 7, 0, "abc")
                                  << text("bytes behind its end");
}

void TestGuard::malformed_messages() {
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, reason);
    if (bytes.isEmpty())
        client_->tell_zeros(guard::largest_message + 1);
    else
        client_->tell_bytes(bytes.toStdString());
    REFUSED(reason);
}

void TestGuard::other_senders() {
    for (const uid_t user : {uid_t{0}, another}) {
        Peer other(guard_->socket(), user);
        other.tell({Type::bye, 0, {}});
        REFUSED("a message from user " + QByteArray::number(user));
    }
    Peer second(guard_->socket(), nobody);
    second.tell({Type::bye, 0, {}});
    REFUSED("a second client, process " + QByteArray::number(second.pid()));
}

void TestGuard::a_second_client() {
    const auto group = client_->ask({Type::group, 0, {}});
    QCOMPARE(group.message.number, 0u);
    for (int i = 0; i < 3; ++i) {
        const auto taken = guard::Client::take_over({{guard_->cache(), guard_->mount()}});
        QVERIFY(!taken);
        QCOMPARE(taken.error().code, Code::busy);
        REFUSED("a second client: the first is alive");
    }
}

void TestGuard::marks_of_what_is_not_meant() {
    const Fd one = make_file(guard_->cache() + "/one", nobody);
    const Fd two = make_file(guard_->cache() + "/two", nobody);
    const Fd roots = make_file(guard_->cache() + "/roots", 0);
    const Fd folder(::open(guard_->cache().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::string path = guard_->cache() + "/one";
    REFUSES({Type::mark, 0, {path}}, EPERM, "another file than the one given", two.get());
    REFUSES({Type::mark, 0, {path}}, EPERM, "another file than the one given", roots.get());
    REFUSES({Type::mark, 0, {path}}, EPERM, "another file than the one given"); // none given
    REFUSES({Type::mark, 0, {guard_->cache() + "/roots"}}, EPERM, "no regular file of user",
            roots.get());
    REFUSES({Type::mark, 0, {guard_->cache() + "/."}}, EPERM, "no regular file of user",
            folder.get());
    QCOMPARE(client_->ask({Type::mark, 0, {path}}, one.get()).message.number, 0u);
    QCOMPARE(client_->ask({Type::object, 0, {guard_->cache() + "/two"}}).message.number,
             static_cast<std::uint32_t>(ENOENT));
}

void TestGuard::mounts_of_what_is_not_meant() {
    (void)make_file(guard_->cache() + "/image", nobody);
    (void)make_file(guard_->cache() + "/roots", 0);
    const std::string image = guard_->cache() + "/image";
    for (const char* options : {"ro", "directio,device=/dev/null", "acl", "directio ", ","})
        REFUSES({Type::mount, 0, {guard_->mount(), options, image}}, EPERM, "mount options");
    REFUSES({Type::mount, 0, {guard_->mount(), "", guard_->cache() + "/roots"}}, EPERM,
            "no regular file of user");
    REFUSES({Type::mount, 0, {guard_->mount(), "", image, guard_->cache() + "/roots"}}, EPERM,
            "no regular file of user");
    QCOMPARE(::chown(guard_->mount().c_str(), 0, 0), 0);
    REFUSES({Type::mount, 0, {guard_->mount(), "", image}}, EPERM, "no folder of user");
    QVERIFY(!is_mounted(QString::fromStdString(guard_->mount())));
}

// A mount of another kind, on the user's own folder: as a disk that root has put there.
void TestGuard::disks_of_others_stay() {
    const std::string options = "uid=" + std::to_string(nobody);
    QCOMPARE(::mount("disk", guard_->mount().c_str(), "tmpfs", 0, options.c_str()), 0);
    const auto reply = client_->ask({Type::unmount, 1, {guard_->mount(), ""}});
    const bool stays = is_mounted(QString::fromStdString(guard_->mount()));
    ::umount2(guard_->mount().c_str(), MNT_DETACH);
    QVERIFY(stays);
    QCOMPARE(reply.message.number, static_cast<std::uint32_t>(EPERM));
    REFUSED("to unmount");
}

// A mount that somebody has marked as expired goes by the question whether it is in use.
void TestGuard::what_stands_below_stays() {
    const QString folder = QString::fromStdString(guard_->mount());
    for (int i = 0; i < 2; ++i)
        QCOMPARE(::mount("disk", guard_->mount().c_str(), "tmpfs", 0, ""), 0);
    const bool marked = ::umount2(guard_->mount().c_str(), MNT_EXPIRE) != 0 && errno == EAGAIN;
    const int first = guard::unmount_shared(guard_->mount().c_str(), false);
    const bool below = is_mounted(folder);
    const int second = guard::unmount_shared(guard_->mount().c_str(), false);
    const bool gone = !is_mounted(folder);
    ::umount2(guard_->mount().c_str(), MNT_DETACH);
    QVERIFY(marked && below && gone);
    QCOMPARE(first, 0);
    QCOMPARE(second, 0);
}

void TestGuard::threads_elsewhere() {
    const auto who = [](qint64 thread) {
        return Message{Type::who, static_cast<std::uint32_t>(thread), {}};
    };
    Reader waits("/dev/ptmx", 0, 1); // in no mount of the guard's
    REFUSES(who(waits.pid()), ENOENT, "waits in no mount of this run");
    REFUSES(who(::getpid()), ENOENT, "waits in no mount of this run");
    // The client may not say which devices are its own.
    const Fd roots = make_file(guard_->folder() + "/roots", 0);
    struct stat status {};
    QCOMPARE(fstat(roots.get(), &status), 0);
    const std::string device = std::to_string(major(status.st_dev)) + ':' +
                               std::to_string(minor(status.st_dev)) + " erofs x";
    client_->tell({Type::keep, static_cast<std::uint32_t>(Kind::erofs), {guard_->mount(), device}});
    QCOMPARE(::flock(roots.get(), LOCK_EX), 0);
    QProcess sleeper; // waits in a call whose first argument is the file
    sleeper.setStandardInputFile(QString::fromStdString(guard_->folder() + "/roots"));
    sleeper.start("flock", {"0"});
    QTRY_VERIFY_WITH_TIMEOUT(system_call_of(sleeper.processId()) == SYS_flock, 20000);
    REFUSES(who(sleeper.processId()), ENOENT, "waits in no mount of this run");
    sleeper.kill();
    sleeper.waitForFinished();
}

void TestGuard::groups_that_are_none() {
    const Fd file = make_file(guard_->cache() + "/file", nobody);
    REFUSES({Type::adopt, 0, {""}}, EINVAL, "is no fanotify group", file.get());
    REFUSES({Type::adopt, 0, {""}}, EINVAL, "is no fanotify group");
    const auto group = client_->ask({Type::group, 0, {}});
    QVERIFY(group.fd);
    REFUSES({Type::adopt, 0, {""}}, EBUSY, "another fanotify group is open", group.fd.get());
}

// A holder of the group may mark what he may read, whosever it is, and gets what root opens: so it
// is for those alone whom root has said to be trusted.
void TestGuard::the_group_is_for_the_trusted() {
    const auto group = client_->ask({Type::group, 0, {}});
    QVERIFY(group.fd);
    QCOMPARE(client_->mark_opens(group.fd.get(), guard_->folder()), 0);
    GuardRun plain(nobody);
    QVERIFY(plain.start({"--user", QString::number(nobody)}));
    Peer user(plain.socket(), nobody);
    const auto refused = user.ask({Type::group, 0, {}});
    QCOMPARE(refused.message.number, static_cast<std::uint32_t>(EPERM));
    QVERIFY(!refused.fd);
    QVERIFY(plain.said("the fanotify group"));
    // Whoever has the cachefiles device feeds every mount of the machine that uses it.
    const auto device = user.ask({Type::bind_cachefiles, 0, {"", ""}});
    QCOMPARE(device.message.number, static_cast<std::uint32_t>(EPERM));
    QVERIFY(plain.said("the cachefiles device"));
    QCOMPARE(user.ask({Type::hello, 0, {}}).message.number, 0u);
}

void TestGuard::fuse_mounts_that_are_not_meant() {
    const auto fuse = [](const std::string& target, const char* source = "/image",
                         std::uint32_t number = 0) {
        return Message{Type::fuse, number, {target, source, ""}};
    };
    const std::string good = guard_->cache() + "/fuse-1";
    QCOMPARE(::mkdir(good.c_str(), 0700), 0);
    REFUSES(fuse("/mnt"), EACCES, "/mnt is outside");
    REFUSES(fuse(guard_->folder() + "/fuse-1"), EACCES, "is outside");
    REFUSES(fuse(guard_->cache() + "/../fuse-1"), EACCES, "is outside");
    REFUSES(fuse(guard_->cache() + "/other"), EACCES, "is outside");
    REFUSES(fuse(guard_->mount() + "/fuse-1"), EACCES, "is outside");
    REFUSES(fuse(good), EPERM, "no folder of user"); // root's
    QCOMPARE(::chown(good.c_str(), nobody, nobody), 0);
    REFUSES(fuse(good, "/image", 1), EPERM, "FUSE from");
    REFUSES(fuse(good, "image,allow_other"), EPERM, "FUSE from 'image,allow_other'");
    const std::string link = guard_->cache() + "/fuse-2";
    QCOMPARE(::symlink("fuse-1", link.c_str()), 0);
    REFUSES(fuse(link), ELOOP, "symbolic links");
    (void)make_file(guard_->cache() + "/fuse-3", nobody);
    REFUSES(fuse(guard_->cache() + "/fuse-3"), ENOTDIR, "cannot open");
    QVERIFY(!is_mounted(QString::fromStdString(good)));
    REFUSES({Type::connection, 0, {}}, EPERM, "the kernel does not begin with FUSE");
}

void TestGuard::a_fuse_mount() {
    REFUSES({Type::connection, 0, {}}, ENOENT, "there is no FUSE connection");
    const std::string folder = guard_->cache() + "/fuse-1";
    QCOMPARE(::mkdir(folder.c_str(), 0700), 0);
    QCOMPARE(::chown(folder.c_str(), nobody, nobody), 0);
    const Message mount{Type::fuse, 0, {folder, "/an image, or not", "a\nnote"}};
    QCOMPARE(client_->ask(mount).message.number, 0u);
    QFile list("/proc/self/mountinfo");
    QVERIFY(list.open(QIODevice::ReadOnly));
    QByteArray line;
    for (const QByteArray& one : list.readAll().split('\n'))
        line = one.contains(' ' + QByteArray::fromStdString(folder) + ' ') ? one : line;
    QVERIFY2(line.contains(" ro,nosuid,nodev,"), line.constData());
    QVERIFY2(line.contains(" fuse.coldscope /an\\040image,\\040or\\040not "), line.constData());
    QVERIFY2(line.contains("user_id=0,group_id=0,default_permissions"), line.constData());
    QVERIFY2(!line.contains("allow_other"), line.constData());
    const auto connection = client_->ask({Type::connection, 0, {}});
    QCOMPARE(connection.message.number, 0u);
    QVERIFY(connection.fd);
    const QByteArray told = QByteArray::fromStdString(connection.message.texts[0]);
    QCOMPARE(told.mid(told.indexOf('\n') + 1), QByteArray("a\nnote"));
    const QByteArray init = QByteArray::fromHex(told.left(told.indexOf('\n')));
    QVERIFY(init.size() > 40);
    std::uint32_t header[2]; // its length, FUSE_INIT
    memcpy(header, init.constData(), sizeof header);
    QCOMPARE(header[0], static_cast<std::uint32_t>(init.size()));
    QCOMPARE(header[1], 26u);
    REFUSES(mount, EBUSY, "this run has a FUSE connection");
    QCOMPARE(::umount2(folder.c_str(), MNT_DETACH), 0);
}

void TestGuard::fuse_connections_that_are_none() {
    const Fd file = make_file(guard_->cache() + "/file", nobody);
    const Fd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    QVERIFY(fuse);
    const Message adopt{Type::adopt_connection, 0, {"00\nnote"}};
    REFUSES(adopt, EINVAL, "is no FUSE connection", file.get());
    REFUSES(adopt, EINVAL, "is no FUSE connection");
    REFUSES({Type::adopt_connection, 0, {""}}, EINVAL, "is no FUSE connection", fuse.get());
    GuardRun keeps(nobody); // with a grace it keeps what it is given
    QVERIFY(keeps.start({"--user", QString::number(nobody), "--grace", "1000"}));
    Peer user(keeps.socket(), nobody);
    QCOMPARE(user.ask(adopt, fuse.get()).message.number, 0u);
    QCOMPARE(user.ask(adopt, fuse.get()).message.number, static_cast<std::uint32_t>(EBUSY));
    QVERIFY(keeps.said("this run has a FUSE connection"));
    const auto back = user.ask({Type::connection, 0, {}});
    QVERIFY(back.fd);
    QCOMPARE(back.message.texts[0], std::string("00\nnote"));
}

void TestGuard::a_second_client_on_fuse() {
    GuardRun keeps(nobody);
    QVERIFY(keeps.start({"--user", QString::number(nobody), "--grace", "1000"}));
    Peer user(keeps.socket(), nobody);
    const Fd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    const Message adopt{Type::adopt_connection, 0, {"00\nnote"}};
    QCOMPARE(user.ask(adopt, fuse.get()).message.number, 0u);
    const auto taken = guard::Client::take_over({{keeps.cache(), keeps.mount()}});
    QVERIFY(!taken);
    QCOMPARE(taken.error().code, Code::busy);
    QVERIFY(keeps.said("a second client: the first is alive"));
    QCOMPARE(user.ask({Type::hello, 0, {}}).message.number, 0u);
}

// What is passed on to the kernel as a command is looked at first.
void TestGuard::cachefiles_commands_that_are_none() {
    REFUSES({Type::bind_cachefiles, 0, {"a\ndir /etc", ""}}, EINVAL, "a tag is letters");
    for (const char* limits : {"dir /etc\n", "brun 10\n", "brun 100%\n", "brun -1%\n",
                               "brun 10%\nbind ondemand\n", "bstop %\n"})
        REFUSES({Type::bind_cachefiles, 0, {"", limits}}, EINVAL, "is no limit of culling");
    const Fd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
    REFUSES({Type::adopt_cachefiles, 0, {}}, EINVAL, "is not the cachefiles device", file.get());
    REFUSES({Type::adopt_cachefiles, 0, {}}, EINVAL, "is not the cachefiles device");
}

void TestGuard::what_is_kept_of_root() {
    std::uint64_t kept = 0;
    for (const int one : {CAP_SYS_ADMIN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_KILL,
                          CAP_SYS_PTRACE, CAP_SYS_RESOURCE, CAP_FOWNER, CAP_SETUID, CAP_SETGID})
        kept |= std::uint64_t{1} << one;
    const std::uint64_t ours = status_of(::getpid(), "CapEff").toULongLong(nullptr, 16);
    for (const char* set : {"CapEff", "CapPrm", "CapBnd"})
        QCOMPARE(status_of(guard_->pid(), set).toULongLong(nullptr, 16), kept & ours);
    for (const char* set : {"CapInh", "CapAmb"})
        QCOMPARE(status_of(guard_->pid(), set).toULongLong(nullptr, 16), 0ull);
    QCOMPARE(status_of(guard_->pid(), "NoNewPrivs"), QByteArray("1"));
    // All of its sockets are local ones.
    QVERIFY(client_->ask({Type::group, 0, {}}).fd);
    QFile list("/proc/net/unix");
    QVERIFY(list.open(QIODevice::ReadOnly));
    const QByteArray local = list.readAll();
    int sockets = 0;
    const QDir descriptors(QString("/proc/%1/fd").arg(guard_->pid()));
    for (const QString& name : descriptors.entryList(QDir::Files | QDir::System)) {
        const std::string path = descriptors.filePath(name).toStdString();
        char target[128]{};
        if (::readlink(path.c_str(), target, sizeof target - 1) < 0)
            continue;
        const QByteArray what(target);
        if (!what.startsWith("socket:["))
            continue;
        ++sockets;
        QVERIFY2(local.contains(' ' + what.mid(8).chopped(1)), target);
    }
    QCOMPARE(sockets, 2); // the client's, and the one for another client
}

// polkit asks by the first of them.
void TestGuard::one_user_alone_is_named() {
    for (const char* first : {"--user", "--trusted-user"}) {
        for (const char* value : {"65534", ""}) {
            GuardRun twice(nobody);
            QVERIFY(twice.start({first, value, "--trusted-user", "65534"}));
            QVERIFY(twice.said("usage: coldscope-guard"));
            QCOMPARE(twice.exit_code(), 2);
        }
    }
}

void TestGuard::who_asked_for_it() {
    for (const char* name : {"PKEXEC_UID=", "SUDO_UID="}) {
        GuardRun contradicted(nobody);
        QVERIFY(contradicted.start({"--user", "65534"}, {QString(name) + "65533"}));
        QVERIFY(contradicted.said("is 65533, not 65534"));
        QCOMPARE(contradicted.exit_code(), 2);
        GuardRun told(nobody);
        QVERIFY(told.start({}, {QString(name) + "65534"}));
        Peer root(told.socket(), 0);
        root.tell({Type::hello, 0, {}});
        QVERIFY(told.said("a message from user 0"));
        Peer user(told.socket(), nobody);
        QCOMPARE(user.ask({Type::hello, 0, {}}).message.number, 0u);
    }
}

QTEST_GUILESS_MAIN(TestGuard)
#include "test_guard.moc"
