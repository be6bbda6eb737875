// Whole messages over a socket, with the descriptor that goes with one and, for the guard, who sent
// it as the kernel says (SCM_CREDENTIALS).
#pragma once

#include "core/base/fd.h"
#include "daemon/guard/protocol.h"

#include <sys/socket.h>

namespace coldscope::guard {

struct Received {
    Message message;
    Fd fd;          // none, or the one that came with it
    ucred sender{}; // pid 0 where the socket doesn't ask for it
};

// Messages carry who sent them once one end asks for it: before the first is sent.
void tell_senders(int socket);
// Interrupted calls are repeated. wait: false for a message that may be dropped when the other side
// has enough to read as it is.
[[nodiscard]] Result<void> send(int socket, const Message& message, bool wait = true, int fd = -1);
// Code::cancelled at the other side's end; Code::invalid for what is no message, and then nothing
// of it is left.
[[nodiscard]] Result<Received> receive(int socket);

} // namespace coldscope::guard
