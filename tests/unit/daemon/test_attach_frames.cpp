// The frames between a run and its window, the link that carries them, what a run remembers, and
// the addresses.
#include "daemon/control/address.h"
#include "daemon/control/fact_history.h"
#include "daemon/control/history.h"
#include "daemon/control/link.h"
#include "tests/unit/daemon/attach_samples.h"

#include <QTest>
#include <algorithm>

#include <sys/socket.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::attach;
using coldscope::test::sample_messages;
using coldscope::test::sample_record;

namespace {

struct Ends {
    Ends() {
        int fds[2] = {-1, -1};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
            qFatal("no socket pair");
        one.emplace(Fd(fds[0]));
        other.emplace(Fd(fds[1]));
    }
    std::optional<Link> one;
    std::optional<Link> other;
};

Result<Message> decoded(std::span<const std::byte> frame) {
    const auto header = decode_header(frame);
    if (!header)
        return std::unexpected(header.error());
    return decode(header->type, frame.subspan(header_size));
}

std::optional<Message> received(Link& link) {
    if (!link.receive())
        qFatal("the link is gone");
    auto message = link.next();
    if (!message)
        qFatal("no frame: %s", message.error().context.c_str());
    return std::move(*message);
}

} // namespace

class TestAttachFrames : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void every_message_comes_back();
    void a_frame_cut_off_is_refused();
    void other_bytes_are_refused();
    void another_version_is_read_as_far_as_that();
    void lengths_are_bounded();
    void a_link_carries_all_in_order();
    void a_link_says_when_the_other_end_is_gone();
    void a_link_passes_over_what_was_before();
    void history_keeps_the_newest_and_what_is_open();
    void facts_are_kept_as_long_as_there_is_room();
    void addresses_data();
    void addresses();
};

void TestAttachFrames::every_message_comes_back() {
    for (const Message& message : sample_messages()) {
        const auto frame = encode(message);
        const auto back = decoded(frame);
        QVERIFY2(back, back ? "" : back.error().context.c_str());
        QCOMPARE(back->index(), message.index());
        QVERIFY(encode(*back) == frame); // all members, since records have no ==
    }
    const auto back = decoded(encode(Steps{12, {sample_record(5, Step::held, 99)}}));
    const StepRecord& record = std::get<Steps>(*back).records.at(0);
    const StepRecord sent = sample_record(5, Step::held, 99);
    QCOMPARE(std::memcmp(&record, &sent, sizeof sent), 0);
    // Little-endian, whatever the machine: the format is the same on both ends.
    const auto beat = encode(Beat{});
    const unsigned char expected[] = {'C', 'O', 'L', 'A', 3, 0, 0, 0, 0, 0, 0, 0};
    QCOMPARE(beat.size(), sizeof expected);
    QCOMPARE(std::memcmp(beat.data(), expected, sizeof expected), 0);
}

void TestAttachFrames::a_frame_cut_off_is_refused() {
    for (const Message& message : sample_messages()) {
        const auto frame = encode(message);
        const auto header = decode_header(frame);
        QVERIFY(header);
        const auto payload = std::span(frame).subspan(header_size);
        QCOMPARE(std::size_t{header->length}, payload.size());
        for (std::size_t length = 0; length < payload.size(); ++length) {
            const auto cut = decode(header->type, payload.first(length));
            QVERIFY(!cut);
            QVERIFY(cut.error().offset <= payload.size());
        }
        std::vector<std::byte> longer(payload.begin(), payload.end());
        longer.push_back(std::byte{0});
        QVERIFY(!decode(header->type, longer));
    }
    const auto beat = encode(Beat{});
    for (std::size_t length = 0; length < header_size; ++length)
        QVERIFY(!decode_header(std::span(beat).first(length)));
}

void TestAttachFrames::other_bytes_are_refused() {
    const auto with = [](const Message& message, std::size_t at, int value) {
        auto frame = encode(message);
        frame.at(at) = static_cast<std::byte>(value);
        return decoded(frame);
    };
    QCOMPARE(with(Beat{}, 0, 'X').error().offset, std::uint64_t{0});   // magic
    QCOMPARE(with(Beat{}, 4, 9).error().code, Code::corrupt);          // type
    QCOMPARE(with(Beat{}, 6, 1).error().offset, std::uint64_t{6});     // zero
    QCOMPARE(with(Bye{}, header_size, 2).error().code, Code::corrupt); // truth value
    const Steps steps{0, {sample_record(1, Step::held, 1)}};
    QVERIFY(!with(steps, header_size + 12 + 44, 200)); // step
    QVERIFY(!with(steps, header_size + 12 + 45, 200)); // operation
    QVERIFY(!decoded(encode(Local{0, {{8, 8}}})));     // an empty range
    QVERIFY(!decoded(encode(Rules{true, true, {{1, static_cast<Action>(9), ""}}})));
    // Numbers that would wrap around.
    QVERIFY(!decoded(encode(Steps{~std::uint64_t{0}, steps.records})));
    QVERIFY(!decoded(encode(Facts{{}, {{1, 2, ~std::uint64_t{0}, 1}}, {}})));
    QVERIFY(!decoded(encode(Facts{{}, {}, {{1, static_cast<KernelTime::Passed>(2), 3}}})));
}

void TestAttachFrames::another_version_is_read_as_far_as_that() {
    auto frame = encode(Attach{version + 1, 7});
    frame.resize(frame.size() + 100);
    const auto back = decode(Type::attach, std::span(frame).subspan(header_size));
    QVERIFY(back);
    QCOMPARE(std::get<Attach>(*back).version, static_cast<std::uint16_t>(version + 1));
    Hello hello;
    hello.version = version + 1;
    QVERIFY(!decoded(encode(hello)));
}

void TestAttachFrames::lengths_are_bounded() {
    auto frame = encode(Beat{});
    frame[8 + 2] = std::byte{0xFF}; // 16 MiB and more
    QCOMPARE(decode_header(frame).error().offset, std::uint64_t{8});
    // Counts are compared with what is there before anything is allocated.
    auto steps = encode(Steps{0, {}});
    for (int i = 0; i < 4; ++i)
        steps[header_size + 8 + i] = std::byte{0xFF};
    QVERIFY(!decoded(steps));
    // What is too long is cut by whoever sends it.
    const auto long_text = decoded(encode(Refused{std::string(longest_text + 1, 'x')}));
    QVERIFY(long_text);
    QCOMPARE(std::get<Refused>(*long_text).reason.size(), longest_text);
    QVERIFY(!decoded(encode(ReadImage{0, largest_piece + 1})));
}

void TestAttachFrames::a_link_carries_all_in_order() {
    Ends ends;
    for (const Message& message : sample_messages())
        ends.one->send(message);
    const std::size_t whole = ends.one->waiting();
    QVERIFY(ends.one->flush());
    QVERIFY(whole > 0);
    QCOMPARE(ends.one->waiting(), std::size_t{0});
    QVERIFY(ends.other->receive());
    for (const Message& message : sample_messages()) {
        const auto next = ends.other->next();
        QVERIFY(next && *next);
        QVERIFY(encode(**next) == encode(message));
    }
    QVERIFY(!received(*ends.other));
}

void TestAttachFrames::a_link_says_when_the_other_end_is_gone() {
    Ends ends;
    ends.one->send(Beat{});
    QVERIFY(ends.one->flush());
    ends.one.reset();
    QVERIFY(received(*ends.other)); // what was said before still comes
    QCOMPARE(ends.other->receive().error().code, Code::cancelled);
    ends.other->send(Beat{});
    QCOMPARE(ends.other->flush().error().code, Code::cancelled);
    // Of a device, that is no error: somebody may come back.
    int fds[2] = {-1, -1};
    QCOMPARE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    Link device(Fd{fds[0]}, {}, true);
    ::close(fds[1]);
    QVERIFY(device.receive());
    QVERIFY(device.quiet());
    device.send(Beat{});
    QVERIFY(device.flush());
    QCOMPARE(device.waiting(), std::size_t{0});
}

void TestAttachFrames::a_link_passes_over_what_was_before() {
    Ends ends;
    const auto wanted = [](const Message& message) {
        const auto* hello = std::get_if<Hello>(&message);
        return hello != nullptr && hello->session == 2;
    };
    ends.other->seek(wanted);
    // A program's greeting, a frame that was cut off and claims the next ones, another session's.
    QCOMPARE(::write(ends.one->output(), "Welcome to COLA\n", 16), ssize_t{16});
    auto cut = encode(Refused{std::string(300, 'x')});
    QCOMPARE(::write(ends.one->output(), cut.data(), 40), ssize_t{40});
    Hello hello;
    hello.session = 1;
    ends.one->send(hello);
    QVERIFY(ends.one->flush());
    QVERIFY(!received(*ends.other));
    hello.session = 2;
    ends.one->send(hello);
    ends.one->send(Beat{});
    QVERIFY(ends.one->flush());
    const auto found = received(*ends.other);
    QVERIFY(found && std::get<Hello>(*found) == hello);
    const auto next = ends.other->next();
    QVERIFY(next && *next && std::holds_alternative<Beat>(**next));
}

void TestAttachFrames::history_keeps_the_newest_and_what_is_open() {
    History history(16);
    for (RequestId id = 1; id <= 20; ++id) {
        history.add(sample_record(id, Step::arrived, id * 10));
        history.add(sample_record(id, Step::held, id * 10 + 1));
        if (id % 2 == 0)
            history.add(sample_record(id, Step::answered, id * 10 + 2));
    }
    QCOMPARE(history.end(), std::uint64_t{50});
    QCOMPARE(history.first(), std::uint64_t{34});
    std::uint64_t at = history.first();
    std::uint64_t before = 0;
    while (at != history.end()) {
        for (const StepRecord& record : history.from(at)) {
            QVERIFY(record.time > before);
            before = record.time;
            ++at;
        }
    }
    // The open ones whole, though their records are not kept any more.
    const auto open = history.open_steps();
    QCOMPARE(open.size(), std::size_t{20});
    QCOMPARE(open[0].request, RequestId{1});
    QVERIFY(open[0].step == Step::arrived && open[1].step == Step::held);
    // Delayed again and again takes no more room.
    for (std::uint64_t i = 0; i < 1000; ++i)
        history.add(sample_record(1, Step::delayed, 1000 + i));
    QCOMPARE(history.open_steps().size(), std::size_t{21});
    QCOMPARE(history.open_steps()[2].time, std::uint64_t{1999});
}

void TestAttachFrames::facts_are_kept_as_long_as_there_is_room() {
    FactHistory history(64 * 1024);
    const ReaderFacts first{10, 1, 1, "/first"};
    history.add(first, 0);
    history.add(first, 5); // known already
    history.add(ReaderFacts{20, 1, 2, "/second"}, 7);
    history.add(ReadFor{3, 36, 0, 4096}, 7);
    history.add(KernelTime{3, KernelTime::Passed::asked, 19}, 7);
    history.add(Failure{3, "why"}, 7);
    history.add(AskedThrough{3, "/a/file", "/a"}, 7);
    // Who has all before record 7 gets what belongs to it.
    FactHistory::Told told = history.before(7);
    Facts facts = history.take(told);
    QCOMPARE(facts.readers.size(), std::size_t{1});
    QCOMPARE(facts.readers[0].cgroup, std::string("/second"));
    QCOMPARE(facts.origins.size(), std::size_t{1});
    QCOMPARE(facts.times.size(), std::size_t{1});
    QCOMPARE(facts.failures.size(), std::size_t{1});
    QCOMPARE(facts.failures[0].why, std::string("why"));
    QCOMPARE(facts.through.size(), std::size_t{1});
    QCOMPARE(facts.through[0].file, std::string("/a/file"));
    QVERIFY(history.take(told).empty());
    told = history.before(0);
    QCOMPARE(history.take(told).readers.size(), std::size_t{2});
    QVERIFY(history.take(told).empty());

    for (std::uint32_t i = 0; i < 10'000; ++i) {
        history.add(ReaderFacts{30 + i, 100 + i, i, std::string(100, 'x')}, 8 + i);
        history.add(ReadFor{4 + i, 36, 0, 4096}, 8 + i);
    }
    // The newest, in frames of a bounded size.
    told = {};
    std::size_t readers = 0;
    std::size_t origins = 0;
    std::uint64_t time = 0;
    for (facts = history.take(told); !facts.empty(); facts = history.take(told)) {
        QVERIFY(encode(facts).size() <= largest_payload / 2);
        QVERIFY(decoded(encode(facts)));
        readers += facts.readers.size();
        origins += facts.origins.size();
        for (const ReaderFacts& reader : facts.readers) {
            QVERIFY(time == 0 || reader.time == time + 1);
            time = reader.time;
        }
    }
    QCOMPARE(time, std::uint64_t{30 + 9'999});
    QVERIFY(readers > 100 && readers * 100 < 64 * 1024);
    QVERIFY(origins > 1000 && origins * 40 <= 64 * 1024);
    // A thread that was forgotten is told again.
    history.add(ReaderFacts{50'000, 1, 2, "/second"}, 20'000);
    told = history.before(20'000);
    QCOMPARE(history.take(told).readers.size(), std::size_t{1});
}

void TestAttachFrames::addresses_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("listens");
    QTest::addColumn<bool>("attaches");
    QTest::newRow("socket") << "unix:/run/a b.sock" << true << true;
    QTest::newRow("device") << "dev:/dev/ttyS0" << true << true;
    QTest::newRow("standard") << "-" << true << false;
    QTest::newRow("program") << "exec:ssh host coldscoped run --listen -" << false << true;
    QTest::newRow("no path") << "unix:" << false << false;
    QTest::newRow("no command") << "exec: " << false << false;
    QTest::newRow("open quote") << "exec:ssh \"a" << false << false;
    QTest::newRow("a port") << "tcp:1234" << false << false;
    QTest::newRow("empty") << "" << false << false;
    QTest::newRow("too long") << "unix:/" + QString(200, 'x') << false << false;
}

void TestAttachFrames::addresses() {
    QFETCH(QString, text);
    QFETCH(bool, listens);
    QFETCH(bool, attaches);
    const auto listen = parse_listen_address(text.toStdString());
    const auto attach = parse_attach_address(text.toStdString());
    QCOMPARE(listen.has_value(), listens);
    QCOMPARE(attach.has_value(), attaches);
    if (listen)
        QCOMPARE(QString::fromStdString(to_text(*listen)), text);
    if (attach)
        QCOMPARE(QString::fromStdString(to_text(*attach)), text);
}

QTEST_GUILESS_MAIN(TestAttachFrames)
#include "test_attach_frames.moc"
