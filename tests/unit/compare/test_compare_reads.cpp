// What a comparison reads, and what it makes of bytes that are not there.
#include "tests/unit/compare/compared.h"

using namespace coldscope;
using namespace coldscope::compare;
using namespace coldscope::test;

namespace {

// Counts what is read of it; from a byte on it can't be.
class WatchedReadAt final : public ReadAt {
public:
    explicit WatchedReadAt(std::shared_ptr<ReadAt> bytes,
                           std::uint64_t readable = ~std::uint64_t{0})
        : bytes_(std::move(bytes)), readable_(readable) {}
    [[nodiscard]] std::uint64_t size() const override { return bytes_->size(); }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
        count += into.size();
        if (offset + into.size() > readable_)
            return failure(Code::io, "a worn disk", readable_);
        return bytes_->read(offset, into);
    }
    std::uint64_t count = 0; // bytes

private:
    std::shared_ptr<ReadAt> bytes_;
    std::uint64_t readable_;
};

FileSpec link_to(std::string path, std::string target) {
    FileSpec spec;
    spec.path = std::move(path);
    spec.link_to = std::move(target);
    return spec;
}

// A file of 5 blocks on a blob, under as many names as given.
ImageBuilder linked(std::uint32_t seed, const std::vector<std::string>& names) {
    ImageBuilder builder;
    builder.add_device(std::string(64, static_cast<char>('a' + seed)));
    builder.add(chunked(names[0], pattern(20'480, seed), 1));
    for (std::size_t i = 1; i < names.size(); ++i)
        builder.add(link_to(names[i], names[0]));
    return builder;
}

} // namespace

class TestCompareReads : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void a_blob_that_ends_early() {
        const BuiltImage old_built = linked(1, {"/f"}).build();
        const BuiltImage new_built = linked(2, {"/f"}).build();
        const OpenSide before(old_built);
        OpenSide after(new_built);
        const std::uint64_t whole = compared(before, after).devices[1].fetch;
        QCOMPARE(whole, 20'480U);
        after.devices[1] = std::make_shared<PartReadAt>(after.devices[1], 0, 9000);
        const Comparison comparison = compared(before, after);
        verify_sums(comparison);
        QCOMPARE(comparison.devices[1].needed, whole);
        QCOMPARE(comparison.devices[1].fetch, whole);
        QVERIFY(!comparison.all_looked_at);
        QCOMPARE(comparison.warnings.size(), 1U);
        QVERIFY(comparison.warnings[0].contains("blob 1 of the second image ends early: 9000 "));
    }

    // Equal as far as they go: that says nothing of the rest.
    void two_blobs_that_end_early() {
        ImageBuilder old_builder;
        old_builder.add_device("").add(chunked("/f", pattern(20'480, 1), 1));
        ImageBuilder new_builder;
        new_builder.add_device("").add(chunked("/g", pattern(20'480, 1), 1));
        const BuiltImage old_built = old_builder.build();
        const BuiltImage new_built = new_builder.build();
        OpenSide before(old_built);
        OpenSide after(new_built);
        QCOMPARE(compared(before, after).devices[1].match.how, Sameness::bytes);
        before.devices[1] = std::make_shared<PartReadAt>(before.devices[1], 0, 8192);
        after.devices[1] = std::make_shared<PartReadAt>(after.devices[1], 0, 8192);
        const Comparison comparison = compared(before, after);
        QCOMPARE(comparison.devices[1].match.how, Sameness::none);
        QCOMPARE(comparison.devices[1].fetch, 20'480U);
        QCOMPARE(comparison.warnings.size(), 2U);
    }

    // The rest is compared all the same.
    void a_blob_that_cannot_be_read() {
        ImageBuilder old_builder;
        old_builder.add_device("x").add_device("y");
        old_builder.add(chunked("/a", pattern(20'480, 1), 1));
        old_builder.add(chunked("/b", pattern(8192, 2), 2));
        ImageBuilder new_builder;
        new_builder.add_device("x").add_device("y");
        new_builder.add(chunked("/a", pattern(20'480, 1), 1));
        new_builder.add(chunked("/b", pattern(8192, 3), 2));
        new_builder.add(file_of("/more", to_bytes("so that the bootstraps differ")));
        const BuiltImage old_built = old_builder.build();
        const BuiltImage new_built = new_builder.build();
        const OpenSide before(old_built);
        OpenSide after(new_built);
        after.devices[1] = std::make_shared<WatchedReadAt>(after.devices[1], 4096);
        const Comparison comparison = compared(before, after);
        verify_sums(comparison);
        // By its tag, as where it is not there.
        QCOMPARE(comparison.devices[1].match.how, Sameness::tag);
        QCOMPARE(comparison.devices[2].match.how, Sameness::none);
        QCOMPARE(changes_of(before, after, comparison).at("/b"),
                 std::string("changed: content (bytes)"));
        QVERIFY(std::ranges::any_of(comparison.warnings, [](const std::string& warning) {
            return warning.contains("blob 1 of the second image could not be compared: ") &&
                   warning.contains("a worn disk");
        }));
    }

    void hard_links_are_read_once() {
        const BuiltImage old_built = linked(1, {"/a", "/b", "/c", "/d"}).build();
        const BuiltImage new_built = linked(2, {"/a", "/b", "/c", "/d"}).build();
        const BuiltImage lone_old = linked(1, {"/a"}).build();
        const BuiltImage lone_new = linked(2, {"/a"}).build();
        QCOMPARE(bytes_read(old_built, new_built, "changed: content (bytes)"),
                 bytes_read(lone_old, lone_new, "changed: content (bytes)"));
    }

    void moved_hard_links_are_read_once() {
        const BuiltImage old_built = same("/a", {"/b", "/c"}, 1).build();
        const BuiltImage new_built = same("/x", {"/y", "/z"}, 2).build();
        const BuiltImage lone_old = same("/a", {}, 1).build();
        const BuiltImage lone_new = same("/x", {}, 2).build();
        QCOMPARE(bytes_read(old_built, new_built, "moved from /a (bytes)"),
                 bytes_read(lone_old, lone_new, "moved from /a (bytes)"));
    }

private:
    // The same bytes on blobs with other tags.
    static ImageBuilder same(const std::string& name, const std::vector<std::string>& more,
                             std::uint32_t tag) {
        ImageBuilder builder;
        builder.add_device(std::string(64, static_cast<char>('a' + tag)));
        builder.add(chunked(name, pattern(20'480, 7), 1));
        for (const std::string& path : more)
            builder.add(link_to(path, name));
        return builder;
    }

    // Of the second image's blob, where one path's change is this one.
    static std::uint64_t bytes_read(const BuiltImage& old_built, const BuiltImage& new_built,
                                    const std::string& change) {
        const OpenSide before(old_built);
        OpenSide after(new_built);
        const auto watched = std::make_shared<WatchedReadAt>(after.devices[1]);
        after.devices[1] = watched;
        const Comparison comparison = compared(before, after);
        const auto changes = changes_of(before, after, comparison);
        if (std::ranges::none_of(changes, [&](const auto& one) { return one.second == change; }))
            qFatal("there is no %s", change.c_str());
        return watched->count;
    }
};

QTEST_GUILESS_MAIN(TestCompareReads)
#include "test_compare_reads.moc"
