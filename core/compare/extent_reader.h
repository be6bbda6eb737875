// The extents of a file, some at a time: memory does not grow with a file's size, nor with what a
// damaged chunk table says.
#pragma once

#include "core/erofs/image.h"

#include <vector>

namespace coldscope::compare {

class ExtentReader {
public:
    ExtentReader(erofs::Image& image, const erofs::Inode& inode) : image_(image), inode_(inode) {}

    // In order; null: there are no more. Valid until the next call. One that is interrupted by the
    // reader's bounds comes in two parts.
    [[nodiscard]] Result<const erofs::Extent*> next() {
        if (next_ == extents_.size()) {
            extents_.clear();
            next_ = 0;
            if (mapped_ < inode_.size) {
                COLDSCOPE_TRY(mapped_, image_.map_some(inode_, mapped_, end(), at_once, extents_));
            }
        }
        return next_ < extents_.size() ? &extents_[next_++] : nullptr;
    }

private:
    static constexpr std::size_t at_once = 4096;
    // How far to map next: of chunks, so many at most.
    [[nodiscard]] std::uint64_t end() const {
        if (inode_.layout != erofs::Layout::chunk_based)
            return inode_.size;
        const std::uint64_t chunks = (inode_.size - mapped_) >> inode_.chunk_bits;
        return chunks < at_once ? inode_.size
                                : mapped_ + (std::uint64_t{at_once} << inode_.chunk_bits);
    }

    erofs::Image& image_;
    const erofs::Inode& inode_;
    std::vector<erofs::Extent> extents_;
    std::size_t next_ = 0;
    std::uint64_t mapped_ = 0; // bytes of the file
};

// each(extent) -> Result<void>, in order.
template <typename Each>
Result<void> for_each_extent(erofs::Image& image, const erofs::Inode& inode, const Each& each) {
    ExtentReader reader(image, inode);
    while (true) {
        COLDSCOPE_TRY(const erofs::Extent* extent, reader.next());
        if (extent == nullptr)
            return {};
        COLDSCOPE_CHECK(each(*extent));
    }
}

} // namespace coldscope::compare
