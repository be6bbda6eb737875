// The bytes of a file, from the image and its blobs.
#pragma once

#include "core/base/error.h"
#include "core/base/read_at.h"
#include "core/erofs/image.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace coldscope::erofs {

// Fills `into` from the file's offset on; the range must lie within the file.
// devices: [0] is the primary device, [i] the device with id i; null or left out: missing, which
// fails only when its bytes are wanted. Errors: those of Image::map(), invalid (range),
// not_found (a device, with its tag and size), corrupt (a cluster
// that does not decode), and the devices' own.
[[nodiscard]] Result<void> read_file(Image& image, const Inode& inode, std::uint64_t offset,
                                     std::span<std::byte> into,
                                     std::span<const std::shared_ptr<ReadAt>> devices);

// The first bytes of the `decoded` ones of an encoded extent's physical cluster, whose `encoded`
// bytes are these.
// Errors: corrupt, with the cluster's address.
[[nodiscard]] Result<void> decode_cluster(const Superblock& super, const Extent& extent,
                                          std::span<const std::byte> encoded,
                                          std::span<std::byte> decoded);

} // namespace coldscope::erofs
