// A run's server and a window's client when the link between them ends: what a window knows that
// comes back, and until when held requests wait for it. Over a Unix socket, and a character device.
#include "core/base/read_at.h"
#include "tests/unit/daemon/served_run.h"

#include <QTest>

#include <fcntl.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::attach;
using coldscope::test::first_of;
using coldscope::test::follow;
using coldscope::test::raw_link;
using coldscope::test::read_all;
using coldscope::test::sample_record;
using coldscope::test::ServedRun;
using coldscope::test::Window;

class TestAttachLink : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void a_window_that_comes_back_loses_nothing();
    void a_window_that_comes_back_late_knows_what_is_open();
    void held_requests_wait_for_the_grace();
    void a_silent_window_makes_room();
    void over_a_character_device();
    void the_end_is_told();
};

void TestAttachLink::a_window_that_comes_back_loses_nothing() {
    ServedRun run({.silence = 200 * millisecond});
    Window window(run.address);
    QVERIFY(run.until([&] { return window.take(), window.greeted; }));
    run.request(1);
    QVERIFY(run.until([&] { return window.take(), window.records.size() == 3; }));
    // The run is busy elsewhere and hears nothing for longer than it waits for a window: it cuts
    // the link at its next turn.
    QTest::qSleep(300);
    run.request(2);
    QVERIFY(run.until([&] { return window.take(), !run.server->attached(); }));
    run.request(3, true);
    run.request(4);
    QVERIFY(run.until([&] { return window.take(), window.records.size() >= 11; }));
    QCOMPARE(window.records.size(), std::size_t{11});
    QVERIFY(window.same_run);
    for (std::size_t i = 1; i < window.records.size(); ++i)
        QVERIFY(window.records[i - 1].time < window.records[i].time);
}

void TestAttachLink::a_window_that_comes_back_late_knows_what_is_open() {
    ServedRun run({.silence = 200 * millisecond, .kept = 64});
    Window window(run.address);
    QVERIFY(run.until([&] { return window.take(), window.greeted; }));
    run.request(1, true);
    QVERIFY(run.until([&] { return window.take(), window.records.size() == 2; }));
    QTest::qSleep(300);
    QVERIFY(run.until([&] { return window.take(), !run.server->attached(); }));
    for (RequestId id = 10; id < 100; ++id)
        run.request(id, id == 50);
    std::optional<OpenSteps> open;
    std::uint64_t lost = 0;
    QVERIFY(run.until([&] {
        window.take();
        for (const Told& told : window.told) {
            if (const auto* it = std::get_if<OpenSteps>(&told))
                open = *it;
            if (const auto* it = std::get_if<Lost>(&told))
                lost = it->by_link;
        }
        return open.has_value();
    }));
    QCOMPARE(lost, std::uint64_t{90 * 3 - 1});
    QVERIFY(open->last);
    QCOMPARE(open->records.size(), std::size_t{4});
    QCOMPARE(open->records.front().request, RequestId{1});
    QCOMPARE(open->records.back().request, RequestId{50});
}

void TestAttachLink::held_requests_wait_for_the_grace() {
    ServedRun run({.hold_grace = second, .silence = 30 * second});
    auto window = std::make_unique<Window>(run.address);
    QVERIFY(run.until([&] { return window->take(), window->greeted; }));
    // A window that only looks on leaves nothing to release.
    window.reset();
    QVERIFY(run.until([&] { return !run.server->attached(); }));
    QTest::qSleep(1100);
    QVERIFY(!run.server->release_due());

    window = std::make_unique<Window>(run.address);
    QVERIFY(run.until([&] { return window->take(), window->greeted; }));
    QVERIFY(window->client.ask(Command{1, "hold all"}));
    QVERIFY(run.until([&] { return !run.lines.empty(); }));
    // While it is there, nothing is due; when it comes back in time, nothing either.
    QElapsedTimer waited;
    waited.start();
    QVERIFY(run.until([&] { return window->take(), waited.elapsed() > 1500; }));
    QVERIFY(!run.server->release_due());
    window.reset();
    window = std::make_unique<Window>(run.address);
    QVERIFY(run.until([&] { return window->take(), window->greeted; }));
    waited.restart();
    QVERIFY(run.until([&] { return window->take(), waited.elapsed() > 1500; }));
    QVERIFY(!run.server->release_due());
    // When it is gone for good, once.
    window.reset();
    QVERIFY(run.until([&] { return run.server->release_due(); }));
    QTest::qSleep(1100);
    run.turn();
    QVERIFY(!run.server->release_due());
}

void TestAttachLink::a_silent_window_makes_room() {
    ServedRun run({.silence = 200 * millisecond});
    Link silent = raw_link(run.address);
    follow(run, silent);
    QVERIFY(run.until([&] { return !run.server->attached(); }));
    Window window(run.address);
    QVERIFY(run.until([&] { return window.take(), window.greeted; }));
    // Nor does one who says nothing at all keep others out.
    ServedRun other({.silence = 200 * millisecond});
    Link nobody = raw_link(other.address);
    QTest::qSleep(50);
    other.turn();
    QVERIFY(other.until([&] { return !nobody.receive(); }));
}

void TestAttachLink::over_a_character_device() {
    const Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    QVERIFY(master && ::grantpt(master.get()) == 0 && ::unlockpt(master.get()) == 0);
    ServedRun run;
    run.address = {Address::Kind::device, ::ptsname(master.get())};
    run.listen({.silence = 300 * millisecond});
    // The device is one run's.
    QCOMPARE(Server::listen(run.address).error().code, Code::busy);
    // All bytes pass, and what was there before is passed over.
    Link link(Fd(::dup(master.get())), {}, true);
    QCOMPARE(::write(master.get(), "login: \nCOLA", 12), ssize_t{12});
    follow(run, link);
    for (RequestId id = 1; id <= 3000; ++id)
        run.request(id);
    std::size_t records = 0;
    QVERIFY(run.until([&] {
        link.send(Beat{});
        (void)link.flush();
        for (const Message& message : read_all(link)) {
            if (const auto* steps = std::get_if<Steps>(&message))
                records += steps->records.size();
        }
        return records == 9000;
    }));
    // Nobody is there for a while; then somebody is, in the middle of what another had begun.
    QVERIFY(run.until([&] { return !run.server->attached(); }));
    const auto cut = encode(Command{1, std::string(1000, 'x')});
    QCOMPARE(::write(master.get(), cut.data(), 100), ssize_t{100});
    link.reset();
    link.seek([](const Message& message) { return std::holds_alternative<Hello>(message); });
    follow(run, link);
    QVERIFY(run.lines.empty());
}

void TestAttachLink::the_end_is_told() {
    ServedRun run;
    Window window(run.address);
    QVERIFY(run.until([&] { return window.take(), run.server->attached(); }));
    for (RequestId id = 1; id <= 3000; ++id)
        run.request(id);
    run.server->finish(run, {});
    run.server.reset();
    QTRY_VERIFY_WITH_TIMEOUT((window.take(), window.over), 30000);
    QCOMPARE(window.records.size(), std::size_t{9000});
    QVERIFY(!window.unlinked);
}

QTEST_GUILESS_MAIN(TestAttachLink)
#include "test_attach_link.moc"
