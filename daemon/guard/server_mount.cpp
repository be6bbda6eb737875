// What the guard does for EROFS: mounts, and what takes any mount away; its children.
#include "daemon/guard/inode_share.h"
#include "daemon/guard/log.h"
#include "daemon/guard/mounts.h"
#include "daemon/guard/server.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>

namespace coldscope::guard {

namespace {

constexpr auto unknown_name = "?"; // of a file system
constexpr int mount_tries = 200;   // 1 ms apart, for the child before to end

// What is alive now and was not then. Where it can't be known something is, for ever: better a
// guard too many than zeros.
std::set<std::string> made_since(const std::set<std::string>& before) {
    auto alive = erofs_alive();
    if (!alive)
        return {unknown_name};
    std::erase_if(*alive, [&](const std::string& name) { return before.contains(name); });
    return *alive;
}

// An ordinary user's FUSE mount can only be taken away by the setuid helper.
int run_fusermount(const std::string& path) {
    const pid_t child = fork();
    if (child == 0) {
        execlp("fusermount3", "fusermount3", "-u", "-z", "-q", path.c_str(), nullptr);
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EBUSY;
}

} // namespace

void Server::mount(const Message& message) {
    // One that has answered is on its way out.
    for (int i = 0; mounting_ != 0 && i < mount_tries; ++i) {
        reap();
        if (mounting_ != 0)
            usleep(1000);
    }
    if (mounting_ != 0) {
        reply(message, EBUSY, "another mount is being made");
        return;
    }
    before_ = erofs_alive().value_or(std::set<std::string>());
    if (!in_child(message))
        return;
    const auto error = mount_erofs(message.texts);
    if (!error)
        reply(message, std::unexpected(error.error()));
    std::string made;
    for (const std::string& name : made_since(before_))
        made += name + '\n';
    if (error)
        reply(message, *error, made);
    _exit(error && *error == 0 ? 0 : 1);
}

// Sources by descriptor: what was checked is what is mounted. The kernel's errno, or 0.
Result<int> Server::mount_erofs(const std::vector<std::string>& texts) const {
    COLDSCOPE_TRY(const MountOptions wanted, parse_mount_options(texts[1]));
    if (!wanted.domain.empty() && !trusted())
        return system_error(EPERM, "its user is not trusted with memory that others share");
    if (!wanted.domain.empty()) {
        if (const std::string obstacle = inode_share_obstacle(); !obstacle.empty())
            return failure(Code::unsupported, obstacle);
    }
    std::string options = text_of(wanted);
    COLDSCOPE_TRY(const Fd target, folders_.mounted_folder(texts[0]));
    std::vector<Fd> sources;
    const auto by_number = [](const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); };
    for (std::size_t i = 2; i < texts.size(); ++i) {
        COLDSCOPE_TRY(Fd source, folders_.mounted_file(texts[i], O_RDONLY));
        sources.push_back(std::move(source));
        if (i > 2)
            options += (options.empty() ? "device=" : ",device=") + by_number(sources.back());
    }
    const int status = ::mount(by_number(sources[0]).c_str(), by_number(target).c_str(), "erofs",
                               MS_RDONLY | MS_NOSUID | MS_NODEV, options.c_str());
    return status == 0 ? 0 : errno;
}

void Server::unmount(const Message& message) {
    stop_observing(); // it may have files of the mount open
    if (!in_child(message))
        return;
    const std::string& path = message.texts[0];
    const int error = unmount_path(path, message.texts[1], message.number != 0);
    if (error == EACCES || error == EPERM)
        log("refused", "to unmount " + path);
    reply(message, error, "unmount");
    _exit(0);
}

int Server::unmount_path(const std::string& path, const std::string& device, bool lazily) {
    if (!folders_.has(path))
        return EACCES;
    const std::string there = mount_on(path);
    if (there.empty() || (!device.empty() && there != device))
        return 0; // it is gone already; what stands there is not ours
    // Somebody else's disk may stand on a folder of the user's.
    const bool fuse = is_mount_of(there, "fuse");
    if (!fuse && !is_mount_of(there, "erofs "))
        return EPERM;
    const int error = folders_.unmount(path, lazily);
    return error == EPERM && lazily && fuse ? run_fusermount(path) : error;
}

// New file systems since the mount began are taken for its own, which at worst lets the guard stay
// longer than it must.
void Server::reap() {
    if (observing_ != 0 && monotonic_now() > observing_end_)
        kill(observing_, SIGKILL);
    int status = 0;
    for (pid_t child = 0; (child = waitpid(-1, &status, WNOHANG)) > 0;) {
        --children_;
        if (child == observing_)
            observing_ = 0;
        if (child != mounting_)
            continue;
        mounting_ = 0;
        // One that was killed may have mounted first.
        if (!WIFEXITED(status) || WEXITSTATUS(status) == 0)
            mounted_.merge(made_since(before_));
    }
    if (const auto alive = erofs_alive())
        std::erase_if(mounted_, [&](const std::string& name) {
            return name != unknown_name && !alive->contains(name);
        });
}

} // namespace coldscope::guard
