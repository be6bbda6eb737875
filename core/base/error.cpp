#include "core/base/error.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace coldscope {

namespace {

struct ErrnoName {
    int number;
    std::string_view name;
};

constexpr std::array errno_names{
    ErrnoName{EPERM, "EPERM"},
    ErrnoName{ENOENT, "ENOENT"},
    ErrnoName{EINTR, "EINTR"},
    ErrnoName{EIO, "EIO"},
    ErrnoName{ENXIO, "ENXIO"},
    ErrnoName{EBADF, "EBADF"},
    ErrnoName{EAGAIN, "EAGAIN"},
    ErrnoName{ENOMEM, "ENOMEM"},
    ErrnoName{EACCES, "EACCES"},
    ErrnoName{EFAULT, "EFAULT"},
    ErrnoName{EBUSY, "EBUSY"},
    ErrnoName{EEXIST, "EEXIST"},
    ErrnoName{ENODEV, "ENODEV"},
    ErrnoName{ENOTDIR, "ENOTDIR"},
    ErrnoName{EISDIR, "EISDIR"},
    ErrnoName{EINVAL, "EINVAL"},
    ErrnoName{ENFILE, "ENFILE"},
    ErrnoName{EMFILE, "EMFILE"},
    ErrnoName{ETXTBSY, "ETXTBSY"},
    ErrnoName{EFBIG, "EFBIG"},
    ErrnoName{ENOSPC, "ENOSPC"},
    ErrnoName{EROFS, "EROFS"},
    ErrnoName{ERANGE, "ERANGE"},
    ErrnoName{ENOSYS, "ENOSYS"},
    ErrnoName{ELOOP, "ELOOP"},
    ErrnoName{ENODATA, "ENODATA"},
    ErrnoName{ETIME, "ETIME"},
    ErrnoName{ENOLINK, "ENOLINK"},
    ErrnoName{EPROTO, "EPROTO"},
    ErrnoName{EBADMSG, "EBADMSG"},
    ErrnoName{EOPNOTSUPP, "EOPNOTSUPP"},
    ErrnoName{ENOBUFS, "ENOBUFS"},
    ErrnoName{ECONNRESET, "ECONNRESET"},
    ErrnoName{ETIMEDOUT, "ETIMEDOUT"},
    ErrnoName{ECONNREFUSED, "ECONNREFUSED"},
    ErrnoName{EHOSTUNREACH, "EHOSTUNREACH"},
    ErrnoName{ESTALE, "ESTALE"},
    ErrnoName{EUCLEAN, "EUCLEAN"},
    ErrnoName{EDQUOT, "EDQUOT"},
    ErrnoName{ECANCELED, "ECANCELED"},
    ErrnoName{ENOTCONN, "ENOTCONN"}, ErrnoName{EPIPE, "EPIPE"},
    ErrnoName{ECONNABORTED, "ECONNABORTED"},
};

} // namespace

std::unexpected<Error> system_error(std::string context, std::uint64_t offset) {
    return system_error(errno, std::move(context), offset);
}

std::unexpected<Error> system_error(int sys_errno, std::string context, std::uint64_t offset) {
    const Code code = sys_errno == ENOSPC || sys_errno == EDQUOT ? Code::no_space
                      : sys_errno == EBUSY                       ? Code::busy
                      : sys_errno == ENOENT                      ? Code::not_found
                                                                 : Code::io;
    return std::unexpected(Error{code, sys_errno, offset, std::move(context)});
}

std::unexpected<Error> failure(Code code, std::string context, std::uint64_t offset) {
    return std::unexpected(Error{code, 0, offset, std::move(context)});
}

int to_errno(const Error& error) {
    if (error.sys_errno > 0)
        return error.sys_errno;
    switch (error.code) {
    case Code::not_found:
        return ENOENT;
    case Code::unsupported:
        return EOPNOTSUPP;
    case Code::invalid:
        return EINVAL;
    case Code::busy:
        return EBUSY;
    case Code::no_space:
        return ENOSPC;
    default:
        return EIO;
    }
}

std::string_view name(Code code) {
    switch (code) {
    case Code::io:
        return "input/output";
    case Code::not_erofs:
        return "not EROFS";
    case Code::truncated:
        return "truncated";
    case Code::checksum:
        return "checksum";
    case Code::unsupported:
        return "unsupported";
    case Code::corrupt:
        return "corrupt";
    case Code::not_found:
        return "not found";
    case Code::invalid:
        return "invalid";
    case Code::busy:
        return "busy";
    case Code::no_space:
        return "no space";
    case Code::mismatch:
        return "mismatch";
    case Code::cancelled:
        return "cancelled";
    }
    return "unknown";
}

std::string describe(const Error& error, std::string_view file) {
    std::string text;
    if (!file.empty())
        text = fmt::format("{}: ", file);
    if (error.offset != no_offset)
        text += fmt::format("at byte {}: ", error.offset);
    text += error.context;
    if (error.sys_errno != 0) {
        text +=
            fmt::format(": {} ({})", std::strerror(error.sys_errno), errno_name(error.sys_errno));
    } else {
        text += fmt::format(" ({})", name(error.code));
    }
    return text;
}

std::string errno_name(int number) {
    for (const ErrnoName& entry : errno_names) {
        if (entry.number == number)
            return std::string(entry.name);
    }
    return fmt::format("errno {}", number);
}

int errno_by_name(std::string_view name) {
    for (const ErrnoName& entry : errno_names) {
        if (entry.name == name)
            return entry.number;
    }
    return 0;
}

} // namespace coldscope
