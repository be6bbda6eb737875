// A window's end of a link, made.
#pragma once

#include "daemon/control/address.h"
#include "daemon/control/link.h"

#include <string>

#include <sys/types.h>

namespace coldscope::attach {

class Connection {
public:
    // Does not wait for the other end. For exec: the program runs when this returns.
    [[nodiscard]] static Result<Connection> open(const Address& address);
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&&) = delete;
    ~Connection(); // ends the program

    Link link;
    // What the program says on its standard error; -1 for other links.
    [[nodiscard]] int errors() const { return errors_.get(); }
    void read_errors();
    // The last line of it, or nothing.
    [[nodiscard]] std::string last_error() const;

private:
    explicit Connection(Link made) : link(std::move(made)) {}
    [[nodiscard]] static Result<Connection> start_program(const std::string& command);

    pid_t program_ = 0;
    Fd errors_;
    std::string said_; // its end
};

} // namespace coldscope::attach
