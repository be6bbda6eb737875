// coldscope: the window, and the daemon core within it. Exit codes: 0, 1 for errors, 2 for wrong
// usage. What needs no display works without one.
#include "app/render/render_command.h"
#include "app/style/theme.h"
#include "app/views/main_window.h"
#include "app/views/screenshot.h"
#include "coldscope_version.h"
#include "core/rules/command.h"

#include <QApplication>
#include <QFileInfo>
#include <QSocketNotifier>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace {

using namespace coldscope::app;

struct Arguments {
    std::string image;
    std::vector<std::string> devices;
    std::string mount;
    std::string cache;
    std::string transport;
    std::string latency;
    std::string jitter;
    std::string bandwidth;
    std::string share_domain;
    std::string reads;
    std::string theme;
    std::string compare;
    std::vector<std::string> share;
    std::vector<std::string> steering;
    std::vector<std::string> command;
    std::vector<std::string> render; // picture, events
    std::string attach;              // an address
    bool privileged = false;
    bool buffered = false;
    bool start = false;
    bool demo = false;
    std::string screenshot; // a picture
};

QString text(const std::string& bytes) {
    return QString::fromStdString(bytes);
}
QString absolute(const std::string& path) {
    return path.empty() ? QString() : QFileInfo(text(path)).absoluteFilePath();
}

Choice choice_of(const Arguments& arguments) {
    Choice choice;
    choice.image = absolute(arguments.image);
    for (const std::string& device : arguments.devices)
        choice.devices << absolute(device);
    choice.transport = text(arguments.transport);
    choice.latency = text(arguments.latency);
    choice.jitter = text(arguments.jitter);
    choice.bandwidth = text(arguments.bandwidth);
    choice.mount = absolute(arguments.mount);
    choice.cache = absolute(arguments.cache);
    choice.reads = absolute(arguments.reads);
    choice.privileged = arguments.privileged;
    choice.buffered = arguments.buffered;
    choice.share_domain = text(arguments.share_domain);
    for (const std::string& word : arguments.command)
        choice.command << text(word);
    for (const std::string& line : arguments.steering)
        choice.steering << text(line);
    return choice;
}

// Signals come through a descriptor, so that they end the run in order.
int block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool has_display() {
    for (const char* variable : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}) {
        const char* value = getenv(variable);
        if (value != nullptr && *value != '\0')
            return true;
    }
    return false;
}

// Of "IMAGE=DIR"; the folder is empty where the whole of it is an image's name.
std::pair<std::string, std::string> image_and_folder(const std::string& shared) {
    const std::size_t equals = shared.rfind('=');
    if (equals == std::string::npos || QFileInfo::exists(text(shared)))
        return {shared, {}};
    return {shared.substr(0, equals), shared.substr(equals + 1)};
}

int show_window(int argc, char** argv, const Arguments& arguments) {
    if (!arguments.screenshot.empty())
        prepare_screenshot();
    if (!has_display()) {
        fputs("coldscope: there is no display (DISPLAY and WAYLAND_DISPLAY are empty); coldscoped "
              "does the same without a window\n",
              stderr);
        return 1;
    }
    const int signals = block_signals();
    const bool screenshot = !arguments.screenshot.empty();
    QApplication application(argc, argv);
    if (screenshot)
        without_this_machine();
    QApplication::setOrganizationName(QStringLiteral("coldscope"));
    QApplication::setApplicationName(QStringLiteral("coldscope"));
    QApplication::setApplicationVersion(QStringLiteral(COLDSCOPE_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("io.github.coldscope.Coldscope"));
    apply_theme(arguments.theme == "dark"    ? ThemeChoice::dark
                : arguments.theme == "light" ? ThemeChoice::light
                : screenshot                 ? ThemeChoice::light
                                             : saved_theme());
    Workspace workspace;
    Launcher launcher(workspace);
    MainWindow window(workspace, launcher);
    std::optional<Screenshot> shot;
    if (screenshot)
        shot.emplace(workspace, window, absolute(arguments.screenshot));
    window.show();
    QSocketNotifier signalled(signals, QSocketNotifier::Read);
    QObject::connect(&signalled, &QSocketNotifier::activated, &window, [&] {
        signalfd_siginfo info{};
        while (::read(signals, &info, sizeof info) == sizeof info) {
        }
        window.close();
    });
    const Choice choice = choice_of(arguments);
    if (!arguments.attach.empty())
        window.attach(text(arguments.attach), choice.image);
    else if (arguments.demo)
        window.run_demo(choice.steering);
    else if (arguments.start)
        launcher.start(choice);
    else if (!choice.image.isEmpty())
        window.open_image(choice.image, choice.devices);
    if (!arguments.compare.empty())
        window.compare_with(absolute(arguments.compare));
    for (const std::string& shared : arguments.share) {
        const auto [image, folder] = image_and_folder(shared);
        window.share_with(absolute(image), folder.empty() ? QString() : absolute(folder));
    }
    const int status = QApplication::exec();
    return shot ? shot->status() : status;
}

void add_options(CLI::App& app, Arguments& arguments) {
    app.set_version_flag("--version", "coldscope " COLDSCOPE_VERSION);
    app.footer("COMMAND, behind --, is started in the mount of a run.");
    app.add_option("image", arguments.image, "The image (bootstrap) to open")->type_name("IMAGE");
    app.add_option("--device", arguments.devices,
                   "A blob of the image; repeat it in the order of the device table");
    app.add_flag("--start", arguments.start, "Start a live run at once");
    app.add_flag("--demo", arguments.demo,
                 "Run the demo at once: a small image of Coldscope's own sources");
    app.add_option("--mount", arguments.mount,
                   "The folder to mount on; without it one is made for the run");
    app.add_option("--cache", arguments.cache,
                   "The folder that keeps what was fetched; without it one is made for the run");
    app.add_option(
        "--transport", arguments.transport,
        "fuse-blob, fuse-tree, fanotify or simulated; without it the best that works here");
    app.add_option("--latency", arguments.latency, "Delay each fetch, as 5ms");
    app.add_option("--jitter", arguments.jitter, "Add up to this much to the latency, as 1ms");
    app.add_option("--bandwidth", arguments.bandwidth,
                   "Bytes a second that the source gives, as 10M");
    app.add_flag("--privileged", arguments.privileged,
                 "Have the guard started as root where the transport needs it: pkexec asks for an "
                 "administrator's password, or a command is shown for somebody to run");
    app.add_flag("--buffered", arguments.buffered,
                 "fuse-blob without directio: FUSE's own cache then hides misses");
    app.add_option(
        "--share-domain", arguments.share_domain,
        "fanotify, fuse-blob: the mount shares page cache with all mounts that name this "
        "domain (inode_share, Linux 7.0)");
    app.add_option("--reads", arguments.reads,
                   "For simulated: a file of reads, TIME PROCESS PATH [OFFSET LENGTH] a line");
    app.add_option("--steer", arguments.steering,
                   "A command that the run begins with, as 'hold all'; may be repeated");
    app.add_option(
           "--attach", arguments.attach,
           "Watch and steer a run of coldscoped: unix:PATH, dev:PATH or exec:COMMAND; IMAGE is "
           "then a copy of its image")
        ->type_name("WHERE");
    app.add_option("--compare", arguments.compare, "Compare IMAGE with another one, the second")
        ->type_name("IMAGE");
    app.add_option("--share", arguments.share,
                   "Show which page cache IMAGE can share with this one, and where it is mounted; "
                   "may be repeated, and name IMAGE itself for its mount")
        ->type_name("IMAGE[=DIR]");
    app.add_option("--theme", arguments.theme, "light or dark; without it as last chosen")
        ->check(CLI::IsMember({"light", "dark"}));
    app.add_option(
           "--render", arguments.render,
           "Draw the timeline of EVENTS, a file that coldscoped wrote, into PICTURE; needs no "
           "display")
        ->expected(2)
        ->type_name("PICTURE EVENTS");
    app.add_option("--screenshot", arguments.screenshot,
                   "Save what the window shows into PICTURE as soon as nothing is being read, and "
                   "end; needs no display")
        ->type_name("PICTURE");
    // Nobody would see what is asked.
    app.get_option("--screenshot")->excludes(app.get_option("--privileged"));
    // The demo has its own.
    for (const char* option :
         {"--device", "--mount", "--cache", "--transport", "--latency", "--jitter", "--bandwidth",
          "--privileged", "--buffered", "--share-domain", "--reads"})
        app.get_option("--demo")->excludes(app.get_option(option));
}

} // namespace

int main(int argc, char** argv) {
    // 0, 1 and 2 are what they should be, even when started without: nothing else gets their
    // numbers.
    int fd = 0;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= 2);
    close(fd);
    // What stands behind "--" is the command's, whatever it looks like.
    int own = static_cast<int>(std::find(argv, argv + argc, std::string_view("--")) - argv);
    Arguments arguments;
    arguments.command.assign(argv + std::min(own + 1, argc), argv + argc);
    CLI::App app("Watch, hold and break the cold reads of on-demand EROFS images", "coldscope");
    add_options(app, arguments);
    try {
        app.parse(own, argv);
        for (const std::string& line : arguments.steering) {
            if (const auto command = coldscope::parse_command(line); !command)
                throw CLI::ValidationError("--steer", command.error().context);
        }
        if (const auto address = coldscope::attach::parse_attach_address(arguments.attach);
            !arguments.attach.empty() && !address)
            throw CLI::ValidationError("--attach", address.error().context);
        if (arguments.start && !arguments.attach.empty())
            throw CLI::ValidationError("--attach", "the run is there already: not with --start");
        if (!arguments.compare.empty() && (arguments.image.empty() || !arguments.attach.empty()))
            throw CLI::ValidationError("--compare", "an IMAGE of this machine is needed, too");
        if (!arguments.share.empty() && (arguments.image.empty() || !arguments.attach.empty()))
            throw CLI::ValidationError("--share", "an IMAGE of this machine is needed, too");
        if (arguments.demo && (!arguments.image.empty() || !arguments.attach.empty()))
            throw CLI::ValidationError("--demo", "it has an image of its own");
        if (arguments.demo && !arguments.command.empty())
            throw CLI::ValidationError("--demo", "it has a program of its own");
        if (arguments.start && arguments.image.empty())
            throw CLI::RequiredError("IMAGE, for --start,");
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (!arguments.render.empty()) {
        setenv("QT_QPA_PLATFORM", "offscreen", 1);
        const QGuiApplication application(own, argv);
        return render_events(absolute(arguments.render[1]), absolute(arguments.render[0]));
    }
    return show_window(own, argv, arguments);
}
