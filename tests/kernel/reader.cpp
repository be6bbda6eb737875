// Reads a range of a file with pread(2) and copies it to standard output, also what came before an
// error. Exit code: 0, or the errno that the kernel gave.
#include <cerrno>
#include <cstdlib>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 4)
        return 255;
    // Two descriptors of one pipe: whoever looks sees that it has got as far as here.
    dup2(1, 0);
    const off_t offset = std::atoll(argv[2]);
    std::vector<char> bytes(static_cast<std::size_t>(std::atoll(argv[3])));
    const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    std::size_t done = 0;
    int error = 0;
    while (done < bytes.size()) {
        const ssize_t got =
            pread(fd, bytes.data() + done, bytes.size() - done, offset + static_cast<off_t>(done));
        if (got < 0)
            error = errno;
        if (got <= 0)
            break;
        done += static_cast<std::size_t>(got);
    }
    for (std::size_t put = 0; put < done;) {
        const ssize_t written = write(1, bytes.data() + put, done - put);
        if (written < 0)
            return errno;
        put += static_cast<std::size_t>(written);
    }
    return error;
}
