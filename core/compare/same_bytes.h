// Bytes of two devices or two files, compared piece by piece.
#pragma once

#include "core/base/error.h"
#include "core/base/read_at.h"
#include "core/compare/digest.h"
#include "core/compare/meter.h"
#include "core/erofs/image.h"

#include <cstdint>

namespace coldscope::compare {

struct Side;

// Both have the same size.
[[nodiscard]] Result<bool> same_bytes(ReadAt& a, ReadAt& b, Meter& meter);

// A range of two files that both have.
[[nodiscard]] Result<bool> same_bytes(const Side& before, const erofs::Inode& old_inode,
                                      const Side& after, const erofs::Inode& new_inode,
                                      std::uint64_t offset, std::uint64_t length, Meter& meter);

// Of all of a file, pieces of zeros counted instead: a hole of any length costs nothing, and bytes
// that are zero are the same as one. Comparable between files of one size.
[[nodiscard]] Result<Digest> digest_of(const Side& side, const erofs::Inode& inode,
                                       Digester& digester, Meter& meter);

} // namespace coldscope::compare
