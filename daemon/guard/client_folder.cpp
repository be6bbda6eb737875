#include "daemon/guard/client_folder.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

constexpr std::array<unsigned long, 4> unseen_by_root{FUSE_SUPER_MAGIC, NFS_SUPER_MAGIC,
                                                      CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC};

constexpr std::string_view name_begin = "coldscope-guard-";
constexpr std::string_view name_end = "XXXXXX"; // as mkdtemp(3) has it

// Empty, or a path of its own: what is not absolute does not count (XDG Base Directory).
std::string folder_of(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && value[0] == '/' ? value : "";
}

std::string cache_folder() {
    const std::string home = folder_of("HOME");
    std::string cache = folder_of("XDG_CACHE_HOME");
    return cache.empty() && !home.empty() ? home + "/.cache" : cache;
}

// Unless it is there. In another's folder nothing is made, as where root has a user's environment.
void make_cache_folder() {
    const std::string cache = cache_folder();
    const std::string parent = std::filesystem::path(cache).parent_path().string();
    struct stat above {};
    if (::stat(parent.c_str(), &above) == 0 && above.st_uid == geteuid())
        ::mkdir(cache.c_str(), 0700);
}

// Why it can't be there; empty when it can.
std::string unfit(const std::string& folder, PrivateFolder::Use use) {
    struct stat status {};
    struct statfs system {};
    struct statvfs mounted {};
    if (::stat(folder.c_str(), &status) != 0 || ::statfs(folder.c_str(), &system) != 0 ||
        ::statvfs(folder.c_str(), &mounted) != 0)
        return std::strerror(errno);
    const bool others_rename =
        (status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (others_rename || (status.st_uid != geteuid() && status.st_uid != 0))
        return "it is somebody else's";
    for (const unsigned long magic : unseen_by_root)
        if (static_cast<unsigned long>(system.f_type) == magic)
            return "root may not see what is there";
    if (use == PrivateFolder::Use::programs && (mounted.f_flag & ST_NOEXEC) != 0)
        return "it is mounted noexec";
    if (use == PrivateFolder::Use::sockets &&
        folder.size() + 1 + name_begin.size() + name_end.size() + PrivateFolder::socket.size() >=
            sizeof sockaddr_un::sun_path)
        return "its name is too long for a socket";
    return {};
}

// Nothing where somebody else holds it.
Fd lock_of(const std::string& path) {
    Fd lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        lock.reset();
    return lock;
}

// What this user's killed processes have left.
void remove_left(const std::string& folder) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string path = entry->path().string();
        const std::string name = entry->path().filename().string();
        struct stat status {};
        if (!name.starts_with(name_begin) || name.size() != name_begin.size() + name_end.size() ||
            ::lstat(path.c_str(), &status) != 0 || status.st_uid != geteuid())
            continue;
        // Held until all is gone: whoever has just made it takes another.
        const Fd lock = lock_of(path);
        std::error_code ignored;
        if (lock)
            std::filesystem::remove_all(path, ignored);
    }
}

} // namespace

// Before it is locked, another process may take it for one that was left.
Result<PrivateFolder> PrivateFolder::make_in(const std::string& folder) {
    remove_left(folder);
    for (int tries = 0; tries < 8; ++tries) {
        std::string path = fmt::format("{}/{}{}", folder, name_begin, name_end);
        if (mkdtemp(path.data()) == nullptr)
            return system_error("a folder");
        Fd lock = lock_of(path);
        struct stat status {};
        if (lock && ::fstat(lock.get(), &status) == 0 && status.st_nlink != 0)
            return PrivateFolder(std::move(path), std::move(lock));
    }
    return failure(Code::busy, "others take it away");
}

Result<PrivateFolder> PrivateFolder::make(Use use) {
    std::string reasons;
    // The user's own first: what a command named there nobody else can put there later.
    for (const std::string& folder :
         {folder_of("XDG_RUNTIME_DIR"), cache_folder(), std::string("/tmp")}) {
        if (folder.empty())
            continue;
        if (folder == cache_folder())
            make_cache_folder();
        std::string reason = unfit(folder, use);
        if (reason.empty()) {
            auto made = make_in(folder);
            if (made)
                return made;
            reason = made.error().sys_errno != 0 ? std::strerror(made.error().sys_errno)
                                                 : made.error().context;
        }
        reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", folder, reason);
    }
    return failure(Code::not_found,
                   fmt::format("there is no folder that may hold {}: {}",
                               use == Use::programs ? "programs" : "a socket for root", reasons));
}

PrivateFolder::~PrivateFolder() {
    std::error_code ignored;
    if (!path_.empty())
        std::filesystem::remove_all(path_, ignored);
}

} // namespace coldscope::guard
