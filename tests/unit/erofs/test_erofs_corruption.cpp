// Images that end early or have wrong bytes: whatever the bytes are, reading ends, within bounds,
// and without touching what it must not. Run it under the sanitizers.
#include "core/erofs/check.h"
#include "tests/unit/erofs/erofs_test.h"

#include <random>

#include <sys/resource.h>

using namespace coldscope;
using namespace coldscope::erofs;
using namespace coldscope::test;

namespace {

constexpr std::uint64_t most_read = 1 << 20; // bytes of each file
constexpr int flips = 10000;
constexpr long most_memory = 1 << 20; // KiB, resident; a sanitizer's own included

// Strict index, tolerant check, and all that can be asked of every inode found.
void read_everything(const BuiltImage& built, bool with_check) {
    if (with_check)
        static_cast<void>(check_image(built.primary()));
    const auto opened = Image::open(built.primary());
    if (!opened)
        return;
    Image& image = **opened;
    static_cast<void>(Index::build(image));
    Findings findings;
    const auto index = Index::build(image, &findings);
    if (!index)
        return;
    QVERIFY(index->size() <= image.metadata_room() / 12 + 1);
    const auto devices = built.devices();
    Bytes bytes;
    for (std::size_t i = 0; i < index->size(); ++i) {
        const auto id = static_cast<NodeId>(i);
        const auto inode = image.inode(index->node(id).nid);
        if (!inode)
            continue;
        static_cast<void>(image.xattrs(*inode));
        if (inode->is_symlink())
            static_cast<void>(image.link_target(*inode));
        if (inode->is_directory())
            static_cast<void>(image.look_up(*inode, "a-somewhat-long-name-31"));
        bytes.resize(static_cast<std::size_t>(std::min(inode->size, most_read)));
        static_cast<void>(read_file(image, *inode, 0, bytes, devices));
        const std::uint64_t back = std::min<std::uint64_t>(inode->size, 5000);
        bytes.resize(static_cast<std::size_t>(back));
        static_cast<void>(read_file(image, *inode, inode->size - back, bytes, devices));
    }
    for (std::uint64_t at = 0; at < built.bytes.size(); at += 4096)
        index->files_at(0, at, 4096, [](NodeId, std::uint64_t, std::uint64_t, std::uint64_t) {});
}

std::vector<BuiltImage> images() {
    return {sample_image(9), sample_image(10), sample_image(12), metabox_image(9)};
}

} // namespace

class TestErofsCorruption : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void cleanupTestCase() {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        QVERIFY(usage.ru_maxrss < most_memory);
    }

    void truncation() {
        for (const BuiltImage& whole : images()) {
            QVERIFY(whole.bytes.size() <= 512 * 1024);
            for (std::size_t length = 0; length < whole.bytes.size(); length += 512) {
                BuiltImage cut = whole;
                cut.bytes.resize(length);
                read_everything(cut, true);
                QVERIFY(check_image(cut.primary()).errors() > 0);
            }
        }
    }

    void truncated_blobs() {
        const BuiltImage whole = sample_image(12);
        for (std::size_t length = 0; length < whole.blobs[0].size(); length += 512) {
            BuiltImage cut = whole;
            cut.blobs[0].resize(length);
            cut.blobs[1].resize(std::min(length, cut.blobs[1].size()));
            read_everything(cut, false);
        }
    }

    void flipped_bits() {
        std::mt19937 random(20240607);
        for (const BuiltImage& whole : images()) {
            for (int i = 0; i < flips / 4; ++i) {
                BuiltImage broken = whole;
                // Half of the flips hit the superblock, the device table or the metadata, which
                // lies at the end.
                const std::size_t size = whole.bytes.size();
                std::size_t at = random() % size;
                if (i % 4 == 0)
                    at = 1024 + random() % 384;
                else if (i % 4 == 1)
                    at = size - 1 - random() % (size / 4);
                const std::size_t count = 1 + random() % 4;
                for (std::size_t n = 0; n < count && at + n < size; ++n)
                    broken.bytes[at + n] = static_cast<std::byte>(random());
                broken.fix_checksum(); // or nothing behind the superblock would be reached
                read_everything(broken, i % 2 == 0);
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestErofsCorruption)
#include "test_erofs_corruption.moc"
