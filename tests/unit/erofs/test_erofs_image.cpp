#include "core/erofs/index.h"
#include "tests/support/image_writer.h"
#include "tests/unit/erofs/erofs_test.h"

using namespace coldscope;
using namespace coldscope::erofs;
using namespace coldscope::test;

namespace {

FileSpec file(std::string path, Layout layout, Bytes data) {
    FileSpec spec;
    spec.path = std::move(path);
    spec.layout = layout;
    spec.data = std::move(data);
    return spec;
}

// The map of a range equals the whole map, cut.
void check_map_of_ranges(Image& image, const Inode& inode) {
    const auto whole = value(image.map(inode, 0, inode.size));
    std::uint64_t at = 0;
    for (const Extent& extent : whole) {
        QCOMPARE(extent.offset, at);
        QVERIFY(extent.length > 0);
        at += extent.length;
    }
    QCOMPARE(at, inode.size);
    for (std::uint64_t from = 0; from < inode.size; from += 511) {
        for (const std::uint64_t length : {1U, 512U, 5000U}) {
            std::uint64_t next = from;
            for (const Extent& part : value(image.map(inode, from, length))) {
                QCOMPARE(part.offset, next);
                next += part.length;
                const auto owner = std::ranges::find_if(whole, [&](const Extent& extent) {
                    return part.offset >= extent.offset &&
                           part.offset < extent.offset + extent.length;
                });
                QVERIFY(owner != whole.end());
                QCOMPARE(part.kind, owner->kind);
                QCOMPARE(part.device, owner->device);
                if (part.kind != ExtentKind::hole)
                    QCOMPARE(part.address - owner->address, part.offset - owner->offset);
            }
            QCOMPARE(next, std::min(inode.size, from + length));
        }
    }
}

} // namespace

class TestErofsImage : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void contents_of_every_layout_data() {
        QTest::addColumn<int>("bits");
        for (const int bits : {9, 10, 11, 12, 13, 14, 15, 16})
            QTest::addRow("%d-byte blocks", 1 << bits) << bits;
    }
    void contents_of_every_layout() {
        QFETCH(int, bits);
        const std::size_t block = std::size_t{1} << bits;
        const BuiltImage built = sample_image(static_cast<std::uint32_t>(bits));
        const auto image = open(built);
        const auto read = [&](const char* path) {
            return value(contents(*image, value(image->find(path)), built));
        };
        QCOMPARE(read("/flat/plain"), pattern(3 * block - 5, 1));
        QCOMPARE(read("/flat/inline"), pattern(block + 77, 2));
        QCOMPARE(read("/hard"), pattern(block + 77, 2));
        QCOMPARE(read("/flat/empty"), Bytes());
        QCOMPARE(read("/chunks/four"), pattern(5 * block + 9, 3));
        QCOMPARE(read("/chunks/one"), pattern(9 * block, 4));
        QCOMPARE(read("/chunks/copy2"), pattern(9 * block, 4));
        Bytes two = pattern(4 * block + 1, 5);
        std::fill_n(two.begin() + static_cast<std::ptrdiff_t>(block), block, std::byte{});
        QCOMPARE(read("/chunks/two"), two);
        QCOMPARE(value(image->find("/chunks/two")).layout, Layout::chunk_based);
        for (const char* path : {"/flat/plain", "/flat/inline", "/chunks/four", "/chunks/two"})
            check_map_of_ranges(*image, value(image->find(path)));
    }

    void attributes() {
        const BuiltImage built = sample_image(12);
        const auto image = open(built);
        const Inode plain = value(image->find("/flat/plain"));
        QCOMPARE(plain.nid, built.nids.at("/flat/plain"));
        QCOMPARE(plain.offset, built.inode.at("/flat/plain"));
        QCOMPARE(plain.slot_size, 64);
        QCOMPARE(plain.uid, 70000U);
        QCOMPARE(plain.mtime, 1'700'000'000);
        QCOMPARE(plain.mtime_nsec, 123456789U);
        const Inode compact = value(image->find("/flat/inline"));
        QCOMPARE(compact.slot_size, 32);
        QCOMPARE(compact.mtime, 1'700'000'000);
        QCOMPARE(compact.nlink, 2U);
        QCOMPARE(compact.nid, value(image->find("/hard")).nid);
        const Inode null = value(image->find("/dev/null"));
        QVERIFY(S_ISCHR(null.mode));
        QCOMPARE(null.rdev_major(), 1U);
        QCOMPARE(null.rdev_minor(), 3U);
        QVERIFY(value(image->map(null, 0, 100)).empty());
        QCOMPARE(value(image->link_target(value(image->find("/link")))), std::string("flat/plain"));
        QCOMPARE(code_of(image->link_target(plain)), Code::invalid);
    }

    void unified_addresses_become_the_device() {
        const BuiltImage built = sample_image(12);
        const auto image = open(built);
        const Inode inode = value(image->find("/chunks/two"));
        const auto map = value(image->map(inode, 0, inode.size));
        QCOMPARE(map.size(), 3U);
        QCOMPARE(map[0], (Extent{0, 4096, ExtentKind::data, 2, 0}));
        QCOMPARE(map[1], (Extent{4096, 4096, ExtentKind::hole, 0, 0}));
        QCOMPARE(map[2], (Extent{8192, 8193, ExtentKind::data, 2, 4096}));
    }

    void large_directories() {
        for (const std::uint32_t bits : {9U, 12U}) {
            ImageBuilder builder(bits);
            for (int i = 0; i < 3000; ++i)
                builder.add(file(QString("/d/name%1").arg(i * 7 % 3000).toStdString(),
                                 Layout::flat_inline, {}));
            const BuiltImage built = builder.build();
            const auto image = open(built);
            const Inode directory = value(image->find("/d"));
            QVERIFY(image->directory_blocks(directory) > 10);
            for (int i = 0; i < 3000; ++i) {
                const std::string name = "name" + std::to_string(i);
                QCOMPARE(value(image->look_up(directory, name)), built.nids.at("/d/" + name));
                QVERIFY(!value(image->look_up(directory, name + "x")));
            }
            QVERIFY(!value(image->look_up(directory, "")));
            QVERIFY(!value(image->look_up(directory, "zzz")));
            QCOMPARE(value(image->look_up(directory, ".")), directory.nid);
            QCOMPARE(value(image->look_up(directory, "..")), image->root_nid());
        }
    }

    // readdir() stops where its buffer ends, and goes on from there.
    void listing_resumes_anywhere() {
        const BuiltImage built = sample_image(9);
        const auto image = open(built);
        const Inode directory = value(image->find("/many"));
        std::vector<std::string> all;
        value(image->for_each_entry(directory, 0, [&](const DirEntry& entry, std::uint64_t) {
            all.emplace_back(entry.name);
            return true;
        }));
        QCOMPARE(all.size(), 62U);
        QVERIFY(std::ranges::is_sorted(all));
        for (const std::size_t step : {1U, 3U, 61U}) {
            std::vector<std::string> pieces;
            std::uint64_t position = 0;
            for (bool more = true; more;) {
                std::size_t taken = 0;
                more = false;
                value(image->for_each_entry(directory, position,
                                            [&](const DirEntry& entry, std::uint64_t next) {
                                                pieces.emplace_back(entry.name);
                                                position = next;
                                                more = ++taken == step;
                                                return !more;
                                            }));
            }
            QCOMPARE(pieces, all);
        }
    }

    void longest_names() {
        for (const std::uint32_t bits : {9U, 12U}) {
            ImageBuilder builder(bits);
            for (char c = 'a'; c <= 'z'; ++c)
                builder.add(file("/" + std::string(255, c), Layout::flat_inline, {}));
            const BuiltImage built = builder.build();
            const auto image = open(built);
            for (char c = 'a'; c <= 'z'; ++c) {
                const std::string path = "/" + std::string(255, c);
                QCOMPARE(value(image->find(path)).nid, built.nids.at(path));
                QCOMPARE(code_of(image->find(path + "a")), Code::not_found);
            }
            QCOMPARE(value(Index::build(*image)).size(), 27U);
        }
    }

    void paths() {
        const BuiltImage built = sample_image(12);
        const auto image = open(built);
        QCOMPARE(value(image->find("/")).nid, image->root_nid());
        QCOMPARE(value(image->find("")).nid, image->root_nid());
        QCOMPARE(value(image->find("//flat///inline/")).nid, built.nids.at("/flat/inline"));
        const auto missing = image->find("/flat/nothing");
        QCOMPARE(code_of(missing), Code::not_found);
        QCOMPARE(to_errno(missing.error()), ENOENT);
        QVERIFY(missing.error().context.find("/flat/nothing") != std::string::npos);
        QCOMPARE(to_errno(image->find("/flat/plain/x").error()), ENOTDIR);
        QCOMPARE(code_of(image->find("/link/x")), Code::not_found); // links are not followed
    }

    void a_missing_device_is_named() {
        const BuiltImage built = sample_image(12);
        const auto image = open(built);
        const Inode inode = value(image->find("/chunks/two"));
        Bytes bytes(10);
        std::vector<std::shared_ptr<ReadAt>> devices = built.devices();
        devices.pop_back();
        const auto read = read_file(*image, inode, 0, bytes, devices);
        QCOMPARE(code_of(read), Code::not_found);
        QVERIFY(read.error().context.find("blob-two") != std::string::npos);
        QVERIFY(read_file(*image, inode, 4096, bytes, devices)); // a hole needs no device
        QCOMPARE(code_of(read_file(*image, inode, inode.size - 5, bytes, devices)), Code::invalid);
    }

    void inodes_in_the_metabox() {
        for (const std::uint32_t bits : {9U, 12U}) {
            const BuiltImage built = metabox_image(bits);
            const auto image = open(built);
            for (const char* path : {"/boxed", "/chunks"}) {
                const Inode inode = value(image->find(path));
                QVERIFY(inode.in_metabox());
                QCOMPARE(inode.offset, built.inode.at(path)); // in the metabox
                QCOMPARE(value(contents(*image, inode, built)), metabox_data(path));
                check_map_of_ranges(*image, inode);
            }
            const auto xattrs = value(image->xattrs(value(image->find("/boxed"))));
            QCOMPARE(xattrs.size(), 1U);
            QCOMPARE(xattrs[0].name, std::string("user.long.x"));
            const Index index = value(Index::build(*image));
            QCOMPARE(index.size(), 4U);
            QVERIFY(index.node_of_nid(built.nids.at("/boxed")));
            // The addresses are those of the image, not of the metabox.
            const Inode boxed = value(image->find("/boxed"));
            const auto map = value(image->map(boxed, 0, boxed.size));
            bool found = false;
            index.files_at(0, map.back().address, 1,
                           [&](NodeId node, std::uint64_t, std::uint64_t, std::uint64_t) {
                               found = found || index.path(node) == "/boxed";
                           });
            QVERIFY(found);
        }
        BuiltImage broken = metabox_image(12);
        put<std::uint64_t>(broken.bytes, 1024 + 128, 1 << 20); // no such inode
        broken.fix_checksum();
        const auto image = open(broken);
        QVERIFY(!image->find("/boxed"));
        QVERIFY(image->find("/box"));
    }

    void directories_larger_than_the_image() {
        ImageBuilder builder;
        builder.add(file("/d/f", Layout::flat_inline, {}));
        BuiltImage built = builder.build();
        put<std::uint16_t>(built.bytes, built.inode.at("/d"), 0); // flat-plain
        put<std::uint32_t>(built.bytes, built.inode.at("/d") + 8, 1U << 30);
        const auto image = open(built);
        const Inode directory = value(image->find("/d"));
        QCOMPARE(code_of(image->for_each_entry(
                     directory, 0, [](const DirEntry&, std::uint64_t) { return true; })),
                 Code::corrupt);
        QCOMPARE(code_of(image->look_up(directory, "f")), Code::corrupt);
    }

    void flat_holes() {
        ImageBuilder builder;
        builder.add(file("/hole", Layout::flat_plain, Bytes(10000)));
        BuiltImage built = builder.build();
        put<std::uint32_t>(built.bytes, built.inode.at("/hole") + 16, 0xFFFFFFFF);
        const auto image = open(built);
        const Inode inode = value(image->find("/hole"));
        QCOMPARE(value(image->map(inode, 5, 20000)),
                 (std::vector{Extent{5, 9995, ExtentKind::hole, 0, 0}}));
        QCOMPARE(value(contents(*image, inode, built)), Bytes(10000));
    }

    void wide_chunk_addresses() {
        ImageBuilder builder;
        builder.add_device("far").set_48bit();
        FileSpec spec = file("/far", Layout::chunk_based, pattern(100, 1));
        spec.device = 1;
        builder.add(spec);
        BuiltImage built = builder.build();
        put<std::uint16_t>(built.bytes, built.inode.at("/far") + 32, 0x1234);
        const auto image = open(built);
        const auto map = value(image->map(value(image->find("/far")), 0, 100));
        QCOMPARE(map[0].address, 0x1234'0000'0000U * 4096);
        // Without the 48-bit flag the upper half is not part of the address.
        put<std::uint32_t>(built.bytes, built.inode.at("/far") + 16, chunk_indexes);
        const auto narrow = open(built);
        QCOMPARE(value(narrow->map(value(narrow->find("/far")), 0, 100))[0].address, 0U);
    }

    void bad_devices_and_addresses() {
        ImageBuilder builder;
        builder.add_device("a").add_device("b");
        FileSpec spec = file("/f", Layout::chunk_based, pattern(9000, 1));
        spec.device = 1;
        builder.add(spec);
        BuiltImage built = builder.build();
        const std::uint64_t table = built.inode.at("/f") + 32;
        put<std::uint16_t>(built.bytes, table + 8 + 2, 3);
        const auto image = open(built);
        const Inode inode = value(image->find("/f"));
        QVERIFY(image->map(inode, 0, 4096));
        const auto bad = image->map(inode, 0, 9000);
        QCOMPARE(code_of(bad), Code::corrupt);
        QCOMPARE(bad.error().offset, table + 8 + 2);
    }
};

QTEST_APPLESS_MAIN(TestErofsImage)
#include "test_erofs_image.moc"
