// What becomes of each path.
#include "tests/support/image_writer.h"
#include "tests/unit/compare/compared.h"

using namespace coldscope;
using namespace coldscope::compare;
using namespace coldscope::test;
using erofs::Layout;

namespace {

using Changes = std::map<std::string, std::string>;

Changes changes_between(const ImageBuilder& old_builder, const ImageBuilder& new_builder,
                        const Options& options = {}) {
    const BuiltImage old_built = old_builder.build();
    const BuiltImage new_built = new_builder.build();
    const OpenSide before(old_built);
    const OpenSide after(new_built);
    const Comparison comparison = compared(before, after, options);
    verify_sums(comparison);
    return changes_of(before, after, comparison);
}

// What differs between one file and another at the same path.
std::string change_of(const FileSpec& old_file, const FileSpec& new_file,
                      const Options& options = {}) {
    ImageBuilder before;
    ImageBuilder after;
    before.add(old_file);
    after.add(new_file);
    return changes_between(before, after, options).at(old_file.path);
}

FileSpec link_to(std::string path, std::string_view target) {
    FileSpec spec = file_of(std::move(path), to_bytes(target));
    spec.mode = S_IFLNK | 0777;
    return spec;
}

// The long prefix that the superblock names holds fingerprints.
BuiltImage with_fingerprints(ImageBuilder& builder) {
    builder.add_prefix(1, "fingerprint");
    BuiltImage built = builder.build();
    put<std::uint32_t>(built.bytes, 1024 + 8,
                       load_le<std::uint32_t>(built.bytes.data() + 1024 + 8) |
                           erofs::compat::inode_share_xattrs);
    built.fix_checksum();
    return built;
}

} // namespace

class TestCompareFiles : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void the_same_image() {
        const BuiltImage built = sample_image(12);
        const OpenSide before(built);
        OpenSide after(built);
        const Comparison comparison = compared(before, after);
        verify_sums(comparison);
        QVERIFY(comparison.same());
        QCOMPARE(comparison.count(Kind::same), before.index.size());
        QCOMPARE(comparison.to_fetch, 0U);
        QCOMPARE(comparison.devices[0].match.how, Sameness::bytes);
    }

    void paths_that_come_and_go() {
        ImageBuilder before;
        before.add(file_of("/a/gone", to_bytes("12345")))
            .add(file_of("/a/stays", to_bytes("same")))
            .add(file_of("/b/inner", to_bytes("deep")))
            .add(file_of("/c", to_bytes("a file")));
        ImageBuilder after;
        after.add(file_of("/a/new", to_bytes("123456")))
            .add(file_of("/a/stays", to_bytes("same")))
            .add(file_of("/b", to_bytes("no folder any more")))
            .add(file_of("/c/inner", to_bytes("a folder")));
        QCOMPARE(changes_between(before, after), (Changes{{"/", "same"},
                                                          {"/a", "same"},
                                                          {"/a/gone", "removed"},
                                                          {"/a/new", "added"},
                                                          {"/a/stays", "same (bytes)"},
                                                          {"/b", "changed: type"},
                                                          {"/b/inner", "removed"},
                                                          {"/c", "changed: type"},
                                                          {"/c/inner", "added"}}));
    }

    void a_folder_comes_before_what_is_in_it() {
        ImageBuilder before;
        before.add(file_of("/b/y", {})).add(file_of("/b/z", {})).add(file_of("/d", {}));
        ImageBuilder after;
        after.add(file_of("/a", {})).add(file_of("/b/x", {})).add(file_of("/b/z", {}));
        const BuiltImage old_built = before.build();
        const BuiltImage new_built = after.build();
        const OpenSide old_side(old_built);
        const OpenSide new_side(new_built);
        const Comparison comparison = compared(old_side, new_side);
        std::vector<std::string> paths;
        for (const Change& change : comparison.changes)
            paths.push_back(path_of(old_side.side(), new_side.side(), change));
        QCOMPARE(paths, (std::vector<std::string>{"/", "/a", "/b", "/b/x", "/b/y", "/b/z", "/d"}));
    }

    void fields_data() {
        QTest::addColumn<QString>("wanted");
        QTest::addColumn<FileSpec>("other");
        FileSpec base = file_of("/f", to_bytes("content"));
        base.extended = true;
        base.mtime_nsec = 5;
        base.xattrs = {{"user.a", "1"}, {"user.b", "2"}};
        const auto row = [&](const char* name, const char* wanted, const auto& change) {
            FileSpec other = base;
            change(other);
            QTest::newRow(name) << QString(wanted) << other;
        };
        row("nothing", "same (place)", [](FileSpec&) {});
        row("mode", "changed: mode (bytes)", [](FileSpec& f) { f.mode = S_IFREG | 0600; });
        row("owner", "changed: uid, gid (bytes)", [](FileSpec& f) { f.uid = f.gid = 7; });
        row("time", "changed: mtime (bytes)", [](FileSpec& f) { ++f.mtime; });
        row("nanoseconds", "changed: mtime (bytes)", [](FileSpec& f) { ++f.mtime_nsec; });
        row("value", "changed: xattrs (bytes)", [](FileSpec& f) { f.xattrs[0].second = "3"; });
        row("one more", "changed: xattrs (bytes)",
            [](FileSpec& f) { f.xattrs.emplace_back("user.c", "3"); });
        row("order", "same (bytes)", [](FileSpec& f) { std::swap(f.xattrs[0], f.xattrs[1]); });
        row("shared or not", "same (bytes)",
            [](FileSpec& f) { std::swap(f.xattrs, f.shared_xattrs); });
        row("layout", "same (bytes)", [](FileSpec& f) { f.layout = Layout::chunk_based; });
        row("same size", "changed: content (bytes)",
            [](FileSpec& f) { f.data = to_bytes("Content"); });
        row("size", "changed: content (size)", [](FileSpec& f) { f.data = to_bytes("contents"); });
        row("both", "changed: content, mode (bytes)", [](FileSpec& f) {
            f.data = to_bytes("kontent");
            f.mode = S_IFREG | 0600;
        });
        row("emptied", "changed: content (size)", [](FileSpec& f) { f.data = {}; });
    }
    void fields() {
        QFETCH(FileSpec, other);
        QFETCH(QString, wanted);
        FileSpec base = file_of("/f", to_bytes("content"));
        base.extended = true;
        base.mtime_nsec = 5;
        base.xattrs = {{"user.a", "1"}, {"user.b", "2"}};
        QCOMPARE(QString::fromStdString(change_of(base, other)), wanted);
    }

    void other_types() {
        QCOMPARE(change_of(link_to("/l", "there"), link_to("/l", "there")), std::string("same"));
        QCOMPARE(change_of(link_to("/l", "there"), link_to("/l", "other")),
                 std::string("changed: target"));
        FileSpec node = file_of("/n", {}, Layout::flat_plain);
        node.mode = S_IFCHR | 0666;
        node.rdev = (1 << 8) | 3;
        FileSpec other = node;
        QCOMPARE(change_of(node, other), std::string("same"));
        other.rdev = (1 << 8) | 5;
        QCOMPARE(change_of(node, other), std::string("changed: rdev"));
        QCOMPARE(change_of(file_of("/f", {}), file_of("/f", {}, Layout::flat_plain)),
                 std::string("same (size)"));
    }

    void hard_links() {
        ImageBuilder before;
        before.add(file_of("/f", to_bytes("x")));
        FileSpec link;
        link.path = "/g";
        link.link_to = "/f";
        ImageBuilder after = before;
        after.add(link);
        QCOMPARE(changes_between(before, after),
                 (Changes{{"/", "same"}, {"/f", "changed: links (bytes)"}, {"/g", "added"}}));
    }

    void ignored_fields() {
        FileSpec base = file_of("/f", to_bytes("content"));
        FileSpec other = base;
        ++other.mtime;
        Options options;
        options.ignore = field::mtime;
        QCOMPARE(change_of(base, other, options), std::string("same (bytes)"));
        other.data = to_bytes("kontent");
        QCOMPARE(change_of(base, other, options), std::string("changed: content (bytes)"));
    }

    void moves() {
        const Bytes big = pattern(9000, 1);
        const Bytes other = pattern(9000, 2);
        ImageBuilder before;
        before.add(file_of("/a/one", big))
            .add(file_of("/a/two", big))
            .add(file_of("/a/three", other))
            .add(file_of("/a/empty", {}))
            .add(file_of("/a/gone", pattern(9000, 3)));
        FileSpec moved = file_of("/b/3", other);
        moved.mode = S_IFREG | 0600;
        ImageBuilder after;
        after.add(file_of("/b/two", big))
            .add(file_of("/b/another", big))
            .add(file_of("/b/copy", big))
            .add(file_of("/b/empty", {}))
            .add(moved)
            .add(file_of("/b/new", pattern(9000, 4)));
        QCOMPARE(changes_between(before, after),
                 (Changes{{"/", "same"},
                          {"/a", "removed"},
                          {"/a/empty", "removed"},
                          {"/a/gone", "removed"},
                          {"/b", "added"},
                          {"/b/3", "moved from /a/three: mode (bytes)"},
                          {"/b/another", "moved from /a/one (bytes)"},
                          {"/b/copy", "added"},
                          {"/b/empty", "added"},
                          {"/b/new", "added"},
                          {"/b/two", "moved from /a/two (bytes)"}}));
    }

    void moves_are_told_without_reading_where_they_can() {
        const std::string digest(64, 'a');
        ImageBuilder before;
        before.add_device(digest).add(chunked("/old", pattern(20000, 1), 1));
        ImageBuilder after;
        after.add_device(digest).add(chunked("/new", pattern(20000, 1), 1));
        Options options;
        options.read = false;
        QCOMPARE(changes_between(before, after, options),
                 (Changes{{"/", "same"}, {"/new", "moved from /old (place)"}}));
    }

    void a_hole_is_the_same_as_zeros() {
        Bytes sparse = pattern(3 * 256 * 1024 + 100, 1);
        std::fill(sparse.begin() + 4096, sparse.end() - 4096, std::byte{});
        FileSpec holes = chunked("/old", sparse, 0);
        FileSpec plain = file_of("/new", sparse, Layout::flat_plain);
        ImageBuilder before;
        before.add(holes);
        ImageBuilder after;
        after.add(plain);
        QCOMPARE(changes_between(before, after).at("/new"), std::string("moved from /old (bytes)"));
        holes.path = plain.path;
        QCOMPARE(change_of(holes, plain), std::string("same (bytes)"));
        plain.data[300'000] = std::byte{1};
        QCOMPARE(change_of(holes, plain), std::string("changed: content (bytes)"));
    }

    // 2^60 bytes of nothing, twice, are neither read nor waited for.
    void huge_holes() {
        const auto sparse = [](const char* path) {
            ImageBuilder builder;
            FileSpec file = file_of(path, pattern(8192, 1), Layout::flat_plain);
            file.extended = true;
            BuiltImage built = builder.add(file).build();
            const std::uint64_t at = built.inode.at(path);
            put<std::uint64_t>(built.bytes, at + 8, std::uint64_t{1} << 60);
            put<std::uint16_t>(built.bytes, at + 6, 0xFFFF); // no first block: one hole
            put<std::uint32_t>(built.bytes, at + 16, 0xFFFF'FFFF);
            return built;
        };
        const BuiltImage one = sparse("/a");
        const BuiltImage two = sparse("/b");
        const OpenSide before(one);
        const OpenSide after(two);
        const OpenSide again(one);
        QCOMPARE(changes_of(before, again, compared(before, again)).at("/a"),
                 std::string("same (place)"));
        QCOMPARE(changes_of(before, after, compared(before, after)).at("/b"),
                 std::string("moved from /a (place)"));
    }

    void bytes_that_are_not_there() {
        ImageBuilder before;
        before.add_device("").add(chunked("/f", pattern(5000, 1), 1));
        ImageBuilder after;
        after.add_device("").add(chunked("/f", pattern(5000, 2), 1));
        after.add(chunked("/g", pattern(5000, 1), 1));
        const BuiltImage old_built = before.build();
        const BuiltImage new_built = after.build();
        const OpenSide old_side(old_built);
        OpenSide new_side(new_built);
        Options options;
        options.read = false;
        const auto change = [&](const Options& with) {
            return changes_of(old_side, new_side, compared(old_side, new_side, with)).at("/f");
        };
        QCOMPARE(change({}), std::string("changed: content (bytes)"));
        QCOMPARE(change(options), std::string("unknown (not read)"));
        new_side.devices[1] = nullptr;
        const Comparison comparison = compared(old_side, new_side);
        QCOMPARE(change({}), std::string("unknown (blob missing)"));
        QVERIFY(!comparison.same());
        QVERIFY(!comparison.all_looked_at);
        QVERIFY(!comparison.devices[1].by_content);
        new_side.devices.resize(1);
        QCOMPARE(change({}), std::string("unknown (blob missing)"));
    }

    void fingerprints() {
        const auto made = [](const Bytes& data, const std::string& print, std::uint32_t mode) {
            ImageBuilder builder;
            builder.add_device("");
            FileSpec file = chunked("/f", data, 1);
            file.mode = S_IFREG | mode;
            file.xattrs = {{"user.fingerprint", print}};
            builder.add(file);
            return with_fingerprints(builder);
        };
        const BuiltImage base = made(pattern(5000, 1), "sha256:aaa", 0644);
        const BuiltImage same = made(pattern(5000, 1), "sha256:aaa", 0600);
        const BuiltImage other = made(pattern(5000, 2), "sha256:bbb", 0644);
        const OpenSide before(base);
        for (const auto& [built, wanted] : {std::pair{&same, "changed: mode (fingerprint)"},
                                            std::pair{&other, "changed: content (fingerprint)"}}) {
            OpenSide after(*built);
            after.devices.resize(1);
            QCOMPARE(changes_of(before, after, compared(before, after)).at("/f"),
                     std::string(wanted));
        }
    }

    void damaged_files() {
        ImageBuilder builder;
        builder.add(file_of("/a", to_bytes("x"))).add(file_of("/b", pattern(5000, 1)));
        const BuiltImage good = builder.build();
        BuiltImage bad = good;
        // A layout that there is none of.
        put<std::uint16_t>(bad.bytes, bad.inode.at("/b"), 0x0E);
        const OpenSide before(good);
        const auto image = open(bad);
        erofs::Findings findings;
        const erofs::Index index = value(erofs::Index::build(*image, &findings));
        QVERIFY(!findings.empty());
        const auto devices = bad.devices();
        const Side after{*image, index, devices, {}};
        const Comparison comparison = value(compare::compare(before.side(), after, {}));
        QCOMPARE(comparison.count(Kind::unknown), 1U);
        for (const Change& change : comparison.changes) {
            if (change.kind == Kind::unknown)
                QCOMPARE(change.basis, Basis::failed);
        }
    }

    void given_up() {
        const BuiltImage old_built = sample_image(12);
        BuiltImage new_built = sample_image(9);
        const OpenSide before(old_built);
        const OpenSide after(new_built);
        int calls = 0;
        Options options;
        options.report = [&calls](const Progress&) { return ++calls > 0; };
        (void)compared(before, after, options);
        const int all = calls;
        QVERIFY(all > 4);
        for (int last = 1; last <= all; ++last) {
            calls = 0;
            options.report = [&](const Progress&) { return ++calls < last; };
            QCOMPARE(code_of(compare::compare(before.side(), after.side(), options)),
                     Code::cancelled);
            QCOMPARE(calls, last);
        }
    }
};

QTEST_GUILESS_MAIN(TestCompareFiles)
#include "test_compare_files.moc"
