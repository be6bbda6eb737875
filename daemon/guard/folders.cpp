#include "daemon/guard/folders.h"

#include "daemon/guard/erofs_mounts.h"
#include "daemon/guard/inode_share.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

namespace coldscope::guard {

namespace {

// The parts of a path before and after its last slash.
std::pair<std::string, std::string> split(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos)
        return {};
    return {path.substr(0, std::max<std::size_t>(slash, 1)), path.substr(slash + 1)};
}

bool is_plain(const std::string& name) {
    return !name.empty() && name != "." && name != "..";
}

// Of the directory that the call is made in; the guard has one thread.
class WorkingDirectory {
public:
    explicit WorkingDirectory(int fd) : there_(fchdir(fd) == 0) {}
    ~WorkingDirectory() { [[maybe_unused]] const int back = chdir("/"); }
    explicit operator bool() const { return there_; }

private:
    bool there_;
};

} // namespace

Fd open_strictly(int folder, const char* path, int flags, unsigned long long resolve) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | resolve;
    return Fd(static_cast<int>(syscall(SYS_openat2, folder, path, &how, sizeof how)));
}

Result<Folders> Folders::open(const std::vector<std::string>& paths, uid_t user) {
    Folders folders(user);
    for (const std::string& path : paths) {
        const auto [above, name] = split(path);
        if (!path.starts_with('/') || !is_plain(name))
            return failure(Code::invalid, fmt::format("{} is no absolute path of a folder", path));
        constexpr int directory = O_PATH | O_DIRECTORY;
        Folder folder{path, name, open_strictly(AT_FDCWD, above.c_str(), directory, 0)};
        if (!folder.parent)
            return system_error(fmt::format("cannot open the folder of {}", path));
        auto self = folders.owned(
            open_strictly(folder.parent.get(), name.c_str(), directory, RESOLVE_BENEATH), path,
            S_IFDIR);
        // An ordinary user's guard can do no harm; it may come when the mount stands already.
        if (!self && (geteuid() == 0 || folders.folders_.empty()))
            return std::unexpected(self.error());
        // Of the others nothing is kept open: it might be a mount, which would live on.
        if (folders.folders_.empty())
            folders.files_ = std::move(*self);
        folders.folders_.push_back(std::move(folder));
    }
    return folders;
}

Result<Folders::Place> Folders::find(const std::string& path) const {
    const auto found = std::ranges::find(folders_, path, &Folder::path);
    if (found != folders_.end())
        return Place{found->parent.get(), found->name};
    const auto [above, name] = split(path);
    if (!folders_.empty() && above == folders_.front().path && name.starts_with(fuse_folder))
        return Place{files_.get(), name};
    return system_error(EACCES, fmt::format("{} is outside of the guard's folders", path));
}

Result<Fd> Folders::owned(Fd fd, const std::string& path, mode_t type) const {
    struct stat status {};
    if (!fd || fstat(fd.get(), &status) != 0)
        return system_error(fmt::format("cannot open {}", path));
    if ((status.st_mode & S_IFMT) != type || (status.st_uid != user_ && user_ != 0))
        return system_error(EPERM, fmt::format("{} is no {} of user {}", path,
                                               type == S_IFDIR ? "folder" : "regular file", user_));
    return fd;
}

Result<Fd> Folders::file(const std::string& path, int flags) const {
    const auto [above, name] = split(path);
    if (folders_.empty() || above != folders_.front().path)
        return system_error(EACCES, fmt::format("{} is not in the guard's first folder", path));
    return owned(
        open_strictly(files_.get(), name.c_str(), flags, RESOLVE_BENEATH | RESOLVE_NO_XDEV), path,
        S_IFREG);
}

Result<Fd> Folders::mounted_folder(const std::string& path) const {
    COLDSCOPE_TRY(const Place of, find(path));
    return owned(open_strictly(of.parent, of.name.c_str(), O_PATH | O_DIRECTORY, RESOLVE_BENEATH),
                 path, S_IFDIR);
}

Result<Fd> Folders::mounted_file(const std::string& path, int flags) const {
    const auto [above, name] = split(path);
    COLDSCOPE_TRY(const Fd in, mounted_folder(above));
    return owned(open_strictly(in.get(), name.c_str(), flags, RESOLVE_BENEATH), path, S_IFREG);
}

// By its last part alone, beneath the descriptor: nothing is followed on the way.
int Folders::unmount(const std::string& path, bool lazily) const {
    const auto of = find(path);
    if (!of)
        return of.error().sys_errno;
    const WorkingDirectory there(of->parent);
    if (!there)
        return EACCES;
    if (shares_page_cache(path))
        return unmount_shared(of->name.c_str(), lazily);
    return umount2(of->name.c_str(), UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0)) == 0 ? 0 : errno;
}

void Folders::remove(const std::string& path) const {
    if (const auto of = find(path))
        unlinkat(of->parent, of->name.c_str(), AT_REMOVEDIR);
}

void Folders::remove_socket(const std::string& name) const {
    unlinkat(files_.get(), name.c_str(), 0);
}

Result<Fd> Folders::listen(const std::string& name) const {
    if (folders_.empty())
        return failure(Code::invalid, "the guard was given no folder");
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.c_str(), std::min(name.size(), sizeof address.sun_path - 1));
    const WorkingDirectory there(files_.get());
    if (!socket || !there)
        return system_error("cannot make the guard's socket");
    unlink(name.c_str());
    const mode_t mask = umask(0);
    const bool bound =
        bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::listen(socket.get(), 4) == 0;
    umask(mask);
    if (!bound)
        return system_error(fmt::format("cannot listen in {}", folders_.front().path));
    return socket;
}

} // namespace coldscope::guard
