#include "tests/kernel/live_run.h"

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QDir>
#include <QDirIterator>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QtTest>
#include <algorithm>
#include <csignal>
#include <filesystem>

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coldscope::test {

namespace {

QString mkfs() {
    const QString utils = qEnvironmentVariable("COLDSCOPE_EROFS_UTILS");
    if (!utils.isEmpty() && QFile::exists(utils + "/mkfs.erofs"))
        return utils + "/mkfs.erofs";
    return QStandardPaths::findExecutable("mkfs.erofs", {"/usr/bin", "/usr/sbin", "/sbin"});
}

// Takes files in an order that is the same each time, small and large ones.
QStringList copy_files(const QString& tree, int wanted, qint64 largest) {
    QStringList copied;
    for (const char* root : {"/usr/bin", "/usr/include", "/usr/lib/python3", "/usr/share/perl",
                             "/usr/share/doc", "/usr/lib"}) {
        QStringList found;
        QDirIterator all(root, QDir::Files | QDir::NoSymLinks, QDirIterator::Subdirectories);
        while (all.hasNext())
            found << all.next();
        std::sort(found.begin(), found.end());
        // At most a quarter from one folder, so that kinds and sizes differ.
        int from_here = 0;
        for (const QString& path : found) {
            if (copied.size() == wanted || from_here > wanted / 4)
                break;
            const QFileInfo info(path);
            if (info.size() > largest || !info.isReadable())
                continue;
            const QString relative = path.mid(1);
            QDir().mkpath(QFileInfo(tree + '/' + relative).path());
            if (QFile::copy(path, tree + '/' + relative)) {
                copied << relative;
                ++from_here;
            }
        }
    }
    std::sort(copied.begin(), copied.end());
    return copied;
}

// Where an ordinary user may read it, too.
QString program_for_all(const QString& name) {
    static const QTemporaryDir folder;
    QFile::setPermissions(folder.path(), QFile::Permissions(0x7755));
    for (const QString& one : {name, QStringLiteral("coldscope-guard")}) {
        if (!QFile::exists(folder.filePath(one)))
            QFile::copy(program(one), folder.filePath(one));
    }
    return folder.filePath(name);
}

// Sanitizers' options may name a file that an ordinary user can't read.
QProcessEnvironment environment_for_all() {
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const QString& name : {QStringLiteral("LSAN_OPTIONS"), QStringLiteral("TSAN_OPTIONS")}) {
        QStringList words = environment.value(name).split(QRegularExpression("[ :]"));
        for (QString& word : words) {
            if (!word.startsWith("suppressions="))
                continue;
            const QString copy = QFileInfo(program_for_all("coldscoped")).path() + '/' + name;
            QFile::copy(word.mid(13), copy);
            word = "suppressions=" + copy;
        }
        if (environment.contains(name))
            environment.insert(name, words.join(':'));
    }
    return environment;
}

} // namespace

bool run_mkfs(const QStringList& arguments, QString* error) {
    // 1.8, of Debian 13, does not create the blob.
    for (const QString& blob : arguments.filter(QRegularExpression("^--blobdev=")))
        (void)QFile(blob.section('=', 1)).open(QIODevice::WriteOnly);
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(mkfs(), arguments);
    const bool made = process.waitForFinished(120000) && process.exitCode() == 0;
    if (!made)
        *error = "mkfs.erofs: " + process.readAll();
    return made;
}

TreeImage make_tree_image(const QString& folder, int files, QString* error, qint64 largest) {
    TreeImage image{folder + "/tree", folder + "/image.erofs", folder + "/image.blob", {}, {}};
    QDir().mkpath(image.tree);
    image.files = copy_files(image.tree, files, largest);
    if (image.files.size() < files) {
        *error = QString("only %1 files could be copied").arg(image.files.size());
        return {};
    }
    if (!run_mkfs({"--chunksize=65536", "--blobdev=" + image.blob, image.bootstrap, image.tree},
                  error))
        return {};
    return image;
}

TreeImage make_image_of(const TreeImage& tree, const QString& kind, QString* error) {
    TreeImage image = tree;
    const QString stem = tree.bootstrap.chopped(6) + '-' + QString(kind).remove(' ');
    image.bootstrap = stem + ".erofs";
    image.blob.clear();
    bool made = false;
    if (kind == "plain" || kind == "flat" || kind == "lz4") {
        QStringList options{image.bootstrap, image.tree};
        if (kind == "lz4")
            options.prepend("-zlz4");
        if (kind == "flat")
            options.prepend("-Enoinline_data");
        made = run_mkfs(options, error);
    } else if (kind == "two blobs") {
        // usr/lib apart from the rest; each half is an image, and a device of the whole.
        image.blob = stem + "-1.erofs";
        image.second_blob = stem + "-2.erofs";
        made = run_mkfs({"-Enoinline_data", "--exclude-path=usr/lib", image.blob, image.tree},
                        error) &&
               run_mkfs({"-Enoinline_data", "--exclude-path=usr/bin", "--exclude-path=usr/include",
                         "--exclude-path=usr/share", image.second_blob, image.tree},
                        error) &&
               run_mkfs({image.bootstrap, image.blob, image.second_blob}, error);
    } else {
        image.blob = stem + ".blob";
        const QString bytes = kind == "4K" ? "4096" : kind == "64K" ? "65536" : "1048576";
        made = run_mkfs(
            {"--chunksize=" + bytes, "--blobdev=" + image.blob, image.bootstrap, image.tree},
            error);
    }
    return made ? image : TreeImage{};
}

QByteArray sha256_of(const QString& path, QString* error) {
    QFile file(path);
    QCryptographicHash hash(QCryptographicHash::Sha256);
    if (!file.open(QIODevice::ReadOnly | QIODevice::Unbuffered) || !hash.addData(&file) ||
        file.error() != QFile::NoError) {
        if (error)
            *error = path + ": " + file.errorString();
        return {};
    }
    return hash.result();
}

bool must_not_skip() {
    return qEnvironmentVariable("CI") == "true";
}

void add_fuse_modes() {
    QTest::addColumn<QString>("transport");
    if (geteuid() == 0)
        QTest::newRow("blob mode") << "fuse-blob";
    QTest::newRow("tree mode") << "fuse-tree";
}

void add_transports() {
    add_fuse_modes();
    if (geteuid() == 0)
        QTest::newRow("fanotify") << "fanotify";
}

QString program(const QString& name) {
    return QCoreApplication::applicationDirPath() + '/' + name;
}

QString obstacle(const QString& transport) {
    if (mkfs().isEmpty())
        return "mkfs.erofs is missing (Debian package erofs-utils)";
    QProcess probe;
    probe.start(program("coldscoped"), {"probe", "--json"});
    probe.waitForFinished();
    const auto answer = QJsonDocument::fromJson(probe.readAllStandardOutput()).object();
    for (const QJsonValue& one : answer["transports"].toArray()) {
        if (one["name"].toString() == transport)
            return one["works"].toBool() ? QString() : one["reason"].toString();
    }
    return "coldscoped probe does not know " + transport;
}

LiveRun::LiveRun(const TreeImage& image, const QString& folder, const QString& transport)
    : image_(image), transport_(transport), mount_(folder + "/mount"), cache_(folder + "/cache") {
    QDir().mkpath(mount_);
}

LiveRun::~LiveRun() {
    if (process_.state() != QProcess::NotRunning)
        stop(SIGTERM);
}

// The guard runs as root, with a socket; coldscoped as the user, with the other end of it.
void LiveRun::become_user(QStringList& arguments) {
    QDir().mkpath(cache_);
    for (const QString& path : {mount_, cache_}) {
        if (::chown(qPrintable(path), user, user) != 0)
            qWarning("cannot give %s away", qPrintable(path));
        QFile::setPermissions(QFileInfo(path).path(), QFile::Permissions(0x7755));
    }
    for (const QString& path : {image_.bootstrap, image_.blob, image_.second_blob}) {
        if (!path.isEmpty())
            QFile::setPermissions(QFileInfo(path).path(), QFile::Permissions(0x7755));
    }
    int ends[2] = {-1, -1};
    if (!takes_over && !asks_for_guard) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
            qFatal("no socket pair");
        arguments << "--guard-fd"
                  << "3";
        guard_.setProcessChannelMode(QProcess::MergedChannels);
        guard_.setChildProcessModifier([end = ends[1]] { ::dup2(end, 0); });
        // FUSE asks for no trust.
        guard_.start(program("coldscope-guard"),
                     {transport_ == "fanotify" ? "--trusted-user" : "--user", QString::number(user),
                      "--grace", QString::number(grace_ms), "--folder", cache_, "--folder",
                      mount_});
        guard_.waitForStarted();
    }
    QProcessEnvironment all = environment_for_all();
    for (const auto& [name, value] : environment)
        all.insert(name, value);
    process_.setProcessEnvironment(all);
    process_.setChildProcessModifier([this, end = ends[0]] {
        if (error_terminal >= 0)
            ::dup2(error_terminal, 2);
        if (end >= 0)
            ::dup2(end, 3);
        if (setgroups(0, nullptr) != 0 || setgid(user) != 0 || setuid(user) != 0)
            _exit(126);
    });
    process_.start(programs.isEmpty() ? program_for_all("coldscoped") : programs + "/coldscoped",
                   arguments);
    process_.waitForStarted();
    for (const int end : ends)
        ::close(end);
}

bool LiveRun::start() {
    QStringList arguments{"run",     "--image", image_.bootstrap, "--mount",     mount_,
                          "--cache", cache_,    "--json",         "--transport", transport_};
    for (const QString& blob : {image_.blob, image_.second_blob}) {
        if (!blob.isEmpty())
            arguments << "--device" << blob;
    }
    arguments += extra;
    if (user != 0)
        become_user(arguments);
    else if (!started_by.isEmpty())
        process_.start(started_by.front(), started_by.mid(1) + arguments);
    else
        process_.start(programs.isEmpty() ? program("coldscoped") : programs + "/coldscoped",
                       arguments);
    const bool ready = !wait_for("ready").isEmpty();
    if (!ready)
        qWarning("coldscoped did not become ready: %s", error_output().constData());
    return ready;
}

int LiveRun::stop(int signal) {
    if (process_.state() == QProcess::NotRunning)
        return process_.exitStatus() == QProcess::NormalExit ? process_.exitCode() : -1;
    ::kill(static_cast<pid_t>(process_.processId()), signal);
    if (!process_.waitForFinished(20000)) {
        qWarning("coldscoped does not end");
        process_.kill();
        process_.waitForFinished();
        return -2;
    }
    read_events();
    if (signal != SIGKILL && guard_.state() != QProcess::NotRunning &&
        !guard_.waitForFinished(20000))
        qWarning("the guard stays");
    if (const QByteArray text = error_output(); !text.isEmpty())
        qWarning("coldscoped said: %s", text.constData());
    return process_.exitStatus() == QProcess::NormalExit ? process_.exitCode() : -1;
}

bool LiveRun::suspend() {
    ::kill(static_cast<pid_t>(pid()), SIGSTOP);
    const QDir threads(QString("/proc/%1/task").arg(pid()));
    return QTest::qWaitFor(
        [&] {
            const QStringList names = threads.entryList(QDir::Dirs | QDir::NoDotAndDotDot);
            return !names.isEmpty() && std::ranges::all_of(names, [&](const QString& name) {
                QFile file(threads.filePath(name + "/stat"));
                return file.open(QIODevice::ReadOnly) && file.readAll().contains(") T ");
            });
        },
        20000);
}

QByteArray LiveRun::guard_output() {
    guard_.waitForReadyRead(0);
    return guard_.readAll();
}

pid_t LiveRun::guard_pid() const {
    if (guard_.state() != QProcess::NotRunning)
        return static_cast<pid_t>(guard_.processId());
    QProcess children;
    children.start("pgrep", {"-P", QString::number(pid()), "-x", "coldscope-guard"});
    children.waitForFinished();
    return children.readAllStandardOutput().trimmed().toInt();
}

QByteArray LiveRun::error_output() {
    return process_.readAllStandardError();
}

void LiveRun::command(const QByteArray& line) {
    process_.write(line + '\n');
    process_.waitForBytesWritten();
}

bool LiveRun::settled() {
    // The engine itself says, in order, that no request has this number; unless the output was
    // full.
    for (int tries = 0; tries < 6; ++tries) {
        read_events(100);
        const qint64 none = 900'000'000 + ++settles_;
        command("release " + QByteArray::number(none));
        if (!wait_for("notice", none, 10000).isEmpty())
            return true;
    }
    return false;
}

void LiveRun::close_commands() {
    process_.closeWriteChannel();
}

void LiveRun::read_events(int timeout_ms) {
    do {
        partial_ += process_.readAllStandardOutput();
    } while (process_.state() != QProcess::NotRunning && process_.waitForReadyRead(timeout_ms));
    partial_ += process_.readAllStandardOutput();
    for (qsizetype end = partial_.indexOf('\n'); end >= 0; end = partial_.indexOf('\n')) {
        QJsonParseError error{};
        const auto event = QJsonDocument::fromJson(partial_.left(end), &error);
        if (error.error != QJsonParseError::NoError)
            qFatal("not JSON: %s", partial_.left(end).constData());
        events_.push_back(event.object());
        partial_.remove(0, end + 1);
    }
}

QJsonObject LiveRun::wait_for(const std::function<bool(const QJsonObject&)>& accept,
                              int timeout_ms) {
    QElapsedTimer waited;
    waited.start();
    std::size_t seen = 0;
    for (;;) {
        for (; seen < events_.size(); ++seen) {
            if (accept(events_[seen]))
                return events_[seen];
        }
        if (waited.elapsed() > timeout_ms ||
            (process_.state() == QProcess::NotRunning && process_.bytesAvailable() == 0 &&
             waited.elapsed() > 500))
            return {};
        read_events(50);
    }
}

QJsonObject LiveRun::wait_for(const QString& event, qint64 request, int timeout_ms) {
    return wait_for(
        [&](const QJsonObject& one) {
            return one["event"].toString() == event &&
                   (request < 0 || one["request"].toInteger() == request);
        },
        timeout_ms);
}

int LiveRun::count(const QString& event) const {
    return static_cast<int>(
        std::count_if(events_.begin(), events_.end(),
                      [&](const QJsonObject& one) { return one["event"].toString() == event; }));
}

Reader::Reader(const QString& path, qint64 offset, qint64 length)
    : process_(std::make_unique<QProcess>()) {
    process_->start(program("coldscope-test-reader"),
                    {path, QString::number(offset), QString::number(length)});
    process_->waitForStarted();
}

Reader::~Reader() {
    process_->kill();
    process_->waitForFinished(20000);
}

bool Reader::finished(int timeout_ms) {
    return process_->state() == QProcess::NotRunning || process_->waitForFinished(timeout_ms);
}

QByteArray Reader::call() const {
    // Asleep in the open or the read of its file, not on the way there, where its libraries are
    // opened and read, too: the system call's number comes first, or "running".
    const QString fd = QString("/proc/%1/fd/").arg(pid());
    if (QFileInfo(fd + '0').symLinkTarget() != QFileInfo(fd + '1').symLinkTarget())
        return {};
    QFile file(QString("/proc/%1/syscall").arg(pid()));
    const QByteArray text = file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    return text.startsWith(QByteArray::number(SYS_pread64) + ' ') ||
                   text.startsWith(QByteArray::number(SYS_openat) + ' ')
               ? text
               : QByteArray();
}

// A FUSE server that answers an open keeps it for a moment, too.
bool Reader::waits() const {
    const QByteArray before = call();
    if (before.isEmpty())
        return false;
    QThread::msleep(20);
    return call() == before;
}

bool is_mounted(const QString& folder) {
    QFile file("/proc/self/mounts");
    return file.open(QIODevice::ReadOnly) && QByteArray(' ' + file.readAll())
                                                 .replace('\n', " ")
                                                 .contains(' ' + folder.toUtf8() + ' ');
}

QByteArray original(const QString& path, qint64 offset, qint64 length) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly) || !file.seek(offset))
        return {};
    return file.read(length);
}

bool drop_caches() {
    ::sync();
    QFile file("/proc/sys/vm/drop_caches");
    return file.open(QIODevice::WriteOnly) && file.write("3\n") == 2 && file.flush();
}

} // namespace coldscope::test
