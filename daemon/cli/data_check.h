// erofs::check_data() on threads.
#pragma once

#include "core/erofs/check.h"

#include <memory>
#include <span>

namespace coldscope::cli {

// As many as there are processors, but one for an image that is decoded in no time: each costs
// memory.
[[nodiscard]] unsigned data_threads(std::span<const std::shared_ptr<ReadAt>> devices);

// The findings are the same whatever the number of threads, this one among them.
// devices: as for erofs::check_data(), [0] is given; threads read them at once.
void check_data(erofs::Image& image, const erofs::Index& index,
                std::span<const std::shared_ptr<ReadAt>> devices, unsigned threads,
                erofs::Findings& findings);

} // namespace coldscope::cli
