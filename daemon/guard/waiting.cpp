#include "daemon/guard/waiting.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>

namespace coldscope::guard {

namespace {

struct Call {
    long number;
    const char* name;
    int length;           // which argument; -1: none
    int offset;           // which argument; -1: the file's own position
    std::size_t file = 0; // which argument: the descriptor that it reads by
};

constexpr std::array calls{
    Call{SYS_read, "read", 2, -1},
    Call{SYS_pread64, "pread", 2, 3},
    Call{SYS_readv, "readv", -1, -1},
    Call{SYS_preadv, "preadv", -1, 3},
    Call{SYS_getdents64, "getdents", -1, -1},
    Call{SYS_copy_file_range, "copy_file_range", -1, -1},
    Call{SYS_readahead, "readahead", 2, 1},
    Call{SYS_sendfile, "sendfile", 3, -1, 1},
};

const Call* known_call(long number) {
    const auto at = std::ranges::find(calls, number, &Call::number);
    return at == calls.end() ? nullptr : &*at;
}

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

} // namespace

std::optional<struct statx> known_status(const std::string& link) {
    struct statx status {};
    if (::statx(AT_FDCWD, link.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
                STATX_TYPE | STATX_SIZE, &status) != 0)
        return std::nullopt;
    return status;
}

unsigned long long InCall::file() const {
    const Call* known = known_call(number);
    return arguments[known ? known->file : 0];
}

InCall call_of(pid_t thread) {
    InCall call;
    std::istringstream words(first_line(fmt::format("/proc/{}/syscall", thread)));
    if (!(words >> call.number >> std::hex))
        call.number = InCall().number;
    for (auto& argument : call.arguments)
        words >> argument;
    return call;
}

std::vector<MappedFile> mapped_files(pid_t thread, const std::set<std::string>& devices,
                                     std::size_t most) {
    std::vector<MappedFile> files;
    std::ifstream maps(fmt::format("/proc/{}/maps", thread));
    for (std::string line; files.size() < most && std::getline(maps, line);) {
        std::istringstream words(line);
        std::string range, access, offset, device, inode, path;
        words >> range >> access >> offset >> device >> inode >> std::ws;
        std::getline(words, path);
        unsigned major = 0, minor = 0;
        if (std::sscanf(device.c_str(), "%x:%x", &major, &minor) == 2 &&
            devices.contains(fmt::format("{}:{}", major, minor)) &&
            std::ranges::find(files, path, &MappedFile::path) == files.end())
            files.push_back({range, path});
    }
    return files;
}

Result<std::string> waiting_thread(pid_t thread, const std::set<std::string>& devices) {
    const std::string folder = fmt::format("/proc/{}", thread);
    const InCall call = call_of(thread);
    std::string text, file;
    if (call.number == in_no_call) {
        const auto mapped = mapped_files(thread, devices, 1);
        file = mapped.empty() ? std::string() : mapped[0].path;
        text = "call=page fault\n";
    }
    const auto elsewhere = [&] {
        return failure(Code::not_found,
                       fmt::format("thread {} waits in no mount of this run", thread));
    };
    if (call.number >= 0) {
        const auto status = known_status(fmt::format("{}/fd/{}", folder, call.file()));
        if (!status ||
            !devices.contains(fmt::format("{}:{}", status->stx_dev_major, status->stx_dev_minor)))
            return elsewhere();
        file = link_target(fmt::format("{}/fd/{}", folder, call.file()));
        const Call* known = known_call(call.number);
        text = fmt::format("call={}\n", known ? known->name : fmt::format("{}", call.number));
        if (known && known->offset >= 0)
            text +=
                fmt::format("offset={}\n", call.arguments[static_cast<std::size_t>(known->offset)]);
        else if (const auto at = position(folder, call.file()))
            text += fmt::format("offset={}\n", *at);
        if (known && known->length >= 0)
            text +=
                fmt::format("length={}\n", call.arguments[static_cast<std::size_t>(known->length)]);
    }
    if (file.empty())
        return elsewhere();
    return fmt::format("{}file={}\ncgroup={}\n", text, file, first_line(folder + "/cgroup"));
}

} // namespace coldscope::guard
