#include "daemon/guard/privilege.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

// Mounts and fanotify; files and folders of the user; the user's process; what its readers do; to
// be the user and yet told what is in memory.
constexpr std::array needed{CAP_SYS_ADMIN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
                            CAP_KILL,      CAP_SYS_PTRACE,   CAP_SYS_RESOURCE,
                            CAP_FOWNER,    CAP_SETUID,       CAP_SETGID};

// Of what there is, these alone; the others are gone.
Result<void> keep_capabilities(std::span<const int> kept) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> has{};
    if (syscall(SYS_capget, &header, has.data()) != 0)
        return system_error("cannot look at the capabilities");
    std::array<__user_cap_data_struct, 2> sets{}; // in a container root may lack some
    for (const int one : kept) {
        const auto half = static_cast<std::size_t>(one) / 32;
        sets[half].permitted |= has[half].permitted & 1u << (one % 32);
        sets[half].effective = sets[half].permitted;
    }
    if (syscall(SYS_capset, &header, sets.data()) != 0)
        return system_error("cannot give up capabilities");
    return {};
}

bool has_capability(int number) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> has{};
    const auto half = static_cast<std::size_t>(number) / 32;
    return syscall(SYS_capget, &header, has.data()) == 0 &&
           (has[half].effective >> (number % 32) & 1) != 0;
}

// What capabilities are of any use for: files of all users.
bool in_first_user_namespace() {
    std::ifstream map("/proc/self/uid_map");
    std::uint64_t inside = 1, outside = 1, count = 0;
    return map >> inside >> outside >> count && inside == 0 && outside == 0 &&
           count == ~std::uint32_t{0};
}

struct Groups {
    gid_t first = 0;
    std::vector<gid_t> others;
};

// Of a process; nothing where it is gone.
std::optional<Groups> groups_of(pid_t process) {
    std::ifstream status(fmt::format("/proc/{}/status", process));
    std::optional<Groups> groups;
    for (std::string line; std::getline(status, line);) {
        std::istringstream words(line);
        std::string key;
        words >> key;
        if (key == "Gid:") {
            groups.emplace();
            if (!(words >> groups->first))
                return std::nullopt;
        } else if (key == "Groups:" && groups) {
            for (gid_t group = 0; words >> group;)
                groups->others.push_back(group);
            return groups;
        }
    }
    return std::nullopt;
}

Result<uid_t> parse_uid(std::string_view text) {
    uid_t user = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), user);
    if (error != std::errc() || end != text.data() + text.size())
        return failure(Code::invalid, fmt::format("'{}' is no user's number", text));
    return user;
}

} // namespace

Result<uid_t> served_user(std::string_view option, bool invited) {
    for (const std::string name : {"PKEXEC_UID", "SUDO_UID"}) {
        const char* told = std::getenv(name.c_str());
        if (told == nullptr || getuid() != 0)
            continue;
        if (name == "SUDO_UID" && invited && !option.empty())
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
    COLDSCOPE_CHECK(keep_capabilities(needed));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return system_error("cannot give up new privileges");
    return {};
}

Result<void> become(pid_t process, uid_t user) {
    if (geteuid() != 0 || !has_capability(CAP_FOWNER) || !in_first_user_namespace())
        return system_error(EPERM, "without root's rights the kernel does not tell what is in "
                                   "memory: it is unknown");
    if (user == 0) {
        COLDSCOPE_CHECK(keep_capabilities(std::array<int, 2>{CAP_FOWNER, CAP_DAC_READ_SEARCH}));
        return {};
    }
    const auto groups = groups_of(process);
    if (!groups || !runs_as(process, user))
        return system_error(ESRCH, "the client is gone");
    if (setgroups(groups->others.size(), groups->others.data()) != 0 ||
        setresgid(groups->first, groups->first, groups->first) != 0 ||
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setresuid(user, user, user) != 0)
        return system_error(EPERM, "the guard cannot become the user");
    COLDSCOPE_CHECK(keep_capabilities(std::array<int, 1>{CAP_FOWNER}));
    // He may end it, but neither look into it nor lead it.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return system_error("cannot close the child to its user");
    return {};
}

} // namespace coldscope::guard
