// Nydus RAFS v6 through the real kernel: every file of every compressor reads as its original by
// each transport; a wrong digest is the reader's error, and names its chunk.
#include "core/erofs/index.h"
#include "tests/kernel/rafs_tree.h"

#include <QJsonDocument>
#include <QtTest>
#include <algorithm>
#include <cerrno>

#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

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

private:
    RafsTree files_;
};

void TestRafs::initTestCase() {
    QString error;
    QVERIFY2(files_.make(&error), qPrintable(error));
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
    spec.chunk_size = RafsTree::chunk_size;
    QTemporaryDir work;
    const TreeImage image = files_.write(files_.build(spec), work.filePath("image"));
    for (const bool kept : {false, true}) {
        LiveRun run(image, work.path(), transport);
        QVERIFY(run.start());
        QCOMPARE(files_.originals().differing(run.mount()), 0);
        if (drop_caches())
            QCOMPARE(files_.originals().differing(run.mount()), 0);
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
    LiveRun run(files_.write(files_.build(spec), work.filePath("image")), work.path(), transport);
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
        const QString& file = files_.tree().files[i * files_.tree().files.size() / files];
        const qint64 size = QFileInfo(files_.tree().tree + '/' + file).size();
        std::vector<std::unique_ptr<Reader>> readers;
        for (qint64 n = 0; n < 6; ++n)
            readers.push_back(
                std::make_unique<Reader>(run.mount() + '/' + file, n * size / 8, size / 8 + 1));
        for (qint64 n = 0; n < 6; ++n) {
            Reader& reader = *readers[static_cast<std::size_t>(n)];
            QVERIFY(reader.finished(20000));
            QCOMPARE(reader.result(), 0);
            QCOMPARE(reader.bytes(),
                     original(files_.tree().tree + '/' + file, n * size / 8, size / 8 + 1));
        }
    }
    QCOMPARE(files_.originals().differing(run.mount()), 0);
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
    spec.chunk_size = RafsTree::chunk_size;
    BuiltRafs built = files_.build(spec);
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
    LiveRun run(files_.write(built, work.filePath("image")), work.path(), transport);
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
    const int wrong = files_.originals().differing(run.mount());
    QVERIFY2(wrong >= 1 && wrong <= 3, qPrintable(QString::number(wrong)));
    QCOMPARE(run.stop(), 0);
}

void TestRafs::what_a_run_refuses() {
    RafsSpec spec;
    spec.chunk_size = RafsTree::chunk_size;
    const BuiltRafs built = files_.build(spec);
    QTemporaryDir work;
    QDir(work.path()).mkdir("mount");
    const auto refused = [&](const BuiltRafs& changed, const QString& text) {
        const TreeImage image = files_.write(changed, work.filePath("image"));
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

QTEST_GUILESS_MAIN(TestRafs)
#include "test_rafs.moc"
