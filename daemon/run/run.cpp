#include "daemon/run/run.h"

#include "daemon/guard/mounts.h"
#include "daemon/run/blobs.h"
#include "daemon/run/prepare.h"
#include "daemon/transport/simulated.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace coldscope {

namespace {
constexpr Nanoseconds guard_beat = 250 * millisecond;
constexpr Nanoseconds guard_retry = second;
} // namespace

Result<std::unique_ptr<Run>> Run::start(const RunOptions& options) {
    std::unique_ptr<Run> run(new Run(options));
    const bool root_guard = options.guard_socket >= 0 || options.privileged ||
                            ::access((options.cache + '/' + guard::socket_name).c_str(), F_OK) == 0;
    COLDSCOPE_TRY(run->kind_, choose_transport(options.transport, root_guard));
    if (run->has_image() && run->kind_ == TransportKind::cachefiles)
        return failure(Code::unsupported, "cachefiles serves whoever mounts an image by fsid, and "
                                          "mounts none itself: use coldscoped serve");
    if (run->has_image())
        COLDSCOPE_CHECK(run->open_image());
    if (!options.share_domain.empty())
        COLDSCOPE_CHECK(run->prepare_sharing());
    if (run->has_image()) {
        for (const Command& command : options.prefetch) // before anything is mounted
            COLDSCOPE_CHECK(run->add_prefetch(command, run->prefetch_));
    }
    COLDSCOPE_TRY(run->options_.cache, prepare_cache_folder(options.cache));
    if (!run->simulated())
        COLDSCOPE_CHECK(run->start_guard());
    COLDSCOPE_TRY(run->ring_, Ring::create());
    run->events_ = std::make_unique<EventQueue>(options.event_capacity);
    run->engine_ = std::make_unique<Engine>(*run->ring_, *run->events_, options.engine);
    if (run->has_image())
        COLDSCOPE_CHECK(run->open_stores());
    if (!run->guarded() && !run->simulated())
        run->engine_->notice(Notice::unguarded); // before the ring thread is there
    if (!options.share_domain.empty() && !run->shares())
        run->engine_->notice(Notice::no_fingerprints);
    COLDSCOPE_CHECK(run->mount());
    COLDSCOPE_CHECK(run->post(Life{Life::mounted}));
    if (options.amplify != 0)
        COLDSCOPE_CHECK(run->post(control::Amplify{options.amplify}));
    if (!run->prefetch_.empty())
        COLDSCOPE_CHECK(run->post(control::Prefetch{std::move(run->prefetch_), 0}));
    return run;
}

Run::~Run() {
    (void)stop();
}

Result<void> Run::open_image() {
    auto file = FileReadAt::open(options_.image);
    if (!file)
        return failure_in(options_.image, file.error());
    primary_ = std::move(*file);
    auto image = erofs::Image::open(primary_);
    if (!image)
        return failure_in(options_.image, image.error());
    image_ = std::move(*image);
    auto bootstrap = rafs::read_bootstrap(*image_);
    if (!bootstrap)
        return failure_in(options_.image, bootstrap.error());
    rafs_ = std::move(*bootstrap);
    if (options_.devices.empty())
        options_.devices = find_blobs(options_.image, image_->devices());
    const auto missing = [](const std::string& path) { return path.empty(); };
    if (rafs_ == nullptr && std::ranges::all_of(options_.devices, missing) && image_->flatten())
        options_.devices.clear();
    auto index = erofs::Index::build(*image_);
    if (!index)
        return failure_in(options_.image, index.error());
    index_ = std::move(*index);
    if (image_->flattened())
        return {};
    return check_devices(options_.image, *image_, index_, rafs_.get(), options_.devices);
}

// One for a thread of its own.
Result<std::unique_ptr<erofs::Image>> Run::image_of_transport() const {
    COLDSCOPE_TRY(auto image, erofs::Image::open(primary_));
    if (image_->flattened())
        image->flatten();
    return image;
}

void Run::ring_thread() {
    ring_->on_turn([this] { events_->flush(); });
    ring_->on_wake([this] { take_posts(); });
    beat_guard(true);
    transport_->start();
    ring_->run();
    events_->flush();
}

void Run::beat_guard(bool guarded) {
    if (!guard_)
        return;
    const bool reached = guard_->beat();
    if (reached != guarded)
        engine_->notice(reached ? Notice::guarded_again : Notice::unguarded);
    ring_->after(guard_beat, [this, reached] { beat_guard(reached); });
}

void Run::beat() {
    if (!engine_)
        return;
    engine_->beat();
    if (!guard_ || !guard_->gone() || monotonic_now() < next_guard_)
        return;
    next_guard_ = monotonic_now() + guard_retry;
    if (guard_->beat())
        return;              // the ring thread's beat had met the guard before this one
    (void)guard_->restart(); // the ring thread tells how it went
}

void Run::take_posts() {
    Post post;
    while (posts_.pop(post)) {
        if (auto* control = std::get_if<Control>(&post)) {
            engine_->apply(std::move(*control));
            continue;
        }
        if (auto* read = std::get_if<SimulatedRead>(&post)) {
            finished_.store(false, std::memory_order_relaxed);
            simulated_->add(std::move(*read));
            continue;
        }
        if (auto* tell = std::get_if<TellLocals>(&post)) {
            Locals local;
            for (StoreId id = 0; id < engine_->store_count(); ++id)
                local.push_back(engine_->store(id).cache().local());
            tell->told->set_value(std::move(local));
            continue;
        }
        switch (std::get<Life>(post).what) {
        case Life::mounted:
            engine_->mounted();
            break;
        case Life::wind_down:
            engine_->wind_down();
            break;
        case Life::stop:
            transport_->stop();
            engine_->fail_all(EIO);
            engine_->settle();
            traffic_ = engine_->traffic();
            ring_->stop();
            break;
        }
    }
}

Result<void> Run::post(Post post) {
    if (!thread_.joinable())
        return failure(Code::cancelled, "the run has ended");
    if (!posts_.push(std::move(post)))
        return failure(Code::busy, "too many commands at once");
    ring_->wake();
    return {};
}

Result<void> Run::stop() {
    Result<void> result;
    if (thread_.joinable()) {
        (void)post(Life{Life::wind_down});
        if (shares_ && guarded() && !erofs_device_.empty()) {
            if (auto saved = observe_saved())
                saved_ = *saved;
        }
        if (!erofs_device_.empty())
            result = unmount_erofs();
        end_ring();
    }
    if (guard_)
        guard_->end_connection();
    // What the ring watches keeps the FUSE connection, and its readers, alive: it goes first.
    engine_.reset();
    trace_ = nullptr;
    ring_.reset();
    transport_.reset(); // takes the FUSE mount away, unless its connection was aborted
    if (guard_) {
        const std::string& fuse = blob_folder_.empty() ? options_.mount_point : blob_folder_;
        if (!fuse_device_.empty() && mount_on(fuse) == fuse_device_)
            (void)guard_->unmount(fuse, fuse_device_, true);
    }
    if (!blob_folder_.empty())
        rmdir(blob_folder_.c_str());
    blob_folder_.clear();
    guard_.reset();
    return result;
}

void Run::end_ring() {
    while (!post(Life{Life::stop}))
        usleep(1000);
    thread_.join();
}

} // namespace coldscope
