#include "tests/golden/fsck.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coldscope::golden {

namespace {

constexpr rlim_t most_cpu = 3; // seconds; a sound image takes 2 ms

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

Fsck::Fsck(std::string program) : program_(std::move(program)) {
    image_ = memfd_create("mutated", 0);
    output_ = memfd_create("output", 0);
    if (image_ < 0 || output_ < 0)
        fail("memfd_create");
}

Fsck::~Fsck() {
    close(image_);
    close(output_);
}

Fsck::Verdict Fsck::check(const Bytes& image, const std::string& blob) {
    if (ftruncate(image_, 0) != 0 || ftruncate(output_, 0) != 0 ||
        pwrite(image_, image.data(), image.size(), 0) != static_cast<ssize_t>(image.size()))
        fail("memory");
    lseek(output_, 0, SEEK_SET);
    const std::string path = fmt::format("/proc/self/fd/{}", image_);
    const std::string device = "--device=" + blob;
    const char* const arguments[] = {program_.c_str(), "--extract", path.c_str(),
                                     blob.empty() ? nullptr : device.c_str(), nullptr};
    const pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        const rlimit cpu{most_cpu, most_cpu};
        const rlimit none{0, 0};
        setrlimit(RLIMIT_CPU, &cpu);
        setrlimit(RLIMIT_CORE, &none);
        dup2(output_, STDOUT_FILENO);
        dup2(output_, STDERR_FILENO);
        execv(program_.c_str(), const_cast<char* const*>(arguments));
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            fail("waitpid");
    }
    Verdict verdict;
    verdict.ended = WIFEXITED(status) && WEXITSTATUS(status) != 127;
    std::string text(65536, '\0');
    const ssize_t length = pread(output_, text.data(), text.size(), 0);
    verdict.text.assign(text, 0, length < 0 ? 0 : static_cast<std::size_t>(length));
    // A wrong checksum is told, but 1.9 exits with 0 then.
    verdict.corrupt = verdict.ended && (WEXITSTATUS(status) != 0 ||
                                        verdict.text.find("failed to verify superblock checksum") !=
                                            std::string::npos);
    return verdict;
}

} // namespace coldscope::golden
