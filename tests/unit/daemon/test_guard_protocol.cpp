#include "daemon/guard/channel.h"
#include "daemon/guard/trace.h"

#include <QTest>
#include <cerrno>
#include <random>

#include <sys/socket.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::guard;

namespace {

const Message samples[] = {
    {Type::beat, 0, {}},
    {Type::mount, 0, {"/mnt/a b", "directio", "/run/x/bootstrap", "/run/x/blob1"}},
    {Type::mount, 0, {"", "", ""}},
    {Type::unmount, 1, {"/mnt", "0:41"}},
    {Type::keep, static_cast<std::uint32_t>(Kind::fuse), {"/run/x", ""}},
    {Type::forget, 0, {"/run/x"}},
    {Type::reply, EBUSY, {"unmount"}, 7},
    {Type::fuse, 0, {"/run/x/fuse-1", "/image", "fuse-1\na.cache\n"}},
    {Type::connection, 0, {}, 8},
    {Type::adopt_connection, 0, {"6800000\nfuse-1\n"}},
    {Type::bind_cachefiles, 0, {"tag", "brun 10%\n"}},
    {Type::adopt_cachefiles, 0, {}},
    {Type::lookout, 0, {}},
    {Type::observe, 0, {}, 9},
};

bool same(const Message& a, const Message& b) {
    return a.type == b.type && a.number == b.number && a.texts == b.texts &&
           a.sequence == b.sequence;
}

void put(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

// The byte that the refusal names; fails when it is not refused.
std::uint64_t refused_at(std::span<const std::byte> bytes) {
    const auto message = decode(bytes);
    if (message)
        qFatal("%zu bytes were taken for a message", bytes.size());
    if (message.error().code != Code::invalid)
        qFatal("refused, but not as invalid");
    return message.error().offset;
}

struct Pair {
    Pair() {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
            qFatal("no socket pair");
    }
    ~Pair() {
        close(ends[0]);
        if (ends[1] >= 0)
            close(ends[1]);
    }
    int ends[2];
};

} // namespace

class TestGuardProtocol : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void round_trip() {
        for (const Message& message : samples) {
            const auto decoded = decode(encode(message));
            QVERIFY(decoded);
            QVERIFY(same(*decoded, message));
        }
    }

    // Every message, cut at every byte: an end is never made up.
    void short_and_unclosed() {
        for (const Message& message : samples) {
            const std::vector<std::byte> whole = encode(message);
            for (std::size_t size = 0; size < whole.size(); ++size) {
                const std::span<const std::byte> cut =
                    std::span<const std::byte>(whole).first(size);
                QVERIFY(refused_at(cut) <= size);
            }
        }
        std::vector<std::byte> unclosed = encode({Type::forget, 0, {"abc"}});
        unclosed.back() = std::byte{'d'};
        QCOMPARE(refused_at(unclosed), std::uint64_t{20});
    }

    void trailing_bytes() {
        for (const Message& message : samples) {
            std::vector<std::byte> bytes = encode(message);
            const std::size_t size = bytes.size();
            bytes.push_back(std::byte{0});
            QCOMPARE(refused_at(bytes), std::uint64_t{size});
        }
    }

    void header_fields() {
        std::vector<std::byte> bytes = encode({Type::forget, 0, {"/mnt"}});
        put(bytes, 0, version + 1);
        QCOMPARE(refused_at(bytes), std::uint64_t{0});
        bytes = encode({Type::forget, 0, {"/mnt"}});
        for (const std::uint32_t type : {0U, 1000U, ~0U}) {
            put(bytes, 4, type);
            QCOMPARE(refused_at(bytes), std::uint64_t{4});
        }
        bytes = encode({Type::forget, 0, {"/mnt"}});
        for (const std::uint32_t texts : {0U, 2U, ~0U}) {
            put(bytes, 12, texts);
            QCOMPARE(refused_at(bytes), std::uint64_t{12});
        }
        // What the message says of itself, against what its type has.
        QCOMPARE(refused_at(encode({Type::mount, 0, {"a", "b"}})), std::uint64_t{12});
        QCOMPARE(refused_at(encode({Type::beat, 0, {"a"}})), std::uint64_t{12});
    }

    void too_long() {
        const std::size_t room = largest_message - 20 - 1;
        const Message fits{Type::forget, 0, {std::string(room, 'x')}};
        QVERIFY(decode(encode(fits)));
        const Message longer{Type::forget, 0, {std::string(room + 1, 'x')}};
        QCOMPARE(refused_at(encode(longer)), std::uint64_t{largest_message + 1});
        Pair pair;
        QCOMPARE(guard::send(pair.ends[0], longer).error().code, Code::invalid);
        // A sender that does not care about the limit.
        const std::vector<std::byte> bytes(2 * largest_message);
        QCOMPARE(::send(pair.ends[0], bytes.data(), bytes.size(), 0), ssize_t(bytes.size()));
        QCOMPARE(receive(pair.ends[1]).error().code, Code::invalid);
    }

    // A string with a NUL inside would become two.
    void nul_inside() {
        static_cast<void>(refused_at(encode({Type::forget, 0, {std::string("a\0b", 3)}})));
    }

    void any_bytes() {
        std::mt19937 random(5);
        for (int i = 0; i < 20'000; ++i) {
            std::vector<std::byte> bytes = encode(samples[random() % std::size(samples)]);
            for (unsigned change = 0; change < 1 + random() % 3; ++change)
                bytes[random() % bytes.size()] = static_cast<std::byte>(random() % 256);
            if (const auto message = decode(bytes))
                QCOMPARE(encode(*message), bytes);
        }
    }

    void over_a_socket() {
        Pair pair;
        for (const Message& message : samples)
            QVERIFY(guard::send(pair.ends[0], message));
        for (const Message& message : samples)
            QVERIFY(same(receive(pair.ends[1]).value().message, message));
        // One refused message takes nothing of the next with it.
        QCOMPARE(::send(pair.ends[0], "short", 5, 0), ssize_t{5});
        QVERIFY(guard::send(pair.ends[0], samples[3]));
        QCOMPARE(receive(pair.ends[1]).error().code, Code::invalid);
        QVERIFY(same(receive(pair.ends[1]).value().message, samples[3]));
        close(pair.ends[1]);
        pair.ends[1] = -1;
        QCOMPARE(receive(pair.ends[0]).error().code, Code::cancelled);
        QCOMPARE(guard::send(pair.ends[0], samples[0]).error().sys_errno, EPIPE);
    }

    // What a client may ask for of the kernel's tracepoints, which show it others' reads.
    void tracepoints() {
        constexpr std::uint32_t no_processor = 1u << 20;
        for (const char* name :
             {"erofs/erofs_readahead", "erofs/erofs_read_folio",
              "cachefiles/cachefiles_ondemand_open", "cachefiles/cachefiles_ondemand_read",
              "cachefiles/cachefiles_prep_read"})
            QCOMPARE(open_trace(name, no_processor).error().sys_errno, ERANGE);
        for (const char* name :
             {"", "sched/sched_switch", "cachefiles/cachefiles_ondemand_fd_write",
              "cachefiles/cachefiles_ondemand_read/", "cachefiles/../sched/sched_switch",
              "../events/cachefiles/cachefiles_prep_read", "cachefiles_prep_read"}) {
            QCOMPARE(open_trace(name, no_processor).error().sys_errno, EPERM);
            QCOMPARE(open_trace(name, 0).error().sys_errno, EPERM);
        }
    }

    // A beat to a guard that does not read must not stop the ring thread.
    void full_socket() {
        Pair pair;
        for (int i = 0; i < 100'000; ++i)
            QVERIFY(guard::send(pair.ends[0], samples[0], false));
        QVERIFY(same(receive(pair.ends[1]).value().message, samples[0]));
    }
};

QTEST_GUILESS_MAIN(TestGuardProtocol)
#include "test_guard_protocol.moc"
