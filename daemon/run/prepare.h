// What has to be right before a run begins. Each error names the file, the byte where there is
// one, and the next step.
#pragma once

#include "core/base/error.h"
#include "core/erofs/image.h"
#include "core/erofs/index.h"
#include "core/rafs/bootstrap.h"
#include "daemon/transport/probe.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coldscope {

// root_guard: as for probe_transports(). The wish if it works here, or without one the best that
// does; simulated and cachefiles only on a wish.
[[nodiscard]] Result<TransportKind> choose_transport(std::optional<TransportKind> wish,
                                                     bool root_guard = false);
// Files are given for all devices of the image ("": none), none of them too short or swapped.
// bootstrap: the image's, where it is RAFS: its files have chunks, which lie in the blobs and can
// be decoded.
[[nodiscard]] Result<void> check_devices(const std::string& path, erofs::Image& image,
                                         const erofs::Index& index,
                                         const rafs::Bootstrap* bootstrap,
                                         const std::vector<std::string>& devices);
// Differs for images that are not the same build; keys the cache.
[[nodiscard]] std::string image_identity(erofs::Image& image);
// The folder's absolute path, without symbolic links.
[[nodiscard]] Result<std::string> prepare_mount_point(const std::string& path);
// Code::io with EBUSY if something is mounted there, by its absolute path.
[[nodiscard]] Result<void> refuse_mounted(const std::string& path);
// Made if it is missing; its absolute path, without symbolic links.
[[nodiscard]] Result<std::string> prepare_cache_folder(const std::string& path);

// The error, with the file's name before its context.
[[nodiscard]] std::unexpected<Error> failure_in(const std::string& file, Error error);

} // namespace coldscope
