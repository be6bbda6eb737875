#include "daemon/control/client.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace coldscope::attach {

namespace {

constexpr Nanoseconds window_silence = 1500 * millisecond; // then the thread does not beat for it
constexpr Nanoseconds retry = second;
constexpr Nanoseconds run_silence = 6 * second;       // it beats twice a second
constexpr Nanoseconds longest_greeting = 15 * second; // a run may just be mounting its image
constexpr int turn_ms = 100;
constexpr int full_ms = 5;                               // while the window is slow
constexpr std::uint64_t most_wanted = 4 * largest_piece; // bytes of the image on their way

} // namespace

Client::Client(Address address)
    : address_(std::move(address)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      beaten_(monotonic_now()), thread_([this] { run(); }) {}

Client::~Client() {
    stopping_.store(true, std::memory_order_relaxed);
    wake();
    thread_.join();
}

void Client::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

bool Client::ask(Asked asked) {
    const bool taken = asked_.push(std::move(asked));
    wake();
    return taken;
}

bool Client::alive() const {
    const Nanoseconds beaten = beaten_.load(std::memory_order_relaxed);
    const Nanoseconds now = monotonic_now();
    return now < beaten || now - beaten < window_silence;
}

void Client::run() {
    while (!stopping_.load(std::memory_order_relaxed)) {
        if (speak() == After::end)
            break;
        const Nanoseconds again = monotonic_now() + retry;
        // A window that hangs must not keep requests held by coming back again and again.
        while (!stopping_.load(std::memory_order_relaxed) &&
               (monotonic_now() < again || !alive())) {
            tell_waiting();
            wait(turn_ms);
        }
    }
    while (!stopping_.load(std::memory_order_relaxed) && !tell_waiting())
        wait(full_ms);
}

// One link, from its making to its end.
Client::After Client::speak() {
    auto opened = Connection::open(address_);
    if (!opened)
        return lost(opened.error());
    connection_.emplace(std::move(*opened));
    session_ = random_number();
    greeted_ = false;
    began_ = monotonic_now();
    asked_at_ = 0;
    // There may be the rest of what was said to another, or a program's greeting.
    connection_->link.seek([this](const Message& message) {
        const auto* hello = std::get_if<Hello>(&message);
        return hello != nullptr ? hello->session == session_
                                : std::holds_alternative<Refused>(message);
    });
    Result<void> kept;
    while (kept && !over_ && !stopping_.load(std::memory_order_relaxed)) {
        const Nanoseconds now = monotonic_now();
        if (!greeted_)
            kept = greet_again(now);
        else if (now - heard_ >= run_silence)
            kept = failure(Code::cancelled, "the run is silent");
        else if (now >= beat_at_ && alive()) {
            beat_at_ = now + beat_interval;
            connection_->link.send(Beat{});
        }
        if (kept && greeted_)
            take_asked();
        if (kept)
            kept = connection_->link.flush();
        if (!kept) {
            // It may have said why before it closed the link.
            if (const auto said = take_messages(); !said)
                kept = said;
            break;
        }
        wait(waiting_.empty() ? turn_ms : full_ms);
        if (connection_->errors() >= 0)
            connection_->read_errors();
        if (tell_waiting())
            kept = take_messages();
        else
            heard_ = monotonic_now(); // the run may well have spoken
    }
    if (over_ || stopping_.load(std::memory_order_relaxed)) {
        connection_.reset();
        return After::end;
    }
    Error error = kept.error();
    if (const std::string said = connection_->last_error(); !said.empty())
        error.context += ": " + said;
    connection_.reset();
    return lost(std::move(error));
}

// What is asked once may get lost on a device, also behind a socket, and in a program that is not
// ready for it.
Result<void> Client::greet_again(Nanoseconds now) {
    if (address_.kind != Address::Kind::program && now - began_ >= longest_greeting)
        return failure(Code::cancelled, "nobody answers there");
    if (asked_at_ == 0 || (now - asked_at_ >= retry && alive())) {
        asked_at_ = now;
        connection_->link.send(Attach{version, session_});
    }
    return {};
}

Client::After Client::lost(Error error) {
    greeted_ = false;
    // A program would be another run, perhaps; and a first link that can't be had is not waited
    // for.
    const bool trying = run_.has_value() && address_.kind != Address::Kind::program;
    if (fetch_ && trying)
        fetch_->wanted = fetch_->received;
    else if (fetch_)
        end_fetch(error);
    tell(Unlinked{std::move(error), trying});
    return trying ? After::retry : After::end;
}

void Client::wait(int timeout_ms) {
    std::array<pollfd, 4> entries{pollfd{wake_.get(), POLLIN, 0}, pollfd{-1, 0, 0},
                                  pollfd{-1, 0, 0}, pollfd{-1, 0, 0}};
    if (connection_) {
        const Link& link = connection_->link;
        if (!link.quiet() && waiting_.empty())
            entries[1] = {link.input(), POLLIN, 0};
        if (!link.quiet() && link.waiting() != 0)
            entries[2] = {link.output(), POLLOUT, 0};
        entries[3] = {connection_->errors(), POLLIN, 0};
    }
    ::poll(entries.data(), entries.size(), timeout_ms);
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
}

Result<void> Client::take_messages() {
    COLDSCOPE_CHECK(connection_->link.receive());
    while (waiting_.empty() && !over_) {
        COLDSCOPE_TRY(auto message, connection_->link.next());
        if (!message)
            break;
        heard_ = monotonic_now();
        COLDSCOPE_CHECK(take(std::move(*message)));
    }
    return {};
}

Result<void> Client::take(Message message) {
    if (auto* hello = std::get_if<Hello>(&message))
        return take_hello(std::move(*hello));
    if (const auto* refused = std::get_if<Refused>(&message))
        return failure(Code::busy, refused->reason);
    if (!greeted_)
        return failure(Code::corrupt, "the other end does not say hello");
    if (auto* steps = std::get_if<Steps>(&message)) {
        next_ = steps->first + steps->records.size();
        translate(steps->records);
        tell(std::move(*steps));
    } else if (auto* open = std::get_if<OpenSteps>(&message)) {
        next_ = open->next;
        translate(open->records);
        tell(std::move(*open));
    } else if (const auto* bytes = std::get_if<ImageBytes>(&message)) {
        return take_bytes(*bytes);
    } else if (auto* bye = std::get_if<Bye>(&message)) {
        over_ = true;
        tell(std::move(*bye));
    } else if (auto* facts = std::get_if<Facts>(&message)) {
        for (ReaderFacts& reader : facts->readers)
            reader.time += shift_;
        for (KernelTime& kernel : facts->times)
            kernel.time += shift_;
        tell(std::move(*facts));
    } else if (auto* local = std::get_if<Local>(&message)) {
        tell(std::move(*local));
    } else if (auto* object = std::get_if<ObjectName>(&message)) {
        tell(std::move(*object));
    } else if (const auto* few = std::get_if<Lost>(&message)) {
        tell(*few);
    } else if (auto* rules = std::get_if<Rules>(&message)) {
        tell(std::move(*rules));
    } else if (auto* done = std::get_if<Done>(&message)) {
        tell(std::move(*done));
    } else if (!std::holds_alternative<Beat>(message)) {
        return failure(Code::corrupt, "a frame that a run does not say");
    }
    return {};
}

Result<void> Client::take_hello(Hello hello) {
    if (hello.session != session_)
        return failure(Code::corrupt, "the other end greets somebody else");
    if (greeted_) // asked twice
        return {};
    greeted_ = true;
    beat_at_ = 0;
    const bool same = run_ == hello.run;
    if (!same) {
        // Between the question and its answer the clocks were the same, as far as can be seen, or
        // are this far apart.
        const Nanoseconds asked = asked_at_;
        const bool one_clock = hello.now >= asked && hello.now <= heard_;
        shift_ = one_clock ? 0 : asked + (heard_ - asked) / 2 - hello.now;
        if (fetch_)
            end_fetch(Error{Code::cancelled, 0, no_offset, "the run has ended meanwhile"});
        following_ = false;
        next_ = 0;
        Asked of_another;
        while (asked_.pop(of_another)) {
        }
    }
    run_ = hello.run;
    image_size_ = hello.image_size;
    hello.now += shift_;
    hello.began += shift_;
    if (following_)
        connection_->link.send(Follow{hello.run, next_});
    tell(Greeted{std::move(hello), same});
    fetch_more();
    return {};
}

void Client::translate(std::vector<StepRecord>& records) const {
    for (StepRecord& record : records)
        record.time += shift_;
}

void Client::take_asked() {
    Asked asked;
    while (asked_.pop(asked)) {
        if (const auto* start = std::get_if<StartFollowing>(&asked)) {
            if (start->run != *run_)
                continue;
            following_ = true;
            connection_->link.send(Follow{*run_, next_});
        } else if (auto* fetch = std::get_if<FetchImage>(&asked)) {
            fetch_ = Fetch{std::move(fetch->file), image_size_};
            fetch_more();
        } else if (auto* command = std::get_if<Command>(&asked)) {
            connection_->link.send(std::move(*command));
        } else if (auto* file = std::get_if<ReadFile>(&asked)) {
            connection_->link.send(std::move(*file));
        }
    }
}

void Client::fetch_more() {
    if (!fetch_)
        return;
    if (fetch_->received == fetch_->size) {
        end_fetch({});
        return;
    }
    while (fetch_->wanted < fetch_->size && fetch_->wanted - fetch_->received < most_wanted) {
        const auto length = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(largest_piece, fetch_->size - fetch_->wanted));
        connection_->link.send(ReadImage{fetch_->wanted, length});
        fetch_->wanted += length;
    }
}

Result<void> Client::take_bytes(const ImageBytes& bytes) {
    if (!fetch_)
        return {}; // it was given up
    if (bytes.offset != fetch_->received || bytes.bytes.size() > fetch_->size - fetch_->received)
        return failure(Code::corrupt, "bytes of the image that were not asked for");
    if (bytes.error || bytes.bytes.empty()) {
        end_fetch(
            bytes.error.value_or(Error{Code::truncated, 0, bytes.offset, "the image ends early"}));
        return {};
    }
    const ssize_t written = ::pwrite(fetch_->file.get(), bytes.bytes.data(), bytes.bytes.size(),
                                     static_cast<off_t>(bytes.offset));
    if (written != static_cast<ssize_t>(bytes.bytes.size())) {
        const int error = written < 0 ? errno : ENOSPC;
        end_fetch(system_error(error, "keeping the image").error());
        return {};
    }
    fetch_->received += bytes.bytes.size();
    fetch_more();
    return {};
}

void Client::end_fetch(std::optional<Error> error) {
    fetch_.reset();
    tell(ImageFetched{std::move(error)});
}

void Client::tell(Told told) {
    waiting_.push_back(std::move(told));
    tell_waiting();
}

// False while the window has no room for more.
bool Client::tell_waiting() {
    std::size_t done = 0;
    while (done < waiting_.size() && !told_.full()) {
        (void)told_.push(std::move(waiting_[done]));
        ++done;
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(done));
    return waiting_.empty();
}

} // namespace coldscope::attach
