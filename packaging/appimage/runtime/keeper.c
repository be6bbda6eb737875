/* The process that stays behind to clean up. The runtime's own process becomes AppRun by exec, so
 * that process id, signals and exit status are the program's own; it and what it starts inherit
 * one end of a pipe, and when the last of them is gone the other end says so: however they died.
 * Before, the runtime writes to it: the path of each folder that it is about to make, ended by a
 * zero, and an empty one once all is made. A write of up to PIPE_BUF bytes is whole or not at all.
 */
#define _GNU_SOURCE
#include "runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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

static void keep_watch(int end, const struct keeping* keeping) {
    char heard[PATH_MAX], folder[PATH_MAX] = "";
    size_t size = 0;
    bool begun = false;
    for (char byte; read(end, &byte, 1) > 0;) {
        if (begun || size == sizeof heard) /* a program writes to what it inherited */
            continue;
        heard[size++] = byte;
        if (byte != '\0')
            continue;
        if (size > 1)
            memcpy(folder, heard, size);
        else {
            begun = true;
            if (keeping->begin != NULL)
                keeping->begin(folder, keeping->context);
        }
        size = 0;
    }
    if (*folder != '\0')
        keeping->clean_up(folder, begun, keeping->context);
}

int keeper_start(const struct keeping* keeping, const int* keep, size_t keep_count) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    const pid_t between = fork();
    if (between == 0) {
        /* Before the caller goes on: what is sent to its process group doesn't reach the keeper. */
        setsid();
        ignore_signals();
        if (chdir("/") != 0)
            _exit(errno);
        const pid_t keeper = fork();
        if (keeper != 0)
            _exit(keeper < 0 ? errno : 0);
        close(ends[1]);
        int kept[8] = {ends[0]};
        for (size_t i = 0; i < keep_count; ++i)
            kept[i + 1] = keep[i];
        keeper_detach(kept, keep_count + 1);
        keep_watch(ends[0], keeping);
        _exit(0);
    }
    int status = 0, reason = errno; /* of fork */
    close(ends[0]);
    if (between > 0 && waitpid(between, &status, 0) == between && status == 0)
        return ends[1];
    close(ends[1]);
    errno = between < 0 ? reason : WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
    return -1;
}

bool keeper_expects(int alive, const char* folder) {
    const size_t size = strlen(folder) + 1;
    void (*const inherited)(int) = signal(SIGPIPE, SIG_IGN);
    const ssize_t written = write(alive, folder, size);
    signal(SIGPIPE, inherited);
    return written == (ssize_t)size;
}

void keeper_begin(int alive) {
    (void)keeper_expects(alive, "");
}
