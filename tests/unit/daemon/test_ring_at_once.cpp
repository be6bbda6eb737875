#include "tests/unit/daemon/ring_fixture.h"

#include <QTest>
#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

namespace {

// Memory that whoever touches it waits for.
class StalledPage {
public:
    static constexpr char content = 'x';

    StalledPage()
        : fault_(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC))),
          at_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
        uffdio_register area{
            .range = {address(), size}, .mode = UFFDIO_REGISTER_MODE_MISSING, .ioctls = 0};
        stalls_ = fault_ >= 0 && ioctl(fault_, UFFDIO_API, &api) == 0 &&
                  ioctl(fault_, UFFDIO_REGISTER, &area) == 0;
    }
    ~StalledPage() {
        give_up();
        ::close(fault_);
        munmap(at_, size);
    }
    StalledPage(const StalledPage&) = delete;
    StalledPage& operator=(const StalledPage&) = delete;

    [[nodiscard]] bool stalls() const { return stalls_; }
    [[nodiscard]] std::span<std::byte> bytes() const { return {static_cast<std::byte*>(at_), 512}; }
    void go_on() const {
        std::vector<char> bytes(size, content);
        uffdio_copy copy{.dst = address(),
                         .src = reinterpret_cast<std::uintptr_t>(bytes.data()),
                         .len = size,
                         .mode = 0,
                         .copy = 0};
        if (ioctl(fault_, UFFDIO_COPY, &copy) != 0)
            qFatal("the page can't be filled");
    }

    // Whoever waits reads zeros.
    void give_up() const {
        uffdio_range range{address(), size};
        ioctl(fault_, UFFDIO_UNREGISTER, &range);
    }

private:
    static constexpr std::size_t size = 4096;
    [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(at_); }

    int fault_;
    void* at_;
    bool stalls_ = false;
};

// Goes on once the ring's thread makes a write itself: there is somebody to take over then. Such a
// write has ended before its turn has; io_uring's ends in a later one.
class Relief {
public:
    // turns: counted in on_turn.
    Relief(Ring& ring, int fd, const int& turns) : ring_(ring), fd_(fd), turns_(turns) {}
    void await(std::function<void()> then) {
        ring_.write_at_once(fd_, bytes_, 0, [this, before = turns_, then](int) {
            if (turns_ == before)
                ring_.after(0, [then] { then(); });
            else
                ring_.after(10 * millisecond, [this, then] { await(then); });
        });
    }

private:
    Ring& ring_;
    int fd_;
    const int& turns_;
    std::array<std::byte, 512> bytes_{};
};

} // namespace

class TestRingAtOnce : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void writes_at_once() {
        constexpr int count = 500;
        const int fd = numbered_file(1);
        const auto ring = make_ring();
        std::array<std::uint32_t, 128> block{};
        int done = 0;
        std::function<void()> write = [&] {
            block.fill(static_cast<std::uint32_t>(done) + 7);
            const std::uint64_t offset = static_cast<std::uint64_t>(done) * sizeof block;
            ring->write_at_once(
                fd, std::as_bytes(std::span(block)), offset, [&, offset](int result) {
                    QCOMPARE(result, static_cast<int>(sizeof block));
                    std::array<std::uint32_t, 128> got{};
                    QCOMPARE(pread(fd, got.data(), sizeof got, static_cast<off_t>(offset)),
                             static_cast<ssize_t>(sizeof got));
                    QCOMPARE(got, block);
                    if (++done == count)
                        ring->stop();
                    else if (done % 100 == 0)
                        ring->after(300 * millisecond, [&] { write(); }); // nobody watches any more
                    else
                        write();
                });
        };
        write();
        QVERIFY(run(*ring));
        QCOMPARE(done, count);
        int result = 0;
        ring->write_at_once(12345, std::as_bytes(std::span(block)), 0, [&](int got) {
            result = got;
            ring->stop();
        });
        QVERIFY(run(*ring));
        QCOMPARE(result, -EBADF);
        ::close(fd);
    }

    // A write that is stuck: what is watched, timers, wake-ups and other writes go on.
    void write_that_stalls() {
        StalledPage page;
        if (!page.stalls())
            QSKIP("userfaultfd is not allowed (root, or vm.unprivileged_userfaultfd)");
        const int fd = numbered_file(2);
        const int stalling = numbered_file(1); // who writes to a file has it for himself
        Pipe pipe;
        const auto ring = make_ring();
        const std::thread::id first = std::this_thread::get_id();
        int seen = 0;
        int woken = 0;
        int written = 0;
        int stalled = 0;
        std::thread::id led;
        ring->watch(pipe.ends[0], POLLIN, [&](int) { seen += pipe.take_all(); });
        ring->on_wake([&] { ++woken; });
        std::array<std::byte, 512> other{};
        std::function<void()> beside = [&] {
            pipe.write();
            ring->wake();
            ring->write_at_once(fd, other, 512, [&](int result) {
                led = std::this_thread::get_id();
                QCOMPARE(result, 512);
                QCOMPARE(stalled, 0);
                if (++written < 50)
                    ring->after(0, [&] { beside(); });
                else
                    page.go_on();
            });
        };
        int turns = 0;
        ring->on_turn([&] { ++turns; });
        Relief relief(*ring, fd, turns);
        ring->after(0, [&] {
            relief.await([&] {
                ring->write_at_once(stalling, page.bytes(), 512, [&](int result) {
                    stalled = result;
                    ring->stop();
                });
                ring->after(0, [&] { beside(); });
            });
        });
        QVERIFY(run(*ring, [&] { page.give_up(); }));
        QCOMPARE(stalled, 512);
        QCOMPARE(written, 50);
        QVERIFY(led != first);
        QVERIFY(seen > 0 && woken > 0);
        std::array<char, 512> got{};
        QCOMPARE(pread(stalling, got.data(), got.size(), 512), ssize_t{512});
        QCOMPARE(got[511], StalledPage::content);
        ::close(fd);
        ::close(stalling);
    }

    // What is read is written in the same turn.
    void reads_at_once() {
        const int fd = numbered_file(4);
        const auto ring = make_ring();
        std::array<std::uint32_t, 128> block{};
        const auto bytes = std::as_writable_bytes(std::span(block));
        int turns = 0;
        int turns_after = -1;
        ring->on_turn([&] { ++turns; });
        Relief relief(*ring, fd, turns);
        ring->after(0, [&] {
            relief.await([&] {
                ring->read_at_once(fd, bytes, 3 * sizeof block, [&](int result) {
                    QCOMPARE(result, static_cast<int>(sizeof block));
                    QCOMPARE(block[127], 3U);
                    ring->write_at_once(fd, bytes, sizeof block, [&, before = turns](int written) {
                        QCOMPARE(written, static_cast<int>(sizeof block));
                        turns_after = turns - before;
                        ring->stop();
                    });
                });
            });
        });
        QVERIFY(run(*ring));
        QCOMPARE(turns_after, 0);
        int result = 1;
        ring->read_at_once(fd, bytes, 1 << 20, [&](int got) {
            result = got;
            ring->stop();
        });
        QVERIFY(run(*ring));
        QCOMPARE(result, 0); // past the end
        ring->read_at_once(12345, bytes, 0, [&](int got) {
            result = got;
            ring->stop();
        });
        QVERIFY(run(*ring));
        QCOMPARE(result, -EBADF);
        ::close(fd);
    }

    void read_that_stalls() {
        const StalledPage page;
        if (!page.stalls())
            QSKIP("userfaultfd is not allowed (root, or vm.unprivileged_userfaultfd)");
        const int fd = numbered_file(3);
        const auto ring = make_ring();
        int turns = 0;
        int seen = 0;
        ring->on_turn([&] { ++turns; });
        Pipe pipe;
        ring->watch(pipe.ends[0], POLLIN, [&](int) {
            seen += pipe.take_all();
            page.go_on();
        });
        Relief relief(*ring, fd, turns);
        int result = 0;
        ring->after(0, [&] {
            relief.await([&] {
                ring->read_at_once(fd, page.bytes(), 1024, [&](int got) {
                    result = got;
                    ring->stop();
                });
                ring->after(0, [&] { pipe.write(); });
            });
        });
        QVERIFY(run(*ring, [&] { page.give_up(); }));
        QCOMPARE(result, 512);
        QCOMPARE(seen, 1);
        QCOMPARE(page.bytes()[0], std::byte{2});
        ::close(fd);
    }

    // Both threads in turn: each is found where it was left.
    void write_after_write_stalls() {
        constexpr int rounds = 6;
        const int fd = numbered_file(4);
        const auto ring = make_ring();
        std::vector<std::unique_ptr<StalledPage>> pages;
        for (int i = 0; i < rounds; ++i) {
            pages.push_back(std::make_unique<StalledPage>());
            if (!pages.back()->stalls())
                QSKIP("userfaultfd is not allowed (root, or vm.unprivileged_userfaultfd)");
        }
        Pipe pipe;
        int seen = 0;
        int done = 0;
        std::set<std::thread::id> led;
        int turns = 0;
        ring->on_turn([&] { ++turns; });
        Relief relief(*ring, fd, turns);
        std::function<void()> stall = [&] {
            StalledPage& page = *pages[static_cast<std::size_t>(done)];
            ring->write_at_once(fd, page.bytes(), 512, [&](int result) {
                QCOMPARE(result, 512);
                if (++done == rounds)
                    ring->stop();
                else
                    ring->after(0, [&] { relief.await(stall); });
            });
            ring->after(0, [&] { pipe.write(); });
        };
        ring->watch(pipe.ends[0], POLLIN, [&](int) {
            led.insert(std::this_thread::get_id());
            const int came = pipe.take_all();
            seen += came;
            if (came > 0)
                pages[static_cast<std::size_t>(done)]->go_on();
        });
        ring->after(0, [&] { relief.await(stall); });
        QVERIFY(run(*ring, [&] {
            for (const auto& page : pages)
                page->give_up();
        }));
        QCOMPARE(done, rounds);
        QCOMPARE(seen, rounds);
        QCOMPARE(led.size(), std::size_t{2});
        ::close(fd);
    }
};

QTEST_GUILESS_MAIN(TestRingAtOnce)
#include "test_ring_at_once.moc"
