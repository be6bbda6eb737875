// A file of an image, as JSON and as a line of "ls -l".
#pragma once

#include "core/base/error.h"
#include "core/erofs/image.h"

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace coldscope::cli {

// The inode's fields, its link target and its xattrs. What can't be read is described in
// "errors" of the object.
[[nodiscard]] nlohmann::json file_json(erofs::Image& image, const erofs::Inode& inode,
                                       std::string_view path);

[[nodiscard]] std::string mode_text(std::uint32_t mode); // "drwxr-xr-x"
[[nodiscard]] std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds); // UTC
[[nodiscard]] std::string long_line(erofs::Image& image, const erofs::Inode& inode,
                                    std::string_view name);
[[nodiscard]] const char* type_text(std::uint32_t mode);

} // namespace coldscope::cli
