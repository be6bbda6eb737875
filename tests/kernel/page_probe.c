/* page_probe FILE: prints a line "PAGE FRAME" for each page of the file that is in memory, in
 * order; then its size in bytes. Root only. Straightforward, and independent of what it checks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char* what) {
    perror(what);
    exit(1);
}

int main(int argc, char** argv) {
    if (argc != 2)
        return 2;
    const int file = open(argv[1], O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0)
        fail(argv[1]);
    const int map = open("/proc/self/pagemap", O_RDONLY);
    if (map < 0)
        fail("pagemap");
    const size_t pages = ((size_t)status.st_size + 4095) / 4096;
    if (pages != 0) {
        volatile char* at = mmap(NULL, pages * 4096, PROT_READ, MAP_SHARED, file, 0);
        unsigned char* resident = malloc(pages);
        if (at == MAP_FAILED || resident == NULL)
            fail("mmap");
        if (madvise((void*)at, pages * 4096, MADV_RANDOM) != 0 ||
            mincore((void*)at, pages * 4096, resident) != 0)
            fail("mincore");
        for (size_t i = 0; i < pages; ++i) {
            if ((resident[i] & 1) == 0)
                continue;
            (void)at[i * 4096];
            uint64_t entry = 0;
            const off_t where = (off_t)(((uintptr_t)at / 4096 + i) * sizeof entry);
            if (pread(map, &entry, sizeof entry, where) != (ssize_t)sizeof entry)
                fail("pagemap");
            if ((entry >> 63 & 1) == 0)
                continue;
            printf("%zu %" PRIu64 "\n", i, entry & ((UINT64_C(1) << 55) - 1));
        }
        free(resident);
    }
    printf("%jd\n", (intmax_t)status.st_size);
    return 0;
}
