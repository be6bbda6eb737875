// Nydus RAFS v6 through the real kernel: every file of every compressor reads as its original by
// each transport; a wrong digest is the reader's error, and names its chunk. The bootstraps
// themselves are mounted by the kernel alone, and checked by fsck.erofs.
#include "core/erofs/index.h"
#include "core/rafs/decoded_blob.h"
#include "tests/kernel/original_files.h"
#include "tests/support/rafs_builder.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QtTest>
#include <algorithm>
#include <cerrno>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

namespace {

QByteArray all_of(const QString& path) {
    return original(path, 0, QFileInfo(path).size());
}

constexpr std::uint32_t chunk_size = 128U << 10;

void write_file(const QString& path, const Bytes& bytes) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) ||
        file.write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<qint64>(bytes.size())) != static_cast<qint64>(bytes.size()))
        qFatal("cannot write %s", qPrintable(path));
}

QString fsck() {
    const QString utils = qEnvironmentVariable("COLDSCOPE_EROFS_UTILS");
    const QString built =
        (utils.isEmpty() ? COLDSCOPE_EROFS_UTILS_DEFAULT : utils) + QStringLiteral("/fsck.erofs");
    return QFile::exists(built) ? built : QString();
}

struct Outcome {
    int exit_code = -1;
    QString text;
};

Outcome run_program(const QString& name, const QStringList& arguments) {
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(name, arguments);
    Outcome outcome;
    if (process.waitForFinished(60000) && process.exitStatus() == QProcess::NormalExit)
        outcome.exit_code = process.exitCode();
    outcome.text = QString::fromUtf8(process.readAll());
    return outcome;
}

void add_compressors() {
    QTest::addColumn<int>("compressor");
    for (const auto compressor : {rafs::Compressor::none, rafs::Compressor::lz4_block,
                                  rafs::Compressor::gzip, rafs::Compressor::zstd})
        QTest::newRow(rafs::name(compressor)) << static_cast<int>(compressor);
}

} // namespace

class TestRafs : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void every_file_data();
    void every_file();
    void many_readers_at_once_data();
    void many_readers_at_once();
    void wrong_digest_data();
    void wrong_digest();
    void what_a_run_refuses();
    void the_kernel_mounts_it_data();
    void the_kernel_mounts_it();
    void commands();

private:
    // Two blobs, which share the files between them.
    [[nodiscard]] BuiltRafs build(const RafsSpec& spec) const;
    // In a folder of its own, the blobs under their ids beside the bootstrap.
    [[nodiscard]] TreeImage write(const BuiltRafs& built, const QString& folder) const;

    QTemporaryDir folder_;
    TreeImage tree_;
    OriginalFiles originals_;
};

void TestRafs::initTestCase() {
    QString error;
    tree_ = make_tree_image(folder_.path(), sanitized ? 60 : 300, &error, 2 << 20);
    QVERIFY2(!tree_.tree.isEmpty(), qPrintable(error));
    originals_ = OriginalFiles(tree_);
}

BuiltRafs TestRafs::build(const RafsSpec& spec) const {
    ImageBuilder image;
    image.add_device("1").add_device("2");
    std::uint32_t bits = 0;
    while ((4096U << bits) < spec.chunk_size)
        ++bits;
    for (qsizetype i = 0; i < tree_.files.size(); ++i) {
        const QByteArray bytes = all_of(tree_.tree + '/' + tree_.files[i]);
        FileSpec file;
        file.path = '/' + tree_.files[i].toStdString();
        file.layout = erofs::Layout::chunk_based;
        file.chunk_bits = i % 5 == 0 ? bits + 5 : bits; // some have one entry for all chunks
        file.device = static_cast<std::uint16_t>(1 + i % 2);
        file.deduplicate = true;
        file.data =
            to_bytes(std::string_view(bytes.data(), static_cast<std::size_t>(bytes.size())));
        image.add(std::move(file));
    }
    return build_rafs(std::move(image), spec);
}

TreeImage TestRafs::write(const BuiltRafs& built, const QString& folder) const {
    QDir().mkpath(folder);
    TreeImage image = tree_;
    image.bootstrap = folder + "/bootstrap";
    image.blob.clear();
    write_file(image.bootstrap, built.image.bytes);
    for (std::size_t i = 0; i < built.ids.size(); ++i)
        write_file(folder + '/' + QString::fromStdString(built.ids[i]), built.stored[i]);
    return image;
}

void TestRafs::every_file_data() {
    QTest::addColumn<QString>("transport");
    QTest::addColumn<int>("compressor");
    QTest::addColumn<int>("digester");
    QStringList transports{"fuse-tree"};
    if (geteuid() == 0)
        transports << "fuse-blob"
                   << "fanotify";
    for (const QString& transport : transports) {
        for (const auto compressor : {rafs::Compressor::none, rafs::Compressor::lz4_block,
                                      rafs::Compressor::gzip, rafs::Compressor::zstd}) {
            const auto digester =
                compressor == rafs::Compressor::gzip || compressor == rafs::Compressor::lz4_block
                    ? rafs::Digester::sha256
                    : rafs::Digester::blake3;
            QTest::addRow("%s, %s, %s", qPrintable(transport), rafs::name(compressor),
                          rafs::name(digester))
                << transport << static_cast<int>(compressor) << static_cast<int>(digester);
        }
    }
}

void TestRafs::every_file() {
    QFETCH(QString, transport);
    QFETCH(int, compressor);
    QFETCH(int, digester);
    NEEDS_TRANSPORT(transport);
    RafsSpec spec;
    spec.compressor = static_cast<rafs::Compressor>(compressor);
    spec.digester = static_cast<rafs::Digester>(digester);
    spec.chunk_size = chunk_size;
    QTemporaryDir work;
    const TreeImage image = write(build(spec), work.filePath("image"));
    for (const bool kept : {false, true}) {
        LiveRun run(image, work.path(), transport);
        QVERIFY(run.start());
        QCOMPARE(originals_.differing(run.mount()), 0);
        if (drop_caches())
            QCOMPARE(originals_.differing(run.mount()), 0);
        QCOMPARE(run.stop(), 0);
        QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run.mount()), 20000);
        QCOMPARE(run.count("failure"), 0);
        QVERIFY2(kept ? run.count("fetching") == 0 : run.count("fetching") > 50,
                 qPrintable(QString::number(run.count("fetching"))));
    }
}

void TestRafs::many_readers_at_once_data() {
    add_transports();
}

// They want parts of the same chunks at the same time, while prefetching goes on beside them.
void TestRafs::many_readers_at_once() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    RafsSpec spec;
    spec.chunk_size = 1U << 20;
    QTemporaryDir work;
    LiveRun run(write(build(spec), work.filePath("image")), work.path(), transport);
    run.extra << "--latency"
              << "2ms"
              << "--jitter"
              << "3ms"
              << "--amplify"
              << "256K";
    QVERIFY(run.start());
    run.command("prefetch object=1");
    const qsizetype files = 30;
    for (qsizetype i = 0; i < files; ++i) {
        const QString& file = tree_.files[i * tree_.files.size() / files];
        const qint64 size = QFileInfo(tree_.tree + '/' + file).size();
        std::vector<std::unique_ptr<Reader>> readers;
        for (qint64 n = 0; n < 6; ++n)
            readers.push_back(
                std::make_unique<Reader>(run.mount() + '/' + file, n * size / 8, size / 8 + 1));
        for (qint64 n = 0; n < 6; ++n) {
            Reader& reader = *readers[static_cast<std::size_t>(n)];
            QVERIFY(reader.finished(20000));
            QCOMPARE(reader.result(), 0);
            QCOMPARE(reader.bytes(), original(tree_.tree + '/' + file, n * size / 8, size / 8 + 1));
        }
    }
    QCOMPARE(originals_.differing(run.mount()), 0);
    QCOMPARE(run.stop(), 0);
    QCOMPARE(run.count("failure"), 0);
}

void TestRafs::wrong_digest_data() {
    add_transports();
}

void TestRafs::wrong_digest() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    RafsSpec spec;
    spec.chunk_size = chunk_size;
    BuiltRafs built = build(spec);
    constexpr std::uint32_t number = 3;
    const std::uint64_t entry = built.entry_of(number);
    built.image.bytes[entry + 7] ^= std::byte{1};
    // The file that it is the first chunk of, or one that has it elsewhere.
    const auto chunk_offset = load_le<std::uint64_t>(built.image.bytes.data() + entry + 56);
    const auto image = erofs::Image::open(built.image.primary());
    QVERIFY(image.has_value());
    const auto index = erofs::Index::build(**image);
    QVERIFY(index.has_value());
    std::string path;
    std::uint64_t in_file = 0;
    index->files_at(
        1, chunk_offset, 1,
        [&](erofs::NodeId node, std::uint64_t file_offset, std::uint64_t address, std::uint64_t) {
            path = index->path(node);
            in_file = file_offset + (chunk_offset - address);
        });
    QVERIFY(!path.empty());

    QTemporaryDir work;
    LiveRun run(write(built, work.filePath("image")), work.path(), transport);
    QVERIFY(run.start());
    run.forget();
    const QString wanted = QString("blob 1 (%1), chunk %2: wrong digest: ")
                               .arg(QString::fromStdString(built.ids[0]))
                               .arg(number);
    Reader reader(run.mount() + QString::fromStdString(path), static_cast<qint64>(in_file), 1);
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.result(), EIO);
    QVERIFY(reader.bytes().isEmpty());
    const QJsonObject failure = run.wait_for("failure");
    QVERIFY2(failure["why"].toString().contains(wanted),
             QJsonDocument(failure).toJson().constData());
    const QJsonObject answered = run.wait_for("answered", failure["request"].toInteger());
    QCOMPARE(answered["result"].toInt(), EIO);
    // Whatever is of other chunks is right.
    const int wrong = originals_.differing(run.mount());
    QVERIFY2(wrong >= 1 && wrong <= 3, qPrintable(QString::number(wrong)));
    QCOMPARE(run.stop(), 0);
}

void TestRafs::what_a_run_refuses() {
    RafsSpec spec;
    spec.chunk_size = chunk_size;
    const BuiltRafs built = build(spec);
    QTemporaryDir work;
    QDir(work.path()).mkdir("mount");
    const auto refused = [&](const BuiltRafs& changed, const QString& text) {
        const TreeImage image = write(changed, work.filePath("image"));
        const Outcome outcome = run_program(
            program("coldscoped"),
            {"run", "--image", image.bootstrap, "--mount", work.filePath("mount"), "--cache",
             work.filePath("cache"), "--transport", "fuse-tree", "--", "true"});
        if (outcome.exit_code != 1 || !outcome.text.contains(text))
            qWarning("%d: %s", outcome.exit_code, qPrintable(outcome.text));
        return outcome.exit_code == 1 && outcome.text.contains(text);
    };
    BuiltRafs cut = built;
    cut.stored[1].resize(cut.stored[1].size() / 2);
    QVERIFY(refused(cut, "but the chunk lies at"));
    BuiltRafs tables = built;
    tables.image.bytes[rafs::extension_offset + 30] ^= std::byte{1};
    QVERIFY(refused(tables, "RAFS superblock: chunk_table_offset"));
    BuiltRafs encrypted = built;
    encrypted.image.bytes[encrypted.blob_table + 85] |= std::byte{1};
    QVERIFY(refused(encrypted, "encrypted"));
    BuiltRafs lacking = built; // a chunk's entry is now another blob's
    lacking.image.bytes[lacking.entry_of(5) + 32] ^= std::byte{1};
    QVERIFY(refused(lacking, ""));
    QVERIFY(QFile::remove(work.filePath("image/") + QString::fromStdString(built.ids[1])));
    BuiltRafs missing = built;
    missing.ids.pop_back();
    QVERIFY(refused(missing, "no blob is given for device 2"));
}

void TestRafs::the_kernel_mounts_it_data() {
    add_compressors();
}

// The kernel is given the decoded blobs, or, where chunks are stored in place and plain, the blobs
// themselves.
void TestRafs::the_kernel_mounts_it() {
    QFETCH(int, compressor);
    if (geteuid() != 0)
        QSKIP("only root may mount EROFS");
    RafsSpec spec;
    spec.compressor = static_cast<rafs::Compressor>(compressor);
    spec.chunk_size = chunk_size;
    spec.in_place = spec.compressor == rafs::Compressor::none;
    const BuiltRafs built = build(spec);
    QTemporaryDir work;
    const TreeImage image = write(built, work.filePath("image"));
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
    const int wrong = originals_.differing(mount);
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
void TestRafs::commands() {
    RafsSpec spec;
    spec.chunk_size = chunk_size;
    spec.prefetch = {'/' + tree_.files[0].toStdString()};
    BuiltRafs built = build(spec);
    QTemporaryDir work;
    const TreeImage image = write(built, work.filePath("image"));
    const QString coldscoped = program("coldscoped");
    const Outcome sound = run_program(coldscoped, {"check", image.bootstrap});
    QVERIFY2(sound.exit_code == 0 && sound.text.contains("nothing found"), qPrintable(sound.text));

    QProcess cat;
    cat.start(coldscoped, {"cat", image.bootstrap, '/' + tree_.files[1]});
    QVERIFY(cat.waitForFinished());
    QCOMPARE(cat.readAllStandardOutput(), all_of(tree_.tree + '/' + tree_.files[1]));

    const auto json = [&](QStringList arguments) {
        arguments << "--json";
        return QJsonDocument::fromJson(run_program(coldscoped, arguments).text.toUtf8());
    };
    const QJsonObject rafs = json({"stat", image.bootstrap})["rafs"].toObject();
    QCOMPARE(rafs["chunk_size"].toInt(), static_cast<int>(chunk_size));
    QCOMPARE(rafs["chunks"].toInt(), static_cast<int>(built.chunks));
    QCOMPARE(rafs["prefetch"].toArray().size(), 1);
    const QJsonArray blobs = rafs["blobs"].toArray();
    QCOMPARE(blobs.size(), 2);
    QCOMPARE(blobs[0]["id"].toString().toStdString(), built.ids[0]);
    QCOMPARE(blobs[0]["compressor"].toString(), QString("zstd"));
    QCOMPARE(blobs[0]["digester"].toString(), QString("sha256"));

    const QJsonArray extents = json({"map", image.bootstrap, '/' + tree_.files[0]}).array();
    QVERIFY(!extents.isEmpty());
    qint64 covered = 0;
    for (const QJsonValue& extent : extents) {
        for (const QJsonValue& chunk : extent["chunks"].toArray()) {
            covered += chunk["length"].toInteger();
            QVERIFY(chunk["stored_size"].toInteger() > 0);
            QCOMPARE(chunk["digest"].toString().size(), 64);
        }
    }
    QCOMPARE(covered, QFileInfo(tree_.tree + '/' + tree_.files[0]).size());

    built.stored[1][built.stored[1].size() / 2] ^= std::byte{4};
    (void)write(built, work.filePath("image"));
    const Outcome broken = run_program(coldscoped, {"check", image.bootstrap});
    QCOMPARE(broken.exit_code, 1);
    const QString name = QString("blob 2 (%1), chunk ").arg(QString::fromStdString(built.ids[1]));
    QVERIFY2(broken.text.contains(name), qPrintable(broken.text));
}

QTEST_GUILESS_MAIN(TestRafs)
#include "test_rafs.moc"
