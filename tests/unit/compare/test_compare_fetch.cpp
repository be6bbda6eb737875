// Which devices are one, and what must be fetched.
#include "tests/support/image_writer.h"
#include "tests/unit/compare/compared.h"

using namespace coldscope;
using namespace coldscope::compare;
using namespace coldscope::test;

namespace {

const std::string digest_a(64, 'a');
const std::string digest_b(64, 'b');

struct Pair {
    Pair(const ImageBuilder& old_builder, const ImageBuilder& new_builder)
        : old_built(old_builder.build()), new_built(new_builder.build()), before(old_built),
          after(new_built) {}
    [[nodiscard]] Comparison run(const Options& options = {}) const {
        Comparison comparison = compared(before, after, options);
        verify_sums(comparison);
        return comparison;
    }
    BuiltImage old_built;
    BuiltImage new_built;
    OpenSide before;
    OpenSide after;
};

// One file of 5 chunks of 4 KiB on device 1.
ImageBuilder on_blob(const std::string& tag, std::uint32_t seed, const char* path = "/f") {
    ImageBuilder builder;
    builder.add_device(tag).add(chunked(path, pattern(20'000, seed), 1));
    return builder;
}

void set_hole(BuiltImage& built, const std::string& path, std::uint64_t chunk) {
    put<std::uint64_t>(built.bytes, built.inode.at(path) + erofs::compact_inode_size + chunk * 8,
                       ~std::uint64_t{0});
}

} // namespace

class TestCompareFetch : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void one_blob_in_both() {
        const Pair pair(on_blob(digest_a, 1), on_blob(digest_a, 1, "/g"));
        const Comparison comparison = pair.run();
        const DeviceNeed& blob = comparison.devices[1];
        QCOMPARE(blob.match.how, Sameness::digest);
        QCOMPARE(blob.needed, 20'480U); // whole blocks
        QCOMPARE(blob.fetch, 0U);
        QCOMPARE(blob.chunks, 5U);
        QCOMPARE(blob.shared_chunks, 5U);
        // The other bootstrap is fetched whole, all of it metadata.
        QCOMPARE(comparison.devices[0].match.how, Sameness::none);
        QCOMPARE(comparison.to_fetch, pair.after.image->size());
        QCOMPARE(comparison.metadata_to_fetch, comparison.to_fetch);
        QCOMPARE(comparison.needed_before, pair.before.image->size() + 20'480);
    }

    void another_blob() {
        const Pair pair(on_blob(digest_a, 1), on_blob(digest_b, 1));
        const Comparison comparison = pair.run();
        const DeviceNeed& blob = comparison.devices[1];
        QCOMPARE(blob.match.how, Sameness::none);
        QCOMPARE(blob.fetch, 20'480U);
        QCOMPARE(blob.shared_chunks, 0U);
        // The bytes are the same, so all of it could be saved, and the file has not changed.
        QCOMPARE(blob.by_content, std::optional<std::uint64_t>(20'480));
        QVERIFY(comparison.all_looked_at);
        QCOMPARE(comparison.content_block, 4096U);
        QCOMPARE(comparison.count(Kind::same), 2U);
        QCOMPARE(comparison.fetch_by_kind[std::size_t(Kind::same)], 20'480U);
        QCOMPARE(comparison.fetch[*pair.after.index.find("/f")], 20'480U);
    }

    void half_of_a_blob() {
        Pair pair(on_blob(digest_a, 1), on_blob(digest_a, 1));
        BuiltImage less = pair.old_built;
        set_hole(less, "/f", 1);
        set_hole(less, "/f", 2);
        const OpenSide before(less);
        const Comparison comparison = compared(before, pair.after);
        verify_sums(comparison);
        const DeviceNeed& blob = comparison.devices[1];
        QCOMPARE(blob.needed, 20'480U);
        QCOMPARE(blob.fetch, 8192U);
        QCOMPARE(blob.to_fetch, (std::vector<Range>{{4096, 12'288}}));
        QCOMPARE(blob.chunks, 5U);
        QCOMPARE(blob.shared_chunks, 3U);
        QCOMPARE(blob.by_content, std::optional<std::uint64_t>(0)); // random bytes
        QCOMPARE(comparison.fetch_by_kind[std::size_t(Kind::changed)], 8192U);
        QCOMPARE(changes_of(before, pair.after, comparison).at("/f"),
                 std::string("changed: content (bytes)"));
        // The other way there is nothing of it to fetch.
        QCOMPARE(compared(pair.after, before).devices[1].fetch, 0U);
    }

    void shared_chunks_are_one_files() {
        ImageBuilder builder;
        FileSpec file = chunked("/a", pattern(20'000, 1), 1);
        file.deduplicate = true;
        FileSpec copy = file;
        copy.path = "/b";
        builder.add_device(digest_b).add(file).add(copy);
        const Pair pair(on_blob(digest_a, 1), builder);
        const Comparison comparison = pair.run();
        QCOMPARE(comparison.devices[1].needed, 20'480U);
        QCOMPARE(comparison.devices[1].chunks, 5U);
        const std::uint64_t a = comparison.fetch[*pair.after.index.find("/a")];
        const std::uint64_t b = comparison.fetch[*pair.after.index.find("/b")];
        QCOMPARE(std::max(a, b), 20'480U);
        QCOMPARE(std::min(a, b), 0U);
    }

    void the_primary_device_counts_whole() {
        ImageBuilder before;
        before.add(file_of("/f", pattern(9000, 1)));
        ImageBuilder after;
        after.add(file_of("/f", pattern(9000, 1))).add(file_of("/g", pattern(8192, 2)));
        const Pair pair(before, after);
        const Comparison comparison = pair.run();
        QCOMPARE(comparison.needed, pair.after.image->size());
        QCOMPARE(comparison.to_fetch, comparison.needed);
        QCOMPARE(comparison.fetch[*pair.after.index.find("/f")], 9000U); // its tail lies inline
        QCOMPARE(comparison.fetch[*pair.after.index.find("/g")], 8192U);
        QCOMPARE(comparison.fetch_by_kind[std::size_t(Kind::same)], 9000U);
        QCOMPARE(comparison.fetch_by_kind[std::size_t(Kind::added)], 8192U);
        // Two blocks of /f are in the first image.
        QVERIFY(*comparison.by_content >= 8192);
        QVERIFY(*comparison.by_content < comparison.to_fetch - 8192);
    }

    void names_that_are_no_digests_data() {
        QTest::addColumn<QString>("old_tag");
        QTest::addColumn<QString>("new_tag");
        QTest::addColumn<int>("seed");
        QTest::addColumn<bool>("there");
        QTest::addColumn<bool>("read");
        QTest::addColumn<int>("how");
        QTest::addColumn<bool>("warned");
        const auto row = [](const char* name, const char* one, const char* other, int seed,
                            bool there, bool read, Sameness how, bool warned = false) {
            QTest::newRow(name) << one << other << seed << there << read << int(how) << warned;
        };
        row("one name, one blob", "x", "x", 1, true, true, Sameness::bytes);
        row("one name, two blobs", "x", "x", 2, true, true, Sameness::none, true);
        row("one name, blob missing", "x", "x", 1, false, true, Sameness::tag);
        row("one name, not read", "x", "x", 2, true, false, Sameness::tag);
        row("two names", "x", "y", 1, true, true, Sameness::none);
        row("no names", "", "", 1, true, true, Sameness::bytes);
        row("no names, two blobs", "", "", 2, true, true, Sameness::none);
        row("no names, blob missing", "", "", 1, false, true, Sameness::none);
        row("no names, not read", "", "", 1, true, false, Sameness::none);
        row("one name, none", "x", "", 1, true, true, Sameness::bytes);
    }
    void names_that_are_no_digests() {
        QFETCH(QString, old_tag);
        QFETCH(QString, new_tag);
        QFETCH(int, seed);
        QFETCH(bool, there);
        QFETCH(bool, read);
        QFETCH(int, how);
        QFETCH(bool, warned);
        // Another path, so that the bootstraps differ.
        Pair pair(on_blob(old_tag.toStdString(), 1),
                  on_blob(new_tag.toStdString(), std::uint32_t(seed), "/g"));
        if (!there)
            pair.after.devices[1] = nullptr;
        Options options;
        options.read = read;
        const Comparison comparison = pair.run(options);
        QCOMPARE(int(comparison.devices[1].match.how), how);
        QCOMPARE(comparison.devices[1].match.before.has_value(), how != int(Sameness::none));
        QCOMPARE(comparison.devices[1].fetch, how == int(Sameness::none) ? 20'480U : 0U);
        QCOMPARE(!comparison.warnings.empty(), warned);
        QCOMPARE(comparison.by_content.has_value(), read);
    }

    void blobs_of_one_bootstrap() {
        Pair pair(on_blob("", 1), on_blob("", 1));
        pair.before.devices.resize(1);
        const Comparison comparison = pair.run();
        QCOMPARE(comparison.devices[0].match.how, Sameness::bytes);
        QCOMPARE(comparison.devices[1].match.how, Sameness::bootstrap);
        QVERIFY(comparison.same());
        QCOMPARE(comparison.to_fetch, 0U);
        QCOMPARE(comparison.by_content, std::optional<std::uint64_t>(0));
    }

    void one_file_given_for_both() {
        Pair pair(on_blob("x", 1), on_blob("y", 2, "/g"));
        const QTemporaryDir folder;
        const auto file = [&](const char* name, const Bytes& bytes) {
            QFile out(folder.filePath(name));
            if (out.open(QIODevice::WriteOnly))
                out.write(reinterpret_cast<const char*>(bytes.data()), qint64(bytes.size()));
            return out.fileName().toStdString();
        };
        const std::string path = file("blob", pair.old_built.blobs[0]);
        pair.before.devices[1] = value(FileReadAt::open(path));
        pair.after.devices[1] = value(FileReadAt::open(path));
        QCOMPARE(pair.run().devices[1].match.how, Sameness::file);
        // It is the file that was opened that counts, whatever has its path since.
        QVERIFY(QFile::remove(QString::fromStdString(path)));
        pair.after.devices[1] = value(FileReadAt::open(file("blob", pair.new_built.blobs[0])));
        QCOMPARE(pair.run().devices[1].match.how, Sameness::none);
    }

    void sizes_that_contradict() {
        ImageBuilder more = on_blob(digest_a, 1);
        more.add(chunked("/more", pattern(5000, 3), 1));
        const Pair pair(on_blob(digest_a, 1), more);
        const Comparison comparison = pair.run();
        QCOMPARE(comparison.devices[1].match.how, Sameness::none);
        QCOMPARE(comparison.warnings.size(), 1U);
    }

    void devices_in_another_order() {
        ImageBuilder before;
        before.add_device(digest_a).add_device(digest_b);
        before.add(chunked("/a", pattern(5000, 1), 1)).add(chunked("/b", pattern(9000, 2), 2));
        ImageBuilder after;
        after.add_device(digest_b).add_device(digest_a);
        after.add(chunked("/a", pattern(5000, 1), 2)).add(chunked("/b", pattern(9000, 2), 1));
        const Comparison comparison = Pair(before, after).run();
        QCOMPARE(comparison.devices[1].match.before, std::optional<std::uint16_t>(2));
        QCOMPARE(comparison.devices[2].match.before, std::optional<std::uint16_t>(1));
        QCOMPARE(comparison.devices[1].fetch + comparison.devices[2].fetch, 0U);
        QCOMPARE(comparison.count(Kind::same), 3U);
    }

    void block_sizes_may_differ() {
        ImageBuilder before(9);
        before.add(file_of("/f", pattern(40'960, 1), erofs::Layout::flat_plain));
        ImageBuilder after(12);
        after.add(file_of("/f", pattern(40'960, 1), erofs::Layout::flat_plain));
        const Pair pair(before, after);
        const Comparison comparison = pair.run();
        QCOMPARE(comparison.content_block, 4096U);
        QCOMPARE(comparison.count(Kind::same), 2U);
    }
};

QTEST_GUILESS_MAIN(TestCompareFetch)
#include "test_compare_fetch.moc"
