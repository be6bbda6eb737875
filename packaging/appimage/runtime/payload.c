/* Finds the payload in the AppImage's file, and opens it for reading. */
#define _GNU_SOURCE
#include "runtime.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <squashfuse/squashfuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

static const char self[] = "/proc/self/exe";
enum { ZSTD = 6, BLOCKS_KEPT = 16, FRAGMENTS_KEPT = 8 };

bool payload_find(struct payload* payload) {
    Elf64_Ehdr header;
    payload->fd = open(self, O_RDONLY | O_CLOEXEC);
    if (payload->fd < 0 && errno == ENOENT) {
        say("/proc is not mounted: the program can't find its own file");
        return false;
    }
    if (payload->fd < 0 || pread(payload->fd, &header, sizeof header, 0) != sizeof header) {
        say("the program can't read its own file: %s", strerror(errno));
        return false;
    }
    payload->begins = (off_t)(header.e_shoff + (Elf64_Off)header.e_shentsize * header.e_shnum);
    return true;
}

/* What must hold before libsquashfuse may see it; NULL if it does. */
static const char* unusable(const struct squashfs_super_block* super, off_t room) {
    const uint32_t block = le32toh(super->block_size);
    const uint64_t used = le64toh(super->bytes_used);
    if (le32toh(super->s_magic) != SQUASHFS_MAGIC)
        return "no SquashFS image is there";
    if (le16toh(super->s_major) != SQUASHFS_MAJOR || le16toh(super->s_minor) != SQUASHFS_MINOR)
        return "the SquashFS version is none that can be read";
    if (le16toh(super->compression) != ZSTD)
        return "the SquashFS image isn't compressed with zstd";
    if (used > (uint64_t)room)
        return NULL; /* cut off: the caller says so */
    if (block < 4096 || block > 1 << 20 ||
        block != UINT32_C(1) << (le16toh(super->block_log) & 31) || used < sizeof *super ||
        le64toh(super->inode_table_start) >= used ||
        le64toh(super->directory_table_start) >= used || le64toh(super->id_table_start) >= used)
        return "the SquashFS superblock is damaged";
    return NULL;
}

bool payload_open(struct payload* payload) {
    struct squashfs_super_block super;
    struct stat status;
    if (!payload_find(payload))
        return false;
    const ssize_t had = pread(payload->fd, &super, sizeof super, payload->begins);
    if (had < 0 || fstat(payload->fd, &status) != 0) {
        say("the program can't read its own file: %s", strerror(errno));
        return false;
    }
    const bool cut = had < (ssize_t)sizeof super;
    const char* what = cut ? NULL : unusable(&super, status.st_size - payload->begins);
    if (what != NULL) {
        say("byte %jd: %s", (intmax_t)payload->begins, what);
        return false;
    }
    payload->ends = payload->begins + (off_t)(cut ? sizeof super : le64toh(super.bytes_used));
    if (payload->ends > status.st_size) {
        say("byte %jd: the file ends here, but should have at least %jd bytes",
            (intmax_t)status.st_size, (intmax_t)payload->ends);
        return false;
    }
    return true;
}

/* One context for all blocks: libsquashfuse would make one for each. */
static sqfs_err decompress(void* in, size_t in_size, void* out, size_t* out_size) {
    static ZSTD_DCtx* context;
    if (context == NULL)
        context = ZSTD_createDCtx();
    if (context == NULL)
        return SQFS_ERR;
    const size_t size = ZSTD_decompressDCtx(context, out, *out_size, in, in_size);
    if (ZSTD_isError(size))
        return SQFS_ERR;
    *out_size = size;
    return SQFS_OK;
}

bool payload_read(const struct payload* payload, sqfs* fs) {
    if (sqfs_init(fs, payload->fd, (size_t)payload->begins) != SQFS_OK)
        return false;
    fs->decompressor = decompress;
    /* It keeps a single block, and two libraries that are read by turns would each be
     * decompressed again and again. */
    sqfs_cache_destroy(&fs->data_cache);
    sqfs_cache_destroy(&fs->frag_cache);
    return sqfs_block_cache_init(&fs->data_cache, BLOCKS_KEPT) == SQFS_OK &&
           sqfs_block_cache_init(&fs->frag_cache, FRAGMENTS_KEPT) == SQFS_OK;
}
