// How soon the window shows an image of a million files, and for how long it takes no events
// meanwhile. The window is Coldscope's own, on the display that there is, else offscreen, in a
// process for each round, with the image in the page cache.
//
// bench_open [IMAGE]: IMAGE is written in the temporary directory when it is not given.
// bench_open --one IMAGE: the timed child: opens IMAGE as the user does, prints "root whole block",
// milliseconds: from open_image() until the root's entries were painted; until the whole image was
// there; the longest time that an event from outside waited. With COLDSCOPE_BENCH_BLOCKS set, when
// it waited, and how much of that the main thread was at work, too.
// Exit code 1 when a target is missed, 77 in an unoptimised build.
#include "app/style/theme.h"
#include "app/views/main_window.h"
#include "core/base/clock.h"
#include "tests/bench/bench_index_image.h"
#include "tests/bench/optimised.h"

#include <QApplication>
#include <QSettings>
#include <QSocketNotifier>
#include <QTemporaryDir>
#include <QTimer>
#include <QTreeView>
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

using namespace coldscope;

constexpr int rounds = 5;
constexpr double most_root_ms = 300;
constexpr double most_block_ms = 50;
constexpr int settle_ms = 1000; // until the window has done what it does at first
constexpr int after_ms = 3000;  // what comes after the whole image counts too
constexpr int give_up_ms = 60000;

double ms_since(Nanoseconds begin) {
    return static_cast<double>(monotonic_now() - begin) / 1e6;
}

// A thread that knocks from outside, as a display server does, and sees how long the event loop
// takes to answer.
class Knocker final : public QObject {
public:
    Knocker() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), notifier_(fd_, QSocketNotifier::Read) {
        connect(&notifier_, &QSocketNotifier::activated, this, [this] { answer(); });
        thread_ = std::thread([this] {
            while (!ended_) {
                if (knocked_ == 0) {
                    knocked_ = monotonic_now();
                    const std::uint64_t one = 1;
                    (void)!::write(fd_, &one, sizeof one);
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        });
    }
    ~Knocker() override {
        ended_ = true;
        thread_.join();
        ::close(fd_);
    }
    // What happens from now on counts.
    void begin() {
        worst_ = 0;
        begin_ = monotonic_now();
    }
    [[nodiscard]] double worst() const { return worst_; } // milliseconds

private:
    // Of the processor, by this thread.
    static Nanoseconds worked() {
        timespec now{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return now.tv_sec * second + now.tv_nsec;
    }
    void answer() {
        std::uint64_t count = 0;
        (void)!::read(fd_, &count, sizeof count);
        const double took = ms_since(knocked_);
        if (begin_ != 0 && took > 10 && getenv("COLDSCOPE_BENCH_BLOCKS") != nullptr)
            fmt::print(stderr, "  {:.0f} ms until {:.0f} ms, {:.0f} ms of them at work\n", took,
                       ms_since(begin_), static_cast<double>(worked() - worked_) / 1e6);
        worked_ = worked();
        worst_ = std::max(worst_, took);
        knocked_ = 0;
    }

    int fd_;
    QSocketNotifier notifier_;
    std::atomic<Nanoseconds> knocked_ = 0; // 0: answered
    std::atomic<bool> ended_ = false;
    std::thread thread_;
    double worst_ = 0;
    Nanoseconds begin_ = 0;
    Nanoseconds worked_ = 0;
};

// Sees the first paint of the tree with something in it.
class RootPaint final : public QObject {
public:
    bool eventFilter(QObject* object, QEvent* event) override {
        if (event->type() == QEvent::Paint && begin != 0 && painted < 0) {
            const auto* tree = qobject_cast<QTreeView*>(object->parent());
            if (tree != nullptr && tree->viewport() == object && tree->model() != nullptr &&
                tree->model()->rowCount() > 0 && tree->isVisible()) {
                painted = 0;
                // When this paint and what else is in its frame are done.
                QMetaObject::invokeMethod(
                    this, [this] { painted = ms_since(begin); }, Qt::QueuedConnection);
            }
        }
        return false;
    }
    Nanoseconds begin = 0;
    double painted = -1;
};

int run_one(int argc, char** argv, const char* image) {
    QApplication application(argc, argv);
    const QTemporaryDir settings;
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, settings.path());
    QApplication::setOrganizationName(QStringLiteral("coldscope-bench"));
    app::apply_theme(app::saved_theme());
    app::Workspace workspace;
    app::Launcher launcher(workspace);
    app::MainWindow window(workspace, launcher);
    Knocker knocker;
    RootPaint root;
    application.installEventFilter(&root);
    double whole = -1;
    QObject::connect(&workspace, &app::Workspace::image_changed, &window, [&] {
        if (!workspace.image() || whole >= 0)
            return;
        whole = ms_since(root.begin);
        QTimer::singleShot(after_ms, &application, &QCoreApplication::quit);
    });
    QObject::connect(&workspace, &app::Workspace::failed, &window,
                     [](const QString& title, const QString& text) {
                         fmt::print(stderr, "{}: {}\n", title.toStdString(), text.toStdString());
                         QCoreApplication::exit(1);
                     });
    QTimer::singleShot(settle_ms, &window, [&] {
        knocker.begin();
        root.begin = monotonic_now();
        window.open_image(QString::fromLocal8Bit(image));
    });
    QTimer::singleShot(give_up_ms, &application, [] { QCoreApplication::exit(1); });
    window.show();
    const int code = QApplication::exec();
    if (code != 0 || root.painted <= 0 || whole < 0)
        return 1;
    fmt::print("{} {} {}\n", root.painted, whole, knocker.worst());
    return 0;
}

// Of one round; empty when it failed.
std::vector<double> run_round(const std::string& self, const std::string& image) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return {};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::vector<char*> arguments{const_cast<char*>(self.c_str()), const_cast<char*>("--one"),
                                 const_cast<char*>(image.c_str()), nullptr};
    pid_t child = 0;
    const int spawned =
        posix_spawn(&child, self.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::string told;
    std::array<char, 256> part{};
    for (ssize_t got = 0; (got = ::read(ends[0], part.data(), part.size())) > 0;)
        told.append(part.data(), static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = -1;
    if (spawned != 0 || waitpid(child, &status, 0) != child || status != 0)
        return {};
    std::vector<double> figures(3);
    if (std::sscanf(told.c_str(), "%lf %lf %lf", &figures[0], &figures[1], &figures[2]) != 3)
        return {};
    return figures;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

int measure(const std::string& self, const std::string& image) {
    std::vector<double> roots;
    std::vector<double> wholes;
    double block = 0;
    for (int round = 0; round < rounds; ++round) {
        const std::vector<double> figures = run_round(self, image);
        if (figures.empty()) {
            fmt::print(stderr, "the window did not show the image\n");
            return 1;
        }
        fmt::print("round {}: root after {:.0f} ms, whole after {:.0f} ms, longest block {:.0f} "
                   "ms\n",
                   round + 1, figures[0], figures[1], figures[2]);
        std::fflush(stdout);
        roots.push_back(figures[0]);
        wholes.push_back(figures[1]);
        block = std::max(block, figures[2]);
    }
    const double root = median(roots);
    fmt::print("root shown after {:.3f} s (target: under {:.1f} s)\n", root / 1000,
               most_root_ms / 1000);
    fmt::print("longest block {:.0f} ms (target: at most {:.0f} ms)\n", block, most_block_ms);
    fmt::print("whole image there after {:.3f} s\n", median(wholes) / 1000);
    return root < most_root_ms && block <= most_block_ms ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (getenv("DISPLAY") == nullptr && getenv("WAYLAND_DISPLAY") == nullptr)
        setenv("QT_QPA_PLATFORM", "offscreen", 0);
    if (argc == 3 && std::strcmp(argv[1], "--one") == 0)
        return run_one(argc, argv, argv[2]);
    if (!bench::is_optimised())
        return bench::skipped;
    const QTemporaryDir folder;
    std::string image = argc == 2 ? argv[1] : folder.filePath("image.erofs").toStdString();
    if (argc != 2) {
        if (const std::string problem = bench::write_large_image(image); !problem.empty()) {
            fmt::print(stderr, "{}\n", problem);
            return 1;
        }
    }
    return measure(std::filesystem::read_symlink("/proc/self/exe").string(), image);
}
