// Small images of mkfs.erofs with every kind of compression (tests/fuzz/make_compressed_images),
// whose files are known: read in steps of all sizes, mapped, and found again by address.
#include "core/erofs/check.h"
#include "core/erofs/compressed_config.h"
#include "core/erofs/index.h"
#include "core/erofs/read_for.h"
#include "tests/unit/erofs/erofs_test.h"

#include <filesystem>
#include <random>
#include <set>

#include <fmt/format.h>

using namespace coldscope;
using namespace coldscope::erofs;
using namespace coldscope::test;

namespace {

std::string noise(int count) {
    std::string bytes;
    std::uint64_t x = 1;
    for (int i = 0; i < count; ++i) {
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF;
        bytes += static_cast<char>(x >> 16 & 255);
    }
    return bytes;
}

std::string lines(int first, int last) {
    std::string text;
    for (int i = first; i <= last; ++i)
        text += fmt::format("line {} of a text\n", i * i * 7 % 9973);
    return text;
}

std::map<std::string, std::string> tree() {
    std::map<std::string, std::string> files{
        {"/text", lines(1, 500)},
        {"/again", lines(1, 500)},
        {"/shift", lines(120, 500)},
        {"/noise", noise(1500)},
        {"/empty", {}},
        {"/mixed", noise(700) + lines(1, 90) + noise(1200) + lines(1, 30)},
    };
    for (int i = 10; i < 30; ++i)
        files[fmt::format("/dir/a-file-of-the-directory-{}", i)] = lines(i, i + i % 7);
    return files;
}

// The corpus, without what is broken in it, or that alone.
void images(bool broken = false) {
    QTest::addColumn<QString>("path");
    for (const auto& entry : std::filesystem::directory_iterator(COLDSCOPE_COMPRESSED_IMAGES)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("broken-") == broken)
            QTest::newRow(name.c_str()) << QString::fromStdString(entry.path().string());
    }
}

struct Opened {
    std::shared_ptr<ReadAt> file;
    std::unique_ptr<Image> image;
    Index index;

    [[nodiscard]] std::string bytes(const Inode& inode, std::uint64_t offset,
                                    std::uint64_t length) {
        std::string text(static_cast<std::size_t>(length), '?');
        value(read_file(*image, inode, offset, std::as_writable_bytes(std::span(text)),
                        std::span(&file, 1)));
        return text;
    }
};

Opened open_row() {
    QFETCH(QString, path);
    Opened opened;
    opened.file = value(FileReadAt::open(path.toStdString()));
    opened.image = value(Image::open(opened.file));
    opened.index = value(Index::build(*opened.image));
    return opened;
}

} // namespace

class TestErofsCompressed : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void read_data() { images(); }
    void read() {
        Opened opened = open_row();
        std::set<std::string> missing;
        for (const auto& [path, text] : tree()) {
            const Inode inode = value(opened.image->find(path));
            QCOMPARE(inode.size, text.size());
            QVERIFY2(opened.bytes(inode, 0, inode.size) == text, path.c_str());
            for (const std::uint64_t step : {1ULL, 100ULL, 512ULL, 3000ULL}) {
                for (std::uint64_t at = 0; at < inode.size; at += step) {
                    const std::uint64_t length = std::min(step, inode.size - at);
                    QVERIFY(opened.bytes(inode, at, length) == text.substr(at, length));
                }
            }
        }
        QCOMPARE(value(opened.image->link_target(value(opened.image->find("/dir/link")))),
                 std::string("../text"));
        QCOMPARE(opened.index.size(), std::size_t{29});
    }

    void maps_have_no_gaps_data() { images(); }
    void maps_have_no_gaps() {
        Opened opened = open_row();
        std::mt19937 random(1);
        for (const auto& [path, text] : tree()) {
            const Inode inode = value(opened.image->find(path));
            for (int i = 0; i < 50 && inode.size != 0; ++i) {
                const std::uint64_t from = i == 0 ? 0 : random() % inode.size;
                const std::uint64_t length = i == 0 ? inode.size : 1 + random() % 5000;
                std::uint64_t next = from;
                for (const Extent& extent : value(opened.image->map(inode, from, length))) {
                    QCOMPARE(extent.offset, next);
                    QVERIFY(extent.length != 0);
                    if (extent.kind == ExtentKind::encoded)
                        QVERIFY(extent.skip + extent.length <= extent.decoded);
                    next += extent.length;
                }
                QCOMPARE(next, std::min(inode.size, from + length));
                if (!is_compressed(inode.layout))
                    continue;
                // One walk, asked for the range's bytes forwards and backwards.
                CompressedMap map = value(CompressedMap::open(*opened.image, inode));
                std::vector<Cluster> clusters;
                for (std::uint64_t at = from; at < next;
                     at = clusters.back().offset + clusters.back().length) {
                    clusters.push_back(value(map.at(at)));
                    QVERIFY(at == from ? clusters.back().offset <= at
                                       : clusters.back().offset == at);
                }
                QVERIFY(!clusters.empty());
                for (std::size_t k = clusters.size(); k-- > 0;)
                    QCOMPARE(value(map.at(clusters[k].offset)), clusters[k]);
            }
        }
    }

    // A byte of a cluster, be it the packed inode's, names every file that is decoded from it.
    void reverse_map_data() { images(); }
    void reverse_map() {
        Opened opened = open_row();
        int encoded = 0;
        for (const auto& [path, text] : tree()) {
            const Inode inode = value(opened.image->find(path));
            const NodeId node = value_or_fail(opened.index.find(path));
            for (const Extent& extent : value(opened.image->map(inode, 0, inode.size))) {
                if (!extent.is_placed())
                    continue;
                encoded += extent.kind == ExtentKind::encoded ? 1 : 0;
                const Range stored = extent.stored();
                for (const std::uint64_t at : {stored.begin, stored.end - 1}) {
                    bool found = false;
                    opened.index.files_at(extent.device, at, 1,
                                          [&](NodeId one, std::uint64_t offset,
                                              std::uint64_t address, std::uint64_t length) {
                                              QCOMPARE(address, at);
                                              QCOMPARE(length, std::uint64_t{1});
                                              const std::uint64_t wanted =
                                                  extent.kind == ExtentKind::encoded
                                                      ? extent.offset
                                                      : extent.offset + (at - extent.address);
                                              found = found || (one == node && offset == wanted);
                                          });
                    QVERIFY2(found, path.c_str());
                    QVERIFY(
                        may_be_read_for(*opened.image, opened.index, node, extent.device, at, 1));
                }
            }
            QVERIFY(!may_be_read_for(*opened.image, opened.index, node, 0, 1024, 128));
        }
        QVERIFY(encoded > 0);
    }

    void check_finds_nothing_data() { images(); }
    void check_finds_nothing() {
        QFETCH(QString, path);
        const Findings findings = check_image(value(FileReadAt::open(path.toStdString())));
        for (const Finding& finding : findings.list())
            qWarning("%s", describe(finding).c_str());
        QCOMPARE(findings.errors(), std::uint64_t{0});
    }

    void configurations_data() { images(); }
    void configurations() {
        Opened opened = open_row();
        const Superblock& super = opened.image->superblock();
        const auto configs = value(read_compression_configs(*opened.file, super));
        QVERIFY(!configs.empty());
        for (const CompressionConfig& config : configs)
            QVERIFY((super.algorithms() >> static_cast<unsigned>(config.algorithm) & 1U) != 0);
    }

    // Work without end, or so it is said there: both refuse it.
    void broken_images_data() { images(true); }
    void broken_images() {
        QFETCH(QString, path);
        const std::shared_ptr<ReadAt> file = value(FileReadAt::open(path.toStdString()));
        QVERIFY(check_image(file).errors() > 0);
        const auto image = Image::open(file);
        const auto index = image ? Index::build(**image) : std::unexpected(image.error());
        QVERIFY(!index);
        QCOMPARE(index.error().code, Code::corrupt);
    }

    // Every byte of a cluster damaged once: bytes or an error, and never a byte beyond.
    void damaged_clusters_data() { images(); }
    void damaged_clusters() {
        QFETCH(QString, path);
        const auto file = value(FileReadAt::open(path.toStdString()));
        Bytes bytes(static_cast<std::size_t>(file->size()));
        value(file->read(0, bytes));
        std::mt19937 random(2);
        int errors = 0;
        for (int round = 0; round < 200; ++round) {
            Bytes bad = bytes;
            for (int i = 0; i < 20; ++i)
                bad[4096 + random() % (bad.size() - 4096)] = static_cast<std::byte>(random());
            const auto memory = std::make_shared<MemoryReadAt>(bad);
            const auto image = Image::open(memory);
            if (!image)
                continue;
            for (const char* name : {"/text", "/mixed", "/dir/a-file-of-the-directory-20"}) {
                const auto inode = (*image)->find(name);
                if (!inode || inode->size > 100'000) {
                    ++errors;
                    continue;
                }
                Bytes out(static_cast<std::size_t>(inode->size));
                const std::vector<std::shared_ptr<ReadAt>> devices{memory};
                errors += read_file(**image, *inode, 0, out, devices) ? 0 : 1;
            }
        }
        QVERIFY(errors > 0);
    }

private:
    template <typename T>
    static T value_or_fail(std::optional<T> found) {
        if (!found)
            qFatal("not in the index");
        return *found;
    }
};

QTEST_GUILESS_MAIN(TestErofsCompressed)
#include "test_erofs_compressed.moc"
