// Bytes of images and processes as text for JSON.
#pragma once

#include <string>
#include <string_view>

namespace coldscope {

[[nodiscard]] bool valid_utf8(std::string_view bytes);
// Valid UTF-8 as it is; other bytes as \xNN.
[[nodiscard]] std::string json_text(std::string_view bytes);

} // namespace coldscope
