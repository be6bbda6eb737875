#include "daemon/observe/observer.h"

#include "core/base/clock.h"
#include "daemon/guard/observed_list.h"
#include "daemon/guard/observing.h"
#include "daemon/observe/sample_reader.h"

#include <algorithm>
#include <cerrno>

#include <poll.h>

namespace coldscope {

namespace {

constexpr std::size_t read_at_once = 64 * 1024; // bytes, what a pipe holds
constexpr Nanoseconds patience = 5 * second;    // with a file that the guard's child waits for
static_assert(patience > guard::file_limit + guard::told_within);

Result<sharing::Sample> receive(int pipe, std::size_t files, Nanoseconds end) {
    SampleReader reader(files);
    std::vector<std::byte> bytes(read_at_once);
    for (Nanoseconds heard = monotonic_now();;) {
        const Nanoseconds now = monotonic_now();
        const Nanoseconds until = std::min(heard + patience, end);
        pollfd entry{pipe, POLLIN, 0};
        const int ready =
            now > until ? 0 : poll(&entry, 1, static_cast<int>((until - now) / millisecond));
        if (ready == 0)
            return reader.give_up();
        const ssize_t got = ready < 0 ? -1 : ::read(pipe, bytes.data(), bytes.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return system_error("cannot read what is observed");
        if (got == 0)
            return reader.finish();
        COLDSCOPE_CHECK(reader.take(std::span(bytes).first(static_cast<std::size_t>(got))));
        heard = monotonic_now();
    }
}

} // namespace

Result<sharing::Sample> observe(guard::Client& guard, std::span<const Watched> watched,
                                Nanoseconds end) {
    const Nanoseconds begin = monotonic_now();
    guard::ObservedListWriter list;
    std::size_t files = 0;
    for (const Watched& one : watched) {
        if (!std::in_range<std::uint32_t>(one.paths.size()))
            return failure(Code::invalid, "too many files to be observed");
        list.folder(one.folder, static_cast<std::uint32_t>(one.paths.size()));
        for (const std::string& path : one.paths)
            list.path(path);
        files += one.paths.size();
    }
    COLDSCOPE_TRY(Fd sealed, list.seal());
    COLDSCOPE_TRY(const Fd pipe, guard.observe(sealed.get(), end));
    sealed.reset();
    COLDSCOPE_TRY(sharing::Sample sample, receive(pipe.get(), files, end));
    sample.taken = begin;
    sample.cost = monotonic_now() - begin;
    return sample;
}

Result<std::unique_ptr<Observer>> Observer::start(const std::vector<std::string>& folders,
                                                  guard::Rights rights,
                                                  std::shared_ptr<guard::ByHand> by_hand) {
    guard::ClientOptions options;
    options.watched = folders;
    options.rights = rights;
    options.by_hand = std::move(by_hand);
    options.grace = 0; // nobody takes over
    COLDSCOPE_TRY(auto client, guard::Client::start(options));
    return std::unique_ptr<Observer>(new Observer(std::move(client)));
}

} // namespace coldscope
