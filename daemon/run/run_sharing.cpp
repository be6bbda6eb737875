// A run whose mount shares page cache with others of a domain.
#include "core/erofs/features.h"
#include "core/sharing/mark.h"
#include "daemon/guard/erofs_mounts.h"
#include "daemon/guard/inode_share.h"
#include "daemon/guard/mounts.h"
#include "daemon/observe/observer.h"
#include "daemon/run/lookout.h"
#include "daemon/run/run.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace coldscope {

namespace {
// The run's end waits for it, and tells and hears nothing meanwhile.
constexpr Nanoseconds saved_within = 2 * second;
constexpr std::size_t most_observed = 20'000; // files
constexpr std::size_t most_known = 200'000;   // files of the image, each of which is thought of

std::unexpected<Error> too_many_files() {
    return failure(Code::unsupported, "too many files to look at");
}
} // namespace

// What can be said without the guard: whether it may be tried at all.
Result<void> Run::prepare_sharing() {
    if (!guard::is_domain(options_.share_domain))
        return failure(Code::invalid,
                       fmt::format("'{}' is no domain: letters, digits, '.', '-' and '_', at most "
                                   "{} of them",
                                   options_.share_domain, guard::longest_domain));
    if (kind_ != TransportKind::fanotify && kind_ != TransportKind::fuse_blob)
        return failure(Code::unsupported,
                       fmt::format("mounts of {} share no page cache with others; those of "
                                   "fanotify and fuse-blob do",
                                   name(kind_)));
    if (geteuid() == 0) {
        if (const std::string obstacle = guard::inode_share_obstacle(); !obstacle.empty())
            return failure(Code::unsupported, obstacle);
    }
    shares_ = image_->superblock().has_compat(erofs::compat::inode_share_xattrs);
    return {};
}

// A mount is never given the option later: Linux 7.3 oopses.
Result<void> Run::refuse_unshared() const {
    if (shares_ && is_mount_of(mount_on(options_.mount_point), "erofs ") &&
        !shares_page_cache(options_.mount_point))
        return failure(Code::mismatch,
                       fmt::format("what is mounted on {} was mounted without sharing: take it "
                                   "over without a domain, or wait for its end",
                                   options_.mount_point));
    return {};
}

// A help where it can be had, as the tracepoints.
void Run::open_lookout() {
    if (!shares_)
        return;
    auto socket = guard_->lookout();
    if (!socket)
        return;
    const auto fitting = [this](ObjectId object, Range range, const Lookout::Sizes& sizes) {
        Lookout::Sizes fit;
        index_.files_at(static_cast<std::uint16_t>(object), range.begin, range.length(),
                        [&](erofs::NodeId node, std::uint64_t, std::uint64_t, std::uint64_t) {
                            if (sizes.contains(index_.node(node).size))
                                fit.insert(index_.node(node).size);
                        });
        return fit;
    };
    engine_->watch_by(std::make_unique<Lookout>(*ring_, *events_, std::move(*socket),
                                                options_.mount_point, fitting, askers_unseen_));
}

Result<Run::Locals> Run::locals(Nanoseconds end) {
    auto told = std::make_shared<std::promise<Locals>>();
    auto future = told->get_future();
    COLDSCOPE_CHECK(post(TellLocals{std::move(told)}));
    if (future.wait_for(std::chrono::nanoseconds(end - std::min(monotonic_now(), end))) !=
        std::future_status::ready)
        return failure(Code::busy, "the ring thread does not answer");
    return future.get();
}

// Those of which something is not local, and whose inode is: another one was never looked up here,
// and would be brought by looking.
Result<std::vector<erofs::NodeId>> Run::files_to_observe(const Locals& local,
                                                         Nanoseconds end) const {
    if (index_.by_nid().size() > most_known)
        return too_many_files();
    std::vector<erofs::NodeId> nodes;
    std::vector<Place> places;
    std::uint64_t before = 0;
    for (const erofs::NodeId id : index_.by_nid()) {
        const erofs::Node& node = index_.node(id);
        if (!node.is_regular() || node.size == 0 || std::exchange(before, node.nid) == node.nid)
            continue;
        if (monotonic_now() > end)
            return too_many_files();
        COLDSCOPE_TRY(const erofs::Inode inode, image_->inode(node.nid));
        if (inode.in_metabox() || !local[0].contains({inode.offset, inode.offset + 1}))
            continue;
        places.clear();
        COLDSCOPE_CHECK(add_extents(id, {0, node.size}, places));
        if (std::ranges::all_of(places, [&](const Place& place) {
                return local[place.object].contains(place.range);
            }))
            continue;
        if (nodes.size() == most_observed)
            return too_many_files();
        nodes.push_back(id);
    }
    return nodes;
}

Result<Run::Saved> Run::observe_saved() {
    const Nanoseconds end = monotonic_now() + saved_within;
    COLDSCOPE_TRY(const Locals before, locals(end));
    COLDSCOPE_TRY(const auto nodes, files_to_observe(before, end));
    Watched watched{options_.mount_point, {}};
    for (const erofs::NodeId node : nodes)
        watched.paths.push_back(index_.path(node).substr(1));
    COLDSCOPE_TRY(const sharing::Sample sample, observe(*guard_, std::span(&watched, 1), end));
    const std::vector<ErofsMount> mounts = erofs_mounts();
    const auto mount = std::ranges::find(mounts, options_.mount_point, &ErofsMount::folder);
    for (const sharing::SeenFile& file : sample.files) {
        if (file.sys_errno == ETIME || file.sys_errno == ETIMEDOUT)
            return failure(Code::busy, "not all files were looked at in time");
        if (file.sys_errno == 0 && (mount == mounts.end() || file.device != mount->device))
            return failure(Code::mismatch, "what was looked at is no file of the run's mount");
    }
    // What came meanwhile was not brought by others.
    COLDSCOPE_TRY(const Locals local, locals(end));
    std::vector<RangeSet> seen(local.size());
    std::vector<Place> places;
    Saved saved;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        places.clear();
        for (const sharing::SeenRun& run : sample.runs_of(sample.files[i]))
            COLDSCOPE_CHECK(add_extents(
                nodes[i],
                {run.page * sharing::page_size, (run.page + run.count) * sharing::page_size},
                places));
        bool any = false;
        for (const Place& place : places) {
            for (const Range& missing : local[place.object].missing(place.range)) {
                seen[place.object].add(missing);
                any = true;
            }
        }
        saved.files += any ? 1 : 0;
    }
    for (const RangeSet& one : seen)
        saved.bytes += one.total();
    return saved;
}

} // namespace coldscope
