#include "core/codec/codec.h"
#include "tests/support/encoders.h"

#include <QTest>
#include <algorithm>
#include <random>

using namespace coldscope;
using codec::Algorithm;
using codec::Padding;

namespace {

using Bytes = std::vector<std::byte>;

// Text-like: runs of bytes from a small alphabet, and copies of what was before.
Bytes sample(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    Bytes bytes;
    while (bytes.size() < size) {
        const std::size_t count = random() % 60 + 4;
        if (bytes.size() > 100 && random() % 3 != 0) {
            const std::size_t from = random() % (bytes.size() - 64);
            for (std::size_t i = 0; i < count; ++i)
                bytes.push_back(bytes[from + i % 64]);
        } else {
            for (std::size_t i = 0; i < count; ++i)
                bytes.push_back(static_cast<std::byte>('a' + random() % 20));
        }
    }
    bytes.resize(size);
    return bytes;
}

Bytes padded(const Bytes& block, std::size_t front, std::size_t back = 0) {
    Bytes bytes(front);
    bytes.insert(bytes.end(), block.begin(), block.end());
    bytes.resize(bytes.size() + back);
    return bytes;
}

void algorithms() {
    QTest::addColumn<int>("number");
    for (int i = 0; i < static_cast<int>(codec::algorithm_count); ++i)
        QTest::newRow(codec::name(static_cast<Algorithm>(i))) << i;
}

Algorithm algorithm_of_row() {
    QFETCH(int, number);
    return static_cast<Algorithm>(number);
}

} // namespace

class TestCodec : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void round_trip_data() { algorithms(); }
    void round_trip() {
        const Algorithm algorithm = algorithm_of_row();
        for (const std::size_t size : {1UL, 100UL, 4096UL, 65536UL, 1UL << 20}) {
            const Bytes plain = sample(size, static_cast<unsigned>(size));
            const Bytes block = test::encode(algorithm, plain);
            Bytes out(size);
            QVERIFY(codec::decode(algorithm, block, out, {.padding = Padding::none}));
            QCOMPARE(out, plain);
            std::ranges::fill(out, std::byte{0xAA});
            QVERIFY(codec::decode(algorithm, padded(block, 777), out));
            QCOMPARE(out, plain);
        }
    }

    // The block holds more than is asked for.
    void partial_data() { algorithms(); }
    void partial() {
        const Algorithm algorithm = algorithm_of_row();
        const Bytes plain = sample(100'000, 1);
        const Bytes block = padded(test::encode(algorithm, plain), 100);
        for (const std::size_t size : {1UL, 2UL, 4095UL, 65537UL, 99'999UL, 100'000UL}) {
            Bytes out(size);
            const auto done = codec::decode(algorithm, block, out, {.partial = true});
            QVERIFY2(done, done ? "" : done.error().context.c_str());
            QVERIFY(std::ranges::equal(out, std::span(plain).first(size)));
        }
        Bytes more(100'001);
        const auto done = codec::decode(algorithm, block, more, {.partial = true});
        QVERIFY(!done && done.error().code == Code::corrupt);
    }

    // Without partial, the block has to end where it is said to.
    void wrong_length_data() { algorithms(); }
    void wrong_length() {
        const Algorithm algorithm = algorithm_of_row();
        const Bytes block = test::encode(algorithm, sample(50'000, 2));
        for (const std::size_t size : {1UL, 49'999UL, 50'001UL, 200'000UL}) {
            Bytes out(size);
            const auto done = codec::decode(algorithm, block, out);
            QVERIFY(!done);
            QCOMPARE(done.error().code, Code::corrupt);
        }
    }

    void truncated_data() { algorithms(); }
    void truncated() {
        const Algorithm algorithm = algorithm_of_row();
        const Bytes block = test::encode(algorithm, sample(5'000, 3));
        Bytes out(5'000);
        for (std::size_t size = 0; size < block.size(); size += 1 + size / 8) {
            const auto done = codec::decode(algorithm, std::span(block).first(size), out);
            QVERIFY(!done);
            QCOMPARE(done.error().code, Code::corrupt);
        }
    }

    // Any changed bit gives an error or bytes; afterwards the decoder works as before.
    void damaged_data() { algorithms(); }
    void damaged() {
        const Algorithm algorithm = algorithm_of_row();
        const Bytes plain = sample(3'000, 4);
        const Bytes block = test::encode(algorithm, plain);
        int failures = 0;
        for (std::size_t i = 0; i < block.size(); ++i) {
            Bytes bad = block;
            bad[i] ^= std::byte{0x41};
            for (const bool partial : {false, true}) {
                Bytes out(plain.size());
                const auto done = codec::decode(algorithm, bad, out, {.partial = partial});
                failures += done ? 0 : 1;
                QVERIFY(done || done.error().code == Code::corrupt);
            }
        }
        QVERIFY(failures > 0);
        Bytes out(plain.size());
        QVERIFY(codec::decode(algorithm, block, out));
        QCOMPARE(out, plain);
    }

    void only_padding_data() { algorithms(); }
    void only_padding() {
        Bytes out(10);
        const auto done = codec::decode(algorithm_of_row(), Bytes(4096), out);
        QVERIFY(!done);
        QCOMPARE(done.error().code, Code::corrupt);
    }

    // EROFS's LZ4 before its 0-padding: the rest of the block is anything.
    void legacy_lz4() {
        const Bytes plain = sample(9'000, 5);
        const Bytes block = test::encode(Algorithm::lz4, plain);
        Bytes out(plain.size());
        QVERIFY(codec::decode(Algorithm::lz4, padded(block, 0, 1234), out,
                              {.padding = Padding::trailing}));
        QCOMPARE(out, plain);
    }

    void gzip() {
        const Bytes plain = sample(70'000, 6);
        for (const bool zlib : {false, true}) {
            Bytes block = test::encode_gzip(plain, zlib);
            Bytes out(plain.size());
            QVERIFY(codec::decode_gzip(block, out));
            QCOMPARE(out, plain);
            QVERIFY(!codec::decode_gzip(block, std::span(out).first(1000)));
            QVERIFY(!codec::decode_gzip(std::span(block).first(block.size() - 1), out));
            block[block.size() - 5] ^= std::byte{1}; // its check sum, or length
            block[block.size() - 1] ^= std::byte{1};
            const auto done = codec::decode_gzip(block, out);
            QVERIFY(!done);
            QCOMPARE(done.error().code, Code::corrupt);
        }
    }

    void nothing_wanted() {
        QVERIFY(codec::decode(Algorithm::zstd, Bytes(3), std::span<std::byte>()));
    }
};

QTEST_GUILESS_MAIN(TestCodec)
#include "test_codec.moc"
