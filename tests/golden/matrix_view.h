// What can be seen of a tree of files, whoever shows it: a folder, a mount, or core's reader.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace coldscope::golden {

struct Entry {
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t nlink = 0;
    std::uint32_t major = 0; // device nodes
    std::uint32_t minor = 0;
    std::uint64_t size = 0; // bytes
    std::int64_t mtime = 0; // seconds since 1970
    std::uint32_t mtime_nsec = 0;
    bool compact = false;   // keeps 32 bits of the time; only an image's reader knows
    std::string first_link; // the first path, in order, of the same inode
    std::string target;
    std::map<std::string, std::string> xattrs;
    std::shared_ptr<const std::string> bytes; // of regular files
};

using View = std::map<std::string, Entry>; // by absolute path; "/" is the root

// Files longer than `longest` (bytes) have no bytes here. Throws std::system_error.
[[nodiscard]] View view_of_folder(const std::string& folder, std::uint64_t longest);

enum class Likeness : std::uint8_t {
    original, // as far as an image keeps what its original had: see differs()
    exact,    // two readers of one image
};
// The first difference, for people; empty when there is none.
// original: sizes and links of directories are each file system's own; of a compact inode's time
// mkfs.erofs keeps 32 bits and no fraction; fingerprints are added by mkfs.erofs.
[[nodiscard]] std::string differs(const View& seen, const View& wanted, Likeness likeness);

} // namespace coldscope::golden
