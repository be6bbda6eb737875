#include "daemon/transport/cachefiles_message.h"

#include <QTest>
#include <cstring>

using namespace coldscope;

namespace {

std::vector<std::byte> message(std::uint32_t id, std::uint32_t opcode, std::uint32_t object,
                               const std::string& payload) {
    const std::uint32_t length = static_cast<std::uint32_t>(16 + payload.size());
    std::vector<std::byte> bytes(length);
    const std::array header{id, opcode, length, object};
    std::memcpy(bytes.data(), header.data(), sizeof header);
    std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
    return bytes;
}

template <typename... T>
std::string packed(T... values) {
    std::string bytes;
    (bytes.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
    return bytes;
}

std::string open_payload(const std::string& volume, const std::string& cookie, int fd = 7) {
    return packed(static_cast<std::uint32_t>(volume.size()),
                  static_cast<std::uint32_t>(cookie.size()), fd, std::uint32_t{0}) +
           volume + cookie;
}

} // namespace

class TestCachefilesMessage : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void open() {
        const auto decoded = decode_cachefiles(
            message(3, 0, 9, open_payload(std::string("erofs,domain\0", 13), "layer.blob")));
        QVERIFY(decoded);
        QCOMPARE(decoded->id, 3u);
        QCOMPARE(decoded->object, 9u);
        const auto* open = std::get_if<CachefilesMessage::Open>(&decoded->what);
        QVERIFY(open != nullptr);
        QCOMPARE(open->fd, 7);
        QCOMPARE(open->volume, std::string("erofs,domain"));
        QCOMPARE(open->cookie, std::string("layer.blob"));
    }

    void read() {
        const auto decoded = decode_cachefiles(
            message(4, 2, 9, packed(std::uint64_t{65536}, std::uint64_t{131072})));
        QVERIFY(decoded);
        const auto* read = std::get_if<CachefilesMessage::Read>(&decoded->what);
        QVERIFY(read != nullptr);
        QCOMPARE(read->offset, std::uint64_t{65536});
        QCOMPARE(read->length, std::uint64_t{131072});
    }

    void close() {
        const auto decoded = decode_cachefiles(message(5, 1, 9, {}));
        QVERIFY(decoded);
        QVERIFY(std::holds_alternative<CachefilesMessage::Close>(decoded->what));
    }

    void wrong_data() {
        QTest::addColumn<QByteArray>("bytes");
        const auto row = [](const char* name, const std::vector<std::byte>& bytes) {
            QTest::newRow(name) << QByteArray(reinterpret_cast<const char*>(bytes.data()),
                                              static_cast<qsizetype>(bytes.size()));
        };
        row("nothing", {});
        auto cut = message(4, 2, 9, packed(std::uint64_t{0}, std::uint64_t{4096}));
        cut.pop_back();
        row("shorter than it says", cut);
        row("an unknown kind", message(4, 3, 9, {}));
        row("a read without its length", message(4, 2, 9, packed(std::uint64_t{0})));
        row("a read of nothing", message(4, 2, 9, packed(std::uint64_t{0}, std::uint64_t{0})));
        row("a read that wraps", message(4, 2, 9, packed(~std::uint64_t{0}, std::uint64_t{2})));
        row("an open without keys", message(4, 0, 9, open_payload("", "")));
        row("an open without a cookie", message(4, 0, 9, open_payload("erofs,a", "")));
        row("an open without a descriptor", message(4, 0, 9, open_payload("erofs,a", "b", -1)));
        row("a key that is longer than the message",
            message(4, 0, 9, packed(0xffffffffu, 1u, 7, 0u) + "erofs,a"));
        row("a cookie with a zero byte",
            message(4, 0, 9, open_payload("erofs,a", std::string("b\0c", 3))));
    }
    void wrong() {
        QFETCH(QByteArray, bytes);
        const auto decoded = decode_cachefiles(
            std::as_bytes(std::span(bytes.constData(), static_cast<std::size_t>(bytes.size()))));
        QVERIFY(!decoded);
        QVERIFY(decoded.error().offset <= static_cast<std::uint64_t>(bytes.size()) ||
                decoded.error().code == Code::truncated);
    }

    // So that a descriptor in what can't be decoded does not stay open.
    void descriptor_of_a_message_that_is_wrong() {
        QCOMPARE(descriptor_in(message(4, 0, 9, open_payload("", "", 12))), 12);
        QCOMPARE(descriptor_in(message(4, 1, 9, open_payload("", "", 12))), -1);
        QCOMPARE(descriptor_in({}), -1);
    }
};

QTEST_GUILESS_MAIN(TestCachefilesMessage)
#include "test_cachefiles_message.moc"
