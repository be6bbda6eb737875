#include "daemon/engine/readers.h"

#include "daemon/guard/protocol.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace coldscope {

namespace {

constexpr Nanoseconds remembered = 200 * millisecond;
constexpr Nanoseconds trusted = 2 * second; // that a number is still the same thread's
constexpr std::size_t most_entries = 4096;
constexpr std::size_t longest_cgroup = 4096; // bytes of /proc/PID/cgroup

// The file's first bytes; empty when it can't be read.
std::string read_small(const std::string& path, std::size_t most) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return {};
    std::string text(most, '\0');
    const ssize_t got = ::read(fd, text.data(), text.size());
    ::close(fd);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

// The first word of a line of /proc/PID/status.
std::string status_word(const std::string& status, std::string_view key) {
    const std::size_t at = status.find(fmt::format("\n{}:\t", key));
    const std::size_t begin = at + key.size() + 3;
    return at == std::string::npos
               ? std::string()
               : status.substr(begin, status.find_first_of("\t\n", begin) - begin);
}

// The process of a thread; 0 when it can't be known.
std::uint32_t process_of(std::uint32_t thread_id) {
    const std::string status = read_small(fmt::format("/proc/{}/status", thread_id), 1024);
    return static_cast<std::uint32_t>(
        std::strtoul(status_word(status, "Tgid").c_str(), nullptr, 10));
}

// By its name and its parent's, since whoever is not root can't look at what root runs; the parent
// must be root's. Whoever forges that for himself evades rules, no more.
bool is_observer(std::uint32_t thread_id, std::string_view command) {
    if (command != guard::observer_name)
        return false;
    const std::string parent =
        status_word(read_small(fmt::format("/proc/{}/status", thread_id), 1024), "PPid");
    const std::string status = read_small(fmt::format("/proc/{}/status", parent), 1024);
    return status.starts_with(fmt::format("Name:\t{}\n", guard::program_name)) &&
           status_word(status, "Uid") == "0";
}

bool has_sigkill(const std::string& status, const char* field) {
    const std::size_t at = status.find(field);
    if (at == std::string::npos)
        return false;
    const unsigned long long mask =
        std::strtoull(status.c_str() + at + std::strlen(field), nullptr, 16);
    return (mask >> (SIGKILL - 1) & 1) != 0;
}

} // namespace

const ReadingThread& Readers::find(std::uint32_t thread_id) {
    const Nanoseconds now = monotonic_now();
    if (entries_.size() > most_entries)
        entries_.clear();
    Entry& entry = entries_[thread_id];
    if (entry.seen != 0 && now - entry.seen < remembered)
        return entry.reader;
    if (entry.seen == 0 || now - entry.seen > trusted)
        on_new_({now, thread_id, process_of(thread_id),
                 std::string(cgroup_path(
                     read_small(fmt::format("/proc/{}/cgroup", thread_id), longest_cgroup)))});
    entry.seen = now;
    std::string command = read_small(fmt::format("/proc/{}/comm", thread_id), 16);
    if (command.ends_with('\n'))
        command.pop_back();
    if (command.empty() && entry.reader.command[0] != '\0')
        return entry.reader; // it has exited meanwhile; its name is still the best to say
    entry.reader.command = {};
    std::memcpy(entry.reader.command.data(), command.data(),
                std::min(command.size(), entry.reader.command.size() - 1));
    entry.reader.observer = is_observer(thread_id, command);
    entry.reader.own = ::access(fmt::format("/proc/self/task/{}", thread_id).c_str(), F_OK) == 0;
    return entry.reader;
}

bool is_dying(std::uint32_t thread_id) {
    const std::string status = read_small(fmt::format("/proc/{}/status", thread_id), 4096);
    if (status.empty())
        return errno == ENOENT || errno == ESRCH;
    const std::size_t state = status.find("State:\t");
    const bool dead =
        state != std::string::npos && (status[state + 7] == 'Z' || status[state + 7] == 'X');
    return dead || has_sigkill(status, "SigPnd:\t") || has_sigkill(status, "ShdPnd:\t");
}

} // namespace coldscope
