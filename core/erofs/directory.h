// One block of a directory: fixed-size entries, then their names.
// Source: struct erofs_dirent in Linux fs/erofs/erofs_fs.h.
#pragma once

#include "core/base/error.h"
#include "core/erofs/format.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace coldscope::erofs {

struct DirEntry {
    std::string_view name; // raw bytes; valid only during the callback
    std::uint64_t nid = 0;
    std::uint8_t type = 0; // a FileType, not trusted to be one
};

class DirBlock {
public:
    // bytes: a block, or what there is of a directory's last one; must outlive this.
    // offset: where it is in the file, for errors. Checks the first entry.
    [[nodiscard]] static Result<DirBlock> open(std::span<const std::byte> bytes,
                                               std::uint64_t offset);

    [[nodiscard]] std::size_t count() const { return count_; }
    // Errors: corrupt (the name lies outside the block, overlaps the entries, is empty or too
    // long). index must be less than count().
    [[nodiscard]] Result<DirEntry> entry(std::size_t index) const;
    // The index of the name, or count() when it isn't here.
    [[nodiscard]] Result<std::size_t> find(std::string_view name) const;
    [[nodiscard]] std::uint64_t entry_offset(std::size_t index) const {
        return offset_ + index * dirent_size;
    }

private:
    DirBlock(std::span<const std::byte> bytes, std::uint64_t offset, std::size_t count)
        : bytes_(bytes), offset_(offset), count_(count) {}
    [[nodiscard]] std::size_t name_offset(std::size_t index) const;

    std::span<const std::byte> bytes_;
    std::uint64_t offset_;
    std::size_t count_;
};

} // namespace coldscope::erofs
