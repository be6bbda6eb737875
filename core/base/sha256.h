// SHA-256, by libcrypto.
#pragma once

#include "core/base/error.h"

#include <array>
#include <cstddef>
#include <memory>
#include <span>

namespace coldscope {

using Digest = std::array<std::byte, 32>;

// Any thread; one at a time.
class Sha256 {
public:
    // Error: io (libcrypto has no SHA-256, or no memory).
    [[nodiscard]] static Result<Sha256> begin();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();

    void add(std::span<const std::byte> bytes);
    // Of what was added since the last call.
    [[nodiscard]] Digest take();

private:
    struct State;
    explicit Sha256(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace coldscope
