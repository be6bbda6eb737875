#include "daemon/guard/group.h"

#include "daemon/guard/fanotify.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace coldscope::guard {

namespace {

bool answer(int group, int number, std::uint32_t response) {
    const fanotify_response reply{number, response};
    return ::write(group, &reply, sizeof reply) == sizeof reply;
}

// What the descriptor is, as /proc names it.
std::string kind_of(int fd) {
    std::array<char, 64> target{};
    const ssize_t got =
        readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), target.data(), target.size());
    return {target.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

} // namespace

Result<int> Group::open() {
    if (!group_)
        group_.reset(fanotify_init(fanotify::group_flags, fanotify::event_flags));
    if (!group_)
        return system_error("cannot open a fanotify group");
    return group_.get();
}

Result<void> Group::adopt(Fd group) {
    if (kind_of(group.get()) != "anon_inode:[fanotify]")
        return failure(Code::invalid, "the descriptor is no fanotify group");
    if (group_) // its readers would be let go with zeros
        return failure(Code::busy, "another fanotify group is open");
    group_ = std::move(group);
    adopted_ = true;
    return {};
}

Result<void> Group::mark(const std::string& path, Fd object) {
    COLDSCOPE_TRY(const int group, open());
    // By descriptor: an inode keeps its mark when it is renamed or unlinked.
    // Without root's rights only what a guard before this one has marked is told here.
    if (fanotify_mark(group, FAN_MARK_ADD, fanotify::pre_access, object.get(), nullptr) != 0 &&
        !(adopted_ && errno == EPERM))
        return system_error(fmt::format("cannot mark {}", path));
    objects_[path] = std::move(object);
    return {};
}

void Group::unmark(const std::string& path) {
    const auto at = objects_.find(path);
    if (at != objects_.end())
        fanotify_mark(group_.get(), FAN_MARK_REMOVE, fanotify::pre_access, at->second.get(),
                      nullptr);
}

Result<int> Group::object(const std::string& path) const {
    const auto at = objects_.find(path);
    if (at == objects_.end())
        return failure(Code::not_found, fmt::format("{} is not marked", path));
    return at->second.get();
}

int Group::sweep(int numbers) {
    int denied = 0;
    for (int before = -1; group_ && before != denied;) {
        before = denied;
        for (int number = 0; number < numbers; ++number)
            denied += answer(group_.get(), number, fanotify::deny(EIO)) ? 1 : 0;
    }
    return denied;
}

int Group::deny_queued() {
    alignas(fanotify_event_metadata) std::array<char, 16384> events{};
    int denied = 0;
    for (;;) {
        const ssize_t got = group_ ? ::read(group_.get(), events.data(), events.size()) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return denied;
        auto left = static_cast<std::size_t>(got);
        for (const char* at = events.data(); left >= sizeof(fanotify_event_metadata);) {
            fanotify_event_metadata event{};
            std::memcpy(&event, at, sizeof event);
            if (event.event_len < sizeof event || event.event_len > left)
                break;
            if (event.fd >= 0) {
                denied += answer(group_.get(), event.fd, fanotify::deny(EIO)) ? 1 : 0;
                ::close(event.fd);
            }
            at += event.event_len;
            left -= event.event_len;
        }
    }
}

void Group::close() {
    group_.reset();
    objects_.clear();
}

} // namespace coldscope::guard
