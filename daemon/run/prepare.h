// What has to be right before a run begins. Each error names the file, the byte where there is
// one, and the next step.
#pragma once

#include "core/base/error.h"
#include "core/erofs/image.h"
#include "daemon/transport/probe.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coldscope {

// The wish if it works here, or without one the best that does.
[[nodiscard]] Result<TransportKind> choose_transport(std::optional<TransportKind> wish);
// The image, with files given for all its devices, none of them too short or swapped.
[[nodiscard]] Result<std::unique_ptr<erofs::Image>>
open_checked_image(const std::string& path, const std::vector<std::string>& devices);
// Differs for images that are not the same build; keys the cache.
[[nodiscard]] std::string image_identity(const erofs::Image& image);
// The folder's absolute path.
[[nodiscard]] Result<std::string> prepare_mount_point(const std::string& path);
[[nodiscard]] Result<void> prepare_cache_folder(const std::string& path);

// The error, with the file's name before its context.
[[nodiscard]] std::unexpected<Error> failure_in(const std::string& file, Error error);

} // namespace coldscope
