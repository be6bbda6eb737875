#include "daemon/run/child.h"

#include "core/base/host_environment.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coldscope {

Result<pid_t> start_child(const std::vector<std::string>& command, const std::string& folder,
                          int output, int errors, int input) {
    std::vector<std::string> words = command;
    const std::vector<char*> arguments = exec_list(words);
    std::vector<std::string> variables = host_environment();
    const std::vector<char*> environment = exec_list(variables);
    const pid_t child = fork();
    if (child < 0)
        return system_error("cannot start the command");
    if (child > 0)
        return child;
    // Only async-signal-safe calls from here on.
    setpgid(0, 0);
    dup2(output, 1);
    dup2(errors, 2);
    if (input < 0)
        input = ::open("/dev/null", O_RDONLY);
    if (input > 0)
        dup2(input, 0);
    syscall(SYS_close_range, 3u, ~0u, 0u);
    for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGCHLD})
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const char* failed = "chdir";
    if (chdir(folder.c_str()) == 0) {
        execvpe(arguments[0], arguments.data(), environment.data());
        failed = arguments[0];
    }
    const char* reason = strerrordesc_np(errno);
    for (const char* part : {"coldscoped: cannot start the command: ", failed, ": ", reason, "\n"})
        [[maybe_unused]] const ssize_t written = write(2, part, strlen(part));
    _exit(127);
}

bool child_ended(pid_t child, int& exit_code) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) != child)
        return false;
    exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

} // namespace coldscope
