// What can be wrong with an image, its blobs, the cache and the mount point: a run says what, where
// and what next, exits with 1, and loses nothing that is local. Readers get an error, never zeros.
#include "tests/kernel/live_run.h"

#include <QJsonDocument>
#include <QtTest>
#include <cerrno>
#include <csignal>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

using namespace coldscope::test;

namespace {

struct Outcome {
    int exit_code = -1;
    QString text; // standard error
};

Outcome run_coldscoped(const QStringList& arguments) {
    QProcess process;
    process.start(program("coldscoped"), arguments);
    Outcome outcome;
    if (!process.waitForFinished(20000))
        return outcome;
    if (process.exitStatus() == QProcess::NormalExit)
        outcome.exit_code = process.exitCode();
    outcome.text = QString::fromUtf8(process.readAllStandardError());
    return outcome;
}

void overwrite(const QString& path, qint64 offset, const QByteArray& bytes) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadWrite));
    QVERIFY(file.seek(offset));
    QCOMPARE(file.write(bytes), bytes.size());
}

} // namespace

class TestBadInput : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init();
    void not_an_image();
    void truncated();
    void wrong_checksum();
    void device_missing();
    void device_too_short();
    void devices_swapped();
    void cache_not_writable();
    void cache_in_use();
    void mount_point();
    void usage();
    void sharing();
    void cache_disk_fills_up_data() { add_fuse_modes(); }
    void cache_disk_fills_up();
    void transport_stops_data() { add_fuse_modes(); }
    void transport_stops();
    void source_changes_data() { add_fuse_modes(); }
    void source_changes();

private:
    // A run of these files, everything else being right.
    Outcome run_with(const QString& bootstrap, const QStringList& blobs);
    QString copy(const QString& path, const QString& name);

    QTemporaryDir folder_;
    TreeImage image_;
    std::unique_ptr<QTemporaryDir> work_;
};

void TestBadInput::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 200, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

void TestBadInput::init() {
    work_ = std::make_unique<QTemporaryDir>();
    QDir(work_->path()).mkdir("mount");
}

Outcome TestBadInput::run_with(const QString& bootstrap, const QStringList& blobs) {
    QStringList arguments{"run",
                          "--image",
                          bootstrap,
                          "--mount",
                          work_->filePath("mount"),
                          "--cache",
                          work_->filePath("cache"),
                          "--transport",
                          "fuse-tree"};
    for (const QString& blob : blobs)
        arguments << "--device" << blob;
    return run_coldscoped(arguments << "--"
                                    << "true");
}

QString TestBadInput::copy(const QString& path, const QString& name) {
    const QString to = work_->filePath(name);
    QFile::copy(path, to);
    return to;
}

#define QVERIFY_SAYS(outcome, ...)                                                                 \
    do {                                                                                           \
        QCOMPARE((outcome).exit_code, 1);                                                          \
        for (const QString& words : QStringList{__VA_ARGS__})                                      \
            QVERIFY2((outcome).text.contains(words),                                               \
                     qPrintable(words + " is not in: " + (outcome).text));                         \
    } while (false)

void TestBadInput::not_an_image() {
    const QString path = copy("/proc/self/exe", "other");
    QVERIFY_SAYS(run_with(path, {image_.blob}), path, "byte 1024", "EROFS");
    QVERIFY_SAYS(run_with(work_->filePath("none"), {}), "none", "ENOENT");
}

void TestBadInput::truncated() {
    const QString path = copy(image_.bootstrap, "short");
    QVERIFY(QFile::resize(path, 1100));
    QVERIFY_SAYS(run_with(path, {image_.blob}), path, "byte 1");
    QVERIFY(QFile::resize(path, 4096));
    QVERIFY_SAYS(run_with(path, {image_.blob}), path, "byte ");
}

void TestBadInput::wrong_checksum() {
    const QString path = copy(image_.bootstrap, "damaged");
    overwrite(path, 1024 + 48, "damaged uuid");
    QVERIFY_SAYS(run_with(path, {image_.blob}), path, "byte 1028", "checksum");
}

void TestBadInput::device_missing() {
    const QString alone = copy(image_.bootstrap, "alone"); // beside the other there is its blob
    QVERIFY_SAYS(run_with(alone, {}), alone, "byte ", "no blob is given");
    QVERIFY_SAYS(run_with(image_.bootstrap, {work_->filePath("gone")}), "gone", "ENOENT");
}

void TestBadInput::device_too_short() {
    const QString blob = copy(image_.blob, "blob");
    QVERIFY(QFile::resize(blob, QFileInfo(blob).size() / 2));
    QVERIFY_SAYS(run_with(image_.bootstrap, {blob}), image_.bootstrap, "byte ", "short");
}

void TestBadInput::devices_swapped() {
    // The image itself in the place of its blob.
    QVERIFY_SAYS(run_with(image_.bootstrap, {image_.bootstrap}), image_.bootstrap, "byte ");
}

void TestBadInput::cache_not_writable() {
    QFile file(work_->filePath("cache"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    QVERIFY_SAYS(run_with(image_.bootstrap, {image_.blob}), "cache", "cannot");
}

void TestBadInput::cache_in_use() {
    NEEDS_TRANSPORT("fuse-tree");
    LiveRun run(image_, work_->path(), "fuse-tree");
    QVERIFY(run.start());
    QDir(work_->path()).mkdir("other");
    const Outcome outcome = run_coldscoped({"run", "--image", image_.bootstrap, "--device",
                                            image_.blob, "--mount", work_->filePath("other"),
                                            "--cache", run.cache(), "--transport", "fuse-tree"});
    QVERIFY_SAYS(outcome, run.cache(), "in use by another run");
    QCOMPARE(run.stop(), 0);
}

void TestBadInput::mount_point() {
    NEEDS_TRANSPORT("fuse-tree");
    LiveRun run(image_, work_->path(), "fuse-tree");
    QVERIFY(run.start());
    QVERIFY_SAYS(run_with(image_.bootstrap, {image_.blob}), "mount", "EBUSY", "another folder");
    QCOMPARE(run.stop(), 0);
    QVERIFY(QDir(work_->path()).rmdir("mount"));
    QVERIFY_SAYS(run_with(image_.bootstrap, {image_.blob}), "mount", "ENOENT");
}

void TestBadInput::usage() {
    for (const QStringList& arguments :
         {QStringList{}, QStringList{"run"}, QStringList{"nothing"},
          QStringList{"run", "--image", "a", "--mount", "b", "--cache", "c", "--latency", "5"},
          QStringList{"run", "--image", "a", "--mount", "b", "--cache", "c", "--transport", "x"}})
        QCOMPARE(run_coldscoped(arguments).exit_code, 2);
    QCOMPARE(run_coldscoped({"--help"}).exit_code, 0);
    QCOMPARE(run_coldscoped({"run", "--help"}).exit_code, 0);
}

// Nothing is begun where the domain, the transport or the kernel is wrong.
void TestBadInput::sharing() {
    if (geteuid() != 0)
        QSKIP("sharing page cache is root's");
    const auto share = [&](const QString& transport, const QString& domain) {
        return run_coldscoped({"run", "--image", image_.bootstrap, "--device", image_.blob,
                               "--mount", work_->filePath("mount"), "--cache",
                               work_->filePath("cache"), "--transport", transport, "--share-domain",
                               domain});
    };
    QProcess probe;
    probe.start(program("coldscoped"), {"probe", "--json"});
    QVERIFY(probe.waitForFinished(20000));
    const auto kernel =
        QJsonDocument::fromJson(probe.readAllStandardOutput())["inode_share"].toObject();
    QVERIFY(!kernel["reason"].toString().isEmpty());
    Outcome outcome = share("fuse-blob", "a,dax");
    QCOMPARE(outcome.exit_code, 1);
    QVERIFY2(outcome.text.contains("is no domain"), qPrintable(outcome.text));
    outcome = share("fuse-tree", "one");
    QCOMPARE(outcome.exit_code, 1);
    QVERIFY2(outcome.text.contains("fuse-tree"), qPrintable(outcome.text));
    if (!kernel["works"].toBool()) {
        outcome = share("fuse-blob", "one");
        QCOMPARE(outcome.exit_code, 1);
        QVERIFY2(outcome.text.contains("inode_share"), qPrintable(outcome.text));
        QVERIFY2(outcome.text.contains("Linux 7.0"), qPrintable(outcome.text));
    }
    QVERIFY(!is_mounted(work_->path()));
    QVERIFY(!QFileInfo::exists(work_->filePath("cache")));
}

void TestBadInput::cache_disk_fills_up() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    if (geteuid() != 0)
        QSKIP("a small file system can only be mounted by root");
    const QString disk = work_->filePath("cache");
    QVERIFY(QDir().mkpath(disk));
    QCOMPARE(::mount("none", disk.toUtf8(), "tmpfs", 0, "size=1m"), 0);
    {
        LiveRun run(image_, work_->path(), transport);
        QVERIFY(run.start());
        for (const QString& file : image_.files)
            QCOMPARE(sha256_of(run.mount() + '/' + file), sha256_of(image_.tree + '/' + file));
        QVERIFY(!run.wait_for([](const QJsonObject& event) {
                        return event["event"].toString() == "notice" &&
                               event["text"].toString().contains("full");
                    })
                     .isEmpty());
        QCOMPARE(run.stop(), 0);
    }
    // What was local before it was full is right, and serves the next run.
    {
        LiveRun run(image_, work_->path(), transport);
        QVERIFY(run.start());
        for (const QString& file : image_.files)
            QCOMPARE(sha256_of(run.mount() + '/' + file), sha256_of(image_.tree + '/' + file));
        QCOMPARE(run.stop(), 0);
        const QJsonObject summary = run.wait_for("summary");
        QVERIFY(summary["refaults"].toInteger() > 0);
    }
    QCOMPARE(::umount(disk.toUtf8()), 0);
}

void TestBadInput::transport_stops() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    if (geteuid() != 0)
        QSKIP("a FUSE connection is aborted by root here");
    LiveRun run(image_, work_->path(), transport);
    QVERIFY(run.start());
    const QString file = image_.files[0];
    run.command("hold object=1");
    QVERIFY(!run.wait_for("rule").isEmpty());
    Reader reader(run.mount() + '/' + file, 0, 4096);
    QVERIFY(!run.wait_for("held").isEmpty());
    // What stands under the mount goes, as when somebody unmounts it by force.
    QString fuse = run.mount();
    QFile mounts("/proc/self/mounts");
    QVERIFY(mounts.open(QIODevice::ReadOnly));
    for (const QByteArray& line : mounts.readAll().split('\n')) {
        if (line.startsWith(image_.bootstrap.toUtf8() + ' '))
            fuse = line.split(' ')[1];
    }
    struct stat status {};
    QCOMPARE(::stat(fuse.toUtf8(), &status), 0);
    QFile abort(QString("/sys/fs/fuse/connections/%1/abort").arg(minor(status.st_dev)));
    if (!abort.exists())
        ::mount("none", "/sys/fs/fuse/connections", "fusectl", 0, nullptr);
    QVERIFY(abort.open(QIODevice::WriteOnly));
    QCOMPARE(abort.write("1"), 1);
    abort.close();
    QVERIFY(reader.finished(20000));
    QVERIFY(reader.result() != 0);
    QVERIFY(reader.bytes().isEmpty());
    QVERIFY(!run.wait_for([](const QJsonObject& event) {
                    return event["text"].toString().contains("transport stopped");
                })
                 .isEmpty());
    QCOMPARE(run.stop(), 0);
    QVERIFY(!is_mounted(run.mount()));
}

void TestBadInput::source_changes() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    TreeImage changing = image_;
    changing.blob = copy(image_.blob, "blob");
    LiveRun run(changing, work_->path(), transport);
    QVERIFY(run.start());
    Reader before(run.mount() + '/' + image_.files[0], 0, 4096);
    QVERIFY(before.finished(20000));
    QCOMPARE(before.result(), 0);
    // Other bytes in place of the blob's: none of them must reach a reader.
    overwrite(changing.blob, 0, QByteArray(1 << 16, 'x'));
    Reader after(run.mount() + '/' + image_.files[image_.files.size() / 2], 0, 4096);
    QVERIFY(after.finished(20000));
    QCOMPARE(after.result(), EIO);
    QVERIFY(after.bytes().isEmpty());
    QCOMPARE(run.stop(), 0);
}

QTEST_GUILESS_MAIN(TestBadInput)
#include "test_bad_input.moc"
