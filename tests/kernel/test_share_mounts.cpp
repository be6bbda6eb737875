// coldscoped share on real mounts: which mount is an image's.
#include "tests/kernel/share_run.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QtTest>
#include <cerrno>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace coldscope::test;

class TestShareMounts : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    TreeImage image_;
    QString one_;  // where it is mounted
    QString copy_; // of the image: the same, and mounted nowhere
    QString why_;  // it is mounted nowhere

    // Its source is the descriptor of that number, in the process that mounts it.
    [[nodiscard]] int mount_by_descriptor(int descriptor, const QString& folder) const {
        QDir().mkpath(folder);
        const QByteArray at = folder.toLocal8Bit();
        const QByteArray source = "/proc/self/fd/" + QByteArray::number(descriptor);
        const QByteArray options = "device=" + image_.blob.toLocal8Bit();
        const int file = ::open(copy_.toLocal8Bit(), O_RDONLY | O_CLOEXEC);
        const pid_t child = fork();
        if (child == 0) {
            const bool done = (file == descriptor || dup2(file, descriptor) == descriptor) &&
                              ::mount(source, at, "erofs", MS_RDONLY, options.constData()) == 0;
            _exit(done ? 0 : errno);
        }
        ::close(file);
        int status = -1;
        waitpid(child, &status, 0);
        return status;
    }

private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase() { unmount_all(folder_.path()); }
    void a_mount_is_found_by_its_source();
    void a_mount_through_a_descriptor_is_nobody_s();
    void a_part_of_an_image_is_refused();
    void another_image_s_mount_is_warned_of();
};

void TestShareMounts::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 120, &error, 1 << 20);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    copy_ = folder_.filePath("copy.erofs");
    QVERIFY(QFile::copy(image_.bootstrap, copy_));
    one_ = folder_.filePath("one");
    why_ = mount_image(image_, one_, {});
}

void TestShareMounts::a_mount_is_found_by_its_source() {
    NEEDS_MOUNTS();
    const QJsonObject json = share({image_.bootstrap, "--json"}).json();
    const QString found = json["images"][0]["mount"].toString();
    QCOMPARE(found, one_);
    QVERIFY(json["resident"].isArray());
    // A copy is another file, which is mounted nowhere.
    const QJsonObject other = share({copy_, "--device", "1=" + image_.blob, "--json"}).json();
    QVERIFY(other["images"][0]["mount"].isNull());
    QVERIFY(other["resident"].isNull());
}

// What it stands for was another process's.
void TestShareMounts::a_mount_through_a_descriptor_is_nobody_s() {
    NEEDS_MOUNTS();
    const QString other = folder_.filePath("other.erofs");
    QVERIFY(QFile::copy(image_.bootstrap, other));
    for (int descriptor = 3; descriptor < 8; ++descriptor)
        QCOMPARE(mount_by_descriptor(descriptor, folder_.filePath(QString::number(descriptor))), 0);
    for (const QString& image : {copy_, other}) {
        const QJsonObject json = share({image, "--device", "1=" + image_.blob, "--json"}).json();
        QCOMPARE(json["images"].toArray().size(), 1);
        QVERIFY2(json["images"][0]["mount"].isNull(), qPrintable(image));
    }
}

void TestShareMounts::a_part_of_an_image_is_refused() {
    NEEDS_MOUNTS();
    const QString part = folder_.filePath("part");
    QDir().mkpath(part);
    const QByteArray from = (one_ + '/' + image_.files[0].section('/', 0, 0)).toLocal8Bit();
    QCOMPARE(::mount(from, part.toLocal8Bit(), nullptr, MS_BIND, nullptr), 0);
    const Said said = share({image_.bootstrap, "--mounts", part});
    QCOMPARE(said.code, 1);
    QVERIFY2(said.err.contains("shows only /"), said.err);
}

void TestShareMounts::another_image_s_mount_is_warned_of() {
    NEEDS_MOUNTS();
    const QByteArray question = "is it another image's mount?";
    const QString folder = folder_.filePath("more");
    QDir().mkpath(folder);
    QString error;
    const TreeImage more = make_tree_image(folder, 150, &error, 1 << 20);
    QVERIFY2(!more.tree.isEmpty(), qPrintable(error));
    QStringList others;
    for (const QString& file : more.files) {
        const QFileInfo there(one_ + '/' + file);
        if (!there.exists() || there.size() != QFileInfo(more.tree + '/' + file).size())
            others.append(file);
    }
    QVERIFY(!others.isEmpty());
    const Said said = share({more.bootstrap, "--mounts", one_});
    QCOMPARE(said.code, 0);
    const QString warning = QString("%1 files of %2 were not found on %3 or are others")
                                .arg(others.size())
                                .arg(more.bootstrap, one_);
    QVERIFY2(said.err.contains(warning.toLocal8Bit()), said.err);
    const Said own = share({image_.bootstrap, "--mounts", one_});
    QVERIFY2(!own.err.contains(question), own.err);
}

QTEST_GUILESS_MAIN(TestShareMounts)
#include "test_share_mounts.moc"
