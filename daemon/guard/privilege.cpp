#include "daemon/guard/privilege.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

// Mounts and fanotify; files and folders of the user; the user's process; what its readers do.
constexpr std::array needed{CAP_SYS_ADMIN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
                            CAP_KILL,      CAP_SYS_PTRACE,   CAP_SYS_RESOURCE};

Result<uid_t> parse_uid(std::string_view text) {
    uid_t user = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), user);
    if (error != std::errc() || end != text.data() + text.size())
        return failure(Code::invalid, fmt::format("'{}' is no user's number", text));
    return user;
}

} // namespace

Result<uid_t> served_user(std::string_view option) {
    for (const char* name : {"PKEXEC_UID", "SUDO_UID"}) {
        const char* told = std::getenv(name);
        if (told == nullptr || getuid() != 0)
            continue;
        if (!option.empty() && option != told)
            return failure(Code::invalid, fmt::format("{} is {}, not {}", name, told, option));
        return parse_uid(told);
    }
    return option.empty() ? getuid() : parse_uid(option);
}

bool runs_as(pid_t process, uid_t user) {
    std::ifstream status(fmt::format("/proc/{}/status", process));
    for (std::string word; status >> word;) {
        if (uid_t real = 0; word == "Uid:")
            return status >> real && real == user;
    }
    return false;
}

Result<void> drop_privilege() {
    if (geteuid() != 0)
        return {};
    if (const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); fd >= 0) {
        [[maybe_unused]] const ssize_t written = ::write(fd, "-1000", 5);
        ::close(fd);
    }
    for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number) {
        bool keep = false;
        for (const int one : needed)
            keep = keep || one == number;
        if (!keep && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0)
            return system_error("cannot give up a capability");
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> has{};
    if (syscall(SYS_capget, &header, has.data()) != 0)
        return system_error("cannot look at the capabilities");
    std::array<__user_cap_data_struct, 2> sets{}; // in a container root may lack some
    for (const int one : needed) {
        const auto half = static_cast<std::size_t>(one) / 32;
        sets[half].permitted |= has[half].permitted & 1u << (one % 32);
        sets[half].effective = sets[half].permitted;
    }
    if (syscall(SYS_capset, &header, sets.data()) != 0)
        return system_error("cannot give up capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return system_error("cannot give up new privileges");
    return {};
}

} // namespace coldscope::guard
