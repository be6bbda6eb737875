// SHA-256 of bytes, for finding equal ones.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace coldscope::compare {

using Digest = std::array<std::byte, 32>;

class Digester {
public:
    Digester();
    Digester(const Digester&) = delete;
    Digester& operator=(const Digester&) = delete;
    ~Digester();

    void add(std::span<const std::byte> bytes);
    // Of what was added since the last call.
    [[nodiscard]] Digest take();

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace coldscope::compare
