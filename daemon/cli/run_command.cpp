#include "daemon/cli/run_command.h"

#include "core/rules/prefetch_list.h"
#include "daemon/cli/ask_by_hand.h"
#include "daemon/cli/session.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>

namespace coldscope::cli {

namespace {

constexpr Nanoseconds serve_grace = 5 * second; // for a daemon that is started again

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
    std::string prefetch; // a file
    std::string amplify;
    std::string listen; // an address
    std::string hold_grace;
    SessionOptions session;
};

// A list that an option names; nothing without a name.
template <typename T>
Result<void> load_list(const std::string& path, Result<std::vector<T>> (*parse)(std::string_view),
                       std::vector<T>& into) {
    if (path.empty())
        return {};
    COLDSCOPE_TRY(const auto file, FileReadAt::open(path));
    std::string text(static_cast<std::size_t>(file->size()), '\0');
    COLDSCOPE_CHECK(file->read(0, std::as_writable_bytes(std::span(text))));
    COLDSCOPE_TRY(into, parse(text));
    return {};
}

Result<std::unique_ptr<Run>> start_run(RunOptions& options) {
    const AskByHand asking(options.privileged);
    options.by_hand = asking.by_hand();
    return Run::start(options);
}

int run_it(Arguments& arguments) {
    if (const auto loaded = load_list(arguments.reads, parse_read_list, arguments.run.reads);
        !loaded)
        return print_error(loaded.error(), arguments.reads);
    if (const auto loaded =
            load_list(arguments.prefetch, parse_prefetch_list, arguments.run.prefetch);
        !loaded)
        return print_error(loaded.error(), arguments.prefetch);
    std::unique_ptr<EventFile> events;
    if (!arguments.events.empty()) {
        auto opened = EventFile::open(arguments.events);
        if (!opened)
            return print_error(opened.error(), arguments.events);
        events = std::move(*opened);
    }
    // Before the run, so that an address that can't be had mounts nothing.
    std::unique_ptr<attach::Server> server;
    if (!arguments.listen.empty()) {
        auto listening = attach::Server::listen(*attach::parse_listen_address(arguments.listen),
                                                {.hold_grace = arguments.session.hold_grace});
        if (!listening)
            return print_error(listening.error(), {});
        server = std::move(*listening);
    }
    const int signals = block_signals();
    const auto run = start_run(arguments.run);
    if (!run)
        return print_error(run.error(), {});
    return Session(**run, arguments.session, signals, events.get(), server.get()).run();
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

void add_ahead_options(CLI::App& command, Arguments& arguments) {
    command.add_option("--prefetch", arguments.prefetch,
                       "A file of what to fetch while no reader waits, PATH [OFFSET LENGTH] (not "
                       "of serve) or object=NAME [OFFSET LENGTH] a line");
    command.add_option("--amplify", arguments.amplify,
                       "A miss fetches all of the blocks of this size that it touches, as 128K");
}

void add_control_options(CLI::App& command, Arguments& arguments) {
    command.add_flag("--json", arguments.session.json, "One JSON event a line");
    command.add_flag("--quiet", arguments.session.quiet,
                     "No line for a request unless it is held or delayed: the others are in the "
                     "window that is attached, or in the file of --events");
    command.add_option("--events", arguments.events,
                       "Write the events to this file, too, in the form of --json");
    command.add_option("--hold-grace", arguments.hold_grace,
                       "How long requests stay held when the window or the commands that held "
                       "them are gone, as 10s");
    command
        .add_option("--listen", arguments.listen,
                    "Where a window may attach: unix:PATH, dev:PATH (a character device) or - "
                    "(standard input and output)")
        ->check(CLI::Validator(
            [](std::string& text) {
                const auto address = attach::parse_listen_address(text);
                return address ? std::string() : address.error().context;
            },
            "WHERE"));
}

void parse_amounts(Arguments& arguments) {
    RunOptions& options = arguments.run;
    parse_into("--latency", arguments.latency, parse_duration, options.shape.latency);
    parse_into("--jitter", arguments.jitter, parse_duration, options.shape.jitter);
    parse_into("--bandwidth", arguments.bandwidth, parse_size, options.shape.bandwidth);
    parse_into("--amplify", arguments.amplify, parse_amplify, options.amplify);
    parse_into("--grace", arguments.grace, parse_duration, options.grace);
    parse_into("--hold-grace", arguments.hold_grace, parse_duration, arguments.session.hold_grace);
}

} // namespace

void add_run_command(CLI::App& app, const std::vector<std::string>& command, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    arguments->session.command = command;
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
    add_ahead_options(*run, *arguments);
    run->add_flag("--buffered", arguments->run.buffered,
                  "fuse-blob without directio: FUSE's own cache then hides misses");
    run->add_flag("--directio", arguments->run.directio,
                  "fanotify: EROFS reads the cache around its page cache, which holds memory once; "
                  "fills wait for the disk");
    run->add_option("--share-domain", arguments->run.share_domain,
                    "fanotify, fuse-blob: the mount shares page cache, by the files' fingerprints, "
                    "with all mounts that name this domain (inode_share, Linux 7.0); every image "
                    "of it is trusted with the others' bytes");
    run->add_option(
        "--grace", arguments->grace,
        "fuse-blob, fanotify: how long readers wait for another run that takes over when this one "
        "dies, as 1s; then they get an error");
    run->add_option("--guard-fd", arguments->run.guard_socket,
                    "The socket of a coldscope-guard that was started with root's rights");
    run->add_flag(
        "--privileged", arguments->run.privileged,
        "Not as root: start the guard as root, by pkexec or sudo; for fanotify that means "
        "to trust this user as root");
    add_control_options(*run, *arguments);
    run->callback([arguments, &exit_code] {
        RunOptions& options = arguments->run;
        parse_amounts(*arguments);
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
        if (simulated && !arguments->session.command.empty())
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
    add_ahead_options(*serve, *arguments);
    serve->add_option("--grace", arguments->grace,
                      "How long readers wait for another serve that takes over when this one dies; "
                      "5s without it, then they get an error");
    serve->add_option("--guard-fd", arguments->run.guard_socket,
                      "The socket of a coldscope-guard that was started with root's rights");
    add_control_options(*serve, *arguments);
    serve->callback([arguments, &exit_code] {
        RunOptions& options = arguments->run;
        options.transport = TransportKind::cachefiles;
        options.grace = serve_grace;
        parse_amounts(*arguments);
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
