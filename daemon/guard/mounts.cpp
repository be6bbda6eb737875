#include "daemon/guard/mounts.h"

#include "core/base/fd.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <sys/mount.h>
#include <sys/sysmacros.h>

namespace coldscope {

namespace {

// The file writes blanks and backslashes of a path in octal.
std::string as_written(const std::string& path) {
    std::string written;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (c != ' ' && c != '\t' && c != '\n' && c != '\\') {
            written += c;
            continue;
        }
        written += '\\';
        for (const int shift : {6, 3, 0})
            written += static_cast<char>('0' + (byte >> shift & 7));
    }
    return written;
}

std::string as_read(const std::string& written) {
    std::string path;
    for (std::size_t i = 0; i < written.size(); ++i) {
        if (written[i] != '\\' || i + 3 >= written.size()) {
            path += written[i];
            continue;
        }
        path += static_cast<char>((written[i + 1] - '0') << 6 | (written[i + 2] - '0') << 3 |
                                  (written[i + 3] - '0'));
        i += 3;
    }
    return path;
}

// The type and source in what follows the folder: options, tags, "-", type, source, options.
std::string mounted_from(const std::string& rest) {
    const std::size_t dash = rest.find(" - ");
    if (dash == std::string::npos)
        return {};
    const std::size_t type_end = rest.find(' ', dash + 3);
    const std::size_t source_end = rest.find(' ', std::min(type_end, rest.size() - 1) + 1);
    return ' ' + rest.substr(dash + 3, source_end - dash - 3);
}

// A sysfs that is mounted nowhere (fsmount(2), Linux 5.2).
Fd detached_sysfs() {
    const Fd context(fsopen("sysfs", FSOPEN_CLOEXEC));
    if (!context || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return {};
    return Fd(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
}

} // namespace

std::string mount_on(const std::string& folder) {
    const std::string written = as_written(folder);
    std::ifstream list("/proc/self/mountinfo");
    std::string id, parent, device, root, point, rest;
    std::string found; // later lines stand on earlier ones
    while (list >> id >> parent >> device >> root >> point && std::getline(list, rest)) {
        if (point == written)
            found = device + mounted_from(rest);
    }
    return found;
}

std::map<dev_t, std::string> sharing_mounts() {
    std::ifstream list("/proc/self/mountinfo");
    std::string id, parent, device, root, point, rest;
    std::map<dev_t, std::string> mounts;
    while (list >> id >> parent >> device >> root >> point && std::getline(list, rest)) {
        unsigned major = 0, minor = 0;
        const std::string options = ',' + rest.substr(rest.rfind(' ') + 1) + ',';
        if (rest.find(" - erofs ") != std::string::npos &&
            options.find(",inode_share,") != std::string::npos &&
            std::sscanf(device.c_str(), "%u:%u", &major, &minor) == 2)
            mounts.try_emplace(makedev(major, minor), as_read(point));
    }
    return mounts;
}

bool is_mount_of(std::string_view mount, std::string_view type) {
    const std::size_t blank = mount.find(' ');
    return blank != std::string_view::npos && mount.substr(blank + 1).starts_with(type);
}

std::optional<std::set<std::string>> erofs_alive() {
    std::error_code error;
    std::filesystem::directory_iterator at("/sys/fs/erofs", error);
    if (error) {
        static const Fd own = detached_sysfs();
        at = std::filesystem::directory_iterator(
            "/proc/self/fd/" + std::to_string(own.get()) + "/fs/erofs", error);
    }
    if (error)
        return std::nullopt;
    std::set<std::string> names;
    for (const std::filesystem::directory_iterator end; !error && at != end; at.increment(error)) {
        if (const std::string name = at->path().filename(); name != "features")
            names.insert(name);
    }
    return names;
}

} // namespace coldscope
