#include "daemon/cli/run_command.h"

#include "daemon/cli/event_file.h"
#include "daemon/cli/output.h"
#include "daemon/cli/run_report.h"
#include "daemon/run/child.h"
#include "daemon/run/run.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace coldscope::cli {

namespace {

constexpr int turn_ms = 200;                       // at most this long between two beats
constexpr int blocked_ms = 5;                      // while the output's reader is slow
constexpr std::size_t most_waiting = 1u << 20;     // bytes of output; then events wait, too
constexpr Nanoseconds hold_grace = 10 * second;    // after the commands' end
constexpr Nanoseconds serve_grace = 5 * second;    // for a daemon that is started again
constexpr Nanoseconds child_grace = 2 * second;    // between SIGTERM and SIGKILL
constexpr std::size_t longest_command = 64 * 1024; // bytes

struct Arguments {
    RunOptions run;
    std::string transport;
    std::string latency;
    std::string jitter;
    std::string bandwidth;
    std::string reads; // a file
    std::string grace;
    std::string limits; // of culling
    std::string events;
    bool json = false;
    std::vector<std::string> command;
};

// Signals come through a descriptor, so that they end the run in order. A stopped daemon would
// leave its readers waiting, so the terminal can't stop it either.
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

class Session {
public:
    // events: may be null.
    Session(Run& run, const Arguments& arguments, int signals, EventFile* events)
        : run_(run), arguments_(arguments), signals_(signals), report_(arguments.json, output_),
          events_(events) {}

    int run() {
        output_.never_wait();
        say([this](RunReport& report) { return report.ready(run_); });
        if (!arguments_.command.empty()) {
            const auto child =
                start_child(arguments_.command, run_.options().mount_point,
                            arguments_.json ? STDERR_FILENO : STDOUT_FILENO, STDERR_FILENO);
            if (!child)
                return print_error(child.error(), arguments_.command[0]);
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
        say([this](RunReport& report) { return report.summary(run_, run_.events().lost()); });
        if (events_ != nullptr)
            events_->finish();
        if (!stopped)
            exit_code_ = print_error(stopped.error(), {});
        return output_.finish(exit_code_);
    }

private:
    // what: a call of a RunReport that returns false when nobody reads any more.
    template <typename What>
    void say(const What& what) {
        if (events_ != nullptr)
            events_->tell(what);
        reading_ = reading_ && what(report_);
    }

    void turn() {
        run_.events().arm();
        const bool behind = output_.waiting() >= most_waiting;
        if (!behind)
            drain();
        std::array<pollfd, 3> entries{pollfd{signals_, POLLIN, 0},
                                      pollfd{run_.events().fd(), POLLIN, 0},
                                      pollfd{commands_open_ ? STDIN_FILENO : -1, POLLIN, 0}};
        const std::size_t before = output_.waiting();
        reading_ = reading_ && output_.flush_ready();
        if (events_ != nullptr)
            events_->flush();
        const bool read = output_.waiting() == 0 || output_.waiting() < before;
        if (output_.waiting() != 0)
            entries[1].fd = -1; // new events can wait; what is written soon is looked at again
        poll(entries.data(), entries.size(),
             output_.waiting() == 0 && !behind ? turn_ms : blocked_ms);
        if (read) // nobody sees what is held otherwise
            run_.beat();
        if (entries[0].revents != 0)
            take_signals();
        if (entries[2].revents != 0)
            take_input();
        if (release_at_ != 0 && monotonic_now() >= release_at_) {
            release_at_ = 0;
            (void)run_.command(*parse_command("release all"));
        }
    }

    void drain() {
        run_.events().drain([this](const StepRecord& record) {
            say([&](RunReport& report) { return report.step(run_, record); });
        });
        if (const std::uint64_t lost = run_.events().lost(); lost != lost_seen_) {
            lost_seen_ = lost;
            say([&](RunReport& report) { return report.lost_events(lost); });
        }
    }

    void take_signals() {
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

    void take_input() {
        std::array<char, 4096> bytes{};
        const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            return;
        if (got <= 0) {
            commands_open_ = false;
            command(std::exchange(input_, {})); // a last line without its end
            // Whoever held requests from there can't release them any more.
            if (commanded_)
                release_at_ = monotonic_now() + hold_grace;
            return;
        }
        input_.append(bytes.data(), static_cast<std::size_t>(got));
        for (std::size_t end = input_.find('\n'); end != std::string::npos;
             end = input_.find('\n')) {
            command(input_.substr(0, end));
            input_.erase(0, end + 1);
        }
        if (input_.size() > longest_command) {
            refuse("", Error{Code::invalid, 0, no_offset, "a line longer than 64 KiB"});
            input_.clear();
        }
    }

    void command(const std::string& line) {
        if (line.find_first_not_of(" \t\r") == std::string::npos)
            return;
        commanded_ = true;
        const auto parsed = parse_command(line);
        if (!parsed) {
            refuse(line, parsed.error());
        } else if (parsed->verb == Verb::stop) {
            stopping_ = true;
        } else if (parsed->verb == Verb::rules) {
            say([this](RunReport& report) { return report.rules(run_); });
        } else if (const auto done = run_.command(*parsed); !done) {
            refuse(line, done.error());
        } else if (*done != 0) {
            say([&](RunReport& report) { return report.rule(*done, line); });
        }
    }

    void refuse(const std::string& line, const Error& error) {
        say([&](RunReport& report) { return report.command_error(line, error); });
    }

    void end_child() {
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

    Run& run_;
    const Arguments& arguments_;
    int signals_;
    Output output_;
    RunReport report_;
    EventFile* events_;
    std::string input_;
    pid_t child_ = 0;
    int exit_code_ = 0;
    bool stopping_ = false;
    bool reading_ = true; // somebody still reads the output
    bool commands_open_ = true;
    bool commanded_ = false;
    Nanoseconds release_at_ = 0;
    std::uint64_t lost_seen_ = 0;
};

// The list that --reads names, into options.
Result<void> load_reads(const std::string& path, RunOptions& options) {
    if (path.empty())
        return {};
    COLDSCOPE_TRY(const auto file, FileReadAt::open(path));
    std::string text(static_cast<std::size_t>(file->size()), '\0');
    COLDSCOPE_CHECK(file->read(0, std::as_writable_bytes(std::span(text))));
    COLDSCOPE_TRY(options.reads, parse_read_list(text));
    return {};
}

int run_it(Arguments& arguments) {
    if (const auto loaded = load_reads(arguments.reads, arguments.run); !loaded)
        return print_error(loaded.error(), arguments.reads);
    std::unique_ptr<EventFile> events;
    if (!arguments.events.empty()) {
        auto opened = EventFile::open(arguments.events);
        if (!opened)
            return print_error(opened.error(), arguments.events);
        events = std::move(*opened);
    }
    const int signals = block_signals();
    const auto run = Run::start(arguments.run);
    if (!run)
        return print_error(run.error(), {});
    return Session(**run, arguments, signals, events.get()).run();
}

// A usage error when the text is not of the form.
template <typename T>
void parse_into(const std::string& option, const std::string& text,
                Result<T> (*parse)(std::string_view), T& into) {
    if (text.empty())
        return;
    const Result<T> value = parse(text);
    if (!value)
        throw CLI::ValidationError(option, value.error().context);
    into = *value;
}

void add_shape_options(CLI::App& command, Arguments& arguments) {
    command.add_option("--latency", arguments.latency, "Delay each fetch, as 5ms");
    command.add_option("--jitter", arguments.jitter, "Add up to this much to the latency, as 1ms");
    command.add_option("--bandwidth", arguments.bandwidth,
                       "Bytes a second that the source gives, as 10M");
}

void add_output_options(CLI::App& command, Arguments& arguments) {
    command.add_flag("--json", arguments.json, "One JSON event a line");
    command.add_option("--events", arguments.events,
                       "Write the events to this file, too, in the form of --json");
}

void parse_times(Arguments& arguments) {
    RunOptions& options = arguments.run;
    parse_into("--latency", arguments.latency, parse_duration, options.shape.latency);
    parse_into("--jitter", arguments.jitter, parse_duration, options.shape.jitter);
    parse_into("--bandwidth", arguments.bandwidth, parse_size, options.shape.bandwidth);
    parse_into("--grace", arguments.grace, parse_duration, options.grace);
}

} // namespace

void add_run_command(CLI::App& app, const std::vector<std::string>& command, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    arguments->command = command;
    CLI::App* run = app.add_subcommand(
        "run", "Mount an image on demand and show each request; COMMAND runs in the mount.\n"
               "Commands on standard input hold, release, delay and fail requests: see the man "
               "page.");
    run->add_option("--image", arguments->run.image, "The image (bootstrap)")->required();
    run->add_option("--device", arguments->run.devices,
                    "A blob of the image; repeat it in the order of the device table");
    run->add_option("--mount", arguments->run.mount_point, "The folder to mount on");
    run->add_option("--cache", arguments->run.cache,
                    "The folder that keeps what was fetched; made if missing")
        ->required();
    run->add_option("--transport", arguments->transport,
                    "fuse-blob, fuse-tree, fanotify or simulated; without it the best of the first "
                    "three that works here");
    add_shape_options(*run, *arguments);
    run->add_option("--reads", arguments->reads,
                    "For simulated: a file of reads, TIME PROCESS PATH [OFFSET LENGTH] a line");
    run->add_flag("--buffered", arguments->run.buffered,
                  "fuse-blob without directio: FUSE's own cache then hides misses");
    run->add_flag("--directio", arguments->run.directio,
                  "fanotify: EROFS reads the cache around its page cache, which holds memory once; "
                  "fills wait for the disk");
    run->add_option("--grace", arguments->grace,
                    "fanotify: how long readers wait for another run that takes over when this one "
                    "dies, as 1s; then they get an error");
    run->add_option("--guard-fd", arguments->run.guard_socket,
                    "The socket of a coldscope-guard that was started with root's rights");
    add_output_options(*run, *arguments);
    run->callback([arguments, &exit_code] {
        RunOptions& options = arguments->run;
        parse_times(*arguments);
        if (!arguments->transport.empty()) {
            options.transport = transport_by_name(arguments->transport);
            if (!options.transport)
                throw CLI::ValidationError("--transport", "'" + arguments->transport +
                                                              "' is no transport; see coldscoped "
                                                              "probe");
        }
        const bool simulated = options.transport == TransportKind::simulated;
        if (!simulated && options.mount_point.empty())
            throw CLI::RequiredError("--mount");
        if (simulated && !arguments->command.empty())
            throw CLI::ValidationError("COMMAND", "simulated mounts nothing for it to read from");
        exit_code = run_it(*arguments);
    });
}

void add_serve_command(CLI::App& app, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App* serve = app.add_subcommand(
        "serve", "Serve /dev/cachefiles: whatever object an EROFS mount by fsid opens is a file of "
                 "a folder.\nCommands on standard input steer it, as those of run.");
    serve
        ->add_option("--cache", arguments->run.cache,
                     "The folder that the kernel keeps its cache in; made if missing")
        ->required();
    serve->add_option("--from", arguments->run.from, "The folder of the objects, by their names")
        ->required();
    serve->add_option("--tag", arguments->run.tag, "What the kernel calls the cache");
    serve->add_option("--limits", arguments->limits,
                      "When the kernel is to free space, as bcull=7%,bstop=3%");
    add_shape_options(*serve, *arguments);
    serve->add_option("--grace", arguments->grace,
                      "How long readers wait for another serve that takes over when this one dies; "
                      "5s without it, then they get an error");
    serve->add_option("--guard-fd", arguments->run.guard_socket,
                      "The socket of a coldscope-guard that was started with root's rights");
    add_output_options(*serve, *arguments);
    serve->callback([arguments, &exit_code] {
        RunOptions& options = arguments->run;
        options.transport = TransportKind::cachefiles;
        options.grace = serve_grace;
        parse_times(*arguments);
        // As the kernel takes them: "bcull 7%", each with its line's end.
        options.limits = arguments->limits;
        std::ranges::replace(options.limits, ',', '\n');
        std::ranges::replace(options.limits, '=', ' ');
        if (!options.limits.empty())
            options.limits += '\n';
        exit_code = run_it(*arguments);
    });
}

} // namespace coldscope::cli
