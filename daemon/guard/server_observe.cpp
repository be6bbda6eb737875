// What the guard does for who observes the page cache: a child that becomes the user, looks, and
// ends.
#include "daemon/guard/log.h"
#include "daemon/guard/observing.h"
#include "daemon/guard/privilege.h"
#include "daemon/guard/server.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace coldscope::guard {

namespace {

// Bytes of address space beside what a guard has: the list, where its paths lie, window and
// buffers.
constexpr std::uint64_t most_memory = largest_list + (256 << 20);

void limit_memory() {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t pages = 0;
    if (!(statm >> pages))
        return;
    const rlim_t most = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) + most_memory;
    const rlimit limit{most, most};
    setrlimit(RLIMIT_AS, &limit);
}

// The guard itself is spared when memory is short.
void be_like_others() {
    const Fd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    [[maybe_unused]] const ssize_t written = ::write(fd.get(), "0", 1);
}

} // namespace

// The newest question counts.
void Server::observe(const Received& received) {
    stop_observing();
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return reply(received.message, errno, "pipe");
    Fd from(ends[0]);
    const Fd into(ends[1]);
    observing_end_ = monotonic_now() + observing_killed;
    if (!in_child(received.message))
        return;
    if (const auto done = observe_in_child(received, std::move(from), into.get()); !done)
        reply(received.message, done);
    _exit(0);
}

// Fails before it has replied.
Result<void> Server::observe_in_child(const Received& received, Fd from, int into) {
    prctl(PR_SET_NAME, observer_name); // before it may ask anybody
    be_like_others();
    COLDSCOPE_TRY(ObservingFiles files, open_observing_files(trusted()));
    COLDSCOPE_CHECK(become(client_, options_.user));
    // Else its number, and the groups that were read, may be another's.
    if (pollfd ended{client_fd_.get(), POLLIN, 0}; poll(&ended, 1, 0) != 0)
        return system_error(ESRCH, "the client is gone");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    limit_memory();
    COLDSCOPE_TRY(const SealedBytes bytes, SealedBytes::map(received.fd.get()));
    COLDSCOPE_TRY(const std::vector<ObservedFolder> list, decode_list(bytes.bytes()));
    for (const ObservedFolder& folder : list) {
        if (std::ranges::find(options_.watched, folder.path) == options_.watched.end() &&
            !folders_.has(folder.path))
            return system_error(EACCES, std::string(folder.path) + " is no folder of the guard's");
    }
    reply(received.message, 0, "observing", from.get());
    from.reset();
    socket_.reset();
    (void)guard::observe(list, files, into); // nobody reads: what it fails with
    return {};
}

// It may have files of a mount open, and is no use without a client.
void Server::stop_observing() {
    if (observing_ != 0)
        kill(observing_, SIGKILL);
    observing_ = 0;
}

} // namespace coldscope::guard
