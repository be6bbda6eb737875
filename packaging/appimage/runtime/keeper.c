/* The process that stays behind to clean up. The runtime's own process becomes AppRun by exec, so
 * that process id, signals and exit status are the program's own; it and what it starts inherit
 * one end of a pipe, and when the last of them is gone the other end says so: however they died. */
#define _GNU_SOURCE
#include "runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static bool among(int fd, const int* fds, size_t count) {
    for (size_t i = 0; i < count; ++i)
        if (fds[i] == fd)
            return true;
    return false;
}

void keeper_detach(const int* keep, size_t keep_count) {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; ++fd)
        if (null < 0)
            close(fd);
        else
            dup2(null, fd);
    DIR* open_ones = opendir("/proc/self/fd");
    if (open_ones == NULL)
        return;
    for (struct dirent* entry; (entry = readdir(open_ones)) != NULL;) {
        const int fd = atoi(entry->d_name);
        if (fd > 2 && fd != dirfd(open_ones) && !among(fd, keep, keep_count))
            close(fd);
    }
    closedir(open_ones);
}

/* These end with the program: a signal to the whole session must not take its files away first. */
static void ignore_signals(void) {
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; ++i)
        signal(signals[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int keeper_start(void (*begin)(void* context), void (*clean_up)(void* context), void* context,
                 const int* keep, size_t keep_count) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    const pid_t between = fork();
    if (between == 0) {
        const pid_t keeper = fork();
        if (keeper != 0)
            _exit(keeper < 0);
        setsid();
        ignore_signals();
        if (chdir("/") != 0)
            _exit(1);
        int kept[8] = {ends[0]};
        for (size_t i = 0; i < keep_count; ++i)
            kept[i + 1] = keep[i];
        keeper_detach(kept, keep_count + 1);
        for (char byte; read(ends[0], &byte, 1) > 0; begin = NULL)
            if (begin != NULL)
                begin(context);
        clean_up(context);
        _exit(0);
    }
    close(ends[0]);
    int status = 1;
    if (between < 0 || waitpid(between, &status, 0) != between || status != 0) {
        close(ends[1]);
        return -1;
    }
    return ends[1];
}

void keeper_begin(int alive) {
    (void)!write(alive, "", 1);
}
