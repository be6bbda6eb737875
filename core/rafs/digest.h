// What chunks are told apart by, and checked with: 32 bytes over a chunk's decoded bytes.
#pragma once

#include "core/base/error.h"
#include "core/rafs/format.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace coldscope::rafs {

enum class Digester : std::uint8_t { blake3 = 0, sha256 = 1 }; // the numbers are RAFS's

using Digest = std::array<std::byte, digest_size>;

// Any thread. Error: io (libcrypto has no memory).
[[nodiscard]] Result<Digest> digest_of(Digester digester, std::span<const std::byte> bytes);
[[nodiscard]] const char* name(Digester digester);
[[nodiscard]] std::string hex(const Digest& digest);

} // namespace coldscope::rafs
