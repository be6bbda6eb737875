// Predictions of images made at random are those of the brute force.
#include "tests/unit/sharing/random_images.h"

using namespace coldscope;
using namespace coldscope::test;

class TestSharingRandom : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void pages_data() {
        QTest::addColumn<int>("block_bits");
        QTest::addColumn<int>("chunk_bits");
        QTest::addColumn<int>("images");
        QTest::addColumn<int>("blobs");
        QTest::addColumn<int>("rounds");
        QTest::newRow("4 KiB chunks") << 12 << 0 << 2 << 2 << 40;
        QTest::newRow("8 KiB chunks") << 12 << 1 << 2 << 3 << 40;
        QTest::newRow("16 KiB chunks, three images") << 12 << 2 << 3 << 4 << 20;
        QTest::newRow("64 KiB chunks") << 12 << 4 << 2 << 2 << 6;
        QTest::newRow("1 MiB chunks") << 12 << 8 << 2 << 2 << 1;
        QTest::newRow("blocks of 512 bytes") << 9 << 0 << 2 << 2 << 30;
        QTest::newRow("blocks of 512 bytes, chunks of 4 KiB") << 9 << 3 << 3 << 2 << 20;
        QTest::newRow("blocks of 16 KiB") << 14 << 0 << 2 << 2 << 10;
    }
    void pages() {
        QFETCH(int, block_bits);
        QFETCH(int, chunk_bits);
        QFETCH(int, images);
        QFETCH(int, blobs);
        QFETCH(int, rounds);
        RandomOptions options;
        options.block_bits = std::uint32_t(block_bits);
        options.chunk_bits = std::uint32_t(chunk_bits);
        options.images = std::size_t(images);
        options.blobs = std::size_t(blobs);
        if (chunk_bits > 4)
            options.files = 5;
        for (int round = 0; round < rounds; ++round) {
            const RandomImages made(options, std::uint32_t(round * 16 + chunk_bits));
            verify_prediction(made.images(), false);
            verify_prediction(made.images(), true);
        }
    }
};

QTEST_APPLESS_MAIN(TestSharingRandom)
#include "test_sharing_random.moc"
