#include "daemon/run/run.h"

#include "daemon/guard/mounts.h"
#include "daemon/run/prepare.h"
#include "daemon/transport/fuse_blob.h"
#include "daemon/transport/fuse_tree.h"
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
constexpr int unmount_tries = 20; // 50 ms apart, before a busy mount is taken away lazily
} // namespace

Result<std::unique_ptr<Run>> Run::start(const RunOptions& options) {
    std::unique_ptr<Run> run(new Run(options));
    COLDSCOPE_TRY(run->kind_, choose_transport(options.transport));
    COLDSCOPE_CHECK(run->open_image());
    COLDSCOPE_CHECK(prepare_cache_folder(options.cache));
    if (!run->simulated()) {
        COLDSCOPE_TRY(run->options_.mount_point, prepare_mount_point(options.mount_point));
        auto guard = guard::Client::start();
        if (guard)
            run->guard_ = std::move(*guard);
        else if (run->kind_ == TransportKind::fuse_blob)
            return std::unexpected(guard.error());
    }
    COLDSCOPE_TRY(run->ring_, Ring::create());
    run->events_ = std::make_unique<EventQueue>(options.event_capacity);
    run->engine_ = std::make_unique<Engine>(*run->ring_, *run->events_, options.engine);
    COLDSCOPE_CHECK(run->open_stores());
    if (!run->guarded() && !run->simulated())
        run->engine_->notice(Notice::unguarded); // before the ring thread is there
    COLDSCOPE_CHECK(run->mount());
    COLDSCOPE_CHECK(run->post(Life{Life::mounted}));
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
    auto index = erofs::Index::build(*image_);
    if (!index)
        return failure_in(options_.image, index.error());
    index_ = std::move(*index);
    return check_devices(options_.image, *image_, index_, options_.devices);
}

Result<void> Run::open_stores() {
    std::vector<std::string> paths{options_.image};
    paths.insert(paths.end(), options_.devices.begin(), options_.devices.end());
    const std::string image = image_identity(*image_);
    for (std::size_t i = 0; i < paths.size(); ++i) {
        COLDSCOPE_TRY(auto source, FileSource::open(*ring_, paths[i], options_.shape));
        const std::string name = std::filesystem::path(paths[i]).filename().string();
        COLDSCOPE_TRY(auto cache,
                      CacheFile::open(options_.cache, name,
                                      fmt::format("{}:{}:{}", image, i, source->identity()),
                                      source->size()));
        local_at_start_.push_back(cache->local().all());
        engine_->add_store(std::move(source), std::move(cache));
    }
    return {};
}

Result<void> Run::mount() {
    if (kind_ == TransportKind::simulated)
        return start_simulated();
    if (kind_ == TransportKind::fuse_tree)
        return mount_tree();
    return mount_blobs();
}

Result<void> Run::start_simulated() {
    COLDSCOPE_TRY(auto image, erofs::Image::open(primary_));
    auto reads = options_.reads.empty() ? example_reads(index_) : options_.reads;
    auto transport = std::make_unique<SimulatedTransport>(
        *ring_, *engine_, std::move(image), std::move(reads),
        [this] { finished_.store(true, std::memory_order_relaxed); });
    simulated_ = transport.get();
    transport_ = std::move(transport);
    thread_ = std::thread([this] { ring_thread(); });
    return {};
}

Result<void> Run::mount_tree() {
    COLDSCOPE_TRY(auto image, erofs::Image::open(primary_));
    auto transport =
        std::make_unique<FuseTreeTransport>(*ring_, *engine_, std::move(image), primary_, index_);
    if (guard_)
        guard_->keep(options_.mount_point, {}, guard::Kind::fuse);
    COLDSCOPE_CHECK(transport->mount({options_.mount_point, options_.image, geteuid() == 0}));
    fuse_device_ = transport->device();
    if (guard_)
        guard_->keep(options_.mount_point, fuse_device_, guard::Kind::fuse);
    transport_ = std::move(transport);
    thread_ = std::thread([this] { ring_thread(); });
    return {};
}

Result<void> Run::mount_blobs() {
    std::string folder = temporary_folder() + "/coldscope-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr)
        return system_error(fmt::format("cannot make a folder like {}", folder));
    blob_folder_ = folder;
    // The order in which the guard takes them away: what stands on the other goes first.
    guard_->keep(options_.mount_point, {}, guard::Kind::erofs);
    guard_->keep(blob_folder_, {}, guard::Kind::fuse);
    guard_->keep(blob_folder_, {}, guard::Kind::folder);

    std::vector<std::string> names{"bootstrap"};
    std::string mount_options = options_.buffered ? "" : "directio";
    for (std::size_t i = 1; i <= options_.devices.size(); ++i) {
        names.push_back(fmt::format("blob{}", i));
        mount_options +=
            fmt::format("{}device={}/{}", mount_options.empty() ? "" : ",", folder, names.back());
    }
    auto transport = std::make_unique<FuseBlobTransport>(*ring_, *engine_, names);
    COLDSCOPE_CHECK(transport->mount({blob_folder_, options_.image, false}));
    fuse_device_ = transport->device();
    guard_->keep(blob_folder_, fuse_device_, guard::Kind::fuse);
    transport_ = std::move(transport);
    thread_ = std::thread([this] { ring_thread(); });
    COLDSCOPE_CHECK(
        guard_->mount_erofs(folder + "/bootstrap", options_.mount_point, mount_options));
    erofs_device_ = mount_on(options_.mount_point);
    guard_->keep(options_.mount_point, erofs_device_, guard::Kind::erofs);
    return {};
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
        if (!erofs_device_.empty())
            result = unmount_erofs();
        end_ring();
    }
    // What the ring watches keeps the FUSE connection, and its readers, alive: it goes first.
    engine_.reset();
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

// A mount that stays busy is taken away lazily: whoever still has files open there gets EIO once
// FUSE is gone.
Result<void> Run::unmount_erofs() {
    const std::string device = std::exchange(erofs_device_, {});
    Result<void> result = guard_->unmount(options_.mount_point, device, false);
    for (int i = 0; !result && result.error().sys_errno == EBUSY && i < unmount_tries; ++i) {
        usleep(50'000);
        result = guard_->unmount(options_.mount_point, device, false);
    }
    if (!result && result.error().sys_errno == ETIMEDOUT)
        return result; // the guard does not answer: it keeps the mount in mind for later
    if (!result)
        result = guard_->unmount(options_.mount_point, device, true);
    guard_->forget(options_.mount_point);
    return result;
}

void Run::end_ring() {
    while (!post(Life{Life::stop}))
        usleep(1000);
    thread_.join();
}

std::string Run::object_name(ObjectId object) const {
    if (object >= first_file_object)
        return index_.path(object - first_file_object);
    if (object == 0)
        return "bootstrap";
    const std::string& path = options_.devices[object - 1];
    return fmt::format("blob {}: {}", object, std::filesystem::path(path).filename().string());
}

std::vector<std::string> Run::files_at(ObjectId object, std::uint64_t offset, std::uint64_t length,
                                       std::size_t most) const {
    std::vector<std::string> files;
    if (object >= first_file_object) {
        files.push_back(index_.path(object - first_file_object));
        return files;
    }
    std::vector<erofs::NodeId> nodes;
    index_.files_at(static_cast<std::uint16_t>(object), offset, length,
                    [&](erofs::NodeId node, std::uint64_t, std::uint64_t, std::uint64_t) {
                        if (nodes.size() < most && std::ranges::find(nodes, node) == nodes.end())
                            nodes.push_back(node);
                    });
    for (const erofs::NodeId node : nodes)
        files.push_back(index_.path(node));
    return files;
}

Result<void> Run::read(SimulatedRead read) {
    if (!simulated())
        return failure(Code::invalid, "only a simulated run reads by itself");
    return post(std::move(read));
}

Result<std::uint32_t> Run::command(const Command& command) {
    const auto send = [this](Control control) -> Result<std::uint32_t> {
        COLDSCOPE_CHECK(post(std::move(control)));
        return 0u;
    };
    if (command.verb == Verb::release) {
        if (!command.all)
            return send(control::Release{*command.id});
        std::erase_if(rules_, [](const RuleText& rule) { return rule.action == Action::hold; });
        return send(control::ReleaseAll{});
    }
    if (command.verb == Verb::clear && !command.id) {
        rules_.clear();
        return send(control::ClearRules{});
    }
    if (command.verb == Verb::clear) {
        const auto rule = std::ranges::find(rules_, *command.id, &RuleText::id);
        if (rule == rules_.end())
            return failure(Code::not_found, fmt::format("there is no rule {}", *command.id));
        const std::uint32_t id = rule->id;
        rules_.erase(rule);
        return send(control::RemoveRule{id});
    }
    if (command.id && command.verb == Verb::delay)
        return send(control::Delay{*command.id, command.delay});
    if (command.id && command.verb == Verb::fail)
        return send(control::Fail{*command.id, command.error});
    Rule rule;
    rule.id = next_rule_;
    rule.action = command.verb == Verb::hold    ? Action::hold
                  : command.verb == Verb::delay ? Action::delay
                                                : Action::fail;
    rule.delay = command.delay;
    rule.error = command.error;
    rule.count = command.count;
    COLDSCOPE_TRY(rule.match, resolve(command));
    const Action rule_action = rule.action;
    COLDSCOPE_CHECK(post(control::AddRule{std::move(rule)}));
    rules_.push_back({next_rule_, rule_action, command.text});
    return next_rule_++;
}

Result<Match> Run::resolve(const Command& command) {
    Match match;
    match.pid = command.pid;
    match.command = command.command;
    match.text = command.text;
    const Range range = command.range.value_or(Range{0, ~std::uint64_t{0}});
    if (!command.file.empty()) {
        COLDSCOPE_TRY(match.places, places_of_file(command.file, range));
        match.nowhere = match.places.empty();
        return match;
    }
    if (command.object.empty() && !command.range)
        return match;
    for (ObjectId object = 0; object <= options_.devices.size(); ++object) {
        const std::string name = object_name(object);
        if (command.object.empty() || command.object == name ||
            command.object == fmt::format("{}", object) || name.ends_with(": " + command.object))
            match.places.push_back({object, range});
    }
    if (match.places.empty())
        return failure(Code::not_found,
                       fmt::format("no object is called '{}'; there is bootstrap, and the blobs by "
                                   "number or file name",
                                   command.object));
    return match;
}

// range: of the file. In blob mode what its bytes take up on the devices; another file that shares
// them shares their requests, too.
Result<std::vector<Place>> Run::places_of_file(const std::string& path, Range range) {
    const auto named = index_.find(path);
    if (!named)
        return failure(Code::not_found, fmt::format("the image has no {}", path));
    if (!index_.node(*named).is_regular())
        return failure(Code::invalid, fmt::format("{} is no regular file", path));
    // Of several hard links, requests go by the first.
    const erofs::NodeId node = index_.node_of_nid(index_.node(*named).nid).value_or(*named);
    std::vector<Place> places;
    if (kind_ == TransportKind::fuse_tree) {
        places.push_back({first_file_object + node, range});
        return places;
    }
    COLDSCOPE_TRY(const erofs::Inode inode, image_->inode(index_.node(node).nid));
    if (range.begin >= inode.size)
        return places;
    COLDSCOPE_TRY(const auto extents,
                  image_->map(inode, range.begin, std::min(range.end, inode.size) - range.begin));
    for (const erofs::Extent& extent : extents) {
        if (extent.kind != erofs::ExtentKind::hole)
            places.push_back({extent.device, {extent.address, extent.address + extent.length}});
    }
    return places;
}

} // namespace coldscope
