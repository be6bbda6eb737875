#include "daemon/control/link.h"

#include "core/base/cursor.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coldscope::attach {

namespace {
constexpr std::size_t most_read = 256 * 1024; // bytes at once
} // namespace

Link::Link(Fd input, Fd output, bool lasting)
    : input_(std::move(input)), output_(std::move(output)), lasting_(lasting) {}

void Link::reset() {
    in_.clear();
    out_.clear();
    taken_ = 0;
    written_ = 0;
}

Result<void> Link::gone(const char* what) {
    if (lasting_ && errno != ENODEV) {
        quiet_ = true;
        return {};
    }
    return failure(Code::cancelled, what);
}

Result<void> Link::receive() {
    pollfd entry{input_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 0) == 0) { // the descriptor may be one that waits
        quiet_ = false;
        return {};
    }
    // What waits to be taken is bounded by the longest frame and one such read.
    const std::size_t before = in_.size();
    in_.resize(before + most_read);
    ssize_t got = 0;
    do {
        got = ::read(input_.get(), in_.data() + before, most_read);
    } while (got < 0 && errno == EINTR);
    const int error = errno;
    in_.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got > 0) {
        quiet_ = false;
        return {};
    }
    if (got < 0 && error == EAGAIN) {
        quiet_ = false;
        return {};
    }
    errno = got < 0 ? error : 0;
    return gone("the other end has closed the link");
}

bool Link::hung_up() const {
    pollfd entry{input_.get(), POLLRDHUP, 0};
    return ::poll(&entry, 1, 0) > 0 && entry.revents != 0;
}

Result<std::optional<Message>> Link::next() {
    if (sought_)
        return find();
    const std::span<const std::byte> bytes = std::span(in_).subspan(taken_);
    std::optional<Message> message;
    if (bytes.size() >= header_size) {
        COLDSCOPE_TRY(const Header header, decode_header(bytes));
        if (bytes.size() - header_size >= header.length) {
            auto decoded = decode(header.type, bytes.subspan(header_size, header.length));
            if (!decoded)
                return std::unexpected(decoded.error());
            message = std::move(*decoded);
            taken_ += header_size + header.length;
        }
    }
    if (!message || taken_ == in_.size()) {
        drop(taken_);
        taken_ = 0;
    }
    return message;
}

// Looks at each place where a frame may begin: what looks like one may be a part
// of another that was cut off, whose end never comes.
std::optional<Message> Link::find() {
    drop(taken_);
    taken_ = 0;
    std::optional<std::size_t> unfinished;
    std::size_t at = 0;
    for (; at + 4 <= in_.size(); ++at) {
        if (load_le<std::uint32_t>(in_.data() + at) != magic)
            continue;
        const auto bytes = std::span(in_).subspan(at);
        if (bytes.size() < header_size) {
            unfinished = unfinished.value_or(at);
            break;
        }
        const auto header = decode_header(bytes);
        if (!header)
            continue;
        if (bytes.size() - header_size < header->length) {
            unfinished = unfinished.value_or(at);
            continue;
        }
        auto message = decode(header->type, bytes.subspan(header_size, header->length));
        if (!message || !sought_(*message))
            continue;
        drop(at + header_size + header->length);
        sought_ = nullptr;
        return std::move(*message);
    }
    drop(std::min(unfinished.value_or(at), in_.size()));
    if (in_.size() > header_size + largest_payload)
        drop(in_.size() - header_size - largest_payload);
    return std::nullopt;
}

// As write(); of a descriptor that is not ours alone, so that it can't be made non-blocking.
std::ptrdiff_t Link::write_some() {
    const std::byte* bytes = out_.data() + written_;
    const std::size_t count = out_.size() - written_;
    const ssize_t sent = ::send(output(), bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != ENOTSOCK)
        return sent;
    pollfd entry{output(), POLLOUT, 0};
    if (::poll(&entry, 1, 0) <= 0 || (entry.revents & (POLLOUT | POLLERR)) == 0) {
        errno = (entry.revents & POLLHUP) != 0 ? EPIPE : EAGAIN;
        return -1;
    }
    // A pipe that can be written takes at least PIPE_BUF bytes.
    return ::write(output(), bytes, std::min<std::size_t>(count, PIPE_BUF));
}

Result<void> Link::flush() {
    while (written_ < out_.size()) {
        const std::ptrdiff_t wrote = write_some();
        if (wrote > 0) {
            written_ += static_cast<std::size_t>(wrote);
        } else if (wrote < 0 && errno == EAGAIN) {
            break;
        } else if (wrote == 0 || errno != EINTR) {
            out_.clear();
            written_ = 0;
            return gone("the other end takes nothing any more");
        }
    }
    if (written_ == out_.size()) {
        out_.clear();
        written_ = 0;
    } else if (written_ > most_read) {
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(written_));
        written_ = 0;
    }
    return {};
}

} // namespace coldscope::attach
