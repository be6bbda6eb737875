// What is said against files and blobs of a bootstrap.
#include "core/rafs/check.h"
#include "tests/support/image_writer.h"
#include "tests/support/rafs_builder.h"
#include "tests/unit/erofs/erofs_test.h"

using namespace coldscope;
using namespace coldscope::test;

namespace {

RafsSpec spec() {
    RafsSpec spec;
    spec.chunk_size = 64U << 10;
    spec.prefetch = {"/text"};
    return spec;
}

// All that can be found, in one text.
std::string found(const BuiltRafs& built) {
    erofs::Findings findings;
    const auto image = open(built.image);
    const auto tables = value(rafs::read_bootstrap(*image, &findings));
    const auto index = value(erofs::Index::build(*image));
    rafs::check_files(*tables, *image, index, findings);
    for (std::size_t i = 0; i < built.stored.size(); ++i) {
        MemoryReadAt stored(built.stored[i]);
        rafs::check_blob_size(*tables, i, stored.size(), "the blob", findings);
        rafs::check_chunks(tables, i, stored, "the blob", findings);
    }
    std::string all;
    for (const erofs::Finding& finding : findings.list())
        all += describe(finding) + "\n";
    return all;
}

} // namespace

class TestRafsCheck : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void nothing_wrong() { QCOMPARE(found(sample_rafs(spec())), std::string()); }

    // Its bytes are now another blob's.
    void bytes_without_a_chunk() {
        BuiltRafs built = sample_rafs(spec());
        put<std::uint32_t>(built.image.bytes, built.entry_of(1) + 32, 7);
        const std::string text = found(built);
        QVERIFY2(text.contains("no chunk has byte 65536, which is byte 65536 of /"), text.c_str());
    }

    void no_such_inode() {
        BuiltRafs built = sample_rafs(spec());
        const std::uint64_t table = built.blob_table + 2 * rafs::blob_entry_size;
        put<std::uint32_t>(built.image.bytes, table, 0x00FF'FFFF);
        QVERIFY(found(built).contains("warning: at byte " + std::to_string(table) +
                                      ": prefetch table: entry 0: 16777215: "));
    }

    void blob_truncated() {
        BuiltRafs built = sample_rafs(spec());
        built.stored[1].resize(built.stored[1].size() - 5);
        const std::string text = found(built);
        QVERIFY2(text.contains("blob 2 (" + built.ids[1] + "), chunk "), text.c_str());
        QVERIFY(text.contains("but the chunk lies at"));
    }

    void stored_bytes_overlap() {
        BuiltRafs built = sample_rafs(spec());
        put<std::uint64_t>(built.image.bytes, built.entry_of(1) + 48, 5);
        const std::string text = found(built);
        QVERIFY2(text.contains("overlap those of chunk 0 at 0 to"), text.c_str());
        QVERIFY(text.contains("chunk 1: wrong digest: "));
    }

    void wrong_digest() {
        BuiltRafs built = sample_rafs(spec());
        built.image.bytes[built.entry_of(2) + 31] ^= std::byte{1};
        const std::string text = found(built);
        QVERIFY2(text.contains("blob 1 (" + built.ids[0] + "), chunk 2: wrong digest: "),
                 text.c_str());
        QCOMPARE(std::ranges::count(text, '\n'), 1);
    }

    void wrong_byte() {
        BuiltRafs built = sample_rafs(spec());
        built.stored[0][built.stored[0].size() / 2] ^= std::byte{1};
        QVERIFY(found(built).contains("blob 1 (" + built.ids[0] + "), chunk "));
    }

    // However many entries say that the same bytes are theirs, the blob is read twice at most.
    void chunks_that_share_their_bytes() {
        const BuiltRafs built = sample_rafs(spec());
        const auto image = open(built.image);
        auto tables = std::make_shared<rafs::Bootstrap>(*value(rafs::read_bootstrap(*image)));
        const rafs::Chunk one = tables->chunks_of(0)[0];
        tables->chunks.assign(1000, one);
        tables->blobs[0].first_chunk = 0;
        tables->blobs[0].chunks = tables->chunks.size();
        MemoryReadAt stored(built.stored[0]);
        erofs::Findings findings;
        rafs::check_chunks(tables, 0, stored, "the blob", findings);
        QCOMPARE(findings.errors(), 1U);
        QVERIFY(findings.list()[0].message.contains("more bytes than there can be"));
    }

    // The one that is there is checked, its chunks where that is wanted.
    void a_blob_that_is_not_there() {
        BuiltRafs built = sample_rafs(spec());
        built.stored[1][built.stored[1].size() / 2] ^= std::byte{1};
        for (const bool decode : {false, true}) {
            erofs::CheckedImage checked;
            erofs::Findings findings = erofs::check_image(built.image.primary(), &checked);
            const std::vector<rafs::StoredBlob> blobs{
                {"one", nullptr},
                {"two", std::make_shared<MemoryReadAt>(std::span(built.stored[1]))}};
            rafs::check_bootstrap(checked, blobs, decode, findings);
            std::string text;
            for (const erofs::Finding& finding : findings.list())
                text += describe(finding) + "\n";
            QVERIFY2(text.contains("note: device table: blobs not checked: 1 of 2: device 1 (tag "),
                     text.c_str());
            QCOMPARE(text.contains("blob 2 (" + built.ids[1] + "), chunk "), decode);
            QCOMPARE(findings.errors(), decode ? 1U : 0U);
        }
    }

    void not_checked() {
        BuiltRafs built = sample_rafs(spec());
        put<std::uint32_t>(built.image.bytes, built.blob_table + 84, rafs::feature::zran);
        QVERIFY(found(built).contains("its digests were not checked: its chunks are pieces of"));
    }
};

QTEST_GUILESS_MAIN(TestRafsCheck)
#include "test_rafs_check.moc"
