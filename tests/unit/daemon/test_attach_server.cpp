// A run's server and a window's client: what is told, in which order, who is refused, and what a
// slow window loses.
#include "core/base/read_at.h"
#include "tests/unit/daemon/served_run.h"

#include <QTest>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
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

class TestAttachServer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void all_is_told_in_order();
    void facts_come_before_their_records();
    void commands_are_answered();
    void the_image_is_fetched();
    void one_window_at_a_time();
    void another_user_is_refused();
    void another_version_is_refused();
    void what_is_no_frame_ends_the_link();
    void a_slow_window_loses_events_and_knows_how_many();
    void a_socket_left_behind_is_replaced();
};

void TestAttachServer::all_is_told_in_order() {
    ServedRun run;
    struct stat status {};
    QCOMPARE(::stat(run.address.rest.c_str(), &status), 0);
    QCOMPARE(static_cast<int>(status.st_mode & 0777), 0600);
    run.local = {{{0, 4096}}, {}};
    for (int i = 0; i < 20000; ++i)
        run.local[1].push_back(
            {static_cast<std::uint64_t>(i) * 2, static_cast<std::uint64_t>(i) * 2 + 1});
    run.request(1); // before anybody is there
    Window window(run.address);
    QVERIFY(run.until([&] { return window.take(), window.greeted; }));
    for (RequestId id = 2; id <= 5000; ++id)
        run.request(id);
    QVERIFY(run.until([&] { return window.take(), window.records.size() >= 15000; }));
    QCOMPARE(window.records.size(), std::size_t{15000});
    for (std::size_t i = 1; i < window.records.size(); ++i)
        QVERIFY(window.records[i - 1].time < window.records[i].time);
    QCOMPARE(window.records.front().request, RequestId{1});
    std::size_t ranges = 0;
    for (const Local& local : window.local)
        ranges += local.object == 1 ? local.ranges.size() : 0;
    QCOMPARE(ranges, std::size_t{20000});
    // The object's name came before its first record, once.
    std::size_t names = 0;
    for (const Told& told : window.told) {
        if (const auto* name = std::get_if<ObjectName>(&told)) {
            QCOMPARE(name->name, std::string("object 3"));
            ++names;
        }
        if (std::holds_alternative<Steps>(told))
            QCOMPARE(names, std::size_t{1});
    }
    QCOMPARE(names, std::size_t{1});
}

void TestAttachServer::facts_come_before_their_records() {
    ServedRun run;
    const auto read_by = [&](std::uint32_t thread, RequestId id) {
        run.server->fact(ReaderFacts{run.time, thread, thread / 10, "/c"});
        run.server->fact(ReadFor{id, 36, 0, 4096});
        run.request(id);
    };
    read_by(11, 1);
    read_by(11, 2); // the thread is known
    auto window = std::make_unique<Window>(run.address);
    QVERIFY(run.until([&] { return window->take(), window->records.size() == 6; }));
    read_by(22, 3);
    QVERIFY(run.until([&] { return window->take(), window->records.size() == 9; }));
    std::vector<std::uint32_t> threads;
    std::vector<RequestId> origins;
    const auto look = [&](const Window& at) {
        threads.clear();
        origins.clear();
        for (const Told& told : at.told) {
            if (const auto* facts = std::get_if<Facts>(&told)) {
                for (const ReaderFacts& reader : facts->readers)
                    threads.push_back(reader.thread);
                for (const ReadFor& origin : facts->origins)
                    origins.push_back(origin.request);
            }
            if (const auto* steps = std::get_if<Steps>(&told)) {
                for (const StepRecord& record : steps->records)
                    QVERIFY(std::ranges::find(origins, record.request) != origins.end());
            }
        }
    };
    look(*window);
    QCOMPARE(threads, (std::vector<std::uint32_t>{11, 22}));
    QCOMPARE(origins, (std::vector<RequestId>{1, 2, 3}));
    // Another window gets them as well.
    window.reset();
    Window next(run.address);
    QVERIFY(run.until([&] { return next.take(), next.records.size() == 9; }));
    look(next);
    QCOMPARE(threads, (std::vector<std::uint32_t>{11, 22}));
    QCOMPARE(origins, (std::vector<RequestId>{1, 2, 3}));
}

void TestAttachServer::commands_are_answered() {
    ServedRun run;
    Window window(run.address);
    QVERIFY(run.until([&] { return window.take(), window.greeted; }));
    QVERIFY(window.client.ask(Command{7, "hold next"}));
    QVERIFY(run.until([&] { return window.take(), window.done && !window.rules.empty(); }));
    QCOMPARE(window.done->tag, 7u);
    QVERIFY(!window.done->error);
    QCOMPARE(window.rules.front().text, std::string("hold next"));
    window.done.reset();
    QVERIFY(window.client.ask(Command{8, "no"}));
    QVERIFY(run.until([&] { return window.take(), window.done.has_value(); }));
    QCOMPARE(window.done->tag, 8u);
    QCOMPARE(window.done->error->context, std::string("not that"));
    QVERIFY(window.client.ask(ReadFile{9, "/a"}));
    QVERIFY(run.until([&] { return run.lines.size() == 3; }));
    QCOMPARE(run.lines.back(), std::string("read /a"));
}

void TestAttachServer::the_image_is_fetched() {
    ServedRun run;
    run.image.resize(3 * largest_piece + 17);
    for (std::size_t i = 0; i < run.image.size(); ++i)
        run.image[i] = static_cast<std::byte>(i * 7 >> 3);
    Window window(run.address);
    window.follows = false;
    QVERIFY(run.until([&] { return window.take(), window.greeted; }));
    const QString path = run.folder.filePath("copy");
    const auto fetch = [&] {
        window.fetched.reset();
        Fd file(::open(qPrintable(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        return window.client.ask(FetchImage{std::move(file)}) &&
               run.until([&] { return window.take(), window.fetched.has_value(); });
    };
    QVERIFY(fetch());
    QVERIFY(!window.fetched->error);
    QFile copy(path);
    QVERIFY(copy.open(QIODevice::ReadOnly));
    QVERIFY(copy.readAll() == QByteArray(reinterpret_cast<const char*>(run.image.data()),
                                         static_cast<qsizetype>(run.image.size())));
    // What can't be read any more is an error, not other bytes; the link goes on.
    run.image.resize(largest_piece);
    QVERIFY(fetch());
    QVERIFY(window.fetched->error);
    QVERIFY(!window.unlinked);
}

void TestAttachServer::one_window_at_a_time() {
    ServedRun run;
    Window first(run.address);
    QVERIFY(run.until([&] { return first.take(), first.greeted; }));
    Window second(run.address);
    QVERIFY(run.until([&] { return first.take(), second.take(), second.unlinked.has_value(); }));
    QVERIFY(QString::fromStdString(second.unlinked->error.context)
                .contains("another window is attached"));
    QVERIFY(!second.unlinked->trying);
    QVERIFY(!second.greeted);
    run.request(1);
    QVERIFY(run.until([&] { return first.take(), first.records.size() == 3; }));
}

void TestAttachServer::another_user_is_refused() {
    if (geteuid() != 0)
        QSKIP("only root can be another user");
    ServedRun run;
    // The mode keeps others out already; here somebody has changed it.
    QFile::setPermissions(run.folder.path(), QFile::Permissions(0x7755));
    QCOMPARE(::chmod(run.address.rest.c_str(), 0666), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(2);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, run.address.rest.c_str());
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            _exit(3);
        char bytes[256];
        ssize_t all = 0;
        for (ssize_t got = 0; (got = ::read(fd, bytes + all, sizeof bytes - all)) > 0;)
            all += got;
        const std::string_view text(bytes, static_cast<std::size_t>(all));
        _exit(text.find("the run is another user's") != text.npos ? 0 : 4);
    }
    QVERIFY(child > 0);
    int status = -1;
    QVERIFY(run.until([&] { return ::waitpid(child, &status, WNOHANG) == child; }));
    QVERIFY(WIFEXITED(status));
    QCOMPARE(WEXITSTATUS(status), 0);
    // Its own user still may.
    Window window(run.address);
    QVERIFY(run.until([&] { return window.take(), window.greeted; }));
}

void TestAttachServer::another_version_is_refused() {
    ServedRun run;
    Link link = raw_link(run.address);
    link.send(Attach{version + 1, 5});
    QVERIFY(link.flush());
    std::vector<Message> all;
    QVERIFY(run.until([&] {
        std::ranges::move(read_all(link), std::back_inserter(all));
        return !all.empty();
    }));
    const auto* refused = first_of<Refused>(all);
    QVERIFY(refused != nullptr);
    QVERIFY(QString::fromStdString(refused->reason)
                .contains("version " + QString::number(version + 1)));
    Window window(run.address);
    QVERIFY(run.until([&] { return window.take(), window.greeted; }));
}

void TestAttachServer::what_is_no_frame_ends_the_link() {
    ServedRun run;
    for (const char* bytes : {"GET / HTTP/1.1\r\n\r\n", "COLA\xff\xff\xff\xff\xff\xff\xff\xff"}) {
        Link link = raw_link(run.address);
        QVERIFY(::write(link.output(), bytes, strlen(bytes)) > 0);
        QVERIFY(run.until([&] { return !link.receive(); }));
    }
    // A window's frames before attach, and a run's frames from a window.
    for (const Message& message : {Message(Command{1, "stop"}), Message(Bye{})}) {
        Link link = raw_link(run.address);
        link.send(message);
        QVERIFY(link.flush());
        QVERIFY(run.until([&] { return !link.receive(); }));
    }
    QVERIFY(run.lines.empty());
}

void TestAttachServer::a_slow_window_loses_events_and_knows_how_many() {
    ServedRun run({.silence = 60 * second, .kept = 1024, .most_waiting = 16 * 1024});
    Link link = raw_link(run.address);
    follow(run, link);
    run.request(1, true);
    run.request(2, true);
    std::uint64_t made = 4;
    // It reads nothing: the socket fills, then what is kept for it. The run never waits.
    for (RequestId id = 10; id < 60'000; ++id, made += 3) {
        run.request(id);
        if (id % 100 == 0) {
            link.send(Beat{});
            QVERIFY(link.flush());
            run.server->turn(run);
        }
    }
    QVERIFY(run.server->attached());
    std::uint64_t records = 0;
    std::uint64_t lost = 0;
    std::vector<RequestId> open;
    QVERIFY(run.until([&] {
        for (const Message& message : read_all(link)) {
            if (const auto* steps = std::get_if<Steps>(&message))
                records += steps->records.size();
            if (const auto* gap = std::get_if<Lost>(&message))
                lost += gap->by_link;
            if (const auto* left = std::get_if<OpenSteps>(&message)) {
                open.clear();
                for (const StepRecord& record : left->records)
                    open.push_back(record.request);
            }
        }
        return records + lost >= made;
    }));
    QCOMPARE(records + lost, made);
    QVERIFY(lost > 0);
    QVERIFY(records > 0);
    QCOMPARE(open, (std::vector<RequestId>{1, 1, 2, 2}));
    // And goes on as before.
    run.request(70'000);
    QVERIFY(run.until([&] {
        for (const Message& message : read_all(link)) {
            if (const auto* steps = std::get_if<Steps>(&message))
                records += steps->records.size();
        }
        return records + lost == made + 3;
    }));
}

void TestAttachServer::a_socket_left_behind_is_replaced() {
    ServedRun run;
    // In use.
    QCOMPARE(Server::listen(run.address).error().code, Code::busy);
    run.server.reset();
    QVERIFY(!QFile::exists(QString::fromStdString(run.address.rest)));
    // Left by a process that died.
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, run.address.rest.c_str());
    const Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    QCOMPARE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    run.listen({});
    // No file of another kind is taken away.
    Address file{Address::Kind::socket, run.folder.filePath("file").toStdString()};
    QFile other(QString::fromStdString(file.rest));
    QVERIFY(other.open(QIODevice::WriteOnly));
    QVERIFY(!Server::listen(file));
    QVERIFY(QFile::exists(other.fileName()));
}

QTEST_GUILESS_MAIN(TestAttachServer)
#include "test_attach_server.moc"
