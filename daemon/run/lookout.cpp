#include "daemon/run/lookout.h"

#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace coldscope {

namespace {
// More of them than a child looks for in time are not worth looking for.
constexpr std::size_t most_looked_for = 1024;
} // namespace

Lookout::Lookout(Ring& ring, EventQueue& events, Fd socket, std::string own_mount, Fitting fitting,
                 std::atomic<std::uint64_t>& unseen)
    : ring_(ring), events_(events), socket_(std::move(socket)), own_mount_(std::move(own_mount)),
      fitting_(std::move(fitting)), unseen_(unseen), buffer_(guard::longest_answer) {
    watch_ = ring_.watch(socket_.get(), POLLIN, [this](int) { hear(); });
}

Lookout::~Lookout() {
    if (socket_)
        ring_.unwatch(watch_);
}

void Lookout::arrived(RequestId request, const Ask& ask) {
    if (ask.pid == 0)
        return;
    if (!socket_ || looked_for_.size() >= most_looked_for) {
        unseen_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    const guard::LookoutQuestion question{request, ask.pid, 0};
    if (::send(socket_.get(), &question, sizeof question, MSG_NOSIGNAL | MSG_DONTWAIT) ==
        sizeof question)
        looked_for_[request] = {ask.object, {ask.offset, ask.offset + ask.length}, 0};
    else
        unseen_.fetch_add(1, std::memory_order_relaxed);
}

void Lookout::ending(RequestId request) {
    if (const auto looked = looked_for_.find(request); looked != looked_for_.end())
        looked->second.ended = monotonic_now();
}

void Lookout::hear() {
    while (socket_) {
        const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        const auto answer = guard::decode_answer(
            std::span(buffer_).first(got > 0 ? static_cast<std::size_t>(got) : 0));
        if (answer) {
            take(*answer);
            continue;
        }
        ring_.unwatch(watch_);
        socket_.reset();
        unseen_.fetch_add(looked_for_.size(), std::memory_order_relaxed);
        looked_for_.clear();
    }
}

void Lookout::take(const guard::LookoutAnswer& answer) {
    const auto node = looked_for_.extract(answer.request);
    if (node.empty())
        return;
    const Looked& looked = node.mapped();
    if (looked.ended != 0 && looked.ended < answer.seen) {
        // The thread may have been elsewhere by then.
        unseen_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    Sizes sizes;
    for (const guard::WaitingIn& file : answer.files)
        sizes.insert(file.size);
    if (!sizes.empty())
        sizes = fitting_(looked.object, looked.range, sizes);
    const guard::WaitingIn* found = nullptr;
    for (const guard::WaitingIn& file : answer.files) {
        if (!sizes.contains(file.size))
            continue;
        // Of several that a page fault may be for none is told.
        if (file.mount == own_mount_ || found != nullptr)
            return;
        found = &file;
    }
    if (found != nullptr)
        events_.tell(AskedThrough{answer.request, found->file, found->mount});
}

} // namespace coldscope
