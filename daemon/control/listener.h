// The place where a run can be attached to, kept open while it lasts. Nothing here listens on a
// network.
#pragma once

#include "daemon/control/address.h"
#include "daemon/control/link.h"

#include <optional>
#include <string>

#include <sys/types.h>

namespace coldscope::attach {

class Listener {
public:
    // A socket is made with mode 0600; one that a dead run left behind is replaced. A device is
    // locked against other runs. Errors: busy, where somebody has it.
    [[nodiscard]] static Result<Listener> open(const Address& address);
    Listener(Listener&& other) noexcept;
    Listener& operator=(Listener&&) = delete;
    ~Listener(); // takes its socket away

    [[nodiscard]] const Address& address() const { return address_; }
    // Of a socket: readable when somebody came. -1 for the others.
    [[nodiscard]] int fd() const;
    struct Caller {
        Link link;
        bool allowed = false; // this process's user, or root
    };
    // Of a socket: who came, if anybody did.
    [[nodiscard]] std::optional<Caller> accept();
    // Of a device and of standard input and output: the one link there is. Once.
    [[nodiscard]] std::optional<Link> take_link();

private:
    Listener(Address address, Fd fd) : address_(std::move(address)), fd_(std::move(fd)) {}
    [[nodiscard]] static Result<Listener> open_socket(const Address& address);
    [[nodiscard]] static Result<Listener> open_standard(const Address& address);

    Address address_;
    Fd fd_;            // the socket or the device; standard input
    Fd output_;        // standard output
    dev_t device_ = 0; // of the socket's file
    ino_t inode_ = 0;
};

// A character device, for this process alone: locked, and raw where it is a terminal.
[[nodiscard]] Result<Fd> open_device(const std::string& path);

} // namespace coldscope::attach
