/* The program in front of an AppImage's payload. Without an option of its own it mounts the
 * payload, or extracts it where that isn't possible, and becomes the payload's AppRun.
 * Exit status: AppRun's; 1 when it could not be started, 2 for an option that isn't known. */
#define _GNU_SOURCE
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: Coldscope.AppImage [ARGUMENT...]   runs the program inside, with these arguments\n"
    "  --appimage-extract [PATTERN]   writes its files, or those that match, to squashfs-root\n"
    "  --appimage-extract-and-run [ARGUMENT...]\n"
    "                                 runs it from extracted files, which are deleted after;\n"
    "                                 so does APPIMAGE_EXTRACT_AND_RUN=1\n"
    "  --appimage-mount               mounts the files, prints where, unmounts when interrupted\n"
    "  --appimage-offset              prints at which byte the SquashFS image begins\n"
    "  --appimage-version, --appimage-help\n"
    "The files are mounted by FUSE beneath $TMPDIR or /tmp; without FUSE they are extracted.\n";

void say(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char text[PATH_MAX + 512];
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    dprintf(2, "%s: %s\n", program_invocation_short_name, text);
}

/* What the caller left closed isn't given to files and pipes that are opened here; exec closes
 * it again. */
static void occupy_standard_descriptors(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= 2);
    if (fd >= 0)
        close(fd);
}

/* The previous value, for programs of the host, is kept in COLDSCOPE_HOST_NAME. */
static void set_variable(const char* name, const char* value) {
    char kept[64];
    snprintf(kept, sizeof kept, "COLDSCOPE_HOST_%s", name);
    const char* previous = getenv(name);
    if (previous != NULL)
        setenv(kept, previous, 1);
    else
        unsetenv(kept);
    setenv(name, value, 1);
}

static void set_environment(const char* folder, const char* called) {
    char file[PATH_MAX + 16], directory[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", file, sizeof file - 1);
    file[size < 0 ? 0 : size] = '\0';
    set_variable("APPIMAGE", file);
    set_variable("APPDIR", folder);
    set_variable("OWD", getcwd(directory, sizeof directory) != NULL ? directory : "/");
    set_variable("ARGV0", called);
}

/* What the caller does at its children's end; the runtime waits for its own. */
static void (*inherited_sigchld)(int);

/* Returns only if it could not: the status to end with. `alive` is what tells the keeper that the
 * program and its children are there; its number is high, out of the way of shell scripts. */
static int run(const struct payload* payload, const char* folder, int alive, char** arguments) {
    char program[PATH_MAX + 8];
    if (fcntl(alive, F_DUPFD, 1000) < 0 && fcntl(alive, F_DUPFD, 10) < 0) {
        say("%s", strerror(errno));
        return 1;
    }
    snprintf(program, sizeof program, "%s/AppRun", folder);
    set_environment(folder, arguments[0]);
    signal(SIGCHLD, inherited_sigchld);
    execv(program, arguments);
    const int reason = errno;
    if (reason == EIO || reason == ENOTCONN || reason == ECONNABORTED || reason == EINVAL)
        say("byte %jd: the payload is damaged: its AppRun can't be read",
            (intmax_t)payload->begins);
    else
        say("its AppRun can't be run: %s", strerror(reason));
    return 1;
}

static void remove_extracted(const char* folder, bool begun, void* context) {
    (void)begun;
    (void)context;
    folder_remove(folder);
}

/* `unmounted`: why it isn't mounted, or NULL if that was not wanted. */
static int extract_and_run(const struct payload* payload, const char* unmounted, char** arguments) {
    char folder[PATH_MAX], why[PATH_MAX + 128] = "there is neither TMPDIR nor HOME";
    const int alive = keeper_start(&(struct keeping){.clean_up = remove_extracted}, NULL, 0);
    if (alive < 0) {
        say("%s", strerror(errno));
        return 1;
    }
    int place = 0;
    while (folder_make(EXTRACT, alive, &place, folder, why, sizeof why)) {
        const enum extracted result = payload_extract(payload, folder, NULL, NULL, true);
        if (result == EXTRACTED) {
            if (unmounted != NULL)
                say("runs from extracted files, since they can't be mounted: %s", unmounted);
            keeper_begin(alive);
            return run(payload, folder, alive, arguments);
        }
        if (result == FAILED)
            return 1;
        snprintf(why, sizeof why, "%s: %s", folder, strerror(ENOSPC));
        folder_remove(folder);
    }
    say("nowhere to put its files (%s)%s%s: set TMPDIR to a folder that can be written to", why,
        unmounted == NULL ? "" : "; they can't be mounted, either: ",
        unmounted == NULL ? "" : unmounted);
    return 1;
}

/* The folder and the pipe's end that holds it. */
static enum mounted mount(const struct payload* payload, char folder[PATH_MAX], int* alive,
                          char* why, size_t why_size) {
    const enum mounted mounted = payload_mount(payload, folder, alive, why, why_size);
    if (mounted == DAMAGED)
        say("byte %jd: the payload is damaged", (intmax_t)payload->begins);
    return mounted;
}

static int mount_and_run(const struct payload* payload, char** arguments) {
    char folder[PATH_MAX], why[PATH_MAX + 128];
    int alive;
    switch (mount(payload, folder, &alive, why, sizeof why)) {
    case MOUNTED:
        return run(payload, folder, alive, arguments);
    case DAMAGED:
        return 1;
    case NO_FUSE:
        return extract_and_run(payload, why, arguments);
    }
    return 1;
}

static int mount_and_wait(const struct payload* payload) {
    char folder[PATH_MAX], why[PATH_MAX + 128];
    int alive, number;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    const enum mounted mounted = mount(payload, folder, &alive, why, sizeof why);
    if (mounted == NO_FUSE)
        say("can't be mounted: %s", why);
    if (mounted != MOUNTED)
        return 1;
    sigprocmask(SIG_BLOCK, &ends, NULL);
    dprintf(1, "%s\n", folder);
    sigwait(&ends, &number);
    payload_unmount(folder);
    return 0;
}

static bool wants_extraction(void) {
    const char* value = getenv("APPIMAGE_EXTRACT_AND_RUN");
    return value != NULL && *value != '\0' && strcmp(value, "0") != 0;
}

static int offset(void) {
    struct payload payload;
    if (!payload_find(&payload))
        return 1;
    dprintf(1, "%jd\n", (intmax_t)payload.begins);
    return 0;
}

int main(int count, char** arguments) {
    occupy_standard_descriptors();
    inherited_sigchld = signal(SIGCHLD, SIG_DFL);
    const char* option = count > 1 ? arguments[1] : "";
    if (strcmp(option, "--appimage-help") == 0)
        return dprintf(1, "%s", usage) < 0;
    if (strcmp(option, "--appimage-version") == 0)
        return dprintf(1, "Coldscope AppImage runtime %s (type 2)\n", COLDSCOPE_VERSION) < 0;
    if (strcmp(option, "--appimage-offset") == 0)
        return offset();
    const bool extract = strcmp(option, "--appimage-extract") == 0;
    const bool extract_run = strcmp(option, "--appimage-extract-and-run") == 0;
    const bool wait = strcmp(option, "--appimage-mount") == 0;
    const bool own = strncmp(option, "--appimage-", strlen("--appimage-")) == 0;
    if (own && !extract && !extract_run && !wait) {
        say("%s is not known; --appimage-help lists the options", option);
        return 2;
    }
    struct payload payload;
    if (!payload_open(&payload))
        return 1;
    if (extract) {
        const char* pattern = count > 2 ? arguments[2] : NULL;
        while (pattern != NULL && *pattern == '/')
            ++pattern;
        return payload_extract(&payload, "squashfs-root", pattern, "squashfs-root", false) !=
               EXTRACTED;
    }
    if (wait)
        return mount_and_wait(&payload);
    if (extract_run) { /* AppRun doesn't get it */
        arguments[1] = arguments[0];
        ++arguments;
    }
    return extract_run || wants_extraction() ? extract_and_run(&payload, NULL, arguments)
                                             : mount_and_run(&payload, arguments);
}
