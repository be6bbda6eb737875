#include "tests/golden/matrix_view.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace coldscope::golden {

namespace {

[[noreturn]] void fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

std::string file_bytes(const std::string& path, std::uint64_t size) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    std::string bytes(static_cast<std::size_t>(size), '\0');
    std::size_t done = 0;
    ssize_t count = 0;
    while (done < bytes.size() && (count = pread(fd, bytes.data() + done, bytes.size() - done,
                                                 static_cast<off_t>(done))) > 0)
        done += static_cast<std::size_t>(count);
    const int failed = errno;
    close(fd);
    errno = failed;
    if (count < 0)
        fail(path);
    bytes.resize(done);
    return bytes;
}

std::map<std::string, std::string> folder_xattrs(const std::string& path) {
    std::map<std::string, std::string> result;
    std::string names(65536, '\0');
    const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
    if (length < 0)
        fail(path);
    names.resize(static_cast<std::size_t>(length));
    std::string value(65536, '\0');
    for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
        const std::string name = names.c_str() + at;
        const ssize_t size = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
        if (size < 0)
            fail(path + ": " + name);
        result[name] = value.substr(0, static_cast<std::size_t>(size));
    }
    return result;
}

Entry folder_entry(const std::string& path, const struct stat& status, std::uint64_t longest) {
    Entry entry;
    entry.mode = status.st_mode;
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
    entry.nlink = status.st_nlink;
    entry.size = static_cast<std::uint64_t>(status.st_size);
    entry.mtime = status.st_mtim.tv_sec;
    entry.mtime_nsec = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
        entry.major = major(status.st_rdev);
        entry.minor = minor(status.st_rdev);
    }
    if (S_ISLNK(status.st_mode)) {
        entry.target.resize(static_cast<std::size_t>(status.st_size) + 1);
        const ssize_t length = readlink(path.c_str(), entry.target.data(), entry.target.size());
        if (length < 0)
            fail(path);
        entry.target.resize(static_cast<std::size_t>(length));
    }
    entry.xattrs = folder_xattrs(path);
    if (S_ISREG(status.st_mode) && entry.size <= longest)
        entry.bytes = std::make_shared<const std::string>(file_bytes(path, entry.size));
    return entry;
}

// Where two texts part, for a message.
std::string first_parting(const std::string& seen, const std::string& wanted) {
    const auto [at, ignored] =
        std::mismatch(seen.begin(), seen.end(), wanted.begin(), wanted.end());
    return fmt::format("{} bytes instead of {}, the first that differs at {}", seen.size(),
                       wanted.size(), at - seen.begin());
}

std::string xattrs_differ(const Entry& seen, const Entry& wanted) {
    for (const auto& [name, value] : wanted.xattrs) {
        const auto found = seen.xattrs.find(name);
        if (found == seen.xattrs.end())
            return "no xattr " + name;
        if (found->second != value)
            return fmt::format("xattr {}: {}", name, first_parting(found->second, value));
    }
    for (const auto& [name, value] : seen.xattrs) {
        // Fingerprints are the image's alone; Linux lists no names of this kind.
        if (!wanted.xattrs.contains(name) && !name.starts_with("erofs."))
            return "an xattr too many: " + name;
    }
    return {};
}

std::string entry_differs(const Entry& seen, const Entry& wanted, Likeness likeness) {
    const bool exact = likeness == Likeness::exact;
    const bool directory = S_ISDIR(wanted.mode);
    const auto number = [](const char* what, auto ours, auto theirs) {
        return ours == theirs ? std::string()
                              : fmt::format("{}: {} instead of {}", what, ours, theirs);
    };
    const std::int64_t kept = seen.compact && !exact ? 0xFFFF'FFFF : -1;
    const std::string differences[] = {
        seen.mode == wanted.mode
            ? std::string()
            : fmt::format("mode: {:o} instead of {:o}", seen.mode, wanted.mode),
        number("uid", seen.uid, wanted.uid),
        number("gid", seen.gid, wanted.gid),
        directory && !exact ? std::string() : number("nlink", seen.nlink, wanted.nlink),
        directory && !exact ? std::string() : number("size", seen.size, wanted.size),
        number("major", seen.major, wanted.major),
        number("minor", seen.minor, wanted.minor),
        number("mtime", seen.mtime & kept, wanted.mtime & kept),
        seen.compact && !exact ? std::string()
                               : number("mtime_nsec", seen.mtime_nsec, wanted.mtime_nsec),
        number("target", seen.target, wanted.target),
        number("the first path of the inode", seen.first_link, wanted.first_link),
        xattrs_differ(seen, wanted),
    };
    for (const std::string& difference : differences) {
        if (!difference.empty())
            return difference;
    }
    if (wanted.bytes && !seen.bytes)
        return "no bytes";
    if (wanted.bytes && seen.bytes != wanted.bytes && *seen.bytes != *wanted.bytes)
        return first_parting(*seen.bytes, *wanted.bytes);
    return {};
}

} // namespace

View view_of_folder(const std::string& folder, std::uint64_t longest) {
    namespace fs = std::filesystem;
    std::vector<std::string> paths{"/"};
    for (const auto& item : fs::recursive_directory_iterator(folder))
        paths.push_back(item.path().string().substr(folder.size()));
    std::ranges::sort(paths);
    View view;
    std::map<std::pair<dev_t, ino_t>, std::string> firsts;
    for (const std::string& path : paths) {
        const std::string full = path == "/" ? folder : folder + path;
        struct stat status {};
        if (lstat(full.c_str(), &status) != 0)
            fail(full);
        const auto [first, fresh] = firsts.emplace(std::pair(status.st_dev, status.st_ino), path);
        Entry entry = fresh ? folder_entry(full, status, longest) : view[first->second];
        entry.first_link = first->second;
        view.emplace(path, std::move(entry));
    }
    return view;
}

std::string differs(const View& seen, const View& wanted, Likeness likeness) {
    for (const auto& [path, entry] : wanted) {
        const auto found = seen.find(path);
        if (found == seen.end())
            return path + ": is missing";
        if (const std::string what = entry_differs(found->second, entry, likeness); !what.empty())
            return path + ": " + what;
    }
    for (const auto& [path, entry] : seen) {
        if (!wanted.contains(path))
            return path + ": is too much";
    }
    return {};
}

} // namespace coldscope::golden
