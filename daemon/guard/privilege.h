// What a guard that runs as root keeps of root's power, and for whom it works.
#pragma once

#include "core/base/error.h"

#include <string_view>

#include <sys/types.h>

namespace coldscope::guard {

// Whose messages are taken: as pkexec or sudo tell it (PKEXEC_UID, SUDO_UID), which an option may
// not contradict; else as the option says; else this process's own user. invited: it connects to
// a socket of that user's, who waits there for any guard of root's: then the option goes before
// SUDO_UID, so that another administrator may run it.
[[nodiscard]] Result<uid_t> served_user(std::string_view option, bool invited);
// By its real user. Ask after pidfd_open(2): a number may have become another process's.
[[nodiscard]] bool runs_as(pid_t process, uid_t user);
// Drops all capabilities but those that it needs, for good, and what it starts can't get them
// back. No more than a look at an ordinary user's guard. It is not to be chosen when memory is
// short: it is small, and readers depend on it.
[[nodiscard]] Result<void> drop_privilege();

// In a child, for good: the user and the groups of this process of his, and of root's power what
// mincore(2) wants to be told the truth (CAP_FOWNER), or for root what opens files besides. EPERM
// where that is not to be had, as in a user namespace: the kernel would say of others' files that
// all is resident.
[[nodiscard]] Result<void> become(pid_t process, uid_t user);

} // namespace coldscope::guard
