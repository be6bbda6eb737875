// Where files' bytes lie, as core and dump.erofs say it.
#pragma once

#include "tests/golden/matrix_image.h"
#include "tests/golden/matrix_view.h"

#include <cstddef>
#include <string>

namespace coldscope::golden {

struct ExtentsResult {
    std::size_t files = 0;
    std::size_t extents = 0;  // as dump.erofs prints them
    std::size_t left_out = 0; // files
    std::string difference;   // empty: all agree
};

// Of all regular files, directories and symbolic links, each inode once; of folders with many
// files of a kind (/tiny, /long, /depth) every eighth. dump.erofs is asked about one at a time.
// Left out are chunk-based files whose inodes are in the metabox: dump.erofs 1.9 looks for their
// tables outside of it, and prints, and reads, something else.
[[nodiscard]] ExtentsResult compare_extents(const MadeImage& made, CoreImage& opened,
                                            const View& view);

} // namespace coldscope::golden
