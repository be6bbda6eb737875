#include "core/erofs/directory.h"

#include "core/base/cursor.h"

#include <cstring>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::size_t nameoff_at = 8; // within an entry
constexpr std::size_t type_at = 10;

} // namespace

Result<DirBlock> DirBlock::open(std::span<const std::byte> bytes, std::uint64_t offset) {
    if (bytes.size() < dirent_size)
        return failure(Code::corrupt,
                       fmt::format("a directory block of {} bytes holds no entry", bytes.size()),
                       offset);
    const std::size_t first = load_le<std::uint16_t>(bytes.data() + nameoff_at);
    if (first < dirent_size || first % dirent_size != 0 || first > bytes.size())
        return failure(Code::corrupt,
                       fmt::format("the first name offset {} of a directory block is not a "
                                   "multiple of {} within the block",
                                   first, dirent_size),
                       offset + nameoff_at);
    return DirBlock(bytes, offset, first / dirent_size);
}

std::size_t DirBlock::name_offset(std::size_t index) const {
    return load_le<std::uint16_t>(bytes_.data() + index * dirent_size + nameoff_at);
}

Result<DirEntry> DirBlock::entry(std::size_t index) const {
    const std::byte* raw = bytes_.data() + index * dirent_size;
    const std::size_t start = name_offset(index);
    const bool last = index + 1 == count_;
    std::size_t end = last ? bytes_.size() : name_offset(index + 1);
    if (start < count_ * dirent_size || start >= end || end > bytes_.size())
        return failure(Code::corrupt,
                       fmt::format("directory entry {}: name from {} to {} in a block of {} bytes "
                                   "with {} entries",
                                   index, start, end, bytes_.size(), count_),
                       entry_offset(index) + nameoff_at);
    const auto* text = reinterpret_cast<const char*>(bytes_.data()) + start;
    if (last)
        end = start + strnlen(text, end - start);
    const std::size_t length = end - start;
    if (length == 0 || length > max_name_length)
        return failure(Code::corrupt,
                       fmt::format("directory entry {}: a name of {} bytes", index, length),
                       entry_offset(index) + nameoff_at);
    return DirEntry{std::string_view(text, length), load_le<std::uint64_t>(raw),
                    load_le<std::uint8_t>(raw + type_at)};
}

Result<std::size_t> DirBlock::find(std::string_view name) const {
    std::size_t low = 0;
    std::size_t high = count_;
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        COLDSCOPE_TRY(const DirEntry here, entry(middle));
        const int order = here.name.compare(name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return count_;
}

} // namespace coldscope::erofs
