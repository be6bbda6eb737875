// Which devices are one blob; sides as if they shared; and images that ask for more than they have
// reason to.
#include "core/sharing/blobs.h"
#include "core/sharing/usage.h"
#include "tests/support/image_writer.h"
#include "tests/unit/sharing/random_images.h"

using namespace coldscope;
using namespace coldscope::sharing;
using namespace coldscope::test;

namespace {

const std::string digest(64, 'a');

BuiltImage with_devices(const std::vector<std::pair<std::string, std::size_t>>& devices) {
    ImageBuilder builder;
    for (const auto& [tag, blocks] : devices)
        builder.add_device(tag, Bytes(blocks * 4096));
    return builder.build();
}

std::unique_ptr<OpenedImage> opened(const BuiltImage& built) {
    return std::make_unique<OpenedImage>(built.devices(), Mounted{});
}

// Files that all begin at the first block; size: in bytes, of each.
template <typename Size>
BuiltImage overlapping(std::uint32_t block_bits, std::uint32_t count, const Size& size) {
    ImageBuilder builder(block_bits);
    for (std::uint32_t i = 0; i < count; ++i) {
        FileSpec spec;
        spec.path = "/" + std::to_string(i);
        spec.layout = erofs::Layout::flat_plain;
        spec.data = Bytes(1);
        builder.add(spec);
    }
    BuiltImage built = builder.build();
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t inode = built.inode.at("/" + std::to_string(i));
        put<std::uint32_t>(built.bytes, inode + 8, size(i));
        put<std::uint32_t>(built.bytes, inode + 16, 0);
    }
    return built;
}

// Each is one page longer than the one before.
BuiltImage nested(std::uint32_t count) {
    return overlapping(9, count, [](std::uint32_t i) { return (i + 1) * 4096; });
}

BuiltImage alike(std::uint32_t count, std::uint32_t bytes) {
    return overlapping(12, count, [bytes](std::uint32_t) { return bytes; });
}

} // namespace

class TestSharingBounds : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void blobs() {
        const BuiltImage first = with_devices({{digest, 3}, {"name", 3}, {"", 1}, {digest, 3}});
        const BuiltImage second = with_devices({{"name", 3}, {digest, 3}, {"", 1}, {digest, 4}});
        const BuiltImage third = with_devices({{digest, 0}}); // its size is not said
        const auto one = opened(first);
        const auto two = opened(second);
        const auto three = opened(third);
        const std::vector<Side> sides{one->side(), two->side(), three->side()};
        const Blobs blobs = find_blobs(sides);
        QCOMPARE(blobs.of[0][1], blobs.of[1][2]); // one digest
        QCOMPARE(blobs.of[0][1], blobs.of[0][4]); // within an image
        QCOMPARE(blobs.of[0][1], blobs.of[2][1]);
        QVERIFY(blobs.of[1][4] != blobs.of[1][2]); // sizes contradict
        QVERIFY(blobs.of[0][2] != blobs.of[1][1]); // a name is no proof
        QVERIFY(blobs.of[0][3] != blobs.of[1][3]); // nor is none
        QVERIFY(blobs.of[0][0] != blobs.of[1][0]);
        QCOMPARE(blobs.count, 9U);
    }

    void as_if_all_shared() {
        const RandomImages made({12, 0, 3, 2, 4}, 1);
        std::vector<Side> sides;
        for (const auto& image : made.images())
            sides.push_back(image->side());
        sides[0].mounted = {false, true, "one", true};
        sides[1].mounted = {true, false, "two", false};
        const std::vector<Side> shared = as_if_shared(sides);
        QCOMPARE(shared.size(), sides.size());
        for (const Side& side : shared)
            QVERIFY((side.mounted == Mounted{true, false, "one", false}));
        QVERIFY(as_if_shared(shared)[1].mounted == shared[1].mounted);
        sides[0].mounted.domain.clear();
        QVERIFY(!as_if_shared(sides)[2].mounted.domain.empty());
    }

    void files_in_each_other() {
        const BuiltImage few = nested(300);
        std::vector<std::unique_ptr<OpenedImage>> images;
        images.push_back(opened(few));
        const Prediction prediction = predict(images, false);
        for (const int i : {0, 150, 298}) {
            const auto pieces = prediction.file(0, images[0]->node("/" + std::to_string(i))).pieces;
            QCOMPARE(pieces.size(), 1U);
            QCOMPARE(int(pieces[0].mark), int(Mark::by_blob));
        }
        // The longest has its last page alone.
        const auto pieces = prediction.file(0, images[0]->node("/299")).pieces;
        QCOMPARE(pieces.size(), 2U);
        QCOMPARE(pieces[1].begin, 299U * 4096);
        QCOMPARE(int(pieces[1].mark), int(Mark::alone));
        QCOMPARE(prediction.holders(0, images[0]->node("/299"), {0, 4096}, 50).size(), 50U);
    }

    void files_in_each_other_without_end() {
        const BuiltImage many = nested(9000);
        const auto image = opened(many);
        const std::vector<Side> sides{image->side()};
        const auto made = Prediction::make(sides, {value(Keys::read(sides[0]))});
        QVERIFY(!made);
        QCOMPARE(made.error().code, Code::unsupported);
    }

    void the_same_scanned_pages_without_end() {
        constexpr std::uint32_t bytes = 1024 * 4096;
        for (const auto& [files, is_made] : {std::pair(1200U, true), {4200U, false}}) {
            const BuiltImage built = alike(files, bytes);
            const auto image = opened(built);
            const std::vector<Side> sides{image->side()};
            const Keys keys = value(Keys::read(sides[0]));
            const Scan scan = value(Scan::read(sides[0], keys));
            const auto made = Prediction::make(sides, {keys}, {}, {scan});
            QCOMPARE(made.has_value(), is_made);
            if (made)
                QCOMPARE(made->holders(0, image->node("/7"), {0, bytes}, 100).size(), 100U);
            else
                QCOMPARE(made.error().code, Code::unsupported);
        }
    }

    // Each of one file is the same as each of the other.
    void pages_of_zeros() {
        constexpr std::size_t size = 1000 * 4096;
        ImageBuilder builder;
        for (const char* path : {"/a", "/b"}) {
            FileSpec spec;
            spec.path = path;
            spec.layout = erofs::Layout::flat_plain;
            spec.data = Bytes(size + 1);
            spec.data.back() = std::byte(path[1]);
            builder.add(spec);
        }
        const BuiltImage built = builder.build();
        std::vector<std::unique_ptr<OpenedImage>> images;
        images.push_back(opened(built));
        const Prediction prediction = predict(images, true);
        const auto holders = prediction.holders(0, images[0]->node("/a"), {0, size + 1}, 100);
        QCOMPARE(holders.size(), 1U);
        QCOMPARE(holders[0].node, images[0]->node("/b"));
        QCOMPARE(holders[0].offset, 0U);
        QCOMPARE(holders[0].length, size);
        QCOMPARE(int(holders[0].mark), int(Mark::same_bytes));
    }

    // One file has all of the device; others have what is before the pages that are asked for.
    void one_file_reaches_over_all() {
        BuiltImage built = alike(3000, 4096);
        const std::uint64_t all = built.bytes.size();
        put<std::uint32_t>(built.bytes, built.inode.at("/0") + 8, static_cast<std::uint32_t>(all));
        for (const std::uint32_t i : {1U, 2U})
            put<std::uint32_t>(built.bytes, built.inode.at("/" + std::to_string(i)) + 16, 1000);
        std::vector<std::unique_ptr<OpenedImage>> images;
        images.push_back(opened(built));
        const auto holders =
            predict(images, false).holders(0, images[0]->node("/1"), {0, 4096}, 9000);
        QCOMPARE(holders.size(), 2U); // /2 and /0, behind all of the others
    }

    // A size costs nothing, nor does what no device has.
    void any_size() {
        BuiltImage built = nested(2);
        put<std::uint32_t>(built.bytes, built.inode.at("/0") + 8, 0xFFFF'FFFF);
        std::vector<std::unique_ptr<OpenedImage>> images;
        images.push_back(opened(built));
        const Prediction prediction = predict(images, true);
        const auto pieces = prediction.file(0, images[0]->node("/0")).pieces;
        QCOMPARE(pieces.front().begin, 0U);
        QCOMPARE(pieces.back().end, 0xFFFF'FFFFU);
        const std::vector<Usage> usage = usage_of_all(prediction);
        QCOMPARE(usage[0].off, (std::uint64_t{1} << 32) + 2 * 4096);
        QCOMPARE(usage[0].by_rfc, std::uint64_t{1} << 32);
    }
};

QTEST_APPLESS_MAIN(TestSharingBounds)
#include "test_sharing_bounds.moc"
