#include "daemon/source/file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace coldscope {

Result<std::unique_ptr<FileSource>> FileSource::open(Ring& ring, const std::string& path,
                                                     const Shape& shape) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return system_error(fmt::format("cannot open {}", path));
    std::unique_ptr<FileSource> source(new FileSource(ring, path, fd, shape));
    struct stat status {};
    if (fstat(fd, &status) != 0)
        return system_error(fmt::format("cannot stat {}", path));
    if (!S_ISREG(status.st_mode))
        return failure(Code::invalid, fmt::format("{} is not a regular file", path));
    source->size_ = static_cast<std::uint64_t>(status.st_size);
    source->changed_ = status.st_mtim;
    return source;
}

FileSource::~FileSource() {
    ::close(fd_);
}

std::string FileSource::identity() const {
    return fmt::format("file:{}:{}.{:09}", size_, changed_.tv_sec, changed_.tv_nsec);
}

bool FileSource::unchanged() const {
    struct stat status {};
    return fstat(fd_, &status) == 0 && static_cast<std::uint64_t>(status.st_size) == size_ &&
           status.st_mtim.tv_sec == changed_.tv_sec && status.st_mtim.tv_nsec == changed_.tv_nsec;
}

bool FileSource::try_fetch(std::uint64_t offset, std::span<std::byte> into) {
    if (!shape_.none())
        return false;
    const iovec vector{into.data(), into.size()};
    const ssize_t got = preadv2(fd_, &vector, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    // What is wrong, if anything, fetch() will say.
    return got == static_cast<ssize_t>(into.size()) && unchanged();
}

Nanoseconds FileSource::due(std::size_t bytes) {
    const Nanoseconds now = monotonic_now();
    Nanoseconds when = now;
    if (shape_.bandwidth != 0) {
        const double seconds = static_cast<double>(bytes) / static_cast<double>(shape_.bandwidth);
        link_free_ = std::max(link_free_, now) + static_cast<Nanoseconds>(seconds * 1e9);
        when = link_free_;
    }
    when += shape_.latency;
    if (shape_.jitter != 0)
        when += std::uniform_int_distribution<Nanoseconds>(0, shape_.jitter)(random_);
    return when;
}

void FileSource::fetch(std::uint64_t offset, std::span<std::byte> into, Done done) {
    if (shape_.none()) {
        read_on(offset, into, 0, std::move(done));
        return;
    }
    ring_.at(due(into.size()), [this, offset, into, done = std::move(done)]() mutable {
        read_on(offset, into, 0, std::move(done));
    });
}

void FileSource::read_on(std::uint64_t offset, std::span<std::byte> into, std::size_t done_bytes,
                         Done done) {
    ring_.read(fd_, into.subspan(done_bytes), offset + done_bytes,
               [this, offset, into, done_bytes, done = std::move(done)](int result) mutable {
                   const std::uint64_t at = offset + done_bytes;
                   if (result == -EINTR || result == -EAGAIN) {
                       read_on(offset, into, done_bytes, std::move(done));
                   } else if (result < 0) {
                       done(system_error(-result, fmt::format("cannot read {}", path_), at));
                   } else if (result == 0) {
                       done(failure(Code::truncated,
                                    fmt::format("{} became shorter while in use", path_), at));
                   } else if (done_bytes + static_cast<std::size_t>(result) < into.size()) {
                       read_on(offset, into, done_bytes + static_cast<std::size_t>(result),
                               std::move(done));
                   } else if (!unchanged()) {
                       done(failure(Code::mismatch,
                                    fmt::format("{} was changed while in use", path_), offset));
                   } else {
                       done({});
                   }
               });
}

} // namespace coldscope
