#include "daemon/transport/kernel_object.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

namespace coldscope {

namespace {
constexpr std::size_t largest_at_once = 128u << 10; // bytes
} // namespace

Range KernelObject::whole(Range range) const {
    return {align_down(range.begin, granule()),
            std::min(size_, align_up(std::min(range.end, size_), granule()))};
}

Result<void> KernelObject::look(Range range) {
    range = whole(range);
    local_.remove(range);
    for (std::uint64_t at = range.begin; at < range.end;) {
        const off_t data = lseek(fd(), static_cast<off_t>(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break;
        const off_t hole = data < 0 ? -1 : lseek(fd(), data, SEEK_HOLE);
        if (hole < 0)
            return system_error(fmt::format("cannot find what is local of {}", name_), at);
        const auto end = static_cast<std::uint64_t>(hole);
        // Only whole granules; the kernel keeps the last one padded.
        const Range found{align_up(static_cast<std::uint64_t>(data), granule()),
                          std::min(range.end, end >= size_ ? size_ : align_down(end, granule()))};
        if (found.begin < found.end)
            local_.add(found);
        at = end;
    }
    return {};
}

Result<void> KernelObject::look_first() {
    if (!looked_)
        COLDSCOPE_CHECK(look({0, size_}));
    looked_ = true;
    return {};
}

Result<void> KernelObject::read(std::uint64_t, std::span<std::byte>) {
    return failure(Code::unsupported, fmt::format("only the kernel reads {}", name_));
}

PageBuffers::Buffer KernelObject::padded(std::span<const std::byte> bytes) {
    PageBuffers::Buffer buffer = buffers_->take(align_up(bytes.size(), PageBuffers::page));
    std::memcpy(buffer.bytes().data(), bytes.data(), bytes.size());
    std::memset(buffer.bytes().data() + bytes.size(), 0,
                align_up(bytes.size(), PageBuffers::page) - bytes.size());
    return buffer;
}

// result: as of a write of `wanted` bytes, or -errno.
Result<void> KernelObject::filled(Range range, std::size_t wanted, long result) {
    if (result == static_cast<long>(wanted)) {
        local_.add(range);
        return {};
    }
    const auto seen = look(range);
    return system_error(result < 0 ? static_cast<int>(-result) : EIO,
                        fmt::format("cannot write {} to the kernel's cache", name_),
                        seen ? range.begin : seen.error().offset);
}

Result<void> KernelObject::fill(std::uint64_t offset, std::span<const std::byte> bytes) {
    const std::size_t length = align_up(bytes.size(), PageBuffers::page);
    PageBuffers::Buffer buffer = padded(bytes);
    ssize_t put = 0;
    do {
        put = pwrite(fd(), buffer.bytes().data(), length, static_cast<off_t>(offset));
    } while (put < 0 && errno == EINTR);
    const long result = put < 0 ? -errno : put;
    buffers_->give_back(std::move(buffer));
    return filled({offset, offset + bytes.size()}, length, result);
}

void KernelObject::fill(std::uint64_t offset, std::span<const std::byte> bytes, Done done) {
    const Range range{offset, offset + bytes.size()};
    const std::size_t length = align_up(bytes.size(), PageBuffers::page);
    PageBuffers::Buffer buffer = padded(bytes);
    const std::span<const std::byte> padded_bytes = buffer.bytes().first(length);
    Ring::Done written = [alive = alive_, fd = fd_, buffers = buffers_, buffer = std::move(buffer),
                          range, length, done = std::move(done)](int result) mutable {
        buffers->give_back(std::move(buffer));
        if (*alive != nullptr)
            done((*alive)->filled(range, length, result));
    };
    if (length <= largest_at_once)
        ring_.write_at_once(fd_->get(), padded_bytes, offset, std::move(written));
    else
        ring_.write(fd_->get(), padded_bytes, offset, std::move(written));
}

} // namespace coldscope
