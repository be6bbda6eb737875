/* late_reader FILE GO RESULT [close]: waits until GO exists, then copies FILE, some bytes, to
 * RESULT. With "close" it first closes all it inherited, as programs do for their children. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc < 4)
        return 2;
    if (argc > 4)
        for (int fd = 0; fd < 1024; ++fd)
            close(fd);
    while (access(argv[2], F_OK) != 0)
        usleep(10000);
    char bytes[4096];
    const int in = open(argv[1], O_RDONLY);
    const ssize_t size = read(in, bytes, sizeof bytes);
    const int out = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    return size < 0 || write(out, bytes, (size_t)size) != size;
}
