// Random trees on random blobs, against a comparison of what they were made from.
#include "tests/unit/compare/compared.h"

#include <random>
#include <set>

using namespace coldscope;
using namespace coldscope::compare;
using namespace coldscope::test;

namespace {

using Tree = std::map<std::string, FileSpec>;

class Maker {
public:
    explicit Maker(unsigned seed) : random_(seed) {}

    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

    FileSpec file(const std::string& path) {
        static constexpr std::array layouts{erofs::Layout::flat_plain, erofs::Layout::flat_inline,
                                            erofs::Layout::chunk_based};
        FileSpec spec = file_of(path, content(), layouts[below(3)]);
        spec.device = spec.layout == erofs::Layout::chunk_based ? std::uint16_t(below(3)) : 0;
        spec.deduplicate = below(2) == 0;
        spec.chunk_bits = below(2);
        spec.mode = S_IFREG | (below(2) == 0 ? 0644U : 0600U);
        return spec;
    }

    Tree tree() {
        Tree made;
        for (unsigned i = 0; i < 30; ++i) {
            const std::string path = name();
            made.emplace(path, file(path));
        }
        return made;
    }

    Tree changed(Tree tree) {
        Tree made;
        for (auto& [path, spec] : tree) {
            switch (below(8)) {
            case 0:
                break; // gone
            case 1:
                spec.data = content();
                break;
            case 2:
                spec.mode ^= 0044U;
                break;
            case 3:
                spec.path = name();
                break;
            case 4:
                spec = file(path);
                break;
            default:
                break;
            }
            if (below(10) != 0)
                made.emplace(spec.path, spec);
        }
        for (unsigned i = 0; i < 4; ++i) {
            const std::string path = name();
            made.emplace(path, file(path));
        }
        return made;
    }

private:
    std::string name() {
        return "/d" + std::to_string(below(4)) + "/f" + std::to_string(below(40));
    }
    Bytes content() { // few, so that there are equal ones
        static constexpr std::array sizes{0U, 1U, 511U, 512U, 513U, 1024U, 5000U};
        return pattern(sizes[below(sizes.size())], below(4));
    }

    std::mt19937 random_;
};

BuiltImage built_from(const Tree& tree) {
    ImageBuilder builder(9);
    builder.add_device("one").add_device("two");
    for (const auto& [path, spec] : tree)
        builder.add(spec);
    return builder.build();
}

// Of every block that files need, where it is and what is in it, found file by file.
struct Needed {
    std::map<std::pair<unsigned, std::uint64_t>, Bytes> blocks;
};

Needed needed_by(const OpenSide& side) {
    Needed needed;
    std::vector<erofs::Extent> extents;
    for (const erofs::Node& node : side.index.nodes()) {
        if (!node.is_regular())
            continue;
        const erofs::Inode inode = value(side.image->inode(node.nid));
        for (const erofs::Extent& extent : value(side.image->map(inode, 0, inode.size))) {
            if (extent.device == 0 || extent.kind == erofs::ExtentKind::hole)
                continue;
            for (std::uint64_t at = extent.address / 512 * 512; at < extent.address + extent.length;
                 at += 512) {
                Bytes block(512);
                value(side.devices[extent.device]->read(at, block));
                needed.blocks[{extent.device, at}] = block;
            }
        }
    }
    return needed;
}

} // namespace

class TestCompareRandom : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void trees() {
        std::set<Kind> seen;
        for (unsigned seed = 0; seed < 60; ++seed) {
            Maker maker(seed);
            const Tree old_tree = maker.tree();
            const Tree new_tree = maker.changed(old_tree);
            const BuiltImage old_built = built_from(old_tree);
            const BuiltImage new_built = built_from(new_tree);
            const OpenSide before(old_built);
            const OpenSide after(new_built);
            const Comparison comparison = compared(before, after);
            verify_sums(comparison);
            if (QTest::currentTestFailed())
                return;
            verify_files(old_tree, new_tree, before, after, comparison, seen);
            verify_blobs(before, after, comparison);
            if (QTest::currentTestFailed()) {
                qInfo("seed %u", seed);
                return;
            }
        }
        QCOMPARE(seen.size(), kind_count - 1); // all but unknown
    }

private:
    static void verify_files(const Tree& old_tree, const Tree& new_tree, const OpenSide& before,
                             const OpenSide& after, const Comparison& comparison,
                             std::set<Kind>& seen) {
        std::set<std::string> old_left;
        std::set<std::string> new_left;
        for (const auto& [path, spec] : old_tree)
            old_left.insert(path);
        for (const auto& [path, spec] : new_tree)
            new_left.insert(path);
        std::multiset<Bytes> removed;
        for (const Change& change : comparison.changes) {
            const std::string path = path_of(before.side(), after.side(), change);
            const bool of_file =
                change.new_node != no_node ? new_tree.contains(path) : old_tree.contains(path);
            if (!of_file)
                continue;
            seen.insert(change.kind);
            if (change.kind == Kind::removed) {
                QVERIFY(!new_tree.contains(path));
                QVERIFY(old_left.erase(path) == 1);
                removed.insert(old_tree.at(path).data);
                continue;
            }
            QVERIFY(new_left.erase(path) == 1);
            const FileSpec& now = new_tree.at(path);
            if (change.kind == Kind::added) {
                QVERIFY(!old_tree.contains(path));
                continue;
            }
            const std::string old_path = before.index.path(change.old_node);
            QCOMPARE(old_path == path, change.kind != Kind::moved);
            QVERIFY(old_left.erase(old_path) == 1);
            const FileSpec& old = old_tree.at(old_path);
            QCOMPARE((change.fields & field::content) != 0, old.data != now.data);
            QCOMPARE((change.fields & field::mode) != 0, old.mode != now.mode);
            if (change.kind == Kind::moved)
                QVERIFY(!old.data.empty() && old.data == now.data && !new_tree.contains(old_path) &&
                        !old_tree.contains(path));
            else
                QCOMPARE(change.kind == Kind::same, old.data == now.data && old.mode == now.mode);
        }
        QVERIFY(old_left.empty());
        QVERIFY(new_left.empty());
        // What is left as removed and added has no common content: it would have moved.
        for (const Change& change : comparison.changes) {
            const std::string path = path_of(before.side(), after.side(), change);
            if (change.kind == Kind::added && new_tree.contains(path) &&
                !new_tree.at(path).data.empty())
                QVERIFY(!removed.contains(new_tree.at(path).data));
        }
    }

    static void verify_blobs(const OpenSide& before, const OpenSide& after,
                             const Comparison& comparison) {
        const Needed old_needs = needed_by(before);
        const Needed new_needs = needed_by(after);
        std::array<std::uint64_t, 3> needed{};
        std::array<std::uint64_t, 3> fetch{};
        for (const auto& [place, bytes] : new_needs.blocks) {
            const auto& match = comparison.devices[place.first].match;
            needed[place.first] += 512;
            const bool there =
                match.before && old_needs.blocks.contains({*match.before, place.second});
            if (!there)
                fetch[place.first] += 512;
            else
                QCOMPARE(old_needs.blocks.at({*match.before, place.second}), bytes);
        }
        for (const unsigned device : {1U, 2U}) {
            QCOMPARE(comparison.devices[device].needed, needed[device]);
            QCOMPARE(comparison.devices[device].fetch, fetch[device]);
        }
    }
};

QTEST_GUILESS_MAIN(TestCompareRandom)
#include "test_compare_random.moc"
