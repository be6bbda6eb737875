// What the tests of the ring share.
#pragma once

#include "daemon/ring/ring.h"

#include <QTest>
#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace coldscope::test {

inline constexpr Nanoseconds generous = 60 * second;

inline std::unique_ptr<Ring> make_ring(unsigned entries = 64) {
    auto ring = Ring::create(entries);
    if (!ring)
        qFatal("%s", describe(ring.error()).c_str());
    return std::move(*ring);
}

// Runs until the ring is stopped; false when that had to be done for it.
inline bool run(Ring& ring, const std::function<void()>& at_limit = {}) {
    bool in_time = true;
    const auto limit = ring.after(generous, [&] {
        in_time = false;
        if (at_limit)
            at_limit();
        ring.stop();
    });
    ring.run();
    ring.cancel(limit);
    return in_time;
}

struct Pipe {
    Pipe() {
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
            qFatal("no pipe");
    }
    ~Pipe() {
        close_reader();
        close_writer();
    }
    void close_reader() { close_end(0); }
    void close_writer() { close_end(1); }
    void write(int count = 1) const {
        const std::string bytes(static_cast<std::size_t>(count), 'x');
        if (::write(ends[1], bytes.data(), bytes.size()) != count)
            qFatal("cannot write to the pipe");
    }
    // How many bytes there were.
    [[nodiscard]] int take_all() const {
        std::array<char, 4096> bytes{};
        int sum = 0;
        for (ssize_t got = 0; (got = ::read(ends[0], bytes.data(), bytes.size())) > 0;)
            sum += static_cast<int>(got);
        return sum;
    }
    int ends[2];

private:
    void close_end(int end) {
        if (ends[end] >= 0)
            ::close(ends[end]);
        ends[end] = -1;
    }
};

// A file without a name: byte i at offset 512 * i.
inline int numbered_file(std::uint32_t blocks) {
    const int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    for (std::uint32_t i = 0; i < blocks; ++i) {
        std::array<std::uint32_t, 128> block{};
        block.fill(i);
        if (pwrite(fd, block.data(), sizeof block, i * sizeof block) != sizeof block)
            qFatal("cannot write a test file");
    }
    return fd;
}

} // namespace coldscope::test
