// RAFS images: what is fetched are chunks, whole and as they are stored.
#include "core/rafs/decoded_blob.h"
#include "tests/support/rafs_builder.h"
#include "tests/unit/compare/compared.h"

using namespace coldscope;
using namespace coldscope::compare;
using namespace coldscope::test;

namespace {

constexpr std::uint32_t chunk_size = 64U << 10;

// Text that compresses, of three chunks and a part of one.
FileSpec text(std::string path, std::uint16_t device, int first) {
    Bytes bytes;
    for (int i = first; bytes.size() < 200'000; ++i) {
        const Bytes line = to_bytes("line " + std::to_string(i) + " of " + path + "\n");
        bytes.insert(bytes.end(), line.begin(), line.end());
    }
    FileSpec spec = chunked(std::move(path), std::move(bytes), device);
    spec.chunk_bits = 4;
    return spec;
}

struct RafsSide {
    explicit RafsSide(BuiltRafs rafs) : built(std::move(rafs)), opened(built.image) {
        bootstrap = value(rafs::read_bootstrap(*opened.image));
        for (std::size_t i = 0; i < built.stored.size(); ++i)
            opened.devices[i + 1] = rafs::device_of(
                bootstrap, i, std::make_shared<MemoryReadAt>(std::span(built.stored[i])));
    }
    [[nodiscard]] Side side() const {
        return {*opened.image, opened.index, opened.devices, bootstrap.get()};
    }
    // Of all chunks of the blob.
    [[nodiscard]] std::uint64_t stored(std::size_t blob) const {
        std::uint64_t sum = 0;
        for (const rafs::Chunk& chunk : bootstrap->chunks_of(blob))
            sum += chunk.stored_size;
        return sum;
    }
    BuiltRafs built;
    OpenSide opened;
    std::shared_ptr<const rafs::Bootstrap> bootstrap;
};

RafsSide rafs_of(ImageBuilder builder) {
    RafsSpec spec;
    spec.chunk_size = chunk_size;
    return RafsSide(build_rafs(std::move(builder), spec));
}

} // namespace

class TestCompareRafs : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void another_blob_is_fetched_as_it_is_stored() {
        ImageBuilder old_builder;
        old_builder.add_device("1").add(text("/text", 1, 0));
        ImageBuilder new_builder;
        new_builder.add_device("1").add_device("2");
        new_builder.add(text("/text", 1, 0)).add(text("/more", 2, 1000));
        const RafsSide before = rafs_of(std::move(old_builder));
        const RafsSide after = rafs_of(std::move(new_builder));
        const Comparison comparison = value(compare::compare(before.side(), after.side(), {}));
        QCOMPARE(comparison.devices[1].match.how, Sameness::digest);
        QCOMPARE(comparison.devices[1].needed, before.stored(0));
        QCOMPARE(comparison.devices[1].fetch, 0U);
        QCOMPARE(comparison.devices[2].needed, after.stored(1));
        QCOMPARE(comparison.devices[2].fetch, after.stored(1));
        QCOMPARE(comparison.devices[2].metadata, 0U);
        QVERIFY(after.stored(1) < 100'000); // of 200,000 decoded ones
        QCOMPARE(comparison.fetch[*after.opened.index.find("/more")], after.stored(1));
        QCOMPARE(comparison.to_fetch, after.opened.image->size() + after.stored(1));
        QCOMPARE(comparison.fetch_by_kind[std::size_t(Kind::added)], after.stored(1));
        QCOMPARE(comparison.needed_before, before.opened.image->size() + before.stored(0));
    }

    // In a blob of another digest are chunks that the first image has, too.
    void chunks_in_another_blob() {
        ImageBuilder old_builder;
        old_builder.add_device("1").add(text("/text", 1, 0));
        ImageBuilder new_builder;
        new_builder.add_device("1").add(text("/text", 1, 0)).add(text("/more", 1, 1000));
        const RafsSide before = rafs_of(std::move(old_builder));
        const RafsSide after = rafs_of(std::move(new_builder));
        const Comparison comparison = value(compare::compare(before.side(), after.side(), {}));
        QCOMPARE(comparison.devices[1].match.how, Sameness::none);
        QCOMPARE(comparison.devices[1].fetch, after.stored(0));
        QCOMPARE(comparison.devices[1].by_content, std::optional(before.stored(0)));
        QVERIFY(comparison.all_looked_at);
        QCOMPARE(comparison.fetch[*after.opened.index.find("/text")], before.stored(0));
    }
};

QTEST_GUILESS_MAIN(TestCompareRafs)
#include "test_compare_rafs.moc"
