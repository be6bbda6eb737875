#include "core/erofs/index.h"
#include "core/erofs/radix.h"
#include "tests/support/image_writer.h"
#include "tests/unit/erofs/erofs_test.h"

#include <random>

using namespace coldscope;
using namespace coldscope::erofs;
using namespace coldscope::test;

namespace {

struct Hit {
    std::string path;
    std::uint64_t file_offset, address, length;
    auto operator<=>(const Hit&) const = default;
};

std::vector<Hit> hits(const Index& index, std::uint16_t device, std::uint64_t address,
                      std::uint64_t length) {
    std::vector<Hit> list;
    index.files_at(device, address, length,
                   [&](NodeId node, std::uint64_t file_offset, std::uint64_t at, std::uint64_t n) {
                       list.push_back({index.path(node), file_offset, at, n});
                   });
    return list;
}

} // namespace

class TestErofsIndex : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void names_and_paths() {
        for (const std::uint32_t bits : {9U, 12U, 16U}) {
            const BuiltImage built = sample_image(bits);
            const auto image = open(built);
            const Index index = value(Index::build(*image));
            QCOMPARE(index.size(), built.nids.size());
            for (const auto& [path, nid] : built.nids) {
                const auto node = index.find(path);
                QVERIFY2(node, path.c_str());
                QCOMPARE(index.path(*node), path);
                QCOMPARE(index.node(*node).nid, nid);
                const auto same = index.nodes_of_nid(nid);
                QVERIFY(std::ranges::find(same, *node) != same.end());
                const Inode inode = value(image->inode(nid));
                QCOMPARE(index.node(*node).size, inode.size);
                QCOMPARE(index.node(*node).mode, inode.mode);
                QCOMPARE(index.node(*node).layout, inode.layout);
            }
            QVERIFY(!index.find("/flat/nothing"));
            QVERIFY(!index.find("/flat/plain/below"));
            QVERIFY(!index.node_of_nid(1'000'000));
            const auto children = index.children(*index.find("/chunks"));
            QCOMPARE(children.count, 5U);
            QCOMPARE(index.name(children.first), std::string_view("copy"));
            QCOMPARE(index.node(children.first).parent, *index.find("/chunks"));
        }
    }

    // The root alone is what a whole index begins with, whatever else is wrong with the image.
    void root_alone() {
        for (const bool broken : {false, true}) {
            BuiltImage built = sample_image(9);
            if (broken) { // an inode that can't be read
                const auto sound = open(built);
                const std::uint64_t at = value(sound->inode(built.nids.at("/hard"))).offset;
                built.bytes[at] = std::byte{0xff};
                built.bytes[at + 1] = std::byte{0xff};
            }
            const auto image = open(built);
            Findings findings;
            const Index whole = value(Index::build(*image, &findings));
            const Index root = value(Index::build_root(*image, 1000));
            const auto children = root.children(root_node);
            QCOMPARE(children.count, whole.children(root_node).count);
            QCOMPARE(root.size(), std::size_t{children.count} + 1);
            for (NodeId node = 0; node < root.size(); ++node) {
                QCOMPARE(root.path(node), whole.path(node));
                QCOMPARE(root.node(node).nid, whole.node(node).nid);
                QCOMPARE(root.node(node).mode, whole.node(node).mode);
                QCOMPARE(root.node(node).size, whole.node(node).size);
            }
            QVERIFY(root.find("/chunks"));
            QVERIFY(!root.find("/chunks/copy"));
            QCOMPARE(root.children(*root.find("/chunks")).count, 0U);
            QVERIFY(root.reverse_maps().empty());
        }
    }

    void root_of_many_names() {
        ImageBuilder builder;
        for (int i = 0; i < 3000; ++i) {
            FileSpec file;
            file.path = "/file" + std::to_string(i);
            builder.add(file);
        }
        const auto built = builder.build();
        const auto image = open(built);
        const Index whole = value(Index::build(*image));
        const Index root = value(Index::build_root(*image, 1000));
        const auto children = root.children(root_node);
        QVERIFY(children.count >= 1000 && children.count < 3000);
        for (NodeId node = 0; node < root.size(); ++node)
            QCOMPARE(root.path(node), whole.path(node));
    }

    void hard_links_are_mapped_once() {
        const BuiltImage built = sample_image(12);
        const auto image = open(built);
        const Index index = value(Index::build(*image));
        const auto links = index.nodes_of_nid(built.nids.at("/hard"));
        QCOMPARE(links.size(), 2U);
        const Inode inode = value(image->find("/hard"));
        const auto map = value(image->map(inode, 0, inode.size));
        QCOMPARE(map.size(), 2U);
        QCOMPARE(hits(index, 0, map[1].address, 1).size(), 1U); // the inline tail
        QCOMPARE(hits(index, 0, map[0].address, 4096).size(), 1U);
    }

    // /chunks/one, copy and copy2: the copies share their blocks.
    void shared_blocks_give_all_files() {
        const BuiltImage built = sample_image(12);
        const auto image = open(built);
        const Index index = value(Index::build(*image));
        const Inode copy = value(image->find("/chunks/copy"));
        const auto map = value(image->map(copy, 4096, 4096));
        const auto found = hits(index, map[0].device, map[0].address, 4096);
        QVERIFY(found.size() >= 2);
        QCOMPARE(found[0].file_offset, 4096U);
        QCOMPARE(found[0].length, 4096U);
        QVERIFY(hits(index, 1, built.blobs[0].size(), 1000).empty());
        QVERIFY(hits(index, 9, 0, 1000).empty());
        QVERIFY(hits(index, 1, 0, 0).empty());
    }

    void every_query_against_all_maps() {
        const BuiltImage built = sample_image(9);
        const auto image = open(built);
        const Index index = value(Index::build(*image));
        std::vector<std::pair<std::uint16_t, Hit>> all;
        for (const auto& [path, nid] : built.inode) {
            const Inode inode = value(image->find(path));
            if (!inode.is_regular())
                continue;
            for (const Extent& extent : value(image->map(inode, 0, inode.size))) {
                if (extent.kind != ExtentKind::hole)
                    all.push_back(
                        {extent.device, {path, extent.offset, extent.address, extent.length}});
            }
        }
        for (std::uint16_t device = 0; device < 3; ++device) {
            const std::uint64_t size =
                device == 0 ? built.bytes.size() : built.blobs[device - 1U].size();
            for (std::uint64_t at = 0; at < size; at += 100) {
                std::vector<Hit> wanted;
                for (const auto& [where, extent] : all) {
                    const std::uint64_t from = std::max(at, extent.address);
                    const std::uint64_t to = std::min(at + 777, extent.address + extent.length);
                    if (where == device && from < to)
                        wanted.push_back({extent.path, extent.file_offset + from - extent.address,
                                          from, to - from});
                }
                auto found = hits(index, device, at, 777);
                for (Hit& hit : found) { // either name of the hard link
                    if (hit.path == "/hard")
                        hit.path = "/flat/inline";
                }
                std::ranges::sort(wanted);
                std::ranges::sort(found);
                QCOMPARE(found.size(), wanted.size());
                QVERIFY(found == wanted);
            }
        }
    }

    void reverse_map_against_a_plain_search() {
        std::mt19937_64 random(7);
        for (int round = 0; round < 50; ++round) {
            ReverseMap map;
            std::vector<ReverseExtent> all;
            const std::size_t count = random() % 600;
            for (std::size_t i = 0; i < count; ++i) {
                const std::uint64_t address = random() % 5000;
                const std::uint64_t length = 1 + random() % (i % 50 == 0 ? 3000 : 20);
                all.push_back({.address = address,
                               .file_offset = i,
                               .length = static_cast<std::uint32_t>(length) & 0xFFFFU,
                               .node = static_cast<NodeId>(i)});
                map.add(address, i, length, static_cast<NodeId>(i));
            }
            map.seal();
            for (int query = 0; query < 200; ++query) {
                const std::uint64_t at = random() % 6000;
                const std::uint64_t length = random() % 100;
                std::vector<NodeId> wanted;
                for (const ReverseExtent& extent : all) {
                    if (length != 0 && extent.address < at + length &&
                        extent.address + extent.length > at)
                        wanted.push_back(extent.node);
                }
                std::vector<NodeId> found;
                std::uint64_t last = 0;
                bool ordered = true;
                map.find(at, length, [&](const ReverseExtent& extent) {
                    ordered = ordered && extent.address >= last;
                    last = extent.address;
                    found.push_back(extent.node);
                });
                QVERIFY(ordered);
                std::ranges::sort(found);
                QCOMPARE(found, wanted);
            }
        }
    }

    void long_runs_are_split() {
        ReverseMap map;
        const std::uint64_t length = std::uint64_t{20} << 30;
        map.add(4096, 0, length, 3);
        map.add(~std::uint64_t{0} - 10, 0, 100, 4); // cut, not wrapped around
        map.seal();
        QVERIFY(map.extents().size() > 5);
        std::uint64_t covered = 0;
        map.find(0, ~std::uint64_t{0}, [&](const ReverseExtent& extent) {
            if (extent.node == 3) {
                QCOMPARE(extent.address, 4096 + covered);
                QCOMPARE(extent.file_offset, covered);
                covered += extent.length;
            }
        });
        QCOMPARE(covered, length);
    }

    void radix() {
        std::mt19937_64 random(1);
        for (const std::uint64_t mask : {~0ULL, 0xFFFFULL, 0xFF00'0000'0000'0F00ULL, 0ULL}) {
            std::vector<std::uint64_t> keys(1000);
            for (std::uint64_t& key : keys)
                key = random() & mask;
            auto wanted = keys;
            std::ranges::sort(wanted);
            radix_sort(keys, [](std::uint64_t key) { return key; });
            QCOMPARE(keys, wanted);
        }
    }

    void a_loop() {
        ImageBuilder builder;
        FileSpec spec;
        spec.path = "/a/b/c";
        builder.add(spec);
        BuiltImage built = builder.build();
        // The entry of c, the third of /a/b, becomes /a.
        const std::uint64_t entries = built.inode.at("/a/b") + 32;
        put<std::uint64_t>(built.bytes, entries + 24, built.nids.at("/a"));
        const auto image = open(built);
        const auto strict = Index::build(*image);
        QCOMPARE(code_of(strict), Code::corrupt);
        QCOMPARE(strict.error().offset, entries + 24);
        Findings findings;
        const Index index = value(Index::build(*image, &findings));
        QCOMPARE(findings.errors(), 1U);
        QCOMPARE(index.size(), 4U);
        QCOMPARE(index.node(*index.find("/a/b/c")).mode, 0);
    }

    // The 24-byte extents hold 4 GiB each: sizes that no device has must not become memory.
    void absurd_sizes() {
        ImageBuilder builder;
        builder.add_device("blob");
        FileSpec spec;
        spec.layout = Layout::chunk_based;
        spec.extended = true;
        spec.device = 1;
        spec.data = pattern(100, 1);
        for (int i = 0; i < 10; ++i) {
            spec.path = "/f" + std::to_string(i);
            builder.add(spec);
        }
        BuiltImage built = builder.build();
        for (int i = 0; i < 10; ++i) {
            const std::uint64_t at = built.inode.at("/f" + std::to_string(i));
            put<std::uint64_t>(built.bytes, at + 8, std::uint64_t{1} << 43);
            put<std::uint32_t>(built.bytes, at + 16, chunk_indexes | 31); // of 2^43 bytes
        }
        const auto image = open(built);
        const Index index = value(Index::build(*image));
        QVERIFY(index.memory() < 2'000'000);
        for (int i = 0; i < 10; ++i)
            put<std::uint64_t>(built.bytes, built.inode.at("/f" + std::to_string(i)) + 8,
                               std::uint64_t{1} << 50);
        // 2^50 bytes take 128 such chunks: what follows the table is no table.
        QVERIFY(!Index::build(*open(built)));
    }

    void too_deep() {
        ImageBuilder builder;
        FileSpec spec;
        for (int i = 0; i < 4200; ++i)
            spec.path += "/d";
        spec.mode = S_IFDIR | 0755;
        builder.add(spec);
        const BuiltImage built = builder.build();
        const auto image = open(built);
        QCOMPARE(code_of(Index::build(*image)), Code::corrupt);
        Findings findings;
        QVERIFY(Index::build(*image, &findings));
        QCOMPARE(findings.errors(), 1U);
    }

    // Many directories that all use one large directory's block must not multiply.
    void shared_directory_blocks() {
        ImageBuilder builder;
        FileSpec spec;
        for (int i = 0; i < 300; ++i) {
            spec.path = "/many/" + std::to_string(i);
            builder.add(spec);
        }
        spec.mode = S_IFDIR | 0755;
        for (int i = 0; i < 2000; ++i) {
            spec.path = "/d/" + std::to_string(i);
            builder.add(spec);
        }
        BuiltImage built = builder.build();
        const auto first = open(built);
        const Inode many = value(first->find("/many"));
        const auto block = value(first->map(many, 0, 4096))[0].address / 4096;
        for (int i = 0; i < 2000; ++i) {
            const std::uint64_t at = built.inode.at("/d/" + std::to_string(i));
            put<std::uint16_t>(built.bytes, at, 0); // flat-plain
            put<std::uint32_t>(built.bytes, at + 8, 4096);
            put<std::uint32_t>(built.bytes, at + 16, static_cast<std::uint32_t>(block));
        }
        const auto image = open(built);
        QCOMPARE(code_of(Index::build(*image)), Code::corrupt);
        Findings findings;
        const Index index = value(Index::build(*image, &findings));
        QVERIFY(index.size() < built.bytes.size() / 12);
    }
};

QTEST_APPLESS_MAIN(TestErofsIndex)
#include "test_erofs_index.moc"
