// Sharing page cache: what may be asked of a mount, and of which requests it is told through which
// other mount they were asked: only of those that were open while their reader was seen.
#include "daemon/guard/inode_share.h"
#include "daemon/run/lookout.h"
#include "tests/unit/daemon/ring_fixture.h"

#include <QTest>
#include <cerrno>

#include <sys/socket.h>

using namespace coldscope;
using namespace coldscope::test;

namespace {

constexpr std::uint64_t right_size = 4711;

guard::LookoutAnswer sample_answer() {
    return {7, 99, {{right_size, "/a/usr/lib/x y", "/a"}, {0, "", ""}}};
}

// The ring's end of a lookout, and the child's.
struct Rig {
    Rig() {
        int ends[2]{};
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
            qFatal("no socket pair");
        child = Fd(ends[1]);
        lookout = std::make_unique<Lookout>(
            *ring, events, Fd(ends[0]), "/own",
            [this](ObjectId object, Range, const Lookout::Sizes& sizes) {
                ++looked_up;
                return object == 1 && sizes.contains(right_size) ? Lookout::Sizes{right_size}
                                                                 : Lookout::Sizes{};
            },
            unseen);
    }
    void arrive(RequestId request) {
        Ask ask;
        ask.object = 1;
        ask.length = 4096;
        ask.pid = 1;
        lookout->arrived(request, ask);
        guard::LookoutQuestion question;
        if (recv(child.get(), &question, sizeof question, MSG_DONTWAIT) != sizeof question ||
            question.request != request || question.thread != 1)
            qFatal("not asked");
    }
    void answer(RequestId request, std::vector<guard::WaitingIn> files,
                Nanoseconds seen = monotonic_now()) {
        const auto bytes = guard::encode(guard::LookoutAnswer{request, seen, std::move(files)});
        if (send(child.get(), bytes.data(), bytes.size(), 0) < 0)
            qFatal("cannot answer");
    }
    std::vector<AskedThrough> told() {
        ring->after(20 * millisecond, [this] { ring->stop(); });
        ring->run();
        std::vector<AskedThrough> facts;
        events.drain_facts([&](Fact fact) { facts.push_back(std::get<AskedThrough>(fact)); });
        return facts;
    }

    std::unique_ptr<Ring> ring = make_ring();
    EventQueue events{16};
    std::atomic<std::uint64_t> unseen{0};
    int looked_up = 0; // how often it was asked which sizes fit
    Fd child;
    std::unique_ptr<Lookout> lookout;
};

} // namespace

class TestLookout : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void mount_options() {
        for (const guard::MountOptions& options :
             {guard::MountOptions{}, guard::MountOptions{true, ""},
              guard::MountOptions{false, "one"}, guard::MountOptions{true, "a.B-1_x"}}) {
            const auto back = guard::parse_mount_options(guard::text_of(options));
            QVERIFY(back);
            QCOMPARE(back->directio, options.directio);
            QCOMPARE(back->domain, options.domain);
        }
        QCOMPARE(guard::text_of({true, "one"}), std::string("directio,inode_share,domain_id=one"));
        for (const char* text :
             {"dax", "directio,", ",directio", "inode_share", "domain_id=one", "directio,dax",
              "inode_share,domain_id=", "inode_share,domain_id=a,dax=always",
              "inode_share,domain_id=a,directio", "domain_id=a,inode_share",
              "inode_share,domain_id=a b", "inode_share,domain_id=a\\,dax", "directioinode_share",
              "inode_share,domain_id=-a",
              "directio,inode_share,domain_id=a,inode_share,domain_id=b"}) {
            const auto options = guard::parse_mount_options(text);
            QVERIFY2(!options && options.error().sys_errno == EPERM, text);
        }
    }

    void domains() {
        QVERIFY(guard::is_domain("a"));
        QVERIFY(guard::is_domain(std::string(guard::longest_domain, 'x')));
        QVERIFY(!guard::is_domain(std::string(guard::longest_domain + 1, 'x')));
        for (const char* name : {"", "-a", "_a", "a,b", "a b", "a=b", "a/b", "\xc3\xa4"})
            QVERIFY2(!guard::is_domain(name), name);
    }

    void answers_round_trip() {
        const auto bytes = guard::encode(sample_answer());
        const auto back = guard::decode_answer(bytes);
        QVERIFY(back);
        QCOMPARE(back->request, std::uint64_t{7});
        QCOMPARE(back->seen, Nanoseconds{99});
        QCOMPARE(back->files.size(), std::size_t{2});
        QCOMPARE(back->files[0].size, right_size);
        QCOMPARE(back->files[0].file, std::string("/a/usr/lib/x y"));
        QCOMPARE(back->files[0].mount, std::string("/a"));
    }

    // Cut anywhere but behind a file it is refused; a length that is not there is no length.
    void cut_answers_are_refused() {
        const auto bytes = guard::encode(sample_answer());
        const std::size_t behind_first = bytes.size() - 24;
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const bool whole = size == 16 || size == behind_first;
            QCOMPARE(guard::decode_answer(std::span(bytes).first(size)).has_value(), whole);
        }
        auto wrong = bytes;
        wrong[24 + 7] = std::byte{0xff}; // of the first path's length
        QVERIFY(!guard::decode_answer(wrong));
        guard::LookoutAnswer many{1, 2, {}};
        many.files.resize(guard::most_waiting_in + 1);
        QCOMPARE(guard::decode_answer(guard::encode(many))->files.size(), guard::most_waiting_in);
        auto more = guard::encode(many);
        more.resize(more.size() + 24);
        QVERIFY(!guard::decode_answer(more));
        many.files[0].file.assign(guard::longest_answer, 'x');
        QVERIFY(guard::encode(many).size() <= guard::longest_answer);
    }

    void told_of_what_was_open() {
        Rig rig;
        rig.arrive(1);
        rig.answer(1, {{right_size, "/a/x", "/a"}});
        auto facts = rig.told();
        QCOMPARE(facts.size(), std::size_t{1});
        QCOMPARE(facts[0].request, RequestId{1});
        QCOMPARE(facts[0].file, std::string("/a/x"));
        QCOMPARE(facts[0].mount, std::string("/a"));
        // The answer comes late, but its reader was seen before the request ended.
        rig.arrive(2);
        const Nanoseconds seen = monotonic_now();
        rig.lookout->ending(2);
        rig.answer(2, {{right_size, "/a/x", "/a"}}, seen - 1);
        QCOMPARE(rig.told().size(), std::size_t{1});
        QCOMPARE(rig.unseen.load(), std::uint64_t{0});
    }

    void not_told_of_what_had_ended() {
        Rig rig;
        rig.arrive(1);
        rig.lookout->ending(1);
        rig.answer(1, {{right_size, "/a/x", "/a"}}, monotonic_now() + 1);
        QVERIFY(rig.told().empty());
        QCOMPARE(rig.unseen.load(), std::uint64_t{1});
        rig.answer(1, {{right_size, "/a/x", "/a"}}, 0); // once more
        rig.answer(9, {{right_size, "/a/x", "/a"}});    // never asked
        QVERIFY(rig.told().empty());
    }

    void not_told_of_what_cannot_be() {
        Rig rig;
        rig.arrive(1);
        rig.answer(1, {});
        rig.arrive(2);
        rig.answer(2, {{right_size, "/own/x", "/own"}});
        rig.arrive(3);
        rig.answer(3, {{right_size + 1, "/a/x", "/a"}}); // of another size
        rig.arrive(4);                                   // a page fault in one of two
        rig.answer(4, {{right_size, "/a/x", "/a"}, {right_size, "/b/x", "/b"}});
        rig.arrive(5); // or in the run's own
        rig.answer(5, {{right_size, "/a/x", "/a"}, {right_size, "/own/x", "/own"}});
        QVERIFY(rig.told().empty());
        rig.arrive(6); // in the one of two that it can be
        rig.answer(6, {{1, "/a/y", "/a"}, {right_size, "/b/x", "/b"}});
        const auto facts = rig.told();
        QCOMPARE(facts.size(), std::size_t{1});
        QCOMPARE(facts[0].file, std::string("/b/x"));
        QCOMPARE(rig.looked_up, 5); // once for each answer with files
        QCOMPARE(rig.unseen.load(), std::uint64_t{0});
    }

    // Whoever answers no more, or wrong, is not asked any more.
    void child_gone() {
        Rig rig;
        rig.arrive(1);
        rig.child.reset();
        QVERIFY(rig.told().empty());
        Ask ask;
        ask.pid = 1;
        rig.lookout->arrived(2, ask);
        rig.lookout->ending(2);
        QCOMPARE(rig.unseen.load(), std::uint64_t{2});
        Rig other;
        other.arrive(1);
        if (send(other.child.get(), "abc", 3, 0) != 3)
            qFatal("cannot answer");
        QVERIFY(other.told().empty());
        QCOMPARE(other.unseen.load(), std::uint64_t{1});
    }
};

QTEST_GUILESS_MAIN(TestLookout)
#include "test_lookout.moc"
