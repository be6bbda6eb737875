#include "daemon/guard/channel.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace coldscope::guard {

namespace {

constexpr std::size_t control_space = CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred));

// Takes what the kernel put beside the message. False when more descriptors came than one.
bool take_control(msghdr& header, Received& received) {
    bool sound = (header.msg_flags & MSG_CTRUNC) == 0;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET)
            continue;
        if (part->cmsg_type == SCM_CREDENTIALS)
            std::memcpy(&received.sender, CMSG_DATA(part), sizeof received.sender);
        if (part->cmsg_type != SCM_RIGHTS)
            continue;
        for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= part->cmsg_len; at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
            sound = sound && !received.fd;
            received.fd.reset(fd);
        }
    }
    return sound;
}

} // namespace

void tell_senders(int socket) {
    const int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}

Result<void> send(int socket, const Message& message, bool wait, int fd) {
    std::vector<std::byte> bytes = encode(message);
    if (bytes.size() > largest_message)
        return failure(Code::invalid, "a message too long for the guard");
    iovec part{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    if (fd >= 0) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    while (sendmsg(socket, &header, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)) < 0) {
        if (errno == EAGAIN && !wait)
            return {};
        if (errno != EINTR)
            return system_error("cannot reach the guard");
    }
    return {};
}

Result<Received> receive(int socket) {
    std::vector<std::byte> bytes(largest_message);
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<std::byte, control_space> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t got = 0;
    do {
        got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return system_error("cannot read from the guard's socket");
    Received received;
    const bool sound = take_control(header, received);
    if (got == 0)
        return failure(Code::cancelled, "the other side has gone");
    if ((header.msg_flags & MSG_TRUNC) != 0)
        return failure(Code::invalid, "a message of a wrong length", largest_message);
    if (!sound)
        return failure(Code::invalid, "a message with more than one descriptor");
    bytes.resize(static_cast<std::size_t>(got));
    COLDSCOPE_TRY(received.message, decode(bytes));
    return received;
}

} // namespace coldscope::guard
