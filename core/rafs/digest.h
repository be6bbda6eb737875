// What chunks are told apart by, and checked with: 32 bytes over a chunk's decoded bytes.
#pragma once

#include "core/base/sha256.h"
#include "core/rafs/format.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>

namespace coldscope::rafs {

enum class Digester : std::uint8_t { blake3 = 0, sha256 = 1 }; // the numbers are RAFS's

using coldscope::Digest;
static_assert(std::tuple_size_v<Digest> == digest_size);

// Any thread.
[[nodiscard]] Digest digest_of(Digester digester, std::span<const std::byte> bytes);
[[nodiscard]] const char* name(Digester digester);

} // namespace coldscope::rafs
