// coldscoped run --listen, with a real reader in a real mount: what a window's client sees and does
// through the link, and what becomes of held requests when the link goes.
#include "tests/kernel/attached_client.h"
#include "tests/kernel/live_run.h"

#include <QtTest>
#include <algorithm>
#include <cerrno>

using namespace coldscope::test;
using coldscope::monotonic_now;
using coldscope::Nanoseconds;
using coldscope::Notice;
using coldscope::RequestId;
using coldscope::RequestState;
using coldscope::Step;
using coldscope::StepRecord;

class TestAttach : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void cleanup();
    void watch_hold_delay_release_fail_data() { add_transports(); }
    void watch_hold_delay_release_fail();
    void a_lost_link_releases_after_the_grace();
    void a_window_that_comes_back_keeps_what_is_held();
    void commands_of_both_sides_go_together();
    void over_standard_input_and_output();
    void the_run_ends_for_its_window();
    void an_output_that_nobody_reads();
    void wrong_places_mount_nothing();
    void what_the_link_adds();

private:
    [[nodiscard]] std::unique_ptr<LiveRun> start(const QString& transport,
                                                 const QStringList& extra = {});
    [[nodiscard]] QString where() const { return "unix:" + work_->filePath("run.sock"); }
    [[nodiscard]] QString path(const LiveRun& run, int file) const {
        return run.mount() + '/' + files_[file];
    }
    [[nodiscard]] QByteArray expected(int file) const {
        return original(image_.tree + '/' + files_[file], 0, 4096);
    }
    // Its metadata is read, so that the next read asks for its bytes.
    [[nodiscard]] bool look_up(const LiveRun& run, int file) const {
        return QFileInfo(path(run, file)).size() >= 4096;
    }

    QTemporaryDir folder_;
    TreeImage image_;
    QStringList files_; // of at least 4 KiB, far from each other on the blob
    std::unique_ptr<QTemporaryDir> work_;
};

void TestAttach::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 300, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    for (const QString& file : image_.files) {
        if (QFileInfo(image_.tree + '/' + file).size() >= 4096)
            files_ << file;
    }
    QVERIFY(files_.size() > 60);
}

void TestAttach::cleanup() {
    if (work_)
        QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(work_->path() + "/mount"), 20000);
}

std::unique_ptr<LiveRun> TestAttach::start(const QString& transport, const QStringList& extra) {
    work_ = std::make_unique<QTemporaryDir>();
    auto run = std::make_unique<LiveRun>(image_, work_->path(), transport);
    run->extra << "--listen" << where() << extra;
    return run->start() ? std::move(run) : nullptr;
}

void TestAttach::watch_hold_delay_release_fail() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    auto run = start(transport);
    QVERIFY(run != nullptr);
    AttachedClient window(where());
    QVERIFY(window.greeted());
    QCOMPARE(QString::fromStdString(window.hello->transport), transport);
    QCOMPARE(QString::fromStdString(window.hello->image), image_.bootstrap);

    // A reader is seen with its name and number, and its steps in order.
    Reader first(path(*run, 0), 0, 4096);
    const auto pid = static_cast<std::uint32_t>(first.pid()); // not known after its end
    QVERIFY(first.finished(20000));
    QCOMPARE(first.bytes(), expected(0));
    QVERIFY(window.until([&] {
        return std::ranges::any_of(window.records, [&](const StepRecord& record) {
            return record.pid == pid && record.step == Step::answered;
        });
    }));
    const auto seen = std::ranges::find(window.records, pid, &StepRecord::pid);
    QCOMPARE(seen->command_name().substr(0, 14), std::string_view("coldscope-test"));
    for (std::size_t i = 1; i < window.records.size(); ++i)
        QVERIFY(window.records[i - 1].time <= window.records[i].time);

    // Held, and released.
    const auto hold = [&](int file) {
        window.command("hold file=\"/" + files_[file].toUtf8() + '"');
        return window.until([&] { return !window.rules.empty(); });
    };
    const auto held = [&] {
        return window.until([&] { return window.in_state(RequestState::held).has_value(); });
    };
    // Of rules and of steps the one may be told before the other.
    const auto all_is_free = [&] {
        return window.rules.empty() && !window.in_state(RequestState::held);
    };
    QVERIFY(look_up(*run, 10) && hold(10));
    Reader second(path(*run, 10), 0, 4096);
    QVERIFY(held());
    QVERIFY(!second.finished(300));
    QTRY_VERIFY_WITH_TIMEOUT(second.waits(), 20000);
    window.command("release all");
    QVERIFY(second.finished(20000));
    QCOMPARE(second.result(), 0);
    QCOMPARE(second.bytes(), expected(10));

    // Held, and delayed.
    QVERIFY(window.until(all_is_free));
    QVERIFY(look_up(*run, 20) && hold(20));
    Reader third(path(*run, 20), 0, 4096);
    QVERIFY(held());
    window.command("delay " + QByteArray::number(*window.in_state(RequestState::held)) + " 50ms");
    window.command("release all"); // what else of the file is held
    QVERIFY(third.finished(20000));
    QCOMPARE(third.bytes(), expected(20));

    // Held, and failed: the kernel's retries too.
    QVERIFY(window.until(all_is_free));
    QVERIFY(look_up(*run, 30) && hold(30));
    Reader fourth(path(*run, 30), 0, 4096);
    QVERIFY(window.until([&] {
        if (const auto waiting = window.in_state(RequestState::held))
            window.command("fail " + QByteArray::number(*waiting) + " EIO");
        return fourth.finished(20);
    }));
    QCOMPARE(fourth.result(), EIO);
    QVERIFY(window.until([&] { return window.in_state(RequestState::failed).has_value(); }));

    // What can't be done is said.
    const auto refused = window.command("release everything");
    QVERIFY(window.until([&] { return window.answer(refused) != nullptr; }));
    QVERIFY(window.answer(refused)->error);
    QCOMPARE(run->stop(), 0);
    QVERIFY(window.until([&] { return window.over; }));
}

void TestAttach::a_lost_link_releases_after_the_grace() {
    NEEDS_TRANSPORT("fuse-tree");
    auto run = start("fuse-tree", {"--hold-grace", "1s"});
    QVERIFY(run != nullptr);
    auto window = std::make_unique<AttachedClient>(where());
    QVERIFY(window->greeted());
    window->command("hold all");
    QVERIFY(window->until([&] { return !window->rules.empty(); }));
    Reader reader(path(*run, 5), 0, 4096);
    QVERIFY(window->until([&] { return window->in_state(RequestState::held).has_value(); }));
    // While it is there, for longer than the grace.
    QElapsedTimer waited;
    waited.start();
    QVERIFY(window->until([&] { return waited.elapsed() > 2500; }));
    QVERIFY(!reader.finished(1));
    window.reset();
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.result(), 0);
    QCOMPARE(reader.bytes(), expected(5));
    // Both the run's output and the next window say why.
    const auto told = run->wait_for([](const QJsonObject& event) {
        return event["event"].toString() == "notice" &&
               event["text"].toString().contains("hold grace");
    });
    QVERIFY(!told.isEmpty());
    AttachedClient next(where());
    QVERIFY(next.greeted());
    QVERIFY(next.until([&] {
        return std::ranges::any_of(next.records, [](const StepRecord& record) {
            return record.step == Step::notice &&
                   record.result == static_cast<int>(Notice::held_released_link_gone);
        });
    }));
    QVERIFY(next.rules.empty());
    QCOMPARE(run->stop(), 0);
}

void TestAttach::a_window_that_comes_back_keeps_what_is_held() {
    NEEDS_TRANSPORT("fuse-tree");
    auto run = start("fuse-tree", {"--hold-grace", "10s"});
    QVERIFY(run != nullptr);
    auto window = std::make_unique<AttachedClient>(where());
    QVERIFY(window->greeted());
    window->command("hold all");
    QVERIFY(window->until([&] { return !window->rules.empty(); }));
    Reader reader(path(*run, 5), 0, 4096);
    QVERIFY(window->until([&] { return window->in_state(RequestState::held).has_value(); }));
    const RequestId held = *window->in_state(RequestState::held);
    window.reset();
    QVERIFY(!reader.finished(1000));
    // Another window within the grace: it sees the request with all its steps, and goes on with it
    // for as long as it likes.
    AttachedClient next(where());
    QVERIFY(next.greeted());
    QVERIFY(next.until([&] { return next.store.find(held).has_value(); }));
    QVERIFY(next.state(held) == RequestState::held);
    QVERIFY(next.row(held).arrived() != 0);
    QCOMPARE(next.rules.size(), std::size_t{1});
    QElapsedTimer waited;
    waited.start();
    QVERIFY(next.until([&] { return waited.elapsed() > 11500; }));
    QVERIFY(!reader.finished(1));
    QVERIFY(next.state(held) == RequestState::held);
    next.command("release all");
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.bytes(), expected(5));
    QVERIFY(next.until([&] { return next.state(held) == RequestState::was_held; }));
    QCOMPARE(run->stop(), 0);
}

void TestAttach::commands_of_both_sides_go_together() {
    NEEDS_TRANSPORT("fuse-tree");
    auto run = start("fuse-tree");
    QVERIFY(run != nullptr);
    AttachedClient window(where());
    QVERIFY(window.greeted());
    run->command("hold file=\"/" + files_[7].toUtf8() + '"');
    QVERIFY(window.until([&] { return !window.rules.empty(); }));
    Reader reader(path(*run, 7), 0, 4096);
    QVERIFY(window.until([&] { return window.in_state(RequestState::held).has_value(); }));
    QVERIFY(!run->wait_for("held").isEmpty());
    window.command("release all");
    QVERIFY(reader.finished(20000));
    QVERIFY(window.until([&] { return window.rules.empty(); }));
    // A second window is told why it can't.
    AttachedClient second(where());
    QVERIFY(!second.greeted());
    QVERIFY(QString::fromStdString(second.unlinked->error.context)
                .contains("another window is attached"));
    QCOMPARE(run->stop(), 0);
}

// The window starts the run, as through ssh.
void TestAttach::over_standard_input_and_output() {
    NEEDS_TRANSPORT("fuse-tree");
    work_ = std::make_unique<QTemporaryDir>();
    const QString mount = work_->filePath("mount");
    QVERIFY(QDir().mkpath(mount));
    const auto words = [&](const QString& image) {
        return QStringLiteral(
                   "exec:\"%1\" run --image \"%2\" --device \"%3\" --mount \"%4\" --cache "
                   "\"%5\" --transport fuse-tree --hold-grace 1s --listen -")
            .arg(program("coldscoped"), image, image_.blob, mount, work_->filePath("cache"));
    };
    {
        AttachedClient window(words(image_.bootstrap));
        QVERIFY(window.greeted());
        window.command("hold all");
        QVERIFY(window.until([&] { return !window.rules.empty(); }));
        Reader reader(mount + '/' + files_[3], 0, 4096);
        QVERIFY(window.until([&] { return window.in_state(RequestState::held).has_value(); }));
        window.command("release all");
        QVERIFY(reader.finished(20000));
        QCOMPARE(reader.bytes(), expected(3));
        window.command("stop");
        QVERIFY(window.until([&] { return window.over; }));
    }
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(mount), 20000);
    // What the program says about its end is passed on.
    AttachedClient wrong(words(work_->filePath("missing")));
    QVERIFY(!wrong.greeted());
    QVERIFY2(QString::fromStdString(wrong.unlinked->error.context).contains("missing"),
             wrong.unlinked->error.context.c_str());
}

void TestAttach::the_run_ends_for_its_window() {
    NEEDS_TRANSPORT("fuse-tree");
    auto run = start("fuse-tree");
    QVERIFY(run != nullptr);
    AttachedClient window(where());
    QVERIFY(window.greeted());
    Reader reader(path(*run, 5), 0, 4096);
    QVERIFY(reader.finished(20000));
    window.command("stop");
    QVERIFY(window.until([&] { return window.over; }));
    // All of it came before the end was told.
    QVERIFY(window.store.open_rows().empty());
    QVERIFY(!run->wait_for("summary").isEmpty());
    QTRY_VERIFY_WITH_TIMEOUT(!QFile::exists(work_->filePath("run.sock")), 20000);
}

// The window gets all events all the same, and keeps what is held; the output is told how many it
// lacks once it is read again.
void TestAttach::an_output_that_nobody_reads() {
    NEEDS_TRANSPORT("fuse-tree");
    auto run = start("fuse-tree");
    QVERIFY(run != nullptr);
    AttachedClient window(where());
    QVERIFY(window.greeted());
    // Refusals are long: the pipe and what is kept for it are soon full.
    const QByteArray nonsense = "release " + QByteArray(60'000, 'x');
    for (int i = 0; i < 60; ++i) {
        window.done.clear();
        window.command(nonsense);
        QVERIFY(window.until([&] { return !window.done.empty(); }));
    }
    window.command("hold file=\"/" + files_[9].toUtf8() + '"');
    QVERIFY(window.until([&] { return !window.rules.empty(); }));
    Reader reader(path(*run, 9), 0, 4096);
    QVERIFY(window.until([&] { return window.in_state(RequestState::held).has_value(); }));
    QElapsedTimer waited;
    waited.start();
    QVERIFY(window.until([&] { return waited.elapsed() > 3500; })); // longer than a silent listener
    QVERIFY(!reader.finished(1));
    window.command("release all");
    QVERIFY(reader.finished(20000));
    QCOMPARE(reader.bytes(), expected(9));
    QVERIFY(window.until([&] { return window.in_state(RequestState::was_held).has_value(); }));
    const auto lost = run->wait_for("lost_events");
    QVERIFY(lost["count"].toInteger() > 0);
    QCOMPARE(run->stop(), 0);
    const auto summary = run->wait_for("summary");
    QVERIFY(summary["lost_events"].toInteger() >= lost["count"].toInteger());
}

void TestAttach::wrong_places_mount_nothing() {
    NEEDS_TRANSPORT("fuse-tree");
    auto run = start("fuse-tree");
    QVERIFY(run != nullptr);
    QTemporaryDir other;
    LiveRun same_place(image_, other.path(), "fuse-tree");
    same_place.extra << "--listen" << where();
    QTest::ignoreMessage(QtWarningMsg, QRegularExpression("in use"));
    QVERIFY(!same_place.start());
    QVERIFY(!is_mounted(same_place.mount()));
    QProcess usage;
    usage.start(program("coldscoped"), {"run", "--image", image_.bootstrap, "--cache",
                                        other.filePath("c"), "--listen", "tcp:80"});
    QVERIFY(usage.waitForFinished());
    QCOMPARE(usage.exitCode(), 2);
    QVERIFY(usage.readAllStandardError().contains("unix:PATH"));
    QCOMPARE(run->stop(), 0);
}

// How long a command takes from the window to the engine, and a step from there to the window. Only
// printed: a machine that is busy takes its time.
void TestAttach::what_the_link_adds() {
    NEEDS_TRANSPORT("fuse-tree");
    auto run = start("fuse-tree");
    QVERIFY(run != nullptr);
    AttachedClient window(where());
    QVERIFY(window.greeted());
    for (int file = 0; file < 50; ++file)
        QVERIFY(look_up(*run, file));
    window.command("hold all");
    QVERIFY(window.until([&] { return !window.rules.empty(); }));
    std::vector<double> there;
    std::vector<double> back;
    for (int file = 0; file < 50; ++file) {
        Reader reader(path(*run, file), 0, 4096);
        while (!reader.finished(0)) {
            QVERIFY(window.until(
                [&] { return window.in_state(RequestState::held) || reader.finished(0); }));
            const auto held = window.in_state(RequestState::held);
            if (!held)
                break;
            const Nanoseconds asked = monotonic_now();
            window.command("release " + QByteArray::number(*held));
            QVERIFY(window.until([&] { return window.state(*held) != RequestState::held; }));
            const Nanoseconds seen = monotonic_now();
            const auto next = std::ranges::find_if(window.records, [&](const StepRecord& record) {
                return record.request == *held && record.time > asked;
            });
            QVERIFY(next != window.records.end());
            there.push_back(static_cast<double>(next->time - asked) / 1e6);
            back.push_back(static_cast<double>(seen - next->time) / 1e6);
        }
    }
    for (auto* times : {&there, &back}) {
        std::ranges::sort(*times);
        qInfo("%s: p50 %.3f ms, p95 %.3f ms, most %.3f ms (%zu)",
              times == &there ? "a release, from the window to the engine"
                              : "its step, from the engine to the window",
              (*times)[times->size() / 2], (*times)[times->size() * 95 / 100], times->back(),
              times->size());
    }
    QVERIFY(there.size() >= 50);
    QCOMPARE(run->stop(), 0);
}

QTEST_GUILESS_MAIN(TestAttach)
#include "test_attach.moc"
