#include "core/base/cursor.h"

#include <QTest>
#include <array>

using namespace coldscope;

namespace {

template <std::size_t Size>
std::array<std::byte, Size> counting() {
    std::array<std::byte, Size> bytes{};
    for (std::size_t i = 0; i < Size; ++i)
        bytes[i] = static_cast<std::byte>(i + 1);
    return bytes;
}

// Out of line: GCC 12 warns of reads past a local array that the cursor does not make.
[[gnu::noinline]] std::uint64_t read_width(Cursor& cursor, std::size_t width) {
    switch (width) {
    case 1:
        return cursor.u8();
    case 2:
        return cursor.u16();
    case 4:
        return cursor.u32();
    default:
        return cursor.u64();
    }
}

} // namespace

class TestCursor : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void little_endian() {
        const auto bytes = counting<15>();
        Cursor cursor(bytes, 1000);
        QCOMPARE(cursor.u8(), std::uint8_t{1});
        QCOMPARE(cursor.u16(), std::uint16_t{0x0302});
        QCOMPARE(cursor.u32(), 0x07060504U);
        QCOMPARE(cursor.offset(), std::uint64_t{1007});
        QCOMPARE(cursor.left(), std::size_t{8});
        QCOMPARE(cursor.u64(), std::uint64_t{0x0f0e0d0c0b0a0908});
        QVERIFY(cursor.ok());
        QCOMPARE(cursor.left(), std::size_t{0});
    }

    // One byte too few of each width: zero, and the cursor stays where it was.
    void past_the_end() {
        const auto bytes = counting<7>();
        for (const std::size_t width : {1U, 2U, 4U, 8U}) {
            const std::span<const std::byte> all = bytes;
            Cursor cursor(all.first(width - 1), 50);
            QCOMPARE(read_width(cursor, width), std::uint64_t{0});
            QVERIFY(!cursor.ok());
            QCOMPARE(cursor.at(), std::size_t{0});
        }
    }

    void fails_for_good() {
        const auto bytes = counting<8>();
        Cursor cursor(bytes, 4096);
        QCOMPARE(cursor.u32(), 0x04030201U);
        QCOMPARE(cursor.u64(), std::uint64_t{0});
        QCOMPARE(cursor.u8(), std::uint8_t{0}); // there is one, but it comes after a failure
        QVERIFY(cursor.bytes(1).empty());
        cursor.seek(0);
        QVERIFY(!cursor.ok());
        QCOMPARE(cursor.u8(), std::uint8_t{0});
    }

    void error_names_the_byte() {
        const auto bytes = counting<8>();
        Cursor cursor(bytes, 4096);
        cursor.skip(6);
        static_cast<void>(cursor.u32());
        const Error error = cursor.error("a table").error();
        QCOMPARE(error.code, Code::truncated);
        QCOMPARE(error.offset, std::uint64_t{4102});
        QCOMPARE(error.context, std::string("a table ends early"));
    }

    void bytes_skip_and_seek() {
        const auto bytes = counting<8>();
        Cursor cursor(bytes);
        cursor.skip(2);
        const auto part = cursor.bytes(3);
        QCOMPARE(part.size(), std::size_t{3});
        QCOMPARE(part.data(), bytes.data() + 2);
        QVERIFY(cursor.bytes(0).empty());
        cursor.seek(8);
        QVERIFY(cursor.ok());
        QCOMPARE(cursor.left(), std::size_t{0});
        cursor.seek(1);
        QCOMPARE(cursor.u8(), std::uint8_t{2});
        cursor.seek(9);
        QVERIFY(!cursor.ok());
        QCOMPARE(cursor.at(), std::size_t{2});
    }

    // A count near the largest must not wrap around to inside.
    void huge_counts() {
        const auto bytes = counting<8>();
        for (const std::size_t count : {~std::size_t{0}, ~std::size_t{0} - 3}) {
            Cursor cursor(bytes);
            cursor.skip(4);
            QVERIFY(cursor.bytes(count).empty());
            QVERIFY(!cursor.ok());
            Cursor skipping(bytes);
            skipping.skip(4);
            skipping.skip(count);
            QVERIFY(!skipping.ok());
            QCOMPARE(skipping.at(), std::size_t{4});
        }
    }

    void unaligned_load() {
        const auto bytes = counting<16>();
        for (std::size_t at = 0; at < 8; ++at) {
            std::uint64_t wanted = 0;
            for (std::size_t i = 8; i-- > 0;)
                wanted = wanted << 8 | (at + i + 1);
            QCOMPARE(load_le<std::uint64_t>(bytes.data() + at), wanted);
        }
    }
};

QTEST_GUILESS_MAIN(TestCursor)
#include "test_cursor.moc"
