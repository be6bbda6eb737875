#include "core/base/read_at.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope {

Result<void> MemoryReadAt::read(std::uint64_t offset, std::span<std::byte> into) {
    if (offset > bytes_.size() || into.size() > bytes_.size() - offset)
        return failure(Code::truncated, "read past the end", bytes_.size());
    if (!into.empty())
        std::memcpy(into.data(), bytes_.data() + offset, into.size());
    return {};
}

Result<void> PartReadAt::read(std::uint64_t offset, std::span<std::byte> into) {
    if (offset > size_ || into.size() > size_ - offset || start_ > ~std::uint64_t{0} - size_)
        return failure(Code::truncated, "read past the end of a part", size_);
    return whole_->read(start_ + offset, into);
}

Result<std::unique_ptr<FileReadAt>> FileReadAt::open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return system_error("cannot open");
    struct stat status {};
    if (fstat(fd, &status) != 0) {
        auto error = system_error("cannot stat");
        ::close(fd);
        return error;
    }
    std::uint64_t size = static_cast<std::uint64_t>(status.st_size);
    if (S_ISBLK(status.st_mode)) {
        const off_t end = lseek(fd, 0, SEEK_END);
        size = end < 0 ? 0 : static_cast<std::uint64_t>(end);
    } else if (!S_ISREG(status.st_mode)) {
        ::close(fd);
        return failure(Code::invalid, "neither a regular file nor a block device");
    }
    return std::unique_ptr<FileReadAt>(
        new FileReadAt(fd, size, fmt::format("{}:{}", status.st_dev, status.st_ino)));
}

FileReadAt::~FileReadAt() {
    ::close(fd_);
}

Result<void> FileReadAt::read(std::uint64_t offset, std::span<std::byte> into) {
    if (offset > size_ || into.size() > size_ - offset)
        return failure(Code::truncated, "read past the end of the file", size_);
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t got =
            pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return system_error("cannot read", offset + done);
        if (got == 0)
            return failure(Code::truncated, "the file became shorter", offset + done);
        done += static_cast<std::size_t>(got);
    }
    return {};
}

} // namespace coldscope
