#include "daemon/cli/session.h"

#include "daemon/run/child.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace coldscope::cli {

namespace {

constexpr int turn_ms = 200;                       // at most this long between two beats
constexpr int blocked_ms = 5;                      // while the output's reader is slow
constexpr int gather_ms = 10;                      // while events come, that are not urgent
constexpr std::size_t most_waiting = 1u << 20;     // bytes of output; then events wait, too
constexpr Nanoseconds child_grace = 2 * second;    // between SIGTERM and SIGKILL
constexpr std::size_t longest_command = 64 * 1024; // bytes

} // namespace

int block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD})
        sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    for (const int number : {SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU})
        signal(number, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

Session::Session(Run& run, const SessionOptions& options, int signals, EventFile* events,
                 attach::Server* server)
    : run_(run), options_(options), signals_(signals),
      report_(options.json, options.quiet, output_), events_(events), server_(server),
      began_(monotonic_now()) {}

int Session::run() {
    output_.never_wait();
    say([this](RunReport& report) { return report.ready(run_); });
    if (!options_.command.empty()) {
        const auto child =
            start_child(options_.command, run_.options().mount_point,
                        options_.json ? STDERR_FILENO : STDOUT_FILENO, STDERR_FILENO);
        if (!child)
            return print_error(child.error(), options_.command[0]);
        child_ = *child;
    }
    while (!stopping_ && reading_ && !run_.finished())
        turn();
    end_child();
    const auto stopped = run_.stop();
    // Nothing is mounted any more: signals may end what is left, the output.
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    drain();
    if (events_ != nullptr) {
        events_->tell([this](RunReport& report) { return report.summary(run_, lost_seen_); });
        events_->finish();
    }
    reading_ = reading_ && report_.summary(run_, lost_seen_ + unsaid_);
    if (server_ != nullptr)
        server_->finish(*this, stopped ? std::nullopt : std::optional(stopped.error()));
    if (!stopped)
        exit_code_ = print_error(stopped.error(), {});
    return output_.finish(exit_code_);
}

void Session::turn() {
    run_.events().arm(gathering_ ? EventQueue::Wake::urgent : EventQueue::Wake::any);
    const int idle_ms = gathering_ ? gather_ms : turn_ms;
    const bool attached = server_ != nullptr && server_->attached();
    const bool behind = output_.waiting() >= most_waiting;
    // A window does not wait for the output.
    gathering_ = (!behind || attached) && drain() != 0;
    const std::size_t before = output_.waiting();
    reading_ = reading_ && output_.flush_ready();
    if (events_ != nullptr)
        events_->flush();
    if (server_ != nullptr)
        server_->turn(*this);
    const bool read = output_.waiting() == 0 || output_.waiting() < before;
    // While output waits new events can, too, but for a window; what is written soon is looked at
    // again.
    const bool awaits_events = output_.waiting() == 0 || attached;
    polled_ = {pollfd{signals_, POLLIN, 0}, pollfd{commands_open_ ? STDIN_FILENO : -1, POLLIN, 0},
               pollfd{awaits_events ? run_.events().fd() : -1, POLLIN, 0}};
    if (server_ != nullptr)
        server_->poll_for(polled_);
    poll(polled_.data(), polled_.size(), output_.waiting() == 0 && !behind ? idle_ms : blocked_ms);
    if (read || attached) // nobody sees what is held otherwise
        run_.beat();
    if (polled_[0].revents != 0)
        take_signals();
    if (polled_[1].revents != 0)
        take_input();
    release_what_is_due();
}

void Session::release_what_is_due() {
    if (release_at_ != 0 && monotonic_now() >= release_at_) {
        release_at_ = 0;
        (void)run_.command(*parse_command("release all"));
        if (server_ != nullptr)
            server_->rules_changed();
    }
    if (server_ == nullptr)
        return;
    if (server_->release_due()) {
        StepRecord record;
        record.step = Step::notice;
        record.result = static_cast<std::int32_t>(Notice::held_released_link_gone);
        record.time = monotonic_now();
        tell(record);
        (void)run_.command(*parse_command("release all"));
        server_->rules_changed();
    }
    stopping_ = stopping_ || server_->over();
}

void Session::tell(const StepRecord& record) {
    const auto what = [&](RunReport& report) { return report.step(run_, record); };
    if (output_.waiting() < most_waiting || server_ == nullptr || !server_->attached()) {
        say(what);
    } else {
        ++unsaid_;
        if (events_ != nullptr)
            events_->tell(what);
    }
    if (server_ != nullptr)
        server_->step(record);
}

std::size_t Session::drain() {
    const auto drain_facts = [this] {
        run_.events().drain_facts([this](const Fact& fact) {
            say([&](RunReport& report) { return report.fact(fact); });
            if (server_ != nullptr)
                server_->fact(fact);
        });
    };
    const std::size_t count = run_.events().drain([&](const StepRecord& record) {
        if (record.step == Step::arrived || (record.step == Step::answered && record.result != 0))
            drain_facts();
        tell(record);
    });
    drain_facts(); // of requests that have ended
    if (const std::uint64_t lost = run_.events().lost(); lost != lost_seen_) {
        lost_seen_ = lost;
        say([&](RunReport& report) { return report.lost_events(lost); });
    }
    if (unsaid_ != unsaid_told_ && output_.waiting() < most_waiting) {
        unsaid_told_ = unsaid_;
        reading_ = reading_ && report_.lost_events(lost_seen_ + unsaid_);
    }
    return count;
}

void Session::take_signals() {
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGCHLD)
            stopping_ = true;
        else if (child_ > 0 && child_ended(child_, exit_code_)) {
            child_ = 0;
            stopping_ = true;
        }
    }
}

void Session::take_input() {
    std::array<char, 4096> bytes{};
    const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        commands_open_ = false;
        command(std::exchange(input_, {})); // a last line without its end
        // Whoever held requests from there can't release them any more.
        if (commanded_)
            release_at_ = monotonic_now() + options_.hold_grace;
        return;
    }
    input_.append(bytes.data(), static_cast<std::size_t>(got));
    for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
        command(input_.substr(0, end));
        input_.erase(0, end + 1);
    }
    if (input_.size() > longest_command) {
        refuse("", Error{Code::invalid, 0, no_offset, "a line longer than 64 KiB"});
        input_.clear();
    }
}

void Session::command(const std::string& line) {
    if (line.find_first_not_of(" \t\r") == std::string::npos)
        return;
    commanded_ = true;
    (void)steer(line);
}

// As from standard input: what follows from it is said there, too.
Result<std::uint32_t> Session::steer(const std::string& line) {
    const auto refused = [&](const Error& error) {
        refuse(line, error);
        return std::unexpected(error);
    };
    const auto parsed = parse_command(line);
    if (!parsed)
        return refused(parsed.error());
    if (parsed->verb == Verb::stop) {
        stopping_ = true;
        return 0u;
    }
    if (parsed->verb == Verb::rules) {
        say([this](RunReport& report) { return report.rules(run_); });
        return 0u;
    }
    const auto done = run_.command(*parsed);
    if (server_ != nullptr)
        server_->rules_changed();
    if (!done)
        return refused(done.error());
    if (*done != 0)
        say([&](RunReport& report) { return report.rule(*done, line); });
    return *done;
}

Result<void> Session::read_file(const std::string& path) {
    SimulatedRead read;
    read.process = "double-click";
    read.path = path;
    return run_.read(std::move(read));
}

Result<void> Session::read_image(std::uint64_t offset, std::span<std::byte> into) {
    if (!run_.has_image())
        return failure(Code::not_found, "the run has no image: it serves what the kernel opens");
    return run_.read_image(offset, into);
}

void Session::refuse(const std::string& line, const Error& error) {
    say([&](RunReport& report) { return report.command_error(line, error); });
}

attach::Hello Session::hello() const {
    attach::Hello hello;
    hello.began = began_;
    hello.transport = name(run_.transport());
    if (!run_.has_image())
        return hello;
    hello.image = run_.options().image;
    hello.identity = run_.identity();
    hello.image_size = run_.image_size();
    hello.mount = run_.options().mount_point;
    hello.devices.push_back({hello.image, run_.object_name(0)});
    for (const std::string& path : run_.options().devices)
        hello.devices.push_back(
            {path, run_.object_name(static_cast<ObjectId>(hello.devices.size()))});
    return hello;
}

void Session::end_child() {
    if (child_ <= 0)
        return;
    // It has a process group of its own, so that what it has started ends as well.
    kill(-child_, SIGTERM);
    (void)run_.command(*parse_command("release all"));
    const Nanoseconds end = monotonic_now() + child_grace;
    int ignored = 0;
    while (monotonic_now() < end) {
        if (child_ended(child_, ignored))
            return;
        usleep(10'000);
    }
    kill(-child_, SIGKILL);
}

} // namespace coldscope::cli
