// Where a run is attached to, as people write it:
//
//   unix:PATH     a Unix socket; a run makes it for its user alone
//   dev:PATH      a character device that has another machine, or a window, at its other end
//   - or stdio    a run's own standard input and output
//   exec:COMMAND  a window starts a program (ssh) and speaks with it as with standard input and
//                 output of a run; words as in core/rules/words.h
#pragma once

#include "core/base/error.h"

#include <string>
#include <string_view>

namespace coldscope::attach {

struct Address {
    enum class Kind : unsigned char { socket, device, standard, program };
    Kind kind = Kind::socket;
    std::string rest; // the path or the command; empty for standard

    bool operator==(const Address&) const = default;
};

// Code::invalid with a sentence that says what was expected.
[[nodiscard]] Result<Address> parse_address(std::string_view text);
[[nodiscard]] std::string to_text(const Address& address);

// For a run: not exec. For a window: not -.
[[nodiscard]] Result<Address> parse_listen_address(std::string_view text);
[[nodiscard]] Result<Address> parse_attach_address(std::string_view text);

} // namespace coldscope::attach
