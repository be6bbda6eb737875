#include "daemon/source/file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace coldscope {

namespace {
constexpr std::size_t largest_at_once = 128u << 10; // bytes
} // namespace

Result<std::unique_ptr<FileSource>> FileSource::open(Ring& ring, const std::string& path,
                                                     const Shape& shape) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return system_error(fmt::format("cannot open {}", path));
    return take(ring, std::move(fd), path, shape);
}

Result<std::unique_ptr<FileSource>> FileSource::take(Ring& ring, Fd fd, const std::string& path,
                                                     const Shape& shape) {
    auto file = std::make_shared<File>(path, std::move(fd));
    struct stat status {};
    if (fstat(file->fd.get(), &status) != 0)
        return system_error(fmt::format("cannot stat {}", path));
    if (!S_ISREG(status.st_mode))
        return failure(Code::invalid, fmt::format("{} is not a regular file", path));
    file->size = static_cast<std::uint64_t>(status.st_size);
    file->inode = status.st_ino;
    file->changed = status.st_mtim;
    return std::unique_ptr<FileSource>(new FileSource(ring, std::move(file), shape));
}

std::string FileSource::identity() const {
    return fmt::format("file:{}:{}:{}.{:09}", file_->inode, file_->size, file_->changed.tv_sec,
                       file_->changed.tv_nsec);
}

bool FileSource::File::unchanged() const {
    struct stat status {};
    return fstat(fd.get(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) == size &&
           status.st_mtim.tv_sec == changed.tv_sec && status.st_mtim.tv_nsec == changed.tv_nsec;
}

bool FileSource::try_fetch(std::uint64_t offset, std::span<std::byte> into) {
    if (!shape_.none())
        return false;
    const iovec vector{into.data(), into.size()};
    const ssize_t got =
        preadv2(file_->fd.get(), &vector, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    // What is wrong, if anything, fetch() will say.
    return got == static_cast<ssize_t>(into.size()) && file_->unchanged();
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
    Fetch fetch{offset, into, std::move(done)};
    if (shape_.none()) {
        read_on(std::move(fetch));
        return;
    }
    ring_.at(due(into.size()), [alive = std::weak_ptr(alive_), fetch = std::move(fetch)]() mutable {
        if (const auto source = alive.lock())
            (*source)->read_on(std::move(fetch));
    });
}

void FileSource::read_on(Fetch fetch) {
    const std::span<std::byte> rest = fetch.into.subspan(fetch.got);
    const std::uint64_t at = fetch.offset + fetch.got;
    // The file stays open as long as the kernel may not have begun to read it.
    Ring::Done done = [alive = std::weak_ptr(alive_), file = file_,
                       fetch = std::move(fetch)](int result) mutable {
        if (const auto source = alive.lock())
            (*source)->take(std::move(fetch), result);
    };
    if (rest.size() <= largest_at_once && shape_.none())
        ring_.read_at_once(file_->fd.get(), rest, at, std::move(done));
    else
        ring_.read(file_->fd.get(), rest, at, std::move(done));
}

void FileSource::take(Fetch fetch, int result) {
    const std::uint64_t at = fetch.offset + fetch.got;
    if (result > 0)
        fetch.got += static_cast<std::size_t>(result);
    if (result == -EINTR || result == -EAGAIN || (result > 0 && fetch.got < fetch.into.size()))
        read_on(std::move(fetch));
    else if (result < 0)
        fetch.done(system_error(-result, fmt::format("cannot read {}", file_->path), at));
    else if (result == 0)
        fetch.done(failure(Code::truncated,
                           fmt::format("{} became shorter while in use", file_->path), at));
    else if (!file_->unchanged())
        fetch.done(failure(Code::mismatch, fmt::format("{} was changed while in use", file_->path),
                           fetch.offset));
    else
        fetch.done({});
}

} // namespace coldscope
