#include "daemon/transport/probe.h"

#include "core/base/error.h"
#include "core/base/fd.h"
#include "daemon/guard/fanotify.h"
#include "daemon/transport/fanotify.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <liburing.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace coldscope {

namespace {

struct Version {
    int major = 0;
    int minor = 0;
    auto operator<=>(const Version&) const = default;
};

Version kernel_version() {
    Version version;
    std::sscanf(kernel_release().c_str(), "%d.%d", &version.major, &version.minor);
    return version;
}

// Why io_uring can't be used; empty when it can.
std::string io_uring_obstacle() {
    io_uring ring{};
    const int status = io_uring_queue_init(4, &ring, 0);
    if (status == 0) {
        io_uring_queue_exit(&ring);
        return {};
    }
    std::ifstream setting("/proc/sys/kernel/io_uring_disabled");
    std::string value;
    if (setting >> value && value != "0")
        return fmt::format("io_uring is switched off (kernel.io_uring_disabled = {}); an "
                           "administrator can set it to 0",
                           value);
    return fmt::format("io_uring does not work here: {}", std::strerror(-status));
}

std::string fuse_obstacle(bool root_guard) {
    const int fd = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        struct stat status {};
        const bool device = fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) &&
                            status.st_rdev == makedev(10, 229);
        ::close(fd);
        return device ? std::string() : "/dev/fuse is not the FUSE device (10, 229)";
    }
    if (errno == EACCES || errno == EPERM)
        return root_guard ? ""
                          : "/dev/fuse may not be opened by this user; run as root, or give the "
                            "device mode "
                            "0666";
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        return "there is no /dev/fuse: the kernel's fuse module is missing or not loaded";
    return fmt::format("/dev/fuse can't be opened: {}", std::strerror(errno));
}

bool kernel_has_erofs() {
    std::ifstream list("/proc/filesystems");
    for (std::string word; list >> word;) {
        if (word == "erofs")
            return true;
    }
    std::error_code ignored;
    const std::string folder = fmt::format("/lib/modules/{}/kernel/fs/erofs", kernel_release());
    return std::filesystem::exists(folder, ignored);
}

std::string file_backed_obstacle(bool root_guard) {
    if (geteuid() != 0 && !root_guard)
        return "mounting EROFS needs a guard that runs as root: coldscoped run --privileged asks "
               "for it";
    if (kernel_version() < Version{6, 12})
        return fmt::format("file-backed EROFS mounts came with Linux 6.12; this is {}",
                           kernel_release());
    if (!kernel_has_erofs())
        return fmt::format("Linux {} here has no EROFS", kernel_release());
    return {};
}

std::string first_of(std::initializer_list<std::string> obstacles) {
    for (const std::string& obstacle : obstacles) {
        if (!obstacle.empty())
            return obstacle;
    }
    return {};
}

// Where libfuse looks for it, whatever PATH says: in the folder that it was built for.
std::string fusermount_obstacle() {
    if (geteuid() == 0 || ::access("/usr/bin/fusermount3", X_OK) == 0)
        return {};
    return "an ordinary user needs /usr/bin/fusermount3 (package fuse3)";
}

// Asking the kernel for a group costs nothing and disturbs nobody; only root may.
std::string fanotify_obstacle(bool root_guard) {
    if (kernel_version() < Version{6, 14})
        return fmt::format("pre-content events came with Linux 6.14; this is {}", kernel_release());
    if (geteuid() != 0)
        return root_guard
                   ? std::string()
                   : "it needs a guard that runs as root and trusts this user: coldscoped run "
                     "--privileged asks for it";
    const int group = fanotify_init(fanotify::group_flags, fanotify::event_flags);
    if (group < 0)
        return fmt::format("Linux {} refuses a fanotify group: {} (is it built with "
                           "CONFIG_FANOTIFY_ACCESS_PERMISSIONS, and has this root CAP_SYS_ADMIN?)",
                           kernel_release(), std::strerror(errno));
    ::close(group);
    return {};
}

// The kernel refuses a mode that it doesn't have before it looks for the folder.
bool binds_on_demand(const Fd& device) {
    constexpr std::string_view folder = "dir /nonexistent";
    constexpr std::string_view bind = "bind ondemand";
    return ::write(device.get(), folder.data(), folder.size()) > 0 &&
           ::write(device.get(), bind.data(), bind.size()) < 0 && errno == ENOENT;
}

std::string cachefiles_obstacle(bool root_guard) {
    const Version version = kernel_version();
    if (version < Version{5, 19} || version > Version{7, 1})
        return fmt::format("on-demand mode exists in Linux 5.19 to 7.1; this is {}",
                           kernel_release());
    if (::access("/dev/cachefiles", F_OK) != 0)
        return fmt::format("there is no /dev/cachefiles: Linux {} here is built without "
                           "CONFIG_CACHEFILES_ONDEMAND, or the module is not loaded",
                           kernel_release());
    const Fd device(::open("/dev/cachefiles", O_RDWR | O_CLOEXEC));
    if (!device && errno == EBUSY)
        return root_guard ? std::string()
                          : "another daemon has /dev/cachefiles; only one can serve it";
    if (!device && (errno == EPERM || errno == EACCES))
        return root_guard ? std::string() : "opening /dev/cachefiles needs root";
    if (!device)
        return fmt::format("/dev/cachefiles can't be opened: {}", std::strerror(errno));
    if (!binds_on_demand(device))
        return fmt::format("Linux {} here is built without CONFIG_CACHEFILES_ONDEMAND",
                           kernel_release());
    if (!kernel_has_erofs())
        return fmt::format("Linux {} here has no EROFS", kernel_release());
    return {};
}

} // namespace

std::string kernel_release() {
    utsname info{};
    uname(&info);
    return info.release;
}

std::string_view name(TransportKind kind) {
    switch (kind) {
    case TransportKind::fuse_blob:
        return "fuse-blob";
    case TransportKind::fuse_tree:
        return "fuse-tree";
    case TransportKind::fanotify:
        return "fanotify";
    case TransportKind::cachefiles:
        return "cachefiles";
    case TransportKind::simulated:
        return "simulated";
    }
    return "unknown";
}

bool takes_error(TransportKind kind, int error) {
    return kind != TransportKind::fanotify ||
           std::ranges::find(fanotify_errors, error) != fanotify_errors.end();
}

std::optional<TransportKind> transport_by_name(std::string_view text) {
    for (const TransportKind kind :
         {TransportKind::fuse_blob, TransportKind::fuse_tree, TransportKind::fanotify,
          TransportKind::cachefiles, TransportKind::simulated}) {
        if (name(kind) == text)
            return kind;
    }
    return std::nullopt;
}

std::vector<Probe> probe_transports(bool root_guard) {
    const std::string ring = io_uring_obstacle();
    const std::string fuse = fuse_obstacle(false);
    std::vector<Probe> probes;
    const auto add = [&](TransportKind kind, std::string obstacle, std::string_view good) {
        const bool works = obstacle.empty();
        probes.push_back({kind, works, works ? std::string(good) : std::move(obstacle)});
    };
    add(TransportKind::fuse_blob,
        first_of({ring, file_backed_obstacle(root_guard), fuse_obstacle(root_guard)}),
        "the kernel mounts EROFS on files of a FUSE mount; every read of it is seen");
    add(TransportKind::fuse_tree, first_of({ring, fuse, fusermount_obstacle()}),
        "the image's tree is served by Coldscope's own reader; no root needed");
    add(TransportKind::fanotify,
        first_of({ring, file_backed_obstacle(root_guard), fanotify_obstacle(root_guard)}),
        fmt::format("Linux {} asks before it reads from a sparse cache; the guard keeps readers "
                    "from zeros when Coldscope dies",
                    kernel_release()));
    add(TransportKind::cachefiles, first_of({ring, cachefiles_obstacle(root_guard)}),
        "the kernel keeps the cache and asks for what it lacks of EROFS mounts by fsid, which need "
        "CONFIG_EROFS_FS_ONDEMAND; see coldscoped serve");
    add(TransportKind::simulated, ring,
        "a kernel inside the program reads what a list says; nothing is mounted, nobody real "
        "waits");
    return probes;
}

} // namespace coldscope
