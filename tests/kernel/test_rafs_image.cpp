// RAFS bootstraps themselves: the kernel alone mounts them, fsck.erofs finds nothing, and
// coldscoped's commands know their tables.
#include "core/rafs/decoded_blob.h"
#include "tests/kernel/rafs_tree.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QtTest>

#include <sys/mount.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

namespace {

QString fsck() {
    const QString utils = qEnvironmentVariable("COLDSCOPE_EROFS_UTILS");
    const QString built =
        (utils.isEmpty() ? COLDSCOPE_EROFS_UTILS_DEFAULT : utils) + QStringLiteral("/fsck.erofs");
    return QFile::exists(built) ? built : QString();
}

void add_compressors() {
    QTest::addColumn<int>("compressor");
    for (const auto compressor : {rafs::Compressor::none, rafs::Compressor::lz4_block,
                                  rafs::Compressor::gzip, rafs::Compressor::zstd})
        QTest::newRow(rafs::name(compressor)) << static_cast<int>(compressor);
}

} // namespace

class TestRafsImage : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void the_kernel_mounts_it_data();
    void the_kernel_mounts_it();
    void commands();

private:
    RafsTree files_;
};

void TestRafsImage::initTestCase() {
    QString error;
    QVERIFY2(files_.make(&error), qPrintable(error));
}

void TestRafsImage::the_kernel_mounts_it_data() {
    add_compressors();
}

// The kernel is given the decoded blobs, or, where chunks are stored in place and plain, the blobs
// themselves.
void TestRafsImage::the_kernel_mounts_it() {
    QFETCH(int, compressor);
    if (geteuid() != 0)
        QSKIP("only root may mount EROFS");
    RafsSpec spec;
    spec.compressor = static_cast<rafs::Compressor>(compressor);
    spec.chunk_size = RafsTree::chunk_size;
    spec.in_place = spec.compressor == rafs::Compressor::none;
    const BuiltRafs built = files_.build(spec);
    QTemporaryDir work;
    const TreeImage image = files_.write(built, work.filePath("image"));
    const auto opened = erofs::Image::open(built.image.primary());
    QVERIFY(opened.has_value());
    const auto tables = rafs::read_bootstrap(**opened);
    QVERIFY(tables.has_value());
    QStringList devices;
    for (std::size_t i = 0; i < built.stored.size(); ++i) {
        const QString stored = work.filePath("image/") + QString::fromStdString(built.ids[i]);
        if (spec.in_place) {
            devices << stored;
            continue;
        }
        rafs::DecodedBlob blob(*tables, i, std::make_shared<MemoryReadAt>(built.stored[i]));
        Bytes all(blob.size());
        QVERIFY(blob.read(0, all).has_value());
        devices << work.filePath(QString("device%1").arg(i + 1));
        write_file(devices.back(), all);
    }
    const QString mount = work.filePath("mount");
    QDir().mkdir(mount);
    const QString options = "device=" + devices.join(",device=");
    QCOMPARE(::mount(image.bootstrap.toUtf8(), mount.toUtf8(), "erofs", MS_RDONLY,
                     options.toUtf8().constData()),
             0);
    const int wrong = files_.originals().differing(mount);
    QCOMPARE(::umount(mount.toUtf8()), 0);
    QCOMPARE(wrong, 0);
    if (fsck().isEmpty()) {
        QVERIFY2(!must_not_skip(), "fsck.erofs 1.9 is missing");
        QSKIP("fsck.erofs 1.9 is missing: see packaging/setup");
    }
    QStringList arguments;
    for (const QString& device : devices)
        arguments << "--device=" + device;
    const Outcome checked = run_program(fsck(), arguments << "--extract" << image.bootstrap);
    QVERIFY2(checked.exit_code == 0, qPrintable(checked.text));
}

// What coldscoped says of a bootstrap, with its blobs found beside it.
void TestRafsImage::commands() {
    RafsSpec spec;
    spec.chunk_size = RafsTree::chunk_size;
    spec.prefetch = {'/' + files_.tree().files[0].toStdString()};
    BuiltRafs built = files_.build(spec);
    QTemporaryDir work;
    const TreeImage image = files_.write(built, work.filePath("image"));
    const QString coldscoped = program("coldscoped");
    const Outcome sound = run_program(coldscoped, {"check", "--data", image.bootstrap});
    QVERIFY2(sound.exit_code == 0 && sound.text.contains("nothing found"), qPrintable(sound.text));

    QProcess cat;
    cat.start(coldscoped, {"cat", image.bootstrap, '/' + files_.tree().files[1]});
    QVERIFY(cat.waitForFinished());
    QCOMPARE(cat.readAllStandardOutput(),
             all_of(files_.tree().tree + '/' + files_.tree().files[1]));

    const auto json = [&](QStringList arguments) {
        arguments << "--json";
        return QJsonDocument::fromJson(run_program(coldscoped, arguments).text.toUtf8());
    };
    const QJsonObject rafs = json({"stat", image.bootstrap})["rafs"].toObject();
    QCOMPARE(rafs["chunk_size"].toInt(), static_cast<int>(RafsTree::chunk_size));
    QCOMPARE(rafs["chunks"].toInt(), static_cast<int>(built.chunks));
    QCOMPARE(rafs["prefetch"].toArray().size(), 1);
    const QJsonArray blobs = rafs["blobs"].toArray();
    QCOMPARE(blobs.size(), 2);
    QCOMPARE(blobs[0]["id"].toString().toStdString(), built.ids[0]);
    QCOMPARE(blobs[0]["compressor"].toString(), QString("zstd"));
    QCOMPARE(blobs[0]["digester"].toString(), QString("sha256"));

    const QJsonArray extents = json({"map", image.bootstrap, '/' + files_.tree().files[0]}).array();
    QVERIFY(!extents.isEmpty());
    qint64 covered = 0;
    for (const QJsonValue& extent : extents) {
        for (const QJsonValue& chunk : extent["chunks"].toArray()) {
            covered += chunk["length"].toInteger();
            QVERIFY(chunk["stored_size"].toInteger() > 0);
            QCOMPARE(chunk["digest"].toString().size(), 64);
        }
    }
    QCOMPARE(covered, QFileInfo(files_.tree().tree + '/' + files_.tree().files[0]).size());

    built.stored[1][built.stored[1].size() / 2] ^= std::byte{4};
    (void)files_.write(built, work.filePath("image"));
    const Outcome broken = run_program(coldscoped, {"check", "--data", image.bootstrap});
    QCOMPARE(broken.exit_code, 1);
    const QString name = QString("blob 2 (%1), chunk ").arg(QString::fromStdString(built.ids[1]));
    QVERIFY2(broken.text.contains(name), qPrintable(broken.text));
}

QTEST_GUILESS_MAIN(TestRafsImage)
#include "test_rafs_image.moc"
