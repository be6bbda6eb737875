/* Writes the payload out as files. Nothing is written outside the folder: each name is made
 * relative to the descriptor of the folder that holds it, and no symlink is followed. */
#define _GNU_SOURCE
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <signal.h>
#include <squashfuse/squashfuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Shared with the process that reads, which may crash. */
struct report {
    off_t byte; /* of the AppImage, near which it reads */
    enum extracted result;
    char text[PATH_MAX + 256]; /* what failed */
};

/* An inode of several names, and the first of them. */
struct linked {
    sqfs_inode_num number;
    char* path;
};

struct writer {
    sqfs fs;
    off_t begins; /* of the payload */
    const char* pattern;
    const char* prefix;
    struct report* report;
    int root;
    unsigned char* entered; /* a bit for each inode: folders are entered once */
    struct linked* links;
    size_t link_count;
    char* block;         /* block_size bytes */
    bool any;            /* something matched */
    char path[PATH_MAX]; /* of what is written, from the payload's root on */
};

/* A folder being written; it is made when something in it is. */
struct level {
    struct level* above;
    const char* name;
    int fd; /* or -1 */
    mode_t mode;
    time_t changed;
};

static bool failed(struct writer* writer, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

static bool failed(struct writer* writer, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(writer->report->text, sizeof writer->report->text, format, arguments);
    va_end(arguments);
    writer->report->result = FAILED;
    return false;
}

static bool damaged(struct writer* writer) {
    return failed(writer, "byte %jd: the payload is damaged here: /%s",
                  (intmax_t)writer->report->byte, writer->path);
}

/* By errno. */
static bool not_written(struct writer* writer) {
    const int reason = errno;
    failed(writer, "%s can't be written: %s", writer->path, strerror(reason));
    if (reason == ENOSPC || reason == EDQUOT)
        writer->report->result = NO_SPACE;
    return false;
}

static bool matches(const struct writer* writer) {
    return writer->pattern == NULL ||
           fnmatch(writer->pattern, writer->path, FNM_PATHNAME | FNM_LEADING_DIR) == 0;
}

/* Gets the inode, if what libsquashfuse would take for granted of it holds. */
static bool get_inode(struct writer* writer, sqfs_inode_id id, sqfs_inode* inode) {
    const struct squashfs_super_block* super = &writer->fs.sb;
    const uint64_t block = super->inode_table_start + (id >> 16);
    writer->report->byte = writer->begins + (off_t)block;
    if (block >= super->directory_table_start || (id & 0xffff) >= SQUASHFS_METADATA_SIZE ||
        sqfs_inode_get(&writer->fs, inode, id) != SQFS_OK || inode->base.inode_number == 0 ||
        inode->base.inode_number > super->inodes)
        return false;
    if (S_ISDIR(inode->base.mode))
        return inode->xtra.dir.offset < SQUASHFS_METADATA_SIZE;
    if (!S_ISREG(inode->base.mode) || inode->xtra.reg.frag_idx == SQUASHFS_INVALID_FRAG)
        return true;
    return inode->xtra.reg.frag_idx < super->fragments &&
           inode->xtra.reg.frag_off + inode->xtra.reg.file_size % super->block_size <=
               super->block_size;
}

/* Makes the folder, and those above it, unless that was done. */
static bool enter(struct writer* writer, struct level* level) {
    if (level->fd >= 0)
        return true;
    if (!enter(writer, level->above))
        return false;
    if (mkdirat(level->above->fd, level->name, 0700) != 0 && errno != EEXIST)
        return not_written(writer);
    level->fd =
        openat(level->above->fd, level->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return level->fd >= 0 || not_written(writer);
}

static void leave(struct level* level) {
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = level->changed}};
    if (level->fd < 0)
        return;
    fchmod(level->fd, level->mode);
    futimens(level->fd, times);
    close(level->fd);
}

static bool write_content(struct writer* writer, sqfs_inode* inode, int file) {
    const uint64_t size = inode->xtra.reg.file_size;
    const uint32_t block = writer->fs.sb.block_size;
    writer->report->byte = writer->begins + (off_t)inode->xtra.reg.start_block;
    for (uint64_t at = 0; at < size; at += block) {
        const sqfs_off_t want = (sqfs_off_t)(size - at < block ? size - at : block);
        sqfs_off_t got = want;
        if (sqfs_read_range(&writer->fs, inode, (sqfs_off_t)at, &got, writer->block) != SQFS_OK ||
            got != want)
            return damaged(writer);
        for (sqfs_off_t done = 0; done < got;) {
            const ssize_t wrote = write(file, writer->block + done, (size_t)(got - done));
            if (wrote < 0)
                return not_written(writer);
            done += wrote;
        }
    }
    return true;
}

static bool write_file(struct writer* writer, sqfs_inode* inode, int folder, const char* name) {
    for (size_t i = 0; inode->nlink > 1 && i < writer->link_count; ++i)
        if (writer->links[i].number == inode->base.inode_number)
            return linkat(writer->root, writer->links[i].path, folder, name, 0) == 0 ||
                   not_written(writer);
    const int file =
        openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return not_written(writer);
    bool good = write_content(writer, inode, file);
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = inode->base.mtime}};
    fchmod(file, inode->base.mode & 0777);
    futimens(file, times);
    if (close(file) != 0 && good)
        good = not_written(writer);
    if (!good || inode->nlink < 2)
        return good;
    struct linked* more = realloc(writer->links, (writer->link_count + 1) * sizeof *more);
    char* path = strdup(writer->path);
    if (more == NULL || path == NULL)
        return not_written(writer);
    writer->links = more;
    more[writer->link_count++] = (struct linked){inode->base.inode_number, path};
    return true;
}

static bool write_symlink(struct writer* writer, sqfs_inode* inode, int folder, const char* name) {
    char target[PATH_MAX];
    size_t size = sizeof target;
    if (inode->xtra.symlink_size == 0 || inode->xtra.symlink_size >= sizeof target ||
        sqfs_readlink(&writer->fs, inode, target, &size) != SQFS_OK)
        return damaged(writer);
    return symlinkat(target, folder, name) == 0 || not_written(writer);
}

static bool write_folder(struct writer* writer, struct level* level, sqfs_inode* inode,
                         size_t path_size);

/* writer->path is the entry's. */
static bool write_entry(struct writer* writer, struct level* level, sqfs_inode_id id,
                        const char* name) {
    sqfs_inode inode;
    if (!get_inode(writer, id, &inode))
        return damaged(writer);
    const bool wanted = matches(writer);
    struct level below = {level, name, -1, inode.base.mode & 0777, inode.base.mtime};
    if (wanted) {
        writer->any = true;
        if (!enter(writer, S_ISDIR(inode.base.mode) ? &below : level))
            return false;
        if (writer->prefix != NULL)
            dprintf(1, "%s/%s\n", writer->prefix, writer->path);
    }
    if (S_ISDIR(inode.base.mode)) {
        const bool good = write_folder(writer, &below, &inode, strlen(writer->path));
        leave(&below);
        return good;
    }
    if (!wanted)
        return true;
    if (unlinkat(level->fd, name, 0) != 0 && errno != ENOENT)
        return not_written(writer);
    if (S_ISREG(inode.base.mode))
        return write_file(writer, &inode, level->fd, name);
    if (S_ISLNK(inode.base.mode))
        return write_symlink(writer, &inode, level->fd, name);
    return failed(writer, "/%s is neither file, folder nor symlink", writer->path);
}

static bool name_allowed(const char* name, size_t size) {
    return size <= NAME_MAX && strlen(name) == size && strchr(name, '/') == NULL &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool write_folder(struct writer* writer, struct level* level, sqfs_inode* inode,
                         size_t path_size) {
    /* Names have at most 256 bytes, but libsquashfuse writes as many as the image says. */
    static char name[(1 << 16) + 2];
    const sqfs_inode_num number = inode->base.inode_number;
    const unsigned char bit = (unsigned char)(1U << number % 8);
    sqfs_dir folder;
    sqfs_dir_entry entry;
    sqfs_err error = SQFS_OK;
    if ((writer->entered[number / 8] & bit) != 0) /* or it would never end */
        return damaged(writer);
    writer->entered[number / 8] |= bit;
    const off_t byte =
        writer->begins + (off_t)writer->fs.sb.directory_table_start + inode->xtra.dir.start_block;
    writer->report->byte = byte;
    if (sqfs_dir_open(&writer->fs, inode, &folder, 0) != SQFS_OK)
        return damaged(writer);
    sqfs_dentry_init(&entry, name);
    while (sqfs_dir_next(&writer->fs, &folder, &entry, &error)) {
        const size_t size = sqfs_dentry_name_size(&entry);
        if (!name_allowed(sqfs_dentry_name(&entry), size) ||
            path_size + 1 + size >= sizeof writer->path)
            return damaged(writer);
        const size_t begin = path_size == 0 ? 0 : path_size + 1;
        if (path_size != 0)
            writer->path[path_size] = '/';
        memcpy(writer->path + begin, name, size + 1);
        char* own = strdup(name);
        const bool good = own != NULL && write_entry(writer, level, sqfs_dentry_inode(&entry), own);
        free(own);
        if (!good)
            return false;
        writer->path[path_size] = '\0';
        writer->report->byte = byte;
    }
    return error == SQFS_OK || damaged(writer);
}

static bool write_all(struct writer* writer, const struct payload* payload, const char* folder) {
    sqfs_inode inode;
    writer->report->byte = payload->begins;
    if (!payload_read(payload, &writer->fs))
        return damaged(writer);
    writer->entered = calloc(1, (size_t)writer->fs.sb.inodes / 8 + 1);
    writer->block = malloc(writer->fs.sb.block_size);
    if (writer->entered == NULL || writer->block == NULL)
        return failed(writer, "%s", strerror(errno));
    if (!get_inode(writer, sqfs_inode_root(&writer->fs), &inode) || !S_ISDIR(inode.base.mode))
        return damaged(writer);
    umask(0077);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return failed(writer, "%s can't be made: %s", folder, strerror(errno));
    writer->root = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (writer->root < 0)
        return failed(writer, "%s can't be used: %s", folder, strerror(errno));
    /* Without a prefix it is a private folder. */
    const mode_t mode = writer->prefix == NULL ? 0700 : inode.base.mode & 0777;
    struct level top = {NULL, folder, writer->root, mode, inode.base.mtime};
    const bool good = write_folder(writer, &top, &inode, 0);
    leave(&top);
    if (good && !writer->any)
        return failed(writer, "nothing in it matches %s", writer->pattern);
    return good;
}

/* What damage can make the reader end by. */
static bool of_a_crash(int number) {
    return number == SIGSEGV || number == SIGBUS || number == SIGABRT || number == SIGFPE ||
           number == SIGILL;
}

/* Who has closed the pipe that the paths are printed to has read enough: that is said by dying of
 * it, as others do. Any other signal is named. */
static void end_like(int number) {
    if (number == SIGPIPE) {
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        signal(SIGPIPE, SIG_DFL);
        sigprocmask(SIG_UNBLOCK, &pipe, NULL);
        raise(SIGPIPE);
    }
    say("the extracting process was ended: %s", strsignal(number));
}

enum extracted payload_extract(const struct payload* payload, const char* folder,
                               const char* pattern, const char* prefix, bool quiet_space) {
    struct report* report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) {
        say("%s", strerror(errno));
        return FAILED;
    }
    const pid_t child = fork();
    if (child == 0) {
        static struct writer writer;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, 2); /* libc tells of a crash there */
        writer.begins = payload->begins;
        writer.pattern = pattern;
        writer.prefix = prefix;
        writer.report = report;
        report->result = FAILED;
        if (write_all(&writer, payload, folder))
            report->result = EXTRACTED;
        _exit(0);
    }
    int status = 0;
    enum extracted result = FAILED; /* unless it came to its end */
    if (child < 0 || waitpid(child, &status, 0) != child)
        say("%s", strerror(errno));
    else if (WIFSIGNALED(status) && !of_a_crash(WTERMSIG(status)))
        end_like(WTERMSIG(status));
    else if (status != 0)
        say("byte %jd: the payload is damaged near here", (intmax_t)report->byte);
    else {
        result = report->result;
        if (result == FAILED || (result == NO_SPACE && !quiet_space))
            say("%s", report->text);
    }
    munmap(report, sizeof *report);
    return result;
}
