#include "daemon/guard/waiting.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

namespace coldscope::guard {

namespace {

struct Call {
    long number;
    const char* name;
    int length; // which argument; -1: none
    int offset; // which argument; -1: the file's own position
};

// Those that read a file by the descriptor that comes first.
constexpr std::array calls{
    Call{SYS_read, "read", 2, -1},
    Call{SYS_pread64, "pread", 2, 3},
    Call{SYS_readv, "readv", -1, -1},
    Call{SYS_preadv, "preadv", -1, 3},
    Call{SYS_getdents64, "getdents", -1, -1},
    Call{SYS_copy_file_range, "copy_file_range", -1, -1},
    Call{SYS_readahead, "readahead", 2, 1},
};

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string link_target(const std::string& path) {
    std::error_code error;
    return std::filesystem::read_symlink(path, error).string();
}

std::optional<std::string> position(const std::string& folder, unsigned long long fd) {
    std::ifstream info(fmt::format("{}/fdinfo/{}", folder, fd));
    for (std::string key, value; info >> key >> value;) {
        if (key == "pos:")
            return value;
    }
    return std::nullopt;
}

// The first file of these mounts that the process has mapped.
std::string mapped_file(const std::string& folder, const std::set<std::string>& devices) {
    std::ifstream maps(folder + "/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream words(line);
        std::string range, access, offset, device, inode, path;
        words >> range >> access >> offset >> device >> inode >> std::ws;
        std::getline(words, path);
        unsigned major = 0, minor = 0;
        if (std::sscanf(device.c_str(), "%x:%x", &major, &minor) == 2 &&
            devices.contains(fmt::format("{}:{}", major, minor)))
            return path;
    }
    return {};
}

} // namespace

Result<std::string> waiting_thread(pid_t thread, const std::set<std::string>& devices) {
    const std::string folder = fmt::format("/proc/{}", thread);
    std::istringstream words(first_line(folder + "/syscall"));
    long number = -2; // -1: in no system call
    std::array<unsigned long long, 6> arguments{};
    words >> number >> std::hex;
    for (auto& argument : arguments)
        words >> argument;
    std::string text, file;
    if (number == -1) {
        file = mapped_file(folder, devices);
        text = "call=page fault\n";
    }
    const auto elsewhere = [&] {
        return failure(Code::not_found,
                       fmt::format("thread {} waits in no mount of this run", thread));
    };
    if (number >= 0) {
        struct stat status {};
        if (::stat(fmt::format("{}/fd/{}", folder, arguments[0]).c_str(), &status) != 0 ||
            !devices.contains(fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev))))
            return elsewhere();
        file = link_target(fmt::format("{}/fd/{}", folder, arguments[0]));
        const Call* known = nullptr;
        for (const Call& call : calls)
            known = call.number == number ? &call : known;
        text = fmt::format("call={}\n", known ? known->name : fmt::format("{}", number));
        if (known && known->offset >= 0)
            text += fmt::format("offset={}\n", arguments[static_cast<std::size_t>(known->offset)]);
        else if (const auto at = position(folder, arguments[0]))
            text += fmt::format("offset={}\n", *at);
        if (known && known->length >= 0)
            text += fmt::format("length={}\n", arguments[static_cast<std::size_t>(known->length)]);
    }
    if (file.empty())
        return elsewhere();
    return fmt::format("{}file={}\ncgroup={}\n", text, file, first_line(folder + "/cgroup"));
}

} // namespace coldscope::guard
