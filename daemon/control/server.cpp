#include "daemon/control/server.h"

#include <algorithm>

namespace coldscope::attach {

namespace {

constexpr int last_wait_ms = 1000; // for a window to take the run's last words
// Of answers to the window's questions; then it is not listened to until it has taken them.
constexpr std::size_t most_answers = 1u << 20; // bytes

} // namespace

Server::Server(Listener listener, const ServerOptions& options)
    : listener_(std::move(listener)), options_(options), history_(options.kept),
      facts_(options.kept_facts), run_(random_number()), link_(listener_.take_link()) {
    if (link_)
        seek_attach();
}

Result<std::unique_ptr<Server>> Server::listen(const Address& address,
                                               const ServerOptions& options) {
    COLDSCOPE_TRY(Listener listener, Listener::open(address));
    return std::unique_ptr<Server>(new Server(std::move(listener), options));
}

void Server::poll_for(std::vector<pollfd>& into) const {
    if (listener_.fd() >= 0)
        into.push_back({listener_.fd(), POLLIN, 0});
    if (!link_ || link_->quiet() || ended_)
        return;
    const bool writes = link_->waiting() != 0 || (following_ && next_ != history_.end());
    const bool reads = link_->waiting() < most_answers;
    if (link_->output() == link_->input()) {
        into.push_back(
            {link_->input(), static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0});
        return;
    }
    if (reads)
        into.push_back({link_->input(), POLLIN, 0});
    if (writes)
        into.push_back({link_->output(), POLLOUT, 0});
}

void Server::step(const StepRecord& record) {
    if (record.step == Step::notice) {
        const auto notice = static_cast<Notice>(record.result);
        if (notice == Notice::cache_full || notice == Notice::cache_writable_again)
            cache_full_ = notice == Notice::cache_full;
        if (notice == Notice::unguarded || notice == Notice::guarded_again)
            unguarded_ = notice == Notice::unguarded;
    }
    history_.add(record);
}

bool Server::release_due() {
    if (!steered_ || greeted_ || monotonic_now() - heard_ < options_.hold_grace)
        return false;
    steered_ = false;
    return true;
}

bool Server::over() const {
    return ended_ && (heard_ == 0 || monotonic_now() - heard_ >= options_.hold_grace);
}

void Server::turn(Served& served) {
    take_callers(served);
    if (!link_)
        return;
    Result<void> kept = take_messages(served);
    const Nanoseconds now = monotonic_now(); // not before what was heard
    const bool silent = now - std::max(heard_, came_) >= options_.silence;
    if (kept && silent && (greeted_ || listener_.fd() >= 0))
        kept = failure(Code::cancelled, "the window is silent");
    if (kept && greeted_ && now >= beat_at_) {
        beat_at_ = now + beat_interval;
        link_->send(Beat{});
    }
    if (kept && following_)
        tell_events(served);
    if (kept)
        kept = link_->flush();
    if (!kept)
        end_session();
}

// One window at a time; others are told why not.
void Server::take_callers(Served& served) {
    while (auto caller = listener_.accept()) {
        // Who has hung up before is heard out, and makes room.
        if (link_ && link_->hung_up()) {
            while (link_->waiting() < most_answers && take_messages(served)) {
            }
            end_session();
        }
        if (!caller->allowed)
            caller->link.send(Refused{"the run is another user's"});
        else if (link_)
            caller->link.send(Refused{"another window is attached to the run"});
        if (!caller->allowed || link_) {
            (void)caller->link.flush();
            continue;
        }
        link_.emplace(std::move(caller->link));
        came_ = monotonic_now();
    }
}

// The link is cut, by whoever. A socket's caller has to come again.
void Server::end_session() {
    greeted_ = false;
    following_ = false;
    if (listener_.fd() >= 0) {
        link_.reset();
        return;
    }
    link_->reset();
    seek_attach();
}

void Server::seek_attach() {
    link_->seek([](const Message& message) { return std::holds_alternative<Attach>(message); });
}

Result<void> Server::take_messages(Served& served) {
    if (!ended_ && link_->waiting() < most_answers) {
        if (const auto received = link_->receive(); !received) {
            ended_ = listener_.address().kind == Address::Kind::standard;
            return received;
        }
    }
    while (link_->waiting() < most_answers) {
        COLDSCOPE_TRY(const auto message, link_->next());
        if (!message)
            break;
        heard_ = monotonic_now();
        COLDSCOPE_CHECK(take(served, *message));
    }
    return {};
}

Result<void> Server::take(Served& served, const Message& message) {
    if (const auto* attach = std::get_if<Attach>(&message))
        return greet(served, *attach);
    if (!greeted_)
        return failure(Code::corrupt, "a window has to say attach first");
    if (const auto* wanted = std::get_if<Follow>(&message))
        return follow(*wanted);
    if (std::holds_alternative<Beat>(message))
        return {};
    if (const auto* command = std::get_if<Command>(&message)) {
        steered_ = true;
        const auto done = served.steer(command->line);
        link_->send(done ? Done{command->tag, *done, {}} : Done{command->tag, 0, done.error()});
        return {};
    }
    if (const auto* file = std::get_if<ReadFile>(&message)) {
        const auto done = served.read_file(file->path);
        link_->send(done ? Done{file->tag, 0, {}} : Done{file->tag, 0, done.error()});
        return {};
    }
    if (const auto* wanted = std::get_if<ReadImage>(&message)) {
        ImageBytes answer{wanted->offset, {}, std::vector<std::byte>(wanted->length)};
        if (const auto done = served.read_image(wanted->offset, answer.bytes); !done) {
            answer.error = done.error();
            answer.bytes.clear();
        }
        link_->send(answer);
        return {};
    }
    return failure(Code::corrupt, "a frame that a window does not say");
}

Result<void> Server::greet(Served& served, const Attach& attach) {
    if (following_ && attach.session == hello_session_)
        return {}; // a window asks again until it hears hello
    following_ = false;
    if (attach.version != version) {
        link_->send(Refused{"the run speaks version " + std::to_string(version) +
                            " of the protocol, the window version " +
                            std::to_string(attach.version)});
        (void)link_->flush();
        return failure(Code::unsupported, "another version");
    }
    Hello hello = served.hello();
    hello.session = attach.session;
    hello_session_ = attach.session;
    hello.run = run_;
    hello.now = monotonic_now();
    hello.first = history_.first();
    hello.unguarded = unguarded_;
    hello.cache_full = cache_full_;
    named_.clear();
    for (ObjectId object = 0; object < hello.devices.size(); ++object)
        named_.insert(object);
    link_->send(hello);
    greeted_ = true;
    beat_at_ = hello.now + beat_interval;
    rules_told_ = false;
    lost_told_ = 0;
    tell_local(served);
    tell_rules(served);
    return {};
}

Result<void> Server::follow(const Follow& follow) {
    if (follow.run != run_ || follow.next > history_.end())
        return failure(Code::corrupt, "a window follows another run");
    next_ = follow.next;
    facts_told_ = facts_.before(next_);
    following_ = true;
    return {};
}

void Server::finish(Served& served, const std::optional<Error>& error) {
    if (!link_ || !greeted_)
        return;
    const Nanoseconds end = monotonic_now() + last_wait_ms * millisecond;
    bool said = false;
    while (monotonic_now() < end) {
        if (following_)
            tell_events(served);
        if (!said && (!following_ || next_ == history_.end())) {
            link_->send(Bye{error});
            said = true;
        }
        if (!link_->flush() || link_->quiet() || (said && link_->waiting() == 0))
            return;
        pollfd entry{link_->output(), POLLOUT, 0};
        ::poll(&entry, 1, 10);
    }
}

} // namespace coldscope::attach
