#include "daemon/guard/fanotify.h"
#include "daemon/transport/fanotify_event.h"

#include <QTest>
#include <cstring>

using namespace coldscope;

namespace {

std::vector<std::byte> make_event(int fd, int pid, std::uint64_t offset, std::uint64_t count) {
    fanotify_event_metadata metadata{};
    metadata.event_len = sizeof metadata + sizeof(fanotify::RangeInfo);
    metadata.vers = FANOTIFY_METADATA_VERSION;
    metadata.metadata_len = sizeof metadata;
    metadata.mask = fanotify::pre_access;
    metadata.fd = fd;
    metadata.pid = pid;
    const fanotify::RangeInfo range{fanotify::info_range, 0, sizeof range, 0, offset, count};
    std::vector<std::byte> bytes(metadata.event_len);
    std::memcpy(bytes.data(), &metadata, sizeof metadata);
    std::memcpy(bytes.data() + sizeof metadata, &range, sizeof range);
    return bytes;
}

} // namespace

class TestFanotifyEvent : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void several_in_one_read() {
        std::vector<std::byte> bytes = make_event(7, 100, 65536, 131072);
        const auto second = make_event(8, 101, 0, 0);
        bytes.insert(bytes.end(), second.begin(), second.end());
        std::vector<FanotifyEvent> events;
        QVERIFY(decode_events(bytes, events));
        QCOMPARE(events.size(), std::size_t{2});
        QCOMPARE(events[0].fd, 7);
        QCOMPARE(events[0].thread, 100u);
        QVERIFY(events[0].has_range);
        QCOMPARE(events[0].offset, std::uint64_t{65536});
        QCOMPARE(events[0].count, std::uint64_t{131072});
        QCOMPARE(events[1].fd, 8);
        QCOMPARE(events[1].count, std::uint64_t{0});
    }

    // Cut anywhere, an event is refused, and those before it are not lost.
    void cut_anywhere() {
        const std::vector<std::byte> whole = make_event(7, 100, 0, 4096);
        std::vector<std::byte> bytes = whole;
        bytes.insert(bytes.end(), whole.begin(), whole.end());
        for (std::size_t size = whole.size() + 1; size < bytes.size(); ++size) {
            std::vector<FanotifyEvent> events;
            const auto decoded = decode_events(std::span(bytes).first(size), events);
            QVERIFY(!decoded);
            QCOMPARE(decoded.error().code, Code::invalid);
            QCOMPARE(decoded.error().offset, std::uint64_t{whole.size()});
            QCOMPARE(events.size(), std::size_t{1});
        }
    }

    void wrong_fields_data() {
        QTest::addColumn<int>("at");
        QTest::addColumn<int>("value");
        QTest::newRow("version") << 4 << 2;
        QTest::newRow("length beyond the bytes") << 0 << 200;
        QTest::newRow("length below the metadata's") << 0 << 20;
        QTest::newRow("metadata too short") << 6 << 16;
        QTest::newRow("record without a length") << 26 << 0;
        QTest::newRow("record beyond the event") << 26 << 64;
        QTest::newRow("range record cut") << 26 << 8;
    }
    void wrong_fields() {
        QFETCH(int, at);
        QFETCH(int, value);
        std::vector<std::byte> bytes = make_event(7, 100, 0, 4096);
        bytes[static_cast<std::size_t>(at)] = static_cast<std::byte>(value);
        std::vector<FanotifyEvent> events;
        QVERIFY(!decode_events(bytes, events));
        QVERIFY(events.empty());
    }

    // Records of other kinds stand beside the range, in kernels to come.
    void unknown_records_are_passed_over() {
        std::vector<std::byte> bytes = make_event(7, 100, 8192, 4096);
        const std::vector<std::byte> record{std::byte{99}, std::byte{0}, std::byte{8},
                                            std::byte{0},  std::byte{1}, std::byte{2},
                                            std::byte{3},  std::byte{4}};
        bytes.insert(bytes.begin() + sizeof(fanotify_event_metadata), record.begin(), record.end());
        bytes[0] = static_cast<std::byte>(bytes.size());
        std::vector<FanotifyEvent> events;
        QVERIFY(decode_events(bytes, events));
        QCOMPARE(events.at(0).offset, std::uint64_t{8192});
    }
};

QTEST_GUILESS_MAIN(TestFanotifyEvent)
#include "test_fanotify_event.moc"
