// Tar files as sources of images.
#pragma once

#include <cstdint>
#include <string>

namespace coldscope::golden {

// Packs a folder with GNU tar, with times to the nanosecond and xattrs; it passes sockets over.
// compression: "", "gzip" or "xz". Throws std::runtime_error.
void pack(const std::string& folder, const std::string& tar, const std::string& compression = {});

// A sparse tar: "./"; "first", a file of `first_size` bytes, one hole but for its last bytes "end
// of it"; then "second", with these bytes, beyond it. Throws std::system_error.
void pack_far(const std::string& tar, std::uint64_t first_size, const std::string& second);

} // namespace coldscope::golden
