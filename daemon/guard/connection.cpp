#include "daemon/guard/connection.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace coldscope::guard {

namespace {
constexpr std::size_t least_read = 8192; // FUSE_MIN_READ_BUFFER: with less the kernel says EINVAL
const dev_t fuse_device = makedev(10, 229);
} // namespace

Result<void> Connection::open(std::string note) {
    if (!told_.empty())
        return failure(Code::busy, "this run has a FUSE connection");
    device_.reset(::open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!device_)
        return system_error("cannot open /dev/fuse");
    note_ = std::move(note);
    return {};
}

int Connection::mount(int target, const std::string& source) const {
    const std::string options =
        fmt::format("fd={},rootmode=40000,user_id={},group_id={},default_permissions",
                    device_.get(), getuid(), getgid());
    const std::string folder = fmt::format("/proc/self/fd/{}", target);
    return ::mount(source.c_str(), folder.c_str(), "fuse.coldscope",
                   MS_RDONLY | MS_NOSUID | MS_NODEV, options.c_str()) == 0
               ? 0
               : errno;
}

Result<void> Connection::adopt(Fd device, std::string told) {
    struct stat status {};
    if (fstat(device.get(), &status) != 0 || !S_ISCHR(status.st_mode) ||
        status.st_rdev != fuse_device || told.empty())
        return failure(Code::invalid, "the descriptor is no FUSE connection");
    if (device_)
        return failure(Code::busy, "this run has a FUSE connection");
    device_ = std::move(device);
    told_ = std::move(told);
    return {};
}

Result<int> Connection::hand_out() {
    if (!device_)
        return failure(Code::not_found, "there is no FUSE connection");
    if (!told_.empty())
        return device_.get();
    std::array<unsigned char, least_read> bytes{};
    const ssize_t got = ::read(device_.get(), bytes.data(), bytes.size());
    if (got <= 0)
        return system_error(got < 0 ? errno : EIO, "the kernel does not begin with FUSE");
    for (ssize_t i = 0; i < got; ++i)
        told_ += fmt::format("{:02x}", bytes[static_cast<std::size_t>(i)]);
    told_ += '\n' + note_;
    return device_.get();
}

} // namespace coldscope::guard
