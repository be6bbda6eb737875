// The tables of a bootstrap: read as they were written, and what is wrong in them is found.
#include "core/erofs/check.h"
#include "core/rafs/bootstrap.h"
#include "tests/support/image_writer.h"
#include "tests/support/rafs_builder.h"
#include "tests/unit/erofs/erofs_test.h"

using namespace coldscope;
using namespace coldscope::test;

namespace {

RafsSpec spec() {
    RafsSpec spec;
    spec.chunk_size = 64U << 10;
    spec.prefetch = {"/text", "/small"};
    return spec;
}

// What is found, and whether strict reading refuses it.
struct Outcome {
    erofs::Findings findings;
    bool refused = false;

    [[nodiscard]] std::string text() const {
        std::string all;
        for (const erofs::Finding& finding : findings.list())
            all += describe(finding) + "\n";
        return all;
    }
};

Outcome read(const BuiltRafs& built) {
    Outcome outcome;
    const auto image = erofs::Image::open(built.image.primary(), &outcome.findings);
    if (!image)
        qFatal("unexpected error: %s", describe(image.error()).c_str());
    (void)rafs::read_bootstrap(**image, &outcome.findings);
    outcome.refused = !rafs::read_bootstrap(**image).has_value();
    return outcome;
}

} // namespace

class TestRafsBootstrap : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void as_written();
    void no_bootstrap();
    void sound_as_an_image();
    void numbers_of_chunks_are_no_addresses();
    void broken_data();
    void broken();
    void every_byte_changed();
    void cut_anywhere();
};

void TestRafsBootstrap::as_written() {
    const BuiltRafs built = sample_rafs(spec());
    const auto image = open(built.image);
    const auto tables = value(rafs::read_bootstrap(*image));
    QVERIFY(tables != nullptr);
    QVERIFY(read(built).findings.empty());
    QCOMPARE(tables->extension.chunk_size, 64U << 10);
    QVERIFY(tables->extension.has(rafs::flag::compression_zstd));
    QCOMPARE(tables->chunks.size(), built.chunks);
    QCOMPARE(tables->blobs.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        const rafs::Blob& blob = tables->blobs[i];
        QCOMPARE(blob.id, built.ids[i]);
        QCOMPARE(blob.id, image->devices()[i].tag);
        QCOMPARE(blob.size, built.image.blobs[i].size());
        QCOMPARE(blob.chunks, blob.chunk_count);
        QVERIFY(blob.obstacle.empty());
        std::uint32_t number = 0;
        std::uint64_t stored = 0;
        for (const rafs::Chunk& chunk : tables->chunks_of(i)) { // Nydus stores them in this order
            QCOMPARE(chunk.number, number++);
            QCOMPARE(chunk.stored_offset, stored);
            stored = chunk.stored_end();
        }
        QCOMPARE(stored, blob.stored_size);
    }
    const std::vector<std::uint32_t> wanted{
        static_cast<std::uint32_t>(built.image.nids.at("/text")),
        static_cast<std::uint32_t>(built.image.nids.at("/small"))};
    QVERIFY(tables->prefetch == wanted);
    QVERIFY(tables->chunks_of(2).empty());
    QCOMPARE(tables->chunks_at(0, 0, 1).size(), 1U);
    QCOMPARE(tables->chunks_at(0, 0, 1)[0].number, 0U);
    QCOMPARE(tables->chunks_at(0, 65535, 2).size(), 2U);
    QCOMPARE(tables->chunks_at(0, 0, ~std::uint64_t{0}).size(), tables->blobs[0].chunks);
    QVERIFY(tables->chunks_at(0, ~std::uint64_t{0}, 5).empty());
}

void TestRafsBootstrap::no_bootstrap() {
    const BuiltImage built = sample_image(12);
    QVERIFY(value(rafs::read_bootstrap(*open(built))) == nullptr);
}

void TestRafsBootstrap::sound_as_an_image() {
    const BuiltRafs built = sample_rafs(spec());
    const erofs::Findings findings = erofs::check_image(built.image.primary());
    QVERIFY2(findings.empty(), findings.empty() ? "" : describe(findings.list()[0]).c_str());
}

// In the chunk indexes, they share their bytes with what is an address's upper half elsewhere.
void TestRafsBootstrap::numbers_of_chunks_are_no_addresses() {
    BuiltRafs built = sample_rafs(spec());
    const auto whole = open(built.image);
    const erofs::Inode inode = value(whole->find("/text"));
    const auto before = value(whole->map(inode, 0, inode.size));
    const std::uint64_t table = value(whole->chunk_table(inode)).offset;
    put<std::uint16_t>(built.image.bytes, table, 0xABCD);
    built.image.bytes[table + 3] = std::byte{0xEF}; // bits 16 to 23 of the number
    const auto image = open(built.image);
    QVERIFY(value(image->map(inode, 0, inode.size)) == before);
}

void TestRafsBootstrap::broken_data() {
    QTest::addColumn<int>("where"); // 0: the superblock's extension, 1: the blob table, 2: chunk 3
    QTest::addColumn<int>("offset");
    QTest::addColumn<qulonglong>("value");
    QTest::addColumn<int>("size");
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("refused");
    const qulonglong all = ~0ULL;
    QTest::newRow("flags") << 0 << 0 << 0xFULL << 8 << "names 2 compressors" << false;
    QTest::newRow("blob table") << 0 << 8 << 0x7000'0000ULL << 8 << "ends 512 bytes behind" << true;
    QTest::newRow("blob table, wraps") << 0 << 8 << all << 8 << "behind the bootstrap" << true;
    QTest::newRow("blob table's size") << 0 << 16 << 300ULL << 4 << "entries of 256 bytes" << true;
    QTest::newRow("one blob less") << 0 << 16 << 256ULL << 4 << "1 blobs for 2 devices" << true;
    QTest::newRow("chunk size") << 0 << 20 << 5000ULL << 4 << "chunks can't have 5000" << true;
    QTest::newRow("chunk table") << 0 << 24 << all << 8 << "behind the bootstrap" << true;
    QTest::newRow("chunk table's size") << 0 << 32 << all << 8 << "behind the bootstrap" << true;
    QTest::newRow("chunk table, low") << 0 << 24 << 100ULL << 8 << "no such table" << true;
    QTest::newRow("prefetch table") << 0 << 40 << all << 8 << "behind the bootstrap" << true;
    QTest::newRow("prefetch's size") << 0 << 48 << 0xFFFF'FFFCULL << 4 << "behind" << true;
    QTest::newRow("blob id") << 1 << 0 << 0x4141ULL << 2 << "the tag of device 1 is" << true;
    QTest::newRow("blob index") << 1 << 64 << 1ULL << 4 << "1 in place of 0" << true;
    QTest::newRow("blob's chunk size") << 1 << 68 << 4096ULL << 4 << "65536 in the" << false;
    QTest::newRow("chunk count") << 1 << 72 << 0xFFFF'FFFFULL << 4 << "no blob has" << true;
    QTest::newRow("fewer chunks") << 1 << 72 << 1ULL << 4 << "the blob has 1 chunks" << false;
    QTest::newRow("compressor") << 1 << 76 << 9ULL << 4 << "its compressor 9" << false;
    QTest::newRow("digests") << 1 << 80 << 2ULL << 4 << "of kind 2" << false;
    QTest::newRow("encrypted") << 1 << 84 << 0x101ULL << 4 << "encrypted" << false;
    QTest::newRow("blob size") << 1 << 96 << all << 8 << "no blob has" << true;
    QTest::newRow("blob, shorter") << 1 << 96 << 8192ULL << 8 << "end behind the blob" << true;
    QTest::newRow("chunk's blob") << 2 << 32 << 2ULL << 4 << "blob 3 of 2" << true;
    QTest::newRow("chunk's flags") << 2 << 36 << 5ULL << 4 << "encrypted or in a batch" << true;
    QTest::newRow("not compressed") << 2 << 36 << 0ULL << 4 << "not compressed and has" << true;
    QTest::newRow("stored size 0") << 2 << 40 << 0ULL << 4 << "stored in 0 bytes" << true;
    QTest::newRow("stored size") << 2 << 40 << 0xFFFF'FFFFULL << 4 << "no chunk is stored" << true;
    QTest::newRow("size 0") << 2 << 44 << 0ULL << 4 << "no chunk has 0 bytes" << true;
    QTest::newRow("size") << 2 << 44 << 0x0100'0001ULL << 4 << "no chunk has 16777217" << true;
    QTest::newRow("stored offset") << 2 << 48 << all << 8 << "it wraps around" << true;
    QTest::newRow("offset") << 2 << 56 << all << 8 << "end behind the blob" << true;
    QTest::newRow("offset, unaligned") << 2 << 56 << 4097ULL << 8 << "no multiple of" << true;
    QTest::newRow("overlap") << 2 << 56 << 4096ULL << 8 << "overlap those of chunk 0" << true;
    QTest::newRow("number") << 2 << 72 << 5000ULL << 4 << "the blob has" << false;
}

void TestRafsBootstrap::broken() {
    QFETCH(int, where);
    QFETCH(int, offset);
    QFETCH(qulonglong, value);
    QFETCH(int, size);
    QFETCH(QString, text);
    QFETCH(bool, refused);
    BuiltRafs built = sample_rafs(spec());
    const std::uint64_t base = where == 0   ? rafs::extension_offset
                               : where == 1 ? built.blob_table
                                            : built.entry_of(3);
    const std::uint64_t at = base + static_cast<std::uint64_t>(offset);
    std::memcpy(built.image.bytes.data() + at, &value, static_cast<std::size_t>(size));
    const Outcome outcome = read(built);
    const std::string all = outcome.text();
    QVERIFY2(all.contains(text.toStdString()), all.c_str());
    QCOMPARE(outcome.refused, refused);
    QCOMPARE(outcome.findings.errors() != 0, refused);
    for (const erofs::Finding& finding : outcome.findings.list())
        QVERIFY(finding.offset != no_offset && !finding.structure.empty());
}

// Strict reading refuses what tolerant reading calls an error, and nothing else.
void TestRafsBootstrap::every_byte_changed() {
    const BuiltRafs built = sample_rafs(spec());
    const std::uint64_t chunks_end = built.chunk_table + built.chunks * rafs::chunk_entry_size;
    const auto change = [&](std::uint64_t begin, std::uint64_t end) {
        for (std::uint64_t at = begin; at < end; ++at) {
            for (const unsigned bits : {0x01U, 0x80U, 0xFFU}) {
                BuiltRafs other = built;
                other.image.bytes[at] ^= static_cast<std::byte>(bits);
                const Outcome outcome = read(other);
                QVERIFY2(outcome.refused == (outcome.findings.errors() != 0),
                         (std::to_string(at) + "\n" + outcome.text()).c_str());
            }
        }
    };
    change(rafs::extension_offset, rafs::extension_offset + 64);
    change(built.blob_table, built.blob_table + 2 * rafs::blob_entry_size);
    change(built.chunk_table, chunks_end);
}

void TestRafsBootstrap::cut_anywhere() {
    const BuiltRafs built = sample_rafs(spec());
    for (std::uint64_t size = built.image.bytes.size(); size > 4096; size -= 101) {
        BuiltRafs cut = built;
        cut.image.bytes.resize(size);
        erofs::Findings findings;
        const auto image = erofs::Image::open(cut.image.primary(), &findings);
        if (!image)
            continue;
        (void)rafs::read_bootstrap(**image, &findings);
        if (size < built.chunk_table + built.chunks * rafs::chunk_entry_size)
            QVERIFY(findings.errors() != 0);
    }
}

QTEST_GUILESS_MAIN(TestRafsBootstrap)
#include "test_rafs_bootstrap.moc"
