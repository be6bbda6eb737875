// How much memory a part of a program takes. Linking it replaces operator new and delete of the
// whole program with ones that count; under AddressSanitizer malloc() counts, too.
#pragma once

#include <cstddef>

namespace coldscope::test {

class CountedMemory {
public:
    [[nodiscard]] static std::size_t live(); // bytes
    // The most that was live since the last call of forget_peak().
    [[nodiscard]] static std::size_t peak();
    static void forget_peak();
    // More live bytes than this abort the program. 0: no limit. Returns the one before.
    static std::size_t set_limit(std::size_t bytes);
};

} // namespace coldscope::test
