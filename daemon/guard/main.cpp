// coldscope-guard: started by its client with a connected socket as descriptor 0.
#include "coldscope_version.h"
#include "daemon/guard/server.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--version") {
        std::puts("coldscope-guard " COLDSCOPE_VERSION);
        return 0;
    }
    int type = 0;
    socklen_t length = sizeof type;
    if (getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_SEQPACKET) {
        std::fputs("coldscope-guard: started by Coldscope, not by hand: its standard input must be "
                   "its client's socket\n",
                   stderr);
        return 2;
    }
    // It must outlive whatever ends the client: no terminal's or session's signal may reach it.
    setsid();
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT})
        std::signal(number, SIG_IGN);
    syscall(SYS_close_range, 3u, ~0u, 0u); // Linux 5.9
    if (chdir("/") != 0)
        return 1;
    // 5 s: twenty missed beats. A machine that swaps or a debugger's short stop is let be.
    coldscope::guard::Server(0, 5 * coldscope::second).run();
    return 0;
}
