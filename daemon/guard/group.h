// The guard's side of the fanotify group: what is marked, and, once its client is dead, an error
// for everybody who asks. The kernel itself would let readers go on with zeros when the last
// descriptor of the group is closed, and so would a file without its mark.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <map>
#include <string>

#include <sys/types.h>

namespace coldscope::guard {

class Group {
public:
    Group() = default;
    ~Group() { close(); }

    // Opened at the first call. Needs Linux 6.14 and CAP_SYS_ADMIN.
    [[nodiscard]] Result<int> open();
    // A client's, which it had from a guard that died. Code::busy while one is open.
    [[nodiscard]] Result<void> adopt(Fd group);
    [[nodiscard]] bool is_open() const { return static_cast<bool>(group_); }
    [[nodiscard]] int fd() const { return group_.get(); } // to be polled; -1 while it is not open

    // path: where `object` was found, opened before any mark on it, so that what is written through
    // it asks nobody. Kept for a client that takes over.
    [[nodiscard]] Result<void> mark(const std::string& path, Fd object);
    void unmark(const std::string& path);
    [[nodiscard]] Result<int> object(const std::string& path) const;

    // Once nobody else reads the group any more. A reply goes to the first event of its number that
    // was read and not answered, whoever read it: all numbers below `numbers` are tried, until a
    // pass finds none. How many readers got their error.
    int sweep(int numbers);
    // Answers what waits in the queue with an error. How many there were.
    int deny_queued();

    // The marks go first, then the descriptors: they hold the locks of the cache files, and whoever
    // opens one with a mark still on it could not write there without being asked himself.
    // For forked children, too, who must not hold the group open.
    void close();

private:
    Fd group_;
    bool adopted_ = false;
    std::map<std::string, Fd> objects_; // by path
};

} // namespace coldscope::guard
