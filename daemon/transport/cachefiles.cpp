#include "daemon/transport/cachefiles.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace coldscope {

namespace {

constexpr int messages_a_turn = 64;
constexpr Nanoseconds kernel_retry = second; // of the kernel itself
constexpr Nanoseconds look_delay = 20 * millisecond;
constexpr int most_errors = 64; // of the device, in a row
constexpr int trace_looks = 3;  // after an answer, for its reader to go on
constexpr std::string_view volume_prefix = "erofs,";

// "DOMAIN/COOKIE": what people see of an object.
std::string shown_name(const CachefilesMessage::Open& open) {
    std::string_view volume = open.volume;
    if (volume.starts_with(volume_prefix))
        volume.remove_prefix(volume_prefix.size());
    return fmt::format("{}/{}", volume, open.cookie);
}

} // namespace

Result<void> CachefilesTransport::restore() {
    constexpr std::string_view command = "restore";
    if (::write(device_, command.data(), command.size()) < 0)
        return system_error("the kernel does not ask again what was in flight");
    return {};
}

void CachefilesTransport::start() {
    listening_ = true;
    watch_ = ring_.watch(device_, POLLIN, [this](int result) {
        if (result >= 0)
            receive();
        else
            end();
    });
    receive(); // what waits already is no edge
}

void CachefilesTransport::stop() {
    if (listening_)
        ring_.unwatch(watch_);
    listening_ = false;
}

void CachefilesTransport::end() {
    listening_ = false;
    engine_.notice(Notice::transport_stopped);
    engine_.fail_all(ENOTCONN);
}

// A read never waits: it gives nothing when nothing is asked.
void CachefilesTransport::receive() {
    for (int i = 0; i < messages_a_turn && listening_; ++i) {
        read_began_ = monotonic_now();
        const ssize_t got = ::read(device_, buffer_.data(), buffer_.size());
        if (got < 0 && !receive_failed(errno)) {
            ring_.unwatch(watch_);
            end();
            return;
        }
        if (got == 0) {
            if (trace_)
                trace_->nothing_waits();
            return;
        }
        if (got > 0) {
            errors_in_a_row_ = 0;
            take(std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(got)));
        }
    }
    // The watch is edge-triggered: what is left would go unseen. Timers and others come first.
    if (listening_)
        ring_.after(0, [this] { receive(); });
}

// The kernel has answered the question by itself, with this error.
bool CachefilesTransport::receive_failed(int error) {
    if (error == EINTR || error == EAGAIN)
        return true;
    const bool full = error == EMFILE || error == ENFILE;
    engine_.notice(full ? Notice::no_descriptors : Notice::not_asked);
    return ++errors_in_a_row_ < most_errors;
}

void CachefilesTransport::take(std::span<const std::byte> bytes) {
    const auto message = decode_cachefiles(bytes);
    if (!message) {
        Fd(descriptor_in(bytes)).reset();
        engine_.notice(Notice::not_asked);
        return;
    }
    if (const auto* open = std::get_if<CachefilesMessage::Open>(&message->what))
        take_open(*message, *open);
    else if (const auto* read = std::get_if<CachefilesMessage::Read>(&message->what))
        take_read(*message, *read);
    else
        take_close(*message);
}

ObjectId CachefilesTransport::number_of(const CachefilesMessage::Open& open) {
    const auto [at, is_new] = numbers_.try_emplace(open.volume + '\0' + open.cookie);
    if (is_new)
        at->second = names_.add(shown_name(open));
    return at->second;
}

void CachefilesTransport::ask(Ask question, Pending pending) {
    question.op = pending.op;
    question.object = pending.object;
    question.object_name = names_.of(pending.object);
    std::optional<AskedReads::Asked> asked;
    if (trace_ && question.op == Op::read)
        asked = trace_->match(pending.kernel_object,
                              {question.offset, question.offset + question.length}, read_began_);
    if (asked) {
        question.pid = asked->thread;
        question.asked = asked->time;
    }
    const std::uint64_t token = next_token_++;
    pending_[token] = std::move(pending);
    const RequestId request = engine_.ask(std::move(question), *this, token);
    if (asked)
        trace_->belongs(*asked, request);
}

// When readers have gone on is told soon after, also where no other message follows.
void CachefilesTransport::look_at_trace() {
    ring_.after(look_delay, [this] {
        trace_->look();
        trace_looks_ = trace_->awaits() ? trace_looks_ - 1 : 0;
        if (trace_looks_ != 0)
            look_at_trace();
    });
}

void CachefilesTransport::take_open(const CachefilesMessage& message,
                                    const CachefilesMessage::Open& open) {
    Pending pending{Op::open, message.id, message.object, number_of(open), Fd(open.fd), {}, false};
    if (trace_)
        trace_->opened(message.object, open.fd, read_began_);
    Ask question;
    auto source = find_(open.cookie);
    Result<void> sound = source ? notes_.check(names_.of(pending.object), (*source)->identity())
                                : Result<void>(std::unexpected(source.error()));
    if (sound)
        pending.source = std::move(*source);
    else
        question.error = to_errno(sound.error());
    ask(std::move(question), std::move(pending));
}

void CachefilesTransport::take_read(const CachefilesMessage& message,
                                    const CachefilesMessage::Read& read) {
    const auto known = by_kernel_object_.find(message.object);
    if (known != by_kernel_object_.end() && dead(message.object) != nullptr) {
        Ask question;
        question.offset = read.offset;
        question.length = read.length;
        question.error = EIO;
        ask(std::move(question),
            {Op::read, message.id, message.object, known->second, {}, {}, false});
        return;
    }
    if (known == by_kernel_object_.end()) {
        engine_.notice(Notice::not_asked); // of an object that was never opened
        return;
    }
    const ObjectId object = known->second;
    KernelObject& copy = *objects_.at(object).copy;
    const Range range{std::min(read.offset, copy.size()),
                      std::min(read.offset + read.length, copy.size())};
    Ask question;
    question.offset = read.offset;
    question.length = read.length;
    question.fill_only = true;
    if (range.begin == range.end)
        question.error = EIO; // past the object's end there is nothing to give
    // The kernel asks for what it lacks; what is local was filled since, or is not there any more.
    else if (!copy.look_first() || (copy.local().contains(range) && !copy.look(range)))
        question.error = EIO;
    question.pieces.push_back({Piece::From::store, object, range.begin, range.length(), {}});
    ask(std::move(question), {Op::read, message.id, message.object, object, {}, {}, false});
}

void CachefilesTransport::take_close(const CachefilesMessage& message) {
    const auto known = by_kernel_object_.find(message.object);
    if (known == by_kernel_object_.end())
        return;
    const ObjectId object = known->second;
    if (trace_)
        trace_->closed(message.object);
    if (dead_.erase(message.object) != 0)
        by_kernel_object_.erase(known);
    else
        forget(object);
    ask({}, {Op::close, message.id, message.object, object, {}, {}, false});
}

void CachefilesTransport::forget(ObjectId object) {
    const auto known = objects_.find(object);
    if (known == objects_.end())
        return;
    engine_.close_store(object); // answers what is open while the descriptor is there
    if (trace_)
        trace_->closed(known->second.kernel_object);
    by_kernel_object_.erase(known->second.kernel_object);
    objects_.erase(known);
}

bool CachefilesTransport::answer(std::uint64_t token, std::span<const std::byte>) {
    auto node = pending_.extract(token);
    Pending& pending = node.mapped();
    switch (pending.op) {
    case Op::open:
        return open_object(pending);
    case Op::read:
        return say_read(pending);
    case Op::close:
        break;
    }
    return true;
}

// A read whose bytes are not there ends with an error for its reader.
bool CachefilesTransport::fail(std::uint64_t token, int error) {
    auto node = pending_.extract(token);
    Pending& pending = node.mapped();
    return pending.op == Op::open ? fail_open(pending, error) : say_read(pending);
}

// A mount is not tried again. An object that is in use already, and was left by a daemon that died,
// is, for ever: it is opened in the end, for its reads to fail.
bool CachefilesTransport::fail_open(Pending& pending, int error) {
    const Nanoseconds now = monotonic_now();
    Nanoseconds& last = failed_[pending.object];
    const bool again = last != 0 && now - last < kernel_retry;
    last = now;
    if (!again) {
        if (trace_)
            trace_->closed(pending.kernel_object);
        return say_opened(pending.message, -error);
    }
    by_kernel_object_[pending.kernel_object] = pending.object;
    dead_[pending.kernel_object] = std::move(pending.fd);
    return say_opened(pending.message, PageBuffers::page);
}

const Fd* CachefilesTransport::dead(std::uint32_t kernel_object) const {
    const auto known = dead_.find(kernel_object);
    return known == dead_.end() ? nullptr : &known->second;
}

bool CachefilesTransport::open_object(Pending& pending) {
    auto copy = std::make_unique<KernelObject>(ring_, buffers_, std::move(pending.fd),
                                               names_.of(pending.object), pending.source->size());
    forget(pending.object); // opened anew without a CLOSE
    const auto size = static_cast<long long>(copy->size());
    objects_[pending.object] = {pending.kernel_object, copy.get()};
    by_kernel_object_[pending.kernel_object] = pending.object;
    engine_.open_store(pending.object, std::move(pending.source), std::move(copy), Keep::first);
    if (!say_opened(pending.message, pending.partial ? size / 2 : size)) {
        forget(pending.object);
        return false;
    }
    if (trace_)
        trace_->served(pending.kernel_object);
    look_after(look_delay, pending.object);
    return true;
}

// The kernel takes the answer in a thread of its own. A read looks itself; this is for who fills
// without one.
void CachefilesTransport::look_after(Nanoseconds delay, ObjectId object) {
    const std::uint32_t kernel_object = objects_.at(object).kernel_object;
    ring_.after(delay, [this, delay, object, kernel_object] {
        const auto known = objects_.find(object);
        if (known == objects_.end() || known->second.kernel_object != kernel_object)
            return;
        if (known->second.copy->look_first())
            prefetch(object);
        else
            look_after(2 * delay, object);
    });
}

void CachefilesTransport::prefetch(ObjectId object) {
    control::Prefetch what;
    for (const Ahead& ahead : ahead_) {
        if (is_called(names_.of(object), ahead.object))
            what.places.push_back({object, ahead.range});
    }
    if (!what.places.empty())
        engine_.apply(std::move(what));
}

bool CachefilesTransport::say_opened(std::uint32_t message, long long size_or_error) const {
    const std::string reply = fmt::format("copen {},{}", message, size_or_error);
    return ::write(device_, reply.data(), reply.size()) == static_cast<ssize_t>(reply.size());
}

bool CachefilesTransport::say_read(const Pending& pending) {
    if (trace_ && std::exchange(trace_looks_, trace_looks) == 0)
        look_at_trace();
    const Fd* without = dead(pending.kernel_object);
    const int fd = without != nullptr ? without->get() : objects_.at(pending.object).copy->fd();
    return ioctl(fd, cachefiles_read_complete, static_cast<unsigned long>(pending.message)) == 0;
}

} // namespace coldscope
