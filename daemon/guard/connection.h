// The guard's side of a FUSE connection whose mount it made: a duplicate of the descriptor, which
// keeps readers waiting while nobody serves them, so that another client can take over. The kernel
// gives them an error once the last descriptor is closed. Its only question that is read here is
// the first, INIT, which is never asked again; nothing of it is looked at.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <string>

namespace coldscope::guard {

class Connection {
public:
    // Opens /dev/fuse, for a mount that a child makes. Code::busy once one has been handed out.
    [[nodiscard]] Result<void> open(std::string note);
    // In the child: mounts it on a folder (by descriptor). Only root may enter, whose child opens
    // the files there. An errno, or 0.
    [[nodiscard]] int mount(int target, const std::string& source) const;
    // A client's, which it had from a guard that died, and what told() said there. Code::busy while
    // one is open.
    [[nodiscard]] Result<void> adopt(Fd device, std::string told);
    // The descriptor, for the client; not owned. Fails before anything is mounted.
    [[nodiscard]] Result<int> hand_out();
    // INIT in hexadecimal, a line's end, and the note.
    [[nodiscard]] const std::string& told() const { return told_; }

    [[nodiscard]] bool is_open() const { return static_cast<bool>(device_); }
    void close() { device_.reset(); }

private:
    Fd device_;
    std::string note_;
    std::string told_; // empty before it is handed out
};

} // namespace coldscope::guard
