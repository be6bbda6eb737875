// Images that mkfs.erofs made: compressed and plain ones, fingerprints, one image opened twice; and
// what a scan does when it is given up, or can't read.
#include "tests/golden/golden_tools.h"
#include "tests/unit/sharing/random_images.h"

#include <fstream>

using namespace coldscope;
using namespace coldscope::sharing;
using namespace coldscope::test;

namespace {

using Images = std::vector<std::unique_ptr<OpenedImage>>;

void write(const QString& path, const Bytes& bytes) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(reinterpret_cast<const char*>(bytes.data()), qint64(bytes.size())),
             qint64(bytes.size()));
}

Bytes text(std::size_t size, int what) {
    std::string lines;
    for (int line = 0; lines.size() < size; ++line)
        lines += "line " + std::to_string(line / 3) + " of text " + std::to_string(what) + "\n";
    return to_bytes(lines.substr(0, size));
}

// What the second tree has else: one file changed at its end, one more.
void write_tree(const QString& folder, bool second) {
    QVERIFY(QDir().mkpath(folder + "/sub"));
    write(folder + "/random", pattern(30'000, 1));
    write(folder + "/random-too", pattern(30'000, 1));
    Bytes long_text = text(150'000, 1);
    if (second)
        long_text.back() = std::byte{'x'};
    write(folder + "/long", long_text);
    write(folder + "/sub/short", text(700, 2));
    write(folder + "/sub/pages", text(8192, 3));
    write(folder + "/sub/zeros", Bytes(20'000));
    write(folder + "/sub/empty", {});
    if (second)
        write(folder + "/sub/new", text(9000, 4));
    QVERIFY(QFile::link("long", folder + "/symlink"));
}

std::unique_ptr<OpenedImage> open_file(const QString& path, Mounted how) {
    std::vector<std::shared_ptr<ReadAt>> devices;
    devices.push_back(value(FileReadAt::open(path.toStdString())));
    return std::make_unique<OpenedImage>(std::move(devices), std::move(how));
}

} // namespace

class TestSharingMade : public QObject {
    Q_OBJECT
private:
    QTemporaryDir folder_;

    [[nodiscard]] QString make(const char* name, bool second, std::vector<std::string> options) {
        const QString tree = folder_.filePath(second ? "second" : "first");
        if (!QFileInfo::exists(tree))
            write_tree(tree, second);
        const QString image = folder_.filePath(name);
        QFile::remove(image);
        options.insert(options.end(), {"-T0", "--quiet", image.toStdString(), tree.toStdString()});
        const golden::Output made = golden::run(golden::erofs_tool("mkfs.erofs"), options);
        if (made.exit_code != 0)
            qFatal("mkfs.erofs: %s", made.err.c_str());
        return image;
    }

private Q_SLOTS:
    void initTestCase() {
        if (golden::erofs_tool("mkfs.erofs").empty()) {
            if (qEnvironmentVariable("CI") == "true")
                QFAIL("no mkfs.erofs 1.9");
            QSKIP("no mkfs.erofs 1.9");
        }
    }

    void pages_data() {
        using Options = QStringList;
        QTest::addColumn<QStringList>("first");
        QTest::addColumn<QStringList>("second");
        QTest::newRow("plain") << Options{} << Options{"--xattr-inode-digest"};
        QTest::newRow("fingerprints")
            << Options{"--xattr-inode-digest"} << Options{"--xattr-inode-digest"};
        QTest::newRow("chunks, plain") << Options{"--chunksize=4096"} << Options{};
        QTest::newRow("lz4, plain, fingerprints")
            << Options{"-zlz4", "--xattr-inode-digest"} << Options{"--xattr-inode-digest"};
        QTest::newRow("lz4 twice") << Options{"-zlz4"} << Options{"-zlz4", "-C16384"};
        QTest::newRow("lz4, tails packed, fragments, deduplicated")
            << Options{"-zlz4", "-C16384", "-Eztailpacking,fragments,dedupe"}
            << Options{"-zlz4", "-C16384", "-Eall-fragments", "--xattr-inode-digest"};
        QTest::newRow("deflate, zstd") << Options{"-zdeflate"} << Options{"-zzstd", "-C65536"};
        QTest::newRow("metaboxes") << Options{"-zlz4", "-m4096", "--xattr-inode-digest"}
                                   << Options{"-m4096:zstd", "--xattr-inode-digest"};
        QTest::newRow("blocks of 512 bytes")
            << Options{"-b512", "-zlz4"} << Options{"-b1024", "--xattr-inode-digest"};
    }
    // The first image twice, as two mounts of one file, and the second.
    void pages() {
        QFETCH(QStringList, first);
        QFETCH(QStringList, second);
        const auto options = [](const QStringList& list) {
            std::vector<std::string> strings;
            for (const QString& one : list)
                strings.push_back(one.toStdString());
            return strings;
        };
        const QString one = make("one", false, options(first));
        const QString other = make("other", true, options(second));
        for (const char* domain : {"", "domain"}) {
            const Mounted how{*domain != '\0', false, domain, false};
            Images images;
            images.push_back(open_file(one, how));
            images.push_back(open_file(other, how));
            verify_prediction(images, false);
            verify_prediction(images, true);
            images.push_back(open_file(one, how));
            verify_prediction(images, false);
            verify_prediction(images, true);
        }
    }

    void lifts() {
        const Mounted how{true, false, "domain", false};
        Images images;
        images.push_back(open_file(make("one", false, {}), how));
        images.push_back(open_file(make("other", true, {"--xattr-inode-digest"}), how));
        const Prediction scanned = predict(images, true);
        const FileSharing same = scanned.file(0, images[0]->node("/sub/short"));
        QCOMPARE(int(same.lift), int(Lift::fingerprint));
        QCOMPARE(same.lifted, 4096U);
        const FileSharing changed = scanned.file(0, images[0]->node("/long"));
        QCOMPARE(int(changed.lift), int(Lift::none));
        QCOMPARE(int(changed.pieces[0].mark), int(Mark::same_bytes));
        QVERIFY(scanned.file(0, images[0]->node("/sub/empty")).pieces.empty());
        QVERIFY(scanned.file(0, images[0]->node("/sub")).pieces.empty());
        // As fingerprints alone say it.
        images[0] = open_file(make("one", false, {"--xattr-inode-digest"}), {});
        const Prediction mounted = predict(images, false);
        const FileSharing off = mounted.file(0, images[0]->node("/sub/short"));
        QCOMPARE(int(off.pieces[0].reason), int(Reason::no_inode_share));
        QCOMPARE(int(off.lift), int(Lift::share_mount));
    }

    void given_up() {
        const auto image = open_file(make("one", false, {"-zlz4"}), {});
        const Report stop = [](std::uint64_t, std::uint64_t) { return false; };
        QCOMPARE(code_of(Keys::read(image->side(), stop)), Code::cancelled);
        const Keys keys = value(Keys::read(image->side()));
        QCOMPARE(code_of(Scan::read(image->side(), keys, stop)), Code::cancelled);
        const std::vector<Side> sides{image->side()};
        QVERIFY(!Prediction::make(sides, {keys}, stop));
        QCOMPARE(Prediction::make(sides, {}).error().code, Code::invalid);
        std::uint64_t last = 0;
        std::uint64_t whole = 0;
        const auto scan =
            Scan::read(image->side(), keys, [&](std::uint64_t done, std::uint64_t total) {
                last = done;
                whole = total;
                return true;
            });
        QVERIFY(scan.has_value());
        QVERIFY(whole > 0);
        QCOMPARE(last, whole);
    }

    // What can't be read is said page by page, and is nothing to end with.
    void unreadable() {
        ImageBuilder builder;
        FileSpec spec;
        spec.path = "/file";
        spec.layout = erofs::Layout::chunk_based;
        spec.data.resize(5 * 4096);
        for (std::uint64_t block = 0; block < 5; ++block)
            spec.places.push_back({1, block});
        builder.add_device(std::string(64, 'a'), pattern(5 * 4096, 1)).add(spec);
        BuiltImage built = builder.build();
        built.blobs[0].resize(3 * 4096);
        Images images;
        images.push_back(std::make_unique<OpenedImage>(built.devices(), Mounted{}));
        const erofs::NodeId node = images[0]->node("/file");
        const auto pieces = [&](const Prediction& prediction) {
            const auto list = prediction.file(0, node).pieces;
            return std::vector<Piece>(list.begin(), list.end());
        };
        QVERIFY(pieces(predict(images, true)) ==
                (std::vector<Piece>{{0, 3 * 4096, Mark::alone, Reason::none},
                                    {3 * 4096, 5 * 4096, Mark::alone, Reason::unreadable}}));
        images[0]->devices[1] = nullptr;
        QVERIFY(pieces(predict(images, true)) ==
                (std::vector<Piece>{{0, 5 * 4096, Mark::alone, Reason::unreadable}}));
    }
};

QTEST_GUILESS_MAIN(TestSharingMade)
#include "test_sharing_made.moc"
