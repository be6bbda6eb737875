// What hostile images cost: memory stays under 64 MiB and twice the image.
#include "core/erofs/check.h"
#include "core/erofs/index.h"
#include "core/erofs/lcluster.h"
#include "tests/support/counted_memory.h"
#include "tests/support/encoders.h"
#include "tests/support/image_writer.h"
#include "tests/unit/erofs/erofs_test.h"

#include <functional>

using namespace coldscope;
using namespace coldscope::erofs;
using namespace coldscope::test;

namespace {

constexpr std::size_t block = 4096;
constexpr std::size_t most_free = std::size_t{64} << 20;

// Peak bytes that a call takes beyond what was there before.
std::size_t peak_of(const std::function<void()>& work) {
    const std::size_t before = CountedMemory::live();
    CountedMemory::forget_peak();
    work();
    return CountedMemory::peak() - before;
}

FileSpec spec(std::string path, Layout layout, Bytes data) {
    FileSpec file;
    file.path = std::move(path);
    file.layout = layout;
    file.data = std::move(data);
    file.extended = true;
    file.indexes = false;
    return file;
}

// A file that is stored plain, to be made something else.
BuiltImage with_plain(std::size_t size, std::size_t directories) {
    ImageBuilder builder;
    builder.add(spec("/a", Layout::flat_plain, pattern(size, 1)));
    builder.add(spec("/empty", Layout::flat_inline, {}));
    for (std::size_t i = 0; i < directories; ++i)
        builder.add(spec("/d" + std::to_string(i), Layout::flat_inline, {}));
    return builder.build();
}

// Blocks full of entries with names of one byte, all of one inode.
void fill_with_entries(BuiltImage& built, std::uint64_t at, std::size_t size, std::uint64_t nid) {
    constexpr std::size_t each = dirent_size + 1;
    constexpr std::size_t count = block / each;
    for (std::size_t start = 0; start + block <= size; start += block) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t entry = at + start + i * dirent_size;
            put<std::uint64_t>(built.bytes, entry, nid);
            put<std::uint16_t>(built.bytes, entry + 8,
                               static_cast<std::uint16_t>(count * dirent_size + i));
            put<std::uint8_t>(built.bytes, entry + 10, 1);
            put<std::uint8_t>(built.bytes, entry + 11, 0);
            put<std::uint8_t>(built.bytes, at + start + count * dirent_size + i, 'x');
        }
        put<std::uint8_t>(built.bytes, at + start + count * dirent_size + count, 0);
    }
}

// Directories of entries; `shared` further ones have the same blocks. compressed: it may be, so
// that it may have more metadata than it has bytes.
BuiltImage full_of_entries(std::size_t size, std::size_t shared, bool compressed,
                           std::uint32_t links) {
    BuiltImage built = with_plain(size, shared);
    const auto image = open(built);
    const Inode file = value(image->find("/a"));
    fill_with_entries(built, value(image->map(file, 0, 1))[0].address, size,
                      built.nids.at("/empty"));
    put<std::uint32_t>(built.bytes, built.inode.at("/empty") + 44, links);
    put<std::uint16_t>(built.bytes, file.offset + 4, S_IFDIR | 0755);
    for (std::size_t i = 0; i < shared; ++i) {
        const std::uint64_t at = built.inode.at("/d" + std::to_string(i));
        put<std::uint16_t>(built.bytes, at, 1); // extended, flat and plain
        put<std::uint16_t>(built.bytes, at + 4, S_IFDIR | 0755);
        put<std::uint64_t>(built.bytes, at + 8, size);
        put<std::uint32_t>(built.bytes, at + 16, static_cast<std::uint32_t>(file.start_block));
    }
    if (compressed)
        put<std::uint32_t>(built.bytes, 1024 + 80, incompat::lz4_0padding);
    built.fix_checksum();
    return built;
}

// The last inode's table of chunks, of 4 bytes each, is so long; no two chunks follow each other.
BuiltImage full_of_chunks(std::size_t table) {
    ImageBuilder builder;
    builder.add(spec("/zz", Layout::chunk_based, pattern(block, 1)));
    BuiltImage built = builder.build();
    const std::uint64_t inode = built.inode.at("/zz");
    built.bytes.resize(inode + 64 + table);
    put<std::uint64_t>(built.bytes, inode + 8, table / 4 * block);
    for (std::size_t i = 0; i < table / 4; ++i)
        put<std::uint32_t>(built.bytes, inode + 64 + i * 4,
                           static_cast<std::uint32_t>(1 + 2 * (i * 7919 % 1000)));
    return built;
}

constexpr std::size_t cluster_size = std::size_t{1} << 20; // stored
constexpr std::size_t taken = 2 * block;                   // bytes of each that the file has

// A compressed file of so many extents, all of them the beginning of one large cluster.
BuiltImage beginnings_of_one_cluster(std::size_t extents) {
    const Bytes encoded = encode(codec::Algorithm::lz4, pattern(cluster_size - 2 * block, 7));
    Bytes cluster(cluster_size - encoded.size(), std::byte{0});
    cluster.insert(cluster.end(), encoded.begin(), encoded.end());
    ImageBuilder builder;
    builder.add(spec("/cluster", Layout::flat_plain, cluster));
    builder.add(spec("/zz", Layout::chunk_based, pattern(block, 1)));
    BuiltImage built = builder.build();
    const auto image = open(built);
    const auto start = value(image->find("/cluster")).start_block;
    const std::uint64_t inode = built.inode.at("/zz");
    const std::uint64_t index = inode + 64 + 16; // behind the map header
    built.bytes.resize(index + extents * 16);
    put<std::uint16_t>(built.bytes, inode, 1 | (1 << 1)); // extended, compressed with full indexes
    put<std::uint64_t>(built.bytes, inode + 8, extents * taken);
    put<std::uint64_t>(built.bytes, inode + 64, std::uint64_t{advise::big_clusters_1} << 32);
    put<std::uint64_t>(built.bytes, inode + 72, 0);
    for (std::size_t i = 0; i < extents; ++i) {
        put<std::uint16_t>(built.bytes, index + i * 16, 0x8001); // a head, partial
        put<std::uint16_t>(built.bytes, index + i * 16 + 2, 0);
        put<std::uint32_t>(built.bytes, index + i * 16 + 4, static_cast<std::uint32_t>(start));
        put<std::uint16_t>(built.bytes, index + i * 16 + 8, 2); // not a head
        put<std::uint16_t>(built.bytes, index + i * 16 + 10, 0);
        put<std::uint16_t>(built.bytes, index + i * 16 + 12, 0x800 | cluster_size / block);
        put<std::uint16_t>(built.bytes, index + i * 16 + 14, 1);
    }
    put<std::uint32_t>(built.bytes, 1024 + 80, incompat::lz4_0padding | incompat::chunked_file);
    built.fix_checksum();
    return built;
}

class CountedReadAt final : public ReadAt {
public:
    explicit CountedReadAt(std::shared_ptr<ReadAt> from) : from_(std::move(from)) {}
    [[nodiscard]] std::uint64_t size() const override { return from_->size(); }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
        count += into.size();
        return from_->read(offset, into);
    }
    std::uint64_t count = 0; // bytes

private:
    std::shared_ptr<ReadAt> from_;
};

} // namespace

class TestErofsBounds : public QObject {
    Q_OBJECT

    static void require_bound(const BuiltImage& built) {
        const std::size_t most = most_free + 2 * built.bytes.size();
        std::size_t nodes = 0;
        const std::size_t index = peak_of([&] {
            Findings findings;
            const auto image = open(built);
            if (const auto made = Index::build(*image, &findings))
                nodes = made->size();
        });
        Findings findings;
        const std::size_t check = peak_of([&] { findings = check_image(built.primary()); });
        qInfo("image of %zu KiB: %zu nodes, index %zu KiB, check %zu KiB, of %zu KiB",
              built.bytes.size() >> 10, nodes, index >> 10, check >> 10, most >> 10);
        QVERIFY(index <= most);
        QVERIFY(check <= most);
        QVERIFY(nodes > 1);
        QVERIFY(!findings.empty());
    }

private Q_SLOTS:
    void entries_of_one_inode() { require_bound(full_of_entries(16U << 20, 0, false, 1)); }
    void entries_of_hard_links() { require_bound(full_of_entries(16U << 20, 0, false, 1000)); }
    void directories_that_share_blocks() {
        require_bound(full_of_entries(2U << 20, 20, true, 1000));
        require_bound(full_of_entries(16U << 20, 20, true, 1000));
    }
    void tables_of_chunks() {
        require_bound(full_of_chunks(2U << 20));
        require_bound(full_of_chunks(16U << 20));
    }

    // Not all can be kept; an image that has them all may be sound, and is indexed.
    void extents_that_do_not_join() {
        for (const bool too_many : {false, true}) {
            const BuiltImage built = full_of_chunks(too_many ? 16U << 20 : 2U << 20);
            const auto index = value(Index::build(*open(built)));
            const std::size_t kept = index.reverse_maps()[0].extents().size();
            QVERIFY2(kept > 100'000, qPrintable(QString::number(kept)));
            Findings findings;
            (void)value(Index::build(*open(built), &findings));
            QCOMPARE(findings.errors(), 0U);
            QCOMPARE(findings.empty(), !too_many);
        }
    }

    // Of a cluster that holds more than is wanted, no more is read than that takes.
    void beginnings_of_large_clusters() {
        constexpr std::size_t extents = 500;
        const BuiltImage built = beginnings_of_one_cluster(extents);
        const auto image = open(built);
        const Inode file = value(image->find("/zz"));
        const auto map = value(image->map(file, 0, file.size));
        QCOMPARE(map.size(), extents);
        QCOMPARE(map[1].encoded, cluster_size);
        const auto device = std::make_shared<CountedReadAt>(built.primary());
        const std::vector<std::shared_ptr<ReadAt>> devices{device};
        Bytes bytes(file.size);
        value(read_file(*image, file, 0, bytes, devices));
        const Bytes whole = pattern(cluster_size - 2 * block, 7);
        for (std::size_t i = 0; i < extents; ++i)
            QVERIFY(std::ranges::equal(std::span(bytes).subspan(i * taken, taken),
                                       std::span(whole).first(taken)));
        qInfo("%zu bytes asked, %llu read", bytes.size(),
              static_cast<unsigned long long>(device->count));
        QVERIFY(device->count < 4 * bytes.size());
    }
};

QTEST_GUILESS_MAIN(TestErofsBounds)
#include "test_erofs_bounds.moc"
