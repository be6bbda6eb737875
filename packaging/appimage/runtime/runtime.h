/* What the parts of the AppImage's runtime share. The runtime is a static program; the AppImage is
 * this program with a SquashFS image behind it, the payload. See main.c for what it does. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sqfs;

/* main.c: "NAME: TEXT" and a line's end to standard error. */
void say(const char* format, ...) __attribute__((format(printf, 1, 2)));

/* ---- payload.c ---- */

/* Offsets are bytes of the AppImage's file. */
struct payload {
    int fd; /* goes on to be readable when the file is replaced or deleted; closed by exec */
    off_t begins;
    off_t ends;
};

/* Opens this very program's file. Says what is wrong and returns false if there's no payload that
 * could be whole: later damage shows when it is read. */
bool payload_open(struct payload* payload);
/* Only where the payload begins, which is where the ELF file ends. */
bool payload_find(struct payload* payload);
/* The SquashFS reader. libsquashfuse trusts what it reads and can crash at damage, so it is called
 * only in processes of its own. False: damaged. */
bool payload_read(const struct payload* payload, struct sqfs* fs);

/* ---- folder.c ---- */

/* What the folder is for. */
enum purpose { MOUNT, EXTRACT };
/* Makes a folder of mode 0700 for the payload, and tells the keeper before. Tries place by place
 * from *place on, leaves the next one in it, and false when there is none left: $TMPDIR, /tmp,
 * $XDG_CACHE_HOME, ~/.cache. Those whose programs can't be run are left out for EXTRACT. The path
 * is absolute, without symlinks. `why` gets the reason of the last place that couldn't be used. */
bool folder_make(enum purpose purpose, int alive, int* place, char path[PATH_MAX], char* why,
                 size_t why_size);
/* Deletes it with all it holds; follows no symlink and enters no other file system. */
void folder_remove(const char* path);

/* ---- keeper.c ---- */

/* Starts a process that cleans up once all holders of the pipe's other end are gone: the program
 * that this process becomes, and what it starts. It has a session of its own, isn't this process'
 * child, and keeps nothing that was inherited open but the descriptors `keep`. Returns that other
 * end, or -1 with errno. */
struct keeping {
    void (*begin)(const char* folder, void* context); /* at keeper_begin; NULL: nothing */
    /* Of the last folder it was told of, which need not be there; then the process ends. */
    void (*clean_up)(const char* folder, bool begun, void* context);
    void* context;
};
int keeper_start(const struct keeping* keeping, const int* keep, size_t keep_count);
/* Before a folder is made: whenever this process is killed, it is cleaned up. False: the keeper is
 * gone. */
bool keeper_expects(int alive, const char* folder);
/* Once it is made; the keeper is told of no other then. */
void keeper_begin(int alive);
/* For a process without a terminal: standard descriptors are /dev/null, others are closed. */
void keeper_detach(const int* keep, size_t keep_count);

/* ---- mount.c ---- */

enum mounted { MOUNTED, NO_FUSE, DAMAGED };
/* Mounts the payload at a folder that is made for it. `why` tells the reason of NO_FUSE. It is
 * unmounted, and the folder removed, when the last user is gone: once no process holds *alive
 * (closed by exec unless that is changed) or its copies, and none has a file, mapping or working
 * directory there. */
enum mounted payload_mount(const struct payload* payload, char folder[PATH_MAX], int* alive,
                           char* why, size_t why_size);
/* Takes it from the folder at once; what is open there can still be read. */
void payload_unmount(const char* folder);

/* ---- extract.c ---- */

enum extracted { EXTRACTED, NO_SPACE, FAILED };
/* Writes the payload, or what matches the pattern (fnmatch, from the payload's root on; a folder
 * brings what it holds), into `folder`, made if it is missing. `prefix`: what to print each path
 * with, or NULL. Says what failed; NO_SPACE isn't said if `quiet_space`. */
enum extracted payload_extract(const struct payload* payload, const char* folder,
                               const char* pattern, const char* prefix, bool quiet_space);
