// One way to the other end, in frames. Nothing here waits: what can't be written at once is kept,
// and what has not come whole is waited for by the caller, with poll().
#pragma once

#include "core/base/fd.h"
#include "daemon/control/frames.h"

#include <functional>
#include <optional>
#include <vector>

namespace coldscope::attach {

class Link {
public:
    // output: where it is another descriptor than input. lasting: a device, whose other end may go
    // and come: then an end is no error, and what is written to nobody is dropped.
    explicit Link(Fd input, Fd output = {}, bool lasting = false);

    // Until a message that is accepted, all bytes are passed over: those of a session before, or
    // what a program says before it starts to speak.
    void seek(std::function<bool(const Message&)> accept) { sought_ = std::move(accept); }

    // Reads what is there, some of it. Code::cancelled when the other end is gone.
    [[nodiscard]] Result<void> receive();
    // Of a socket: the other end has closed it. What it said before may still be there to receive.
    [[nodiscard]] bool hung_up() const;
    // The next message that is there whole.
    [[nodiscard]] Result<std::optional<Message>> next();

    void send(const Message& message) { encode(message, out_); }
    // Writes what can be written at once. Errors as of receive().
    [[nodiscard]] Result<void> flush();
    [[nodiscard]] std::size_t waiting() const { return out_.size() - written_; } // bytes to write
    // Forgets what was not written and what has not come whole.
    void reset();

    [[nodiscard]] int input() const { return input_.get(); }
    [[nodiscard]] int output() const { return output_ ? output_.get() : input_.get(); }
    // Of a device: nobody is at the other end now; poll() would not wait for it.
    [[nodiscard]] bool quiet() const { return quiet_; }

private:
    [[nodiscard]] std::optional<Message> find();
    [[nodiscard]] Result<void> gone(const char* what);
    void drop(std::size_t count) { in_.erase(in_.begin(), in_.begin() + count); }
    [[nodiscard]] std::ptrdiff_t write_some();

    Fd input_;
    Fd output_;
    bool lasting_;
    bool quiet_ = false;
    std::function<bool(const Message&)> sought_; // empty while nothing is sought
    std::vector<std::byte> in_;
    std::size_t taken_ = 0; // of in_
    std::vector<std::byte> out_;
    std::size_t written_ = 0; // of out_
};

} // namespace coldscope::attach
