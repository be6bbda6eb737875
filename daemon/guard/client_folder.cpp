#include "daemon/guard/client_folder.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

constexpr std::array<unsigned long, 4> unseen_by_root{FUSE_SUPER_MAGIC, NFS_SUPER_MAGIC,
                                                      CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC};

// Empty, or a path of its own: what is not absolute does not count (XDG Base Directory).
std::string folder_of(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && value[0] == '/' ? value : "";
}

std::vector<std::string> candidates() {
    std::vector<std::string> folders;
    if (const std::string runtime = folder_of("XDG_RUNTIME_DIR"); !runtime.empty())
        folders.push_back(runtime);
    folders.emplace_back("/tmp");
    std::string cache = folder_of("XDG_CACHE_HOME");
    if (const std::string home = folder_of("HOME"); cache.empty() && !home.empty())
        cache = home + "/.cache";
    if (!cache.empty()) {
        ::mkdir(cache.c_str(), 0700);
        folders.push_back(cache);
    }
    return folders;
}

// Why it can't be there; empty when it can.
std::string unfit(const std::string& folder, PrivateFolder::Use use) {
    struct stat status {};
    struct statfs system {};
    struct statvfs mounted {};
    if (::stat(folder.c_str(), &status) != 0 || ::statfs(folder.c_str(), &system) != 0 ||
        ::statvfs(folder.c_str(), &mounted) != 0)
        return std::strerror(errno);
    const bool others_rename = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (others_rename || (status.st_uid != geteuid() && status.st_uid != 0))
        return "it is somebody else's";
    for (const unsigned long magic : unseen_by_root)
        if (static_cast<unsigned long>(system.f_type) == magic)
            return "root may not see what is there";
    if (use == PrivateFolder::Use::programs && (mounted.f_flag & ST_NOEXEC) != 0)
        return "it is mounted noexec";
    return {};
}

} // namespace

Result<PrivateFolder> PrivateFolder::make(Use use) {
    std::string reasons;
    for (const std::string& folder : candidates()) {
        std::string reason = unfit(folder, use);
        std::string path = folder + "/coldscope-XXXXXX";
        if (reason.empty() && mkdtemp(path.data()) != nullptr)
            return PrivateFolder(std::move(path));
        if (reason.empty())
            reason = std::strerror(errno);
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
