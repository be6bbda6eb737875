/* The private folder that the payload is mounted on or extracted to. */
#define _GNU_SOURCE
#include "runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The place's path in `path`; false if there's no such place here, which is no failure. */
static bool place_path(int place, char path[PATH_MAX]) {
    static const char* const variables[] = {"TMPDIR", NULL, "XDG_CACHE_HOME", "HOME"};
    const char* value = variables[place] == NULL ? "/tmp" : getenv(variables[place]);
    if (value == NULL || *value == '\0')
        return false;
    const char* below = place == 3 ? "/.cache" : "";
    if (snprintf(path, PATH_MAX, "%s%s", value, below) >= PATH_MAX)
        return false;
    if (place >= 2)
        mkdir(path, 0700); /* if it can't be, what follows says so */
    return true;
}

bool folder_make(enum purpose purpose, int alive, int* place, char path[PATH_MAX], char* why,
                 size_t why_size) {
    while (*place < 4) {
        char base[PATH_MAX], real[PATH_MAX];
        struct statvfs status;
        uint64_t random;
        if (!place_path((*place)++, base))
            continue;
        const char* failure = NULL;
        if (realpath(base, real) == NULL || statvfs(real, &status) != 0)
            failure = strerror(errno);
        else if (purpose == EXTRACT && (status.f_flag & ST_NOEXEC) != 0)
            failure = "programs can't be run there (noexec)";
        else if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            failure = strerror(errno);
        else if (snprintf(path, PATH_MAX, "%s/.mount_Coldsc%016" PRIx64, real, random) >= PATH_MAX)
            failure = strerror(ENAMETOOLONG);
        else if (!keeper_expects(alive, path))
            failure = "the process that would delete it is gone";
        else if (mkdir(path, 0700) != 0)
            failure = strerror(errno);
        if (failure == NULL)
            return true;
        snprintf(why, why_size, "%s: %s", base, failure);
    }
    return false;
}

/* Takes over the folder's descriptor. */
static void empty(int folder, dev_t device) {
    fchmod(folder, 0700); /* the payload may have folders that can't be written to */
    DIR* entries = fdopendir(folder);
    if (entries == NULL) {
        close(folder);
        return;
    }
    for (struct dirent* entry; (entry = readdir(entries)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(folder, entry->d_name, 0) == 0 || (errno != EISDIR && errno != EPERM))
            continue;
        struct stat status;
        if (fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(status.st_mode) && status.st_dev == device) {
            fchmodat(folder, entry->d_name, 0700, 0);
            const int below =
                openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below >= 0)
                empty(below, device);
        }
        unlinkat(folder, entry->d_name, AT_REMOVEDIR);
    }
    closedir(entries);
}

void folder_remove(const char* path) {
    struct stat status;
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0 && fstat(folder, &status) == 0)
        empty(folder, status.st_dev);
    rmdir(path);
}
