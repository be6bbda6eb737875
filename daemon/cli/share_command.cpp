#include "daemon/cli/share_command.h"

#include "core/base/fd.h"
#include "core/rules/command.h"
#include "daemon/cli/ask_by_hand.h"
#include "daemon/cli/output.h"
#include "daemon/cli/progress_line.h"
#include "daemon/cli/session.h"
#include "daemon/cli/share_report.h"
#include "daemon/cli/share_sample.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope::cli {

namespace {

struct ShareOptions {
    std::vector<std::string> images;
    std::vector<std::string> mounts;  // of each image
    std::vector<std::string> caches;  // likewise
    std::vector<std::string> devices; // "N=BLOB"
    std::vector<std::string> blobs;   // of any, by name
    std::vector<std::string> domains; // of all, or of each
    std::string interval;
    std::string save;
    Nanoseconds every = 0;
    std::uint64_t samples = 0; // 0: until a signal
    bool inode_share = false;
    bool dax = false;
    bool scan = false;
    bool csv = false;
    bool json = false;
    bool files = false;
    bool privileged = false;
};

// The image's number, from 0, and the blob in "N=BLOB"; nothing where it is not of that form.
std::optional<std::pair<std::size_t, std::string>> device_of(const std::string& text,
                                                             std::size_t images) {
    std::size_t number = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '=' || number == 0 ||
        number > images)
        return std::nullopt;
    return std::pair{number - 1, std::string(parsed.ptr + 1, end)};
}

template <typename T>
std::string one_of(const std::vector<T>& list, std::size_t i) {
    return i < list.size() ? list[i] : std::string();
}

bool open_images(const ShareOptions& options, std::vector<SharedImage>& images,
                 std::vector<std::string>& left_out) {
    std::vector<ErofsMount> mounts = erofs_mounts();
    std::vector<OpenedImage*> opened;
    for (std::size_t i = 0; i < options.images.size(); ++i) {
        const std::string& name = options.images[i];
        std::vector<std::string> devices;
        for (const std::string& text : options.devices) {
            if (const auto device = device_of(text, options.images.size());
                device && device->first == i)
                devices.push_back(device->second);
        }
        SharedImage& image = images.emplace_back();
        image.opened = open_image(name, blobs_by_name(name, devices, options.blobs), &left_out);
        if (image.opened == nullptr)
            return false;
        opened.push_back(image.opened.get());
        image.mounted.inode_share = options.inode_share;
        image.mounted.dax = options.dax;
        image.mounted.domain =
            options.domains.size() == 1 ? options.domains[0] : one_of(options.domains, i);
        if (const auto found = find_mount(image, one_of(options.mounts, i), mounts); !found) {
            print_error(found.error(), {});
            return false;
        }
        find_backing(image, one_of(options.caches, i));
    }
    return all_used(options.blobs, opened, "--device N=BLOB") && read_indexes(images);
}

// Where reports go: standard output, and the file that --save names.
class ReportOutput {
public:
    explicit ReportOutput(const ShareOptions& options) : options_(options) {}

    // Makes the file. What it holds stays until there is something to print. Code::invalid for a
    // file of the images.
    Result<void> open(const std::vector<SharedImage>& images) {
        if (options_.save.empty())
            return {};
        fd_.reset(::open(options_.save.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
        struct stat own {};
        if (!fd_ || fstat(fd_.get(), &own) != 0)
            return system_error("opening the file to save to");
        for (const SharedImage& image : images) {
            for (const std::string& path : image.opened->paths) {
                struct stat other {};
                if (stat(path.c_str(), &other) == 0 && other.st_dev == own.st_dev &&
                    other.st_ino == own.st_ino)
                    return failure(Code::invalid, "it is a file of the images themselves");
            }
        }
        saved_.emplace(fd_.get());
        return {};
    }

    // False when nobody reads any more, or after an error: stop.
    bool print(ShareReport& report) {
        const int indent = report.number ? -1 : 2;
        report.files = options_.files;
        if (options_.json)
            print_share_json(report, indent, output_);
        else if (options_.csv)
            print_share_csv(report, output_);
        else
            print_share(report, output_);
        output_.flush();
        if (saved_) {
            if (std::exchange(is_first_, false) && ftruncate(fd_.get(), 0) != 0 && errno != EINVAL)
                warn_of(errno);
            report.files = true;
            print_share_json(report, indent, *saved_);
            saved_->flush();
        }
        return output_.error() == 0 && (!saved_ || saved_->error() == 0);
    }

    [[nodiscard]] int finish(int exit_code) {
        const int code = output_.finish(exit_code);
        if (!saved_ || saved_->flush())
            return code;
        warn_of(saved_->error());
        return 1;
    }

private:
    void warn_of(int error) const {
        print_warning(
            printable(fmt::format("cannot write {}: {}", options_.save, std::strerror(error))));
    }

    const ShareOptions& options_;
    Output output_;
    Fd fd_;                // outlives what is saved through it
    bool is_first_ = true; // nothing was printed yet
    std::optional<Output> saved_;
};

// False when a signal says that it is over. That a guard has ended, the next sample tells.
bool wait_for_next(const ShareOptions& options, int signals) {
    const Nanoseconds end = monotonic_now() + options.every;
    for (Nanoseconds now = monotonic_now(); now < end; now = monotonic_now()) {
        pollfd entry{signals, POLLIN, 0};
        signalfd_siginfo signal{};
        if (poll(&entry, 1, static_cast<int>((end - now) / millisecond) + 1) > 0 &&
            read(signals, &signal, sizeof signal) == sizeof signal && signal.ssi_signo != SIGCHLD)
            return false;
    }
    return true;
}

void warn_of_other_files(const ShareReport& report, const WatchList& watch,
                         const sharing::Sample& sample) {
    const std::vector<std::uint64_t> others = other_files(report.images, watch, sample);
    for (std::size_t i = 0; i < others.size(); ++i) {
        const SharedImage& image = report.images[i];
        if (others[i] != 0)
            print_warning(printable(fmt::format(
                "{} files of {} were not found on {} or are others: is it another image's mount?",
                others[i], image.opened->name, image.folder)));
    }
}

Result<std::unique_ptr<Observer>> start_observer(bool privileged, const WatchList& watch) {
    const AskByHand asking(privileged);
    return Observer::start(watch.folders(), privileged ? guard::Rights::root : guard::Rights::own,
                           asking.by_hand());
}

// Takes samples and prints them. The exit code; the error when the first can't be had.
Result<int> observe(const ShareOptions& options, ShareReport& report, const WatchList& watch,
                    int signals, ReportOutput& output) {
    COLDSCOPE_TRY(const auto observer, start_observer(options.privileged, watch));
    for (std::uint64_t number = 0;; ++number) {
        auto sample = observer->sample(watch.watched);
        if (!sample && number == 0)
            return std::unexpected(sample.error());
        if (!sample)
            return print_error(sample.error(), {});
        if (number == 0)
            warn_of_other_files(report, watch, *sample);
        const sharing::Observed observed(report.prediction, *sample, watch.files);
        report.seen.emplace(*sample, watch.files, observed,
                            usage_of(report.sharing_on, *sample, watch.files));
        if (options.every != 0)
            report.number = number;
        const bool reads = output.print(report);
        report.seen.reset();
        if (options.every == 0 || number + 1 == options.samples || !reads ||
            !wait_for_next(options, signals))
            return 0;
    }
}

int run_share(const ShareOptions& options) {
    std::vector<SharedImage> images;
    std::vector<std::string> left_out;
    ReportOutput output(options);
    if (!open_images(options, images, left_out))
        return 1;
    if (const auto opened = output.open(images); !opened)
        return print_error(opened.error(), options.save);
    auto read = read_sides(images, options.scan);
    if (!read)
        return print_error(read.error(), {});
    const auto prediction =
        sharing::Prediction::make(read->sides, read->keys, {}, std::move(read->scans));
    if (!prediction)
        return print_error(prediction.error(), {});
    const auto sharing_on =
        sharing::Prediction::make(sharing::as_if_shared(read->sides), std::move(read->keys));
    if (!sharing_on)
        return print_error(sharing_on.error(), {});
    for (const std::string& blob : left_out)
        print_warning(printable(blob + "; what it holds is not compared"));
    ShareReport report{images, *prediction, *sharing_on, options.scan};
    const WatchList watch = watch_of(images);
    if (watch.watched.empty()) {
        report.unknown = "none of the images is mounted, as far as is known; see --mounts";
        output.print(report);
        return output.finish(0);
    }
    const int signals = options.every == 0 ? -1 : block_signals();
    const auto seen = observe(options, report, watch, signals, output);
    if (seen)
        return output.finish(*seen);
    // Who may not know it is told all the rest.
    report.unknown = describe(seen.error());
    output.print(report);
    const int error = seen.error().sys_errno;
    return output.finish(error == EPERM || error == EACCES ? 0 : 1);
}

void check_options(ShareOptions& options) {
    const std::size_t images = options.images.size();
    const auto most = [&](const char* option, const std::vector<std::string>& list) {
        if (list.size() > images)
            throw CLI::ValidationError(option, "there are more of them than images");
    };
    most("--mounts", options.mounts);
    most("--cache", options.caches);
    most("--domain", options.domains);
    for (const std::string& device : options.devices) {
        if (!device_of(device, images))
            throw CLI::ValidationError("--device", device + " is not N=BLOB, N an image's number");
    }
    if (!options.interval.empty()) {
        const auto every = parse_duration(options.interval);
        constexpr Nanoseconds longest = 24 * 3600 * second;
        if (!every || *every < 1'000'000 || *every > longest)
            throw CLI::ValidationError("--interval", "it is no time from 1ms to a day, as 2s");
        options.every = *every;
    }
}

} // namespace

void add_share_command(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<ShareOptions>();
    CLI::App* command = app.add_subcommand(
        "share", "Say which page cache images share, could share, and what stands in the way");
    command->add_option("IMAGE", options->images, "The images (their bootstraps)")->required();
    const auto list = [command](const char* name, std::vector<std::string>& into, const char* type,
                                const char* text) {
        command->add_option(name, into, text)->type_name(type)->allow_extra_args(false);
    };
    list("--mounts", options->mounts, "DIR",
         "Where an image is mounted; once for each, in their order. Without it those are found "
         "whose mount has the image's file as its source");
    list("--cache", options->caches, "DIR",
         "The cache folder of the live run that serves an image; once for each");
    list("--blob", options->blobs, "BLOB",
         "A blob of any image; its file name is the tag in the device table");
    list("--device", options->devices, "N=BLOB",
         "A blob of the N-th image; once for each, in the device table's order");
    command->add_flag("--inode-share", options->inode_share,
                      "As if the images were mounted with inode_share (Linux 7.0)");
    list("--domain", options->domains, "NAME",
         "The domain_id of their mounts, which the kernel tells nobody: one, or one for each");
    command->add_flag("--dax", options->dax, "As if they were mounted with DAX");
    command->add_flag("--scan", options->scan,
                      "Read all bytes, too, to find equal pages at different blocks");
    command->add_flag("--files", options->files, "List each file's ranges and their marks, too");
    command->add_option("--interval", options->interval,
                        "Look again each time that this has passed, as 2s, until a signal");
    command->add_option("--samples", options->samples, "With --interval: end after so many");
    command->add_option("--save", options->save,
                        "Write each sample to this file, too, as JSON with each file's ranges");
    command->add_flag("--privileged", options->privileged,
                      "Not as root: have root's guard look, by pkexec or sudo");
    CLI::Option* csv = command->add_flag("--csv", options->csv, "Print CSV, of bytes");
    command->add_flag("--json", options->json, "Print JSON; with --interval one object a line")
        ->excludes(csv);
    command->callback([options, &exit_code] {
        check_options(*options);
        exit_code = run_share(*options);
    });
}

} // namespace coldscope::cli
