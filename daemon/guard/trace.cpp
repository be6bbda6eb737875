#include "daemon/guard/trace.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

constexpr std::array<std::string_view, 5> tracepoints{
    "erofs/erofs_readahead",
    "erofs/erofs_read_folio",
    "cachefiles/cachefiles_ondemand_open",
    "cachefiles/cachefiles_ondemand_read",
    "cachefiles/cachefiles_prep_read",
};

// tracefs without a place of its own in anybody's file system (Linux 5.2).
Result<Fd> open_tracefs() {
    const Fd context(fsopen("tracefs", FSOPEN_CLOEXEC));
    if (!context || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return system_error("the kernel has no tracefs");
    Fd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
    if (!mount)
        return system_error("cannot mount tracefs");
    return mount;
}

Result<std::string> content(int folder, const std::string& path) {
    const Fd file(openat(folder, path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return system_error(fmt::format("the kernel has no {}", path));
    std::string text(8192, '\0');
    const ssize_t got = ::read(file.get(), text.data(), text.size());
    if (got < 0)
        return system_error(fmt::format("cannot read {}", path));
    text.resize(static_cast<std::size_t>(got));
    return text;
}

} // namespace

Result<Traced> open_trace(std::string_view name, std::uint32_t processor) {
    if (std::ranges::find(tracepoints, name) == tracepoints.end())
        return system_error(EPERM, fmt::format("the tracepoint {}", name));
    if (processor >= static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_CONF)))
        return system_error(ERANGE, "there is no such processor");
    COLDSCOPE_TRY(const Fd tracefs, open_tracefs());
    const std::string folder = fmt::format("events/{}/", name);
    COLDSCOPE_TRY(const std::string id, content(tracefs.get(), folder + "id"));
    Traced traced;
    COLDSCOPE_TRY(traced.format, content(tracefs.get(), folder + "format"));
    perf_event_attr event{};
    event.size = sizeof event;
    event.type = PERF_TYPE_TRACEPOINT;
    std::from_chars(id.data(), id.data() + id.size(), event.config);
    event.sample_period = 1;
    event.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;
    event.use_clockid = 1;
    event.clockid = CLOCK_MONOTONIC;
    event.write_backward = 1; // nobody need read them: the oldest are overwritten
    event.watermark = 1;
    event.wakeup_watermark = ~0u; // and nobody is woken
    traced.event.reset(static_cast<int>(
        syscall(SYS_perf_event_open, &event, -1, processor, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!traced.event)
        return system_error("the kernel opens no event of a tracepoint");
    return traced;
}

} // namespace coldscope::guard
