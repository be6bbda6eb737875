// What the files below each folder come to, and which lines have something to see.
#pragma once

#include "app/sharing/file_union.h"
#include "core/sharing/usage.h"

#include <array>
#include <atomic>
#include <functional>

namespace coldscope::app {

class Tally {
public:
    // Bytes of an image's files by mark, and those of them that are in memory. Of a file that has
    // several names in one image, one is counted.
    struct Part {
        std::array<std::uint64_t, sharing::mark_count> by_mark{};
        std::array<std::uint64_t, sharing::mark_count> resident{};
        std::uint64_t unknown = 0; // of which it is not known whether they are in memory
        [[nodiscard]] std::uint64_t bytes() const;
    };
    using Pieces = std::function<std::vector<sharing::SeenPiece>(std::size_t, erofs::NodeId)>;

    Tally() = default;
    // pieces: of a regular file of an image. Incomplete when stopped.
    Tally(const FileUnion& files, const std::vector<const erofs::Index*>& indices,
          const sharing::Prediction& prediction, const Pieces& pieces,
          const std::atomic<bool>& stop);

    // Of all below a folder; nothing for what is none.
    [[nodiscard]] const Part* folder(Line line, std::size_t image) const;
    // Bytes that lifting what blocks it would save; of a folder in sum, an inode once.
    [[nodiscard]] std::uint64_t lifted(Line line) const { return lifted_[line]; }
    // What would lift most of it.
    [[nodiscard]] sharing::Lift lift(Line line) const { return lifts_[line]; }
    // Bytes; of a folder in sum, an inode once.
    [[nodiscard]] std::uint64_t size(Line line) const { return sizes_[line]; }
    // In any of the images; of a folder: in any file below it.
    [[nodiscard]] bool has(Line line, sharing::Mark mark) const {
        return (marks_[line] & 1U << static_cast<unsigned>(mark)) != 0;
    }

private:
    static constexpr std::uint32_t no_folder = ~std::uint32_t{0};

    std::size_t images_ = 0;
    std::vector<std::uint32_t> folders_; // by line: which of parts_
    std::vector<Part> parts_;            // one for each image
    std::vector<std::uint64_t> lifted_;
    std::vector<sharing::Lift> lifts_;
    std::vector<std::uint64_t> sizes_;
    std::vector<std::uint8_t> marks_;
};

} // namespace coldscope::app
