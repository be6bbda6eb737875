// Bytes as hexadecimal digits, lower case.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace coldscope {

[[nodiscard]] std::string hex(std::string_view bytes);
[[nodiscard]] std::string hex(std::span<const std::byte> bytes);

} // namespace coldscope
