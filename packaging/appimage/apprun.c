/* AppRun: what the AppImage's runtime starts, or anyone in an extracted one. It becomes coldscoped
 * if that is the first argument, or the last name of ARGV0, which the AppImage was called by; else
 * the window. No script: shells drop variables whose names are none to them, and programs of the
 * host that are started from here are to get all.
 * Exit status: the program's; 127 when it isn't there, 126 when it can't be run. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Plugins of the host's Qt would not fit to the one in here. What is unset is kept for programs of
 * the host (core/base/host_environment.h). */
static void keep_for_host(const char* name) {
    char kept[64];
    snprintf(kept, sizeof kept, "COLDSCOPE_HOST_%s", name);
    const char* value = getenv(name);
    if (value != NULL)
        setenv(kept, value, 1);
    else
        unsetenv(kept);
    unsetenv(name);
}

int main(int count, char** arguments) {
    char program[PATH_MAX + 32];
    const ssize_t size = readlink("/proc/self/exe", program, PATH_MAX);
    if (size <= 0) {
        fprintf(stderr, "AppRun: /proc/self/exe: %s\n", strerror(errno));
        return 126;
    }
    program[size] = '\0';
    keep_for_host("QT_PLUGIN_PATH");
    keep_for_host("QT_QPA_PLATFORM_PLUGIN_PATH");

    const char* called = getenv("ARGV0");
    const char* slash = called != NULL ? strrchr(called, '/') : NULL;
    const char* name = slash != NULL ? slash + 1 : called;
    const char* chosen = "coldscope";
    if (count > 1 && strcmp(arguments[1], "coldscoped") == 0) {
        chosen = arguments[1];
        ++arguments;
    } else if (name != NULL && strcmp(name, "coldscoped") == 0) {
        chosen = name;
    }
    strcpy(stpcpy(strrchr(program, '/'), "/usr/bin/"), chosen);
    arguments[0] = program;
    execv(program, arguments);
    const int reason = errno;
    fprintf(stderr, "AppRun: %s: %s\n", program, strerror(reason));
    return reason == ENOENT ? 127 : 126;
}
