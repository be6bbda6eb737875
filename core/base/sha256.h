// SHA-256, by libcrypto's own functions for it: unlike EVP they read no configuration of the
// machine and load no module, which a program that is linked statically must not do.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <openssl/sha.h>

namespace coldscope {

using Digest = std::array<std::byte, 32>;

// Any thread; one at a time.
class Sha256 {
public:
    Sha256();

    void add(std::span<const std::byte> bytes);
    // Of what was added since the last call.
    [[nodiscard]] Digest take();

private:
    SHA256_CTX state_{};
};

} // namespace coldscope
