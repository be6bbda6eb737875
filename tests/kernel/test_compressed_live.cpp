// Live runs of compressed images: whatever mkfs.erofs 1.9 compresses reads as its original through
// FUSE's two modes and fanotify; a failed request, and a cluster that can't be decoded, are the
// reader's error. What this kernel can't mount is read in tree mode alone, and said.
#include "core/erofs/index.h"
#include "tests/golden/golden_tools.h"
#include "tests/golden/matrix_mount.h"
#include "tests/golden/matrix_rows.h"
#include "tests/golden/matrix_tree.h"
#include "tests/kernel/original_files.h"

#include <QtTest>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

using namespace coldscope;
using namespace coldscope::test;
namespace fs = std::filesystem;

namespace {

struct Kind {
    const char* name;
    std::vector<std::string> options; // of mkfs.erofs
    bool blob = false;
};

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{
        {"lz4", {"-zlz4"}},
        {"lz4, full indexes, clusters of 16 KiB", {"-zlz4", "-Elegacy-compress", "-C16384"}},
        {"lz4, clusters of 1 MiB", {"-zlz4", "-C1048576"}},
        {"lzma, clusters of 64 KiB", {"-zlzma,level=1", "-C65536"}},
        {"deflate, clusters of 32 KiB", {"-zdeflate,level=1", "-C32768"}},
        {"zstd, clusters of 64 KiB", {"-zzstd,level=1", "-C65536"}},
        {"zstd, 48 bits", {"-zzstd,level=1", "-E48bit", "-C65536"}},
        {"lz4, dedupe, tails inline, fragments",
         {"-zlz4", "-C65536", "-Ededupe,ztailpacking,fragments"}},
        {"zstd, whole files packed, dedupe",
         {"-zzstd,level=1", "-C65536", "-Eall-fragments,dedupe"}},
        {"lz4, chunks on a blob", {"-zlz4", "--chunksize=16384"}, true},
    };
    return all;
}

// Those whose clusters are told apart by the way of decoding alone.
std::vector<int> one_of_each_algorithm() {
    return {0, 3, 4, 5};
}

std::string utf8(const QString& text) {
    return text.toStdString();
}

void write_text(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

// Without bytes, and without times, of which compact inodes keep a part.
golden::View names_and_links(const QString& folder) {
    golden::View view = golden::view_of_folder(utf8(folder), 0);
    for (auto& [path, entry] : view) {
        entry.mtime = 0;
        entry.mtime_nsec = 0;
    }
    return view;
}

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

class TestCompressedLive : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void every_file_data();
    void every_file();
    void one_file_that_fails_first_data();
    void one_file_that_fails_first();
    void a_damaged_cluster_data();
    void a_damaged_cluster();
    void cleanupTestCase();

private:
    struct Made {
        TreeImage image;
        std::string refused; // by this kernel's own mount: why
    };

    void add_rows(const std::vector<int>& some);
    // Made when it is first asked for.
    const Made& made(int kind);
    // A file that has a whole cluster to itself, and that cluster.
    [[nodiscard]] static std::pair<QString, erofs::Extent> lone_cluster(const TreeImage& image);

    QTemporaryDir folder_;
    TreeImage tree_;
    OriginalFiles originals_;
    golden::View view_; // without bytes
    std::map<int, Made> made_;
};

void TestCompressedLive::initTestCase() {
    if (golden::erofs_tool("mkfs.erofs").empty()) {
        const char* reason = "no mkfs.erofs 1.9: set COLDSCOPE_EROFS_UTILS to its folder";
        QVERIFY2(!must_not_skip(), reason);
        QSKIP(reason);
    }
    QString error;
    tree_ = make_tree_image(folder_.path(), sanitized ? 60 : 150, &error, 400 << 10);
    QVERIFY2(!tree_.tree.isEmpty(), qPrintable(error));
    const std::string tree = utf8(tree_.tree);
    fs::create_directory(tree + "/made");
    const std::string text = golden::made_text(1'500'000, 1);
    write_text(tree + "/made/text", text);
    write_text(tree + "/made/shifted", golden::made_text(777, 2) + text.substr(0, 600'000));
    write_text(tree + "/made/noise", golden::made_noise(300'000, 3));
    write_text(tree + "/made/mixed", text.substr(0, 70'000) + golden::made_noise(50'000, 4) +
                                         text.substr(90'000, 70'001));
    write_text(tree + "/made/empty", {});
    write_text(tree + "/made/sparse", golden::made_text(5'000, 5));
    fs::resize_file(tree + "/made/sparse", 3 << 20);
    std::fstream(tree + "/made/sparse", std::ios::in | std::ios::out).seekp(2'000'001)
        << golden::made_text(9'000, 6);
    for (std::uint32_t i = 0; i < 40; ++i)
        write_text(fmt::format("{}/made/tiny {}", tree, i), golden::made_text(i * 97, i % 30));
    for (const char* name : {"/made/one", "/made/two"})
        fs::create_hard_link(tree + "/made/text", tree + name);
    fs::create_symlink("text", tree + "/made/link");
    fs::create_symlink(std::string(3'000, 'l'), tree + "/made/long link");

    tree_.files.clear();
    QDirIterator all(tree_.tree, QDir::Files | QDir::NoSymLinks, QDirIterator::Subdirectories);
    while (all.hasNext())
        tree_.files << all.next().mid(tree_.tree.size() + 1);
    tree_.files.sort();
    originals_ = OriginalFiles(tree_);
    view_ = names_and_links(tree_.tree);
}

void TestCompressedLive::add_rows(const std::vector<int>& some) {
    QTest::addColumn<QString>("transport");
    QTest::addColumn<int>("kind");
    QStringList transports{"fuse-tree"};
    if (geteuid() == 0)
        transports << "fuse-blob"
                   << "fanotify";
    for (const int kind : some) {
        for (const QString& transport : transports)
            QTest::addRow("%s, %s", kinds()[static_cast<std::size_t>(kind)].name,
                          qPrintable(transport))
                << transport << kind;
    }
}

const TestCompressedLive::Made& TestCompressedLive::made(int number) {
    if (const auto known = made_.find(number); known != made_.end())
        return known->second;
    const Kind& kind = kinds()[static_cast<std::size_t>(number)];
    Made made{tree_, {}};
    made.image.bootstrap = folder_.filePath(QString("%1.erofs").arg(number));
    made.image.blob = kind.blob ? folder_.filePath(QString("%1.blob").arg(number)) : QString();
    std::vector<std::string> options = kind.options;
    if (kind.blob)
        options.push_back("--blobdev=" + utf8(made.image.blob));
    golden::mkfs(options, utf8(made.image.bootstrap), {utf8(tree_.tree)});
    if (geteuid() == 0) {
        golden::MadeImage files{utf8(made.image.bootstrap), {}};
        if (kind.blob)
            files.blobs.push_back(utf8(made.image.blob));
        const QString mount = folder_.filePath("probe");
        QDir().mkpath(mount);
        const auto seen = golden::view_of_mount(files, utf8(mount), 0);
        if (const auto* refused = std::get_if<golden::Refused>(&seen))
            made.refused = refused->reason;
    }
    return made_.emplace(number, std::move(made)).first->second;
}

// Leaves out what the kernel would have to decode, but can't. All kernels with EROFS have lz4.
#define NEEDS_KERNEL(transport, kind)                                                              \
    do {                                                                                           \
        NEEDS_TRANSPORT(transport);                                                                \
        if (const std::string& why = made(kind).refused;                                           \
            !why.empty() && (transport) != QString("fuse-tree")) {                                 \
            QVERIFY2((kind) != 0, why.c_str());                                                    \
            return;                                                                                \
        }                                                                                          \
    } while (false)

void TestCompressedLive::every_file_data() {
    std::vector<int> all(kinds().size());
    std::iota(all.begin(), all.end(), 0);
    add_rows(all);
}

void TestCompressedLive::every_file() {
    QFETCH(QString, transport);
    QFETCH(int, kind);
    NEEDS_KERNEL(transport, kind);
    QTemporaryDir work;
    LiveRun run(made(kind).image, work.path(), transport);
    QVERIFY(run.start());
    QCOMPARE(originals_.differing(run.mount()), 0);
    const std::string differs =
        golden::differs(names_and_links(run.mount()), view_, golden::Likeness::original);
    QVERIFY2(differs.empty(), differs.c_str());
    QVERIFY(run.settled());
    QVERIFY(run.count("fetching") > 20);
    // Decoded again, from what is local; on fanotify nobody is asked about a file that is.
    if (drop_caches()) {
        run.forget();
        QCOMPARE(originals_.differing(run.mount()), 0);
        QVERIFY(run.settled());
        QVERIFY(run.count("answered") > 0 || transport == "fanotify");
        QCOMPARE(run.count("fetching"), 0);
    }
    QCOMPARE(run.stop(), 0);
    QCOMPARE(run.count("failure"), 0);
    QCOMPARE(run.wait_for("summary")["failed"].toInteger(), 0);
}

void TestCompressedLive::one_file_that_fails_first_data() {
    std::vector<int> some = one_of_each_algorithm();
    for (int kind = 0; kind < static_cast<int>(kinds().size()); ++kind) {
        if (QString(kinds()[static_cast<std::size_t>(kind)].name).contains("dedupe"))
            some.push_back(kind);
    }
    add_rows(some);
}

// Nothing but what it lies in is fetched, whatever that is shared with.
void TestCompressedLive::one_file_that_fails_first() {
    QFETCH(QString, transport);
    QFETCH(int, kind);
    NEEDS_KERNEL(transport, kind);
    const TreeImage& image = made(kind).image;
    QTemporaryDir work;
    LiveRun run(image, work.path(), transport);
    QVERIFY(run.start());
    const QString file = "made/mixed";
    const QByteArray wanted = original(tree_.tree + '/' + file, 0, 1 << 20);
    run.command("fail EIO file=\"/" + file.toUtf8() + '"');
    QVERIFY(!run.wait_for("rule").isEmpty());
    Reader denied(run.mount() + '/' + file, 0, wanted.size());
    QVERIFY(denied.finished(20000));
    QCOMPARE(denied.result(), EIO);
    QVERIFY(denied.bytes().isEmpty());
    run.command("clear");
    QVERIFY(run.settled());
    Reader retry(run.mount() + '/' + file, 0, wanted.size());
    QVERIFY(retry.finished(20000));
    QCOMPARE(retry.result(), 0);
    QVERIFY(retry.bytes() == wanted);
    QCOMPARE(run.stop(), 0);
    const QJsonObject summary = run.wait_for("summary");
    QVERIFY(summary["failed"].toInteger() > 0);
    const qint64 fetched = summary["bytes_fetched"].toInteger();
    const qint64 whole = QFileInfo(image.bootstrap).size() +
                         (image.blob.isEmpty() ? 0 : QFileInfo(image.blob).size());
    QVERIFY2(fetched > 0 && fetched < whole / 2,
             fmt::format("{} of {} bytes", fetched, whole).c_str());
}

std::pair<QString, erofs::Extent> TestCompressedLive::lone_cluster(const TreeImage& tree) {
    const std::shared_ptr<ReadAt> file = *FileReadAt::open(utf8(tree.bootstrap));
    const auto image = *erofs::Image::open(file);
    const auto index = *erofs::Index::build(*image);
    for (const QString& name : tree.files) {
        const auto inode = *image->find(utf8(name));
        const auto extents = *image->map(inode, 0, inode.size);
        for (const erofs::Extent& extent : extents) {
            if (extent.kind != erofs::ExtentKind::encoded || extent.encoded < 4096 ||
                inode.nlink > 1)
                continue;
            int files = 0;
            index.files_at(extent.device, extent.address, extent.encoded,
                           [&](auto&&...) { ++files; });
            if (files == 1)
                return {name, extent};
        }
    }
    return {};
}

void TestCompressedLive::a_damaged_cluster_data() {
    add_rows(one_of_each_algorithm());
}

// Its bytes are not what any of the algorithms writes: the file can't be read there, and all else
// can.
void TestCompressedLive::a_damaged_cluster() {
    QFETCH(QString, transport);
    QFETCH(int, kind);
    NEEDS_KERNEL(transport, kind);
    const auto [name, extent] = lone_cluster(made(kind).image);
    QVERIFY(!name.isEmpty());
    QTemporaryDir work;
    TreeImage image = made(kind).image;
    image.bootstrap = work.filePath("damaged.erofs");
    std::string bytes = read_text(utf8(made(kind).image.bootstrap));
    bytes.replace(extent.address, extent.encoded, extent.encoded, '\xFF');
    write_text(utf8(image.bootstrap), bytes);

    LiveRun run(image, work.path(), transport);
    QVERIFY(run.start());
    Reader reader(run.mount() + '/' + name, static_cast<qint64>(extent.offset), 4096);
    QVERIFY(reader.finished(20000));
    QVERIFY(reader.bytes().isEmpty());
    if (transport == "fuse-tree") {
        QCOMPARE(reader.result(), EIO);
        QVERIFY(!run.wait_for("failure").isEmpty());
    } else { // the kernel decodes, and says so in its words
        QVERIFY2(reader.result() == EUCLEAN || reader.result() == EIO,
                 qPrintable(QString::number(reader.result())));
    }
    QCOMPARE(originals_.differing(run.mount()), 1);
    QCOMPARE(run.stop(), 0);
}

void TestCompressedLive::cleanupTestCase() {
    for (const auto& [number, made] : made_)
        fmt::print("{:<40} {:>9} bytes  {}\n", kinds()[static_cast<std::size_t>(number)].name,
                   QFileInfo(made.image.bootstrap).size(),
                   !made.refused.empty() ? "tree mode alone: " + made.refused
                   : geteuid() == 0      ? "all transports"
                                         : "tree mode alone: not root");
}

QTEST_GUILESS_MAIN(TestCompressedLive)
#include "test_compressed_live.moc"
