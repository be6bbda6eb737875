// What can be said against a bootstrap beyond its tables, and against its blobs.
#pragma once

#include "core/base/read_at.h"
#include "core/erofs/finding.h"
#include "core/erofs/index.h"
#include "core/rafs/bootstrap.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace coldscope::rafs {

inline constexpr const char* make_again =
    "take a fresh copy of the bootstrap, or convert the image again";

// All bytes that files have on the devices are of chunks: what is of none would be read as zeros.
// Prefetched inodes exist.
void check_files(const Bootstrap& bootstrap, erofs::Image& image, const erofs::Index& index,
                 erofs::Findings& findings);

// Chunks that end behind the blob, or whose stored bytes overlap.
// stored_size: of the blob as it is kept, called name.
void check_blob_size(const Bootstrap& bootstrap, std::size_t blob, std::uint64_t stored_size,
                     const std::string& name, erofs::Findings& findings);

// Decodes each chunk and compares its digest.
void check_chunks(const std::shared_ptr<const Bootstrap>& bootstrap, std::size_t blob,
                  ReadAt& stored, const std::string& name, erofs::Findings& findings);

struct StoredBlob {
    std::string name;
    std::shared_ptr<ReadAt> bytes; // as it is kept; null: not given
};

// All of these, and the tables, against an image that is a bootstrap. blobs: of devices 1, 2, ...
// decode: also check_chunks(), which reads all there is.
void check_bootstrap(erofs::Image& image, std::span<const StoredBlob> blobs, bool decode,
                     erofs::Findings& findings);

} // namespace coldscope::rafs
