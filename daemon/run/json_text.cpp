#include "daemon/run/json_text.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace coldscope {

namespace {

// The length of the UTF-8 sequence at the text's start, 0 when it is not valid.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80)
        return 1;
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
    }
    const unsigned char second = byte(1);
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool surrogate = first == 0xED && second >= 0xA0;
    const bool too_large = first == 0xF4 && second >= 0x90;
    return overlong || surrogate || too_large ? 0 : length;
}

} // namespace

bool valid_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t length = sequence_length(bytes);
        if (length == 0)
            return false;
        bytes.remove_prefix(length);
    }
    return true;
}

std::string json_text(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {
        const std::size_t length = sequence_length(bytes);
        if (length == 0)
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[0]));
        else
            text += bytes.substr(0, length);
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return text;
}

} // namespace coldscope
