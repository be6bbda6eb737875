// An image and its blobs, opened for a command.
#pragma once

#include "core/base/read_at.h"
#include "core/erofs/image.h"
#include "core/rafs/bootstrap.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope::cli {

struct OpenedImage {
    std::string name;
    std::unique_ptr<erofs::Image> image;
    // [0]: the image itself, then the blobs, as EROFS reads them; null: missing.
    std::vector<std::shared_ptr<ReadAt>> devices;
    std::vector<std::string> paths; // of these; empty: missing, or within the image's own file
    std::shared_ptr<const rafs::Bootstrap> rafs; // null: it is no RAFS
    std::optional<Error> rafs_error;             // it is, but its tables are wrong: no blobs then
};

// A file whose errors name it.
[[nodiscard]] Result<std::shared_ptr<ReadAt>> open_named(const std::string& path);

// blobs: of devices 1, 2, ...; an empty name: missing. Where none are given, they are those that
// find_blobs() finds, then those within the image's own file. On failure prints why and returns
// nothing. left_out: blobs that can't be opened are missing then, and told there.
[[nodiscard]] std::unique_ptr<OpenedImage> open_image(const std::string& image,
                                                      const std::vector<std::string>& blobs,
                                                      std::vector<std::string>* left_out = nullptr);

// The blobs of all devices, as open_image() takes them: those given by their number, then those of
// `blobs` whose file name is the last part of a device's tag.
[[nodiscard]] std::vector<std::string> blobs_by_name(const std::string& image,
                                                     std::vector<std::string> devices,
                                                     const std::vector<std::string>& blobs);
// False when one of `blobs` is of no image, which would show as bytes that are missing: prints so.
// otherwise: the options by which a blob can be given for a device.
[[nodiscard]] bool all_used(const std::vector<std::string>& blobs,
                            std::span<OpenedImage* const> images, std::string_view otherwise);

} // namespace coldscope::cli
