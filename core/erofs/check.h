// Everything that can be said against an image: a walk that lists findings and goes on.
#pragma once

#include "core/base/error.h"
#include "core/base/read_at.h"
#include "core/erofs/finding.h"
#include "core/erofs/image.h"
#include "core/erofs/index.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace coldscope::erofs {

// What a check has read of an image, for further ones; without what can't be read at all.
struct CheckedImage {
    std::unique_ptr<Image> image;
    std::optional<Index> index;
};

// Superblock, device table, directories, inodes, extents and xattrs of an image, and whether they
// overlap, without its blobs. Each finding says where its structure lies (Finding::place). Its work
// and memory are bounded by the image's size.
[[nodiscard]] Findings check_image(std::shared_ptr<ReadAt> primary,
                                   CheckedImage* checked = nullptr);

// Strict: the first finding of severity error is returned as an error.
[[nodiscard]] Result<void> verify_image(std::shared_ptr<ReadAt> primary);

// A file that is given for a device.
struct GivenBlob {
    std::string name;       // path or name: its last part is compared with the tag
    std::uint64_t size = 0; // bytes
};

enum class Missing : std::uint8_t { error, note };

// Compares the files given for devices 1, 2, ... with the device table: missing, too short,
// longer than said, in another order, more than there are devices.
// missing: of devices without a file each is an error, or all are one note.
// index: with it, a blob must also reach as far as the files' bytes do; it is the only measure
// where the slots say no sizes.
void check_blobs(const Image& image, std::span<const std::optional<GivenBlob>> blobs,
                 Findings& findings, const Index* index = nullptr,
                 Missing missing = Missing::error);

// Reads the whole of the blob given for device number device + 1 where its tag is a SHA-256 digest,
// and compares.
void check_digest(const Image& image, std::size_t device, ReadAt& blob, const std::string& name,
                  Findings& findings);

// Reads and decodes every compressed file; on threads: see DataPlan. findings: those of
// check_image(). devices: as for read_file().
void check_data(Image& image, const Index& index, std::span<const std::shared_ptr<ReadAt>> devices,
                Findings& findings);

// Reads each file that carries its bytes' digest as an xattr (mkfs.erofs --xattr-inode-digest),
// and compares. devices: as for read_file().
void check_fingerprints(Image& image, const Index& index,
                        std::span<const std::shared_ptr<ReadAt>> devices, Findings& findings);

} // namespace coldscope::erofs
