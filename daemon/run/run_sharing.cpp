// A run whose mount shares page cache with others of a domain.
#include "core/erofs/features.h"
#include "daemon/guard/inode_share.h"
#include "daemon/guard/mounts.h"
#include "daemon/run/lookout.h"
#include "daemon/run/run.h"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

namespace coldscope {

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
    const auto mounts = sharing_mounts();
    const bool shared = std::ranges::any_of(
        mounts, [&](const auto& one) { return one.second == options_.mount_point; });
    if (shares_ && !shared)
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
    const auto fits = [this](ObjectId object, Range range, std::uint64_t size) {
        bool one = false;
        index_.files_at(static_cast<std::uint16_t>(object), range.begin, range.length(),
                        [&](erofs::NodeId node, std::uint64_t, std::uint64_t, std::uint64_t) {
                            one = one || index_.node(node).size == size;
                        });
        return one;
    };
    engine_->watch_by(std::make_unique<Lookout>(*ring_, *events_, std::move(*socket),
                                                options_.mount_point, fits, askers_unseen_));
}

} // namespace coldscope
