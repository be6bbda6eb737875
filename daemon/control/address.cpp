#include "daemon/control/address.h"

#include "core/rules/words.h"

#include <fmt/format.h>
#include <sys/un.h>

namespace coldscope::attach {

Result<Address> parse_address(std::string_view text) {
    if (text == "-" || text == "stdio")
        return Address{Address::Kind::standard, {}};
    const std::size_t colon = text.find(':');
    const std::string_view kind = text.substr(0, colon);
    const std::string rest(colon == std::string_view::npos ? "" : text.substr(colon + 1));
    Address address;
    if (kind == "unix" || kind == "dev") {
        address.kind = kind == "unix" ? Address::Kind::socket : Address::Kind::device;
        if (rest.empty())
            return failure(Code::invalid, fmt::format("{}: wants a path behind it", kind));
        if (rest.find('\0') != std::string::npos)
            return failure(Code::invalid, "a path has no NUL in it");
        if (address.kind == Address::Kind::socket && rest.size() >= sizeof(sockaddr_un::sun_path))
            return failure(Code::invalid,
                           fmt::format("the path of a Unix socket has at most {} bytes",
                                       sizeof(sockaddr_un::sun_path) - 1));
    } else if (kind == "exec") {
        address.kind = Address::Kind::program;
        COLDSCOPE_TRY(const auto words, split_words(rest));
        if (words.empty())
            return failure(Code::invalid, "exec: wants a command behind it");
    } else {
        return failure(Code::invalid, fmt::format("'{}' is no address: unix:PATH, dev:PATH, - or "
                                                  "exec:COMMAND was expected",
                                                  text));
    }
    address.rest = rest;
    return address;
}

Result<Address> parse_listen_address(std::string_view text) {
    COLDSCOPE_TRY(Address address, parse_address(text));
    if (address.kind == Address::Kind::program)
        return failure(Code::invalid, "a run listens on unix:PATH, dev:PATH or -");
    return address;
}

Result<Address> parse_attach_address(std::string_view text) {
    COLDSCOPE_TRY(Address address, parse_address(text));
    if (address.kind == Address::Kind::standard)
        return failure(Code::invalid, "a window attaches to unix:PATH, dev:PATH or exec:COMMAND");
    return address;
}

std::string to_text(const Address& address) {
    switch (address.kind) {
    case Address::Kind::socket:
        return "unix:" + address.rest;
    case Address::Kind::device:
        return "dev:" + address.rest;
    case Address::Kind::program:
        return "exec:" + address.rest;
    case Address::Kind::standard:
        break;
    }
    return "-";
}

} // namespace coldscope::attach
