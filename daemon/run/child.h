// The program that a run starts in its mount.
#pragma once

#include "core/base/error.h"

#include <string>
#include <vector>

#include <sys/types.h>

namespace coldscope {

// Leads a process group of its own, with the host's environment. Standard input is `input`, or
// empty, since the run reads commands from its own; output, errors: the descriptors that take what
// it writes. No other descriptor of this process is ever open in the child while it may wait on the
// mount: it would keep a dead run's readers waiting.
[[nodiscard]] Result<pid_t> start_child(const std::vector<std::string>& command,
                                        const std::string& folder, int output, int errors,
                                        int input = -1);

// The exit code as a shell gives it, when it has ended.
[[nodiscard]] bool child_ended(pid_t child, int& exit_code);

} // namespace coldscope
