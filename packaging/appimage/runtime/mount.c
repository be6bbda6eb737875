/* Serves the payload by FUSE. Two processes: the keeper, and its child that reads the payload, so
 * that damage which makes the reader crash leaves somebody to unmount; the program then gets
 * errors from the kernel and never waits. */
#define _GNU_SOURCE
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <squashfuse/ll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the serving process says: one of these bytes, or a text that tells why there's no mount. */
enum { SAYS_MOUNTED = 1, SAYS_DAMAGED = 2 };

struct served {
    const struct payload* payload;
    int answer; /* the pipe's end to say it with */
};

static void no_symlink_twice(void* context, struct fuse_conn_info* connection) {
    (void)context;
    if ((connection->capable & FUSE_CAP_CACHE_SYMLINKS) != 0)
        connection->want |= FUSE_CAP_CACHE_SYMLINKS;
}

/* No xattr operations: after the first ENOSYS the kernel asks no more. */
static const struct fuse_lowlevel_ops operations = {
    .init = no_symlink_twice,
    .lookup = sqfs_ll_op_lookup,
    .forget = sqfs_ll_op_forget,
    .getattr = sqfs_ll_op_getattr,
    .readlink = sqfs_ll_op_readlink,
    .open = sqfs_ll_op_open,
    .read = sqfs_ll_op_read,
    .release = sqfs_ll_op_release,
    .opendir = sqfs_ll_op_opendir,
    .readdir = sqfs_ll_op_readdir,
    .releasedir = sqfs_ll_op_releasedir,
    .statfs = stfs_ll_op_statfs,
};

/* The file's name as the source, for those who look at the list of mounts. */
static bool mount_options(struct fuse_args* arguments) {
    char name[PATH_MAX + 8] = "fsname=";
    char* options = NULL;
    const ssize_t size = readlink("/proc/self/exe", name + 7, sizeof name - 8);
    if (size <= 0)
        return false;
    char* base = strrchr(name, '/');
    memmove(name + 7, base + 1, strlen(base + 1) + 1);
    return fuse_opt_add_opt(&options, "ro,nosuid,nodev,subtype=appimage") == 0 &&
           fuse_opt_add_opt_escaped(&options, name) == 0 &&
           fuse_opt_add_arg(arguments, "appimage") == 0 && fuse_opt_add_arg(arguments, "-o") == 0 &&
           fuse_opt_add_arg(arguments, options) == 0;
}

/* Ends when the mount is gone from every mount namespace and nothing of it is open. */
static void serve(const struct served* served, const char* folder) {
    static sqfs_ll ll;
    dup2(served->answer, 2); /* libfuse and fusermount3 tell the reason there */
    char said = SAYS_DAMAGED;
    if (!payload_read(served->payload, &ll.fs) || sqfs_ll_init(&ll) != SQFS_OK) {
        (void)!write(2, &said, 1);
        _exit(1);
    }
    struct fuse_args arguments = FUSE_ARGS_INIT(0, NULL);
    struct fuse_session* session = NULL;
    if (mount_options(&arguments))
        session = fuse_session_new(&arguments, &operations, sizeof operations, &ll);
    if (session == NULL || fuse_session_mount(session, folder) != 0)
        _exit(1);
    said = SAYS_MOUNTED;
    (void)!write(2, &said, 1);
    const int keep[] = {served->payload->fd, fuse_session_fd(session)};
    keeper_detach(keep, 2);
    fuse_session_loop(session);
    _exit(0);
}

static void start_serving(const char* folder, void* context) {
    const struct served* served = context;
    if (fork() == 0)
        serve(served, folder);
    close(served->answer);
    close(served->payload->fd);
}

/* True if it has unmounted it. */
static bool unmount(const char* folder, bool lazy) {
    if (umount2(folder, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
        return true;
    if (errno != EPERM)
        return false;
    const char* arguments[] = {"fusermount3", "-u", "-q", lazy ? "-z" : "--", folder, NULL};
    pid_t child;
    int status = -1;
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, null, 2);
    /* As libfuse looks for it: where it mounted, it is found whatever the program's PATH. */
    if (posix_spawn(&child, "/usr/bin/fusermount3", &actions, NULL, (char**)arguments, environ) ==
            0 ||
        posix_spawnp(&child, arguments[0], &actions, NULL, (char**)arguments, environ) == 0)
        waitpid(child, &status, 0);
    posix_spawn_file_actions_destroy(&actions);
    close(null);
    return status == 0;
}

/* What nobody holds the pipe of any more may still be in use: by a process that closed its
 * descriptors and runs from there. The kernel knows, and refuses to unmount it. */
static void unmount_when_unused(const char* folder, bool begun, void* context) {
    (void)context;
    const long longest = 2000;
    for (long wait = 10;; wait = wait * 2 > longest ? longest : wait * 2) { /* ms */
        const bool unmounted = !begun || unmount(folder, false);
        if (rmdir(folder) == 0 || errno == ENOENT || unmounted)
            return;
        const struct timespec time = {wait / 1000, wait % 1000 * 1000000};
        nanosleep(&time, NULL);
    }
}

/* Until the serving process has said it all. */
static enum mounted hear(int answer, char* why, size_t why_size) {
    char text[512];
    size_t size = 0;
    for (ssize_t got; size < sizeof text - 1; size += (size_t)got) {
        got = read(answer, text + size, sizeof text - 1 - size);
        if (got <= 0)
            break;
        if (text[size + (size_t)got - 1] == SAYS_MOUNTED)
            return MOUNTED;
    }
    text[size] = '\0';
    if (size > 0 && text[size - 1] == SAYS_DAMAGED)
        return DAMAGED;
    text[strcspn(text, "\n")] = '\0';
    snprintf(why, why_size, "%s", *text != '\0' ? text : "the process that serves it ended");
    return NO_FUSE;
}

enum mounted payload_mount(const struct payload* payload, char folder[PATH_MAX], int* alive,
                           char* why, size_t why_size) {
    int answer[2], place = 0;
    if (geteuid() != 0 && access("/etc/mtab", R_OK) != 0) {
        snprintf(why, why_size, "fusermount3 can't unmount them without /etc/mtab");
        return NO_FUSE;
    }
    if (pipe2(answer, O_CLOEXEC) != 0) {
        snprintf(why, why_size, "%s", strerror(errno));
        return NO_FUSE;
    }
    struct served served = {payload, answer[1]};
    const int keep[] = {answer[1], payload->fd};
    *alive = keeper_start(&(struct keeping){start_serving, unmount_when_unused, &served}, keep, 2);
    close(answer[1]);
    enum mounted mounted = NO_FUSE;
    if (*alive < 0)
        snprintf(why, why_size, "%s", strerror(errno));
    else if (folder_make(MOUNT, *alive, &place, folder, why, why_size)) {
        keeper_begin(*alive);
        mounted = hear(answer[0], why, why_size);
        if (mounted != MOUNTED)
            rmdir(folder); /* if the keeper was killed nobody else does */
    }
    close(answer[0]);
    if (mounted != MOUNTED) {
        close(*alive);
        *alive = -1;
    }
    return mounted;
}

void payload_unmount(const char* folder) {
    unmount(folder, true);
    rmdir(folder);
}
