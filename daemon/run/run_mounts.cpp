// How a run comes to stand in the file system, and leaves it, by each transport.
#include "daemon/engine/cache_file.h"
#include "daemon/guard/folders.h"
#include "daemon/guard/inode_share.h"
#include "daemon/guard/mounts.h"
#include "daemon/run/metadata.h"
#include "daemon/run/prepare.h"
#include "daemon/run/run.h"
#include "daemon/source/rafs.h"
#include "daemon/transport/fanotify.h"
#include "daemon/transport/fuse_blob.h"
#include "daemon/transport/fuse_tree.h"
#include "daemon/transport/offer.h"
#include "daemon/transport/simulated.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace coldscope {

namespace {
constexpr int unmount_tries = 20; // 50 ms apart, before a busy mount is taken away lazily
// As far apart, while the guard of a run that has ended sees its file system go: it holds the locks
// of what is marked till then.
constexpr int lock_tries = 20;
} // namespace

// A guard whose client died may still wait for this very run.
Result<void> Run::start_guard() {
    guard::ClientOptions options{{options_.cache}, options_.grace, options_.guard_socket};
    options.by_hand = options_.by_hand;
    if (has_image()) {
        COLDSCOPE_TRY(options_.mount_point, prepare_mount_point(options_.mount_point));
        options.folders.push_back(options_.mount_point);
    }
    if (options_.privileged)
        options.rights = rights_for(kind_, shares_);
    if (kind_ != TransportKind::fuse_tree && options.socket < 0) {
        COLDSCOPE_CHECK(refuse_unshared()); // what is taken over and refused would be taken away
        auto taken = guard::Client::take_over(options);
        // On FUSE runs of different images may share a cache; nobody takes over this one then.
        if (!taken && taken.error().code == Code::busy && kind_ == TransportKind::fuse_blob)
            options.grace = 0;
        else if (!taken && taken.error().code != Code::not_found)
            return std::unexpected(taken.error());
        if (taken && (*taken)->taken_mount() != options_.mount_point)
            return failure(Code::busy, fmt::format("a run that died is still mounted on {}; take "
                                                   "it over there, or wait for its end",
                                                   (*taken)->taken_mount()));
        if (taken) {
            guard_ = std::move(*taken);
            return {};
        }
    }
    if (has_image())
        COLDSCOPE_CHECK(refuse_mounted(options_.mount_point));
    auto started = guard::Client::start(options);
    if (started)
        guard_ = std::move(*started);
    else if (kind_ != TransportKind::fuse_tree)
        return std::unexpected(started.error());
    return {};
}

Result<std::unique_ptr<Source>> Run::open_source(std::size_t device, const std::string& path) {
    COLDSCOPE_TRY(std::unique_ptr<Source> file, FileSource::open(*ring_, path, options_.shape));
    if (device == 0 || rafs_ == nullptr || rafs_->blobs[device - 1].raw)
        return file;
    return RafsSource::make(*ring_, engine_->workers(), rafs_, device - 1, std::move(file));
}

Result<void> Run::open_stores() {
    std::vector<std::string> paths{options_.image};
    paths.insert(paths.end(), options_.devices.begin(), options_.devices.end());
    const std::string image = image_identity(*image_);
    const bool taken = guard_ && !guard_->taken_mount().empty();
    for (std::size_t i = 0; i < paths.size(); ++i) {
        COLDSCOPE_TRY(auto source, open_source(i, paths[i]));
        const std::string name = std::filesystem::path(paths[i]).filename().string();
        const std::string identity = fmt::format("{}:{}:{}", image, i, source->identity());
        // What is written through a descriptor that was opened after the mark would be asked for.
        Fd before_mark;
        if (taken) {
            auto object = guard_->object(CacheFile::path_of(options_.cache, name, identity));
            if (object)
                before_mark = std::move(*object);
        }
        marked_.push_back(static_cast<bool>(before_mark));
        auto opened =
            CacheFile::open(options_.cache, name, identity, source->size(), std::move(before_mark));
        for (int tries = 0;
             !marked_.back() && !opened && opened.error().code == Code::busy && tries < lock_tries;
             ++tries) {
            usleep(50'000);
            opened = CacheFile::open(options_.cache, name, identity, source->size());
        }
        COLDSCOPE_TRY(auto cache, std::move(opened));
        if (taken && kind_ == TransportKind::fanotify && !marked_.back() &&
            cache->local().total() < cache->size())
            return failure(Code::mismatch, fmt::format("{} is not what is mounted on {}", paths[i],
                                                       options_.mount_point));
        local_at_start_.push_back(cache->local().all());
        engine_->add_store(std::move(source), std::move(cache),
                           kind_ == TransportKind::fanotify ? Keep::first : Keep::later);
    }
    return {};
}

Result<void> Run::mount() {
    switch (kind_) {
    case TransportKind::simulated:
        return start_simulated();
    case TransportKind::fuse_tree:
        return mount_tree();
    case TransportKind::fanotify:
        return mount_fanotify();
    case TransportKind::cachefiles:
        return bind_cachefiles();
    default:
        return mount_blobs();
    }
}

Result<void> Run::start_simulated() {
    COLDSCOPE_TRY(auto image, image_of_transport());
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
    COLDSCOPE_TRY(auto image, image_of_transport());
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

// What the guard is told to say to a run that takes over: the folder of the FUSE mount, and which
// bytes its files have; a line each.
std::string Run::fuse_note() const {
    std::string note = std::filesystem::path(blob_folder_).filename().string() + '\n';
    for (StoreId id = 0; id < engine_->store_count(); ++id)
        note += std::filesystem::path(engine_->store(id).cache().path()).filename().string() + '\n';
    return note;
}

Result<guard::FuseConnection> Run::mount_fuse() {
    blob_folder_ = fmt::format("{}/{}XXXXXX", options_.cache, guard::fuse_folder);
    if (mkdtemp(blob_folder_.data()) == nullptr)
        return system_error(fmt::format("cannot make a folder like {}", blob_folder_));
    // The order in which the guard takes them away: what stands on the other goes first.
    guard_->keep(options_.mount_point, {}, guard::Kind::erofs);
    guard_->keep(blob_folder_, {}, guard::Kind::fuse);
    guard_->keep(blob_folder_, {}, guard::Kind::folder);
    std::error_code ignored;
    const auto image = std::filesystem::absolute(options_.image, ignored);
    COLDSCOPE_CHECK(guard_->mount_fuse(blob_folder_, image.string(), fuse_note()));
    return guard_->connection();
}

// All of the dead run's connection but its answers; those are given again.
Result<guard::FuseConnection> Run::take_fuse() {
    COLDSCOPE_TRY(auto connection, guard_->connection());
    blob_folder_ = options_.cache + '/' + connection.note.substr(0, connection.note.find('\n'));
    if (connection.note != fuse_note())
        return failure(Code::mismatch, fmt::format("{} and its blobs are not what is mounted on {}",
                                                   options_.image, options_.mount_point));
    erofs_device_ = mount_on(options_.mount_point);
    guard_->keep(options_.mount_point, erofs_device_, guard::Kind::erofs);
    guard_->keep(blob_folder_, mount_on(blob_folder_), guard::Kind::fuse);
    guard_->keep(blob_folder_, {}, guard::Kind::folder);
    return connection;
}

Result<void> Run::mount_blobs() {
    std::vector<std::string> names{"bootstrap"};
    for (std::size_t i = 1; i <= options_.devices.size(); ++i)
        names.push_back(fmt::format("blob{}", i));
    auto transport = std::make_unique<FuseBlobTransport>(*ring_, *engine_, names);
    const bool taken = !guard_->taken_mount().empty();
    COLDSCOPE_TRY(auto connection, taken ? take_fuse() : mount_fuse());
    COLDSCOPE_CHECK(transport->attach(
        {blob_folder_, std::move(connection.device), std::move(connection.init), taken}));
    fuse_device_ = transport->device();
    guard_->keep(blob_folder_, fuse_device_, guard::Kind::fuse);
    transport_ = std::move(transport);
    open_trace();
    open_lookout();
    thread_ = std::thread([this] { ring_thread(); });
    if (taken)
        return {};
    for (std::string& name : names)
        name = blob_folder_ + '/' + name;
    return mount_devices(names, !options_.buffered);
}

Result<void> Run::mount_devices(const std::vector<std::string>& sources, bool directio) {
    const std::string options =
        guard::text_of({directio, shares_ ? options_.share_domain : std::string()});
    COLDSCOPE_CHECK(guard_->mount_erofs(sources, options_.mount_point, options));
    erofs_device_ = mount_on(options_.mount_point);
    guard_->keep(options_.mount_point, erofs_device_, guard::Kind::erofs);
    if (trace_ != nullptr)
        trace_->only(erofs_device_);
    return {};
}

// A help where it can be had: the guard gives it to root and whom root trusts. False where not.
bool Run::open_tracepoints(
    std::span<const std::string_view> names,
    const std::function<Result<void>(std::string_view, guard::Client::Trace)>& add) {
    for (const std::string_view name : names) {
        for (std::uint32_t processor = 0;; ++processor) {
            auto event = guard_->trace(name, processor);
            if (!event && event.error().sys_errno == ERANGE)
                break;
            if (!event || !add(name, std::move(*event)))
                return false;
        }
    }
    return true;
}

void Run::open_trace() {
    auto trace = std::make_unique<ErofsTrace>();
    traced_ = open_tracepoints(std::array{ErofsTrace::readahead_name, ErofsTrace::read_folio_name},
                               [&](std::string_view name, guard::Client::Trace one) {
                                   return trace->add(name, std::move(one.event), one.format);
                               });
    if (!traced_)
        return;
    trace_ = trace.get();
    if (!erofs_device_.empty())
        trace_->only(erofs_device_);
    engine_->trace_by(std::move(trace));
}

// Everything is marked before it is mounted: what a mark misses reads as zeros.
Result<void> Run::mount_fanotify() {
    COLDSCOPE_TRY(const int group, guard_->group());
    const bool taken = !guard_->taken_mount().empty();
    if (!taken) {
        guard_->keep(options_.mount_point, {}, guard::Kind::erofs);
        COLDSCOPE_TRY(const bool asks, kernel_asks_for_metadata(group));
        if (!asks)
            COLDSCOPE_CHECK(bring_metadata());
    }
    std::vector<std::string> sources;
    for (StoreId id = 0; id < engine_->store_count(); ++id) {
        const LocalCopy& cache = engine_->store(id).cache();
        sources.push_back(cache.path());
        if (marked_[id])
            guard_->marked(cache.path(), cache.fd());
        else if (cache.local().total() < cache.size())
            COLDSCOPE_CHECK(guard_->mark(cache.path(), cache.fd()));
    }
    transport_ = std::make_unique<FanotifyTransport>(*ring_, *engine_, group, [this](StoreId id) {
        guard_->unmark(engine_->store(id).cache().path());
    });
    if (taken) {
        erofs_device_ = mount_on(options_.mount_point);
        guard_->keep(options_.mount_point, erofs_device_, guard::Kind::erofs);
    }
    open_trace();
    open_lookout();
    thread_ = std::thread([this] { ring_thread(); });
    return taken ? Result<void>() : mount_devices(sources, options_.directio);
}

// Tried with a file that is one hole: a kernel that asks does so for its superblock. Each event is
// denied, so that the mount fails on either.
Result<bool> Run::kernel_asks_for_metadata(int group) {
    const std::string path = options_.cache + "/trial.cache";
    const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file || ftruncate(file.get(), 4096) != 0)
        return system_error(fmt::format("cannot write {}", path));
    COLDSCOPE_CHECK(guard_->mark(path, file.get()));
    std::atomic<bool> done{false};
    std::thread mounting([&] {
        (void)guard_->mount_erofs({path}, options_.mount_point, "");
        done.store(true);
    });
    bool asked = false;
    while (!done.load())
        asked = deny_waiting(group, 1) || asked;
    mounting.join();
    guard_->end_mark(path);
    unlink(path.c_str());
    return asked;
}

// From the image itself, which was read already to get here.
Result<void> Run::bring_metadata() {
    constexpr std::uint64_t step = 1u << 20; // bytes
    const LocalCopy& cache = engine_->store(0).cache();
    std::vector<std::byte> bytes;
    for (const Range& wanted :
         metadata_ranges(index_, cache.size(), image_->superblock().block_size())) {
        for (const Range& missing : cache.local().missing(cache.whole(wanted))) {
            for (std::uint64_t at = missing.begin; at < missing.end; at += step) {
                bytes.resize(std::min(step, missing.end - at));
                COLDSCOPE_CHECK(primary_->read(at, bytes));
                COLDSCOPE_CHECK(engine_->put(0, at, bytes));
            }
        }
    }
    local_at_start_[0] = cache.local().all();
    return {};
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
    if (!result && result.error().sys_errno == EPERM) {
        const std::string left =
            blob_folder_.empty() ? options_.mount_point : options_.mount_point + ' ' + blob_folder_;
        return system_error(EPERM, fmt::format("the guard that could unmount {} is gone; until "
                                               "root does (umount {}) another one gives its "
                                               "readers an error for what is missing",
                                               options_.mount_point, left));
    }
    guard_->forget(options_.mount_point);
    return result;
}

} // namespace coldscope
