// fsck.erofs on bytes in memory.
#pragma once

#include "tests/golden/mutation.h"

#include <string>

namespace coldscope::golden {

class Fsck {
public:
    // Throws std::system_error.
    explicit Fsck(std::string program);
    ~Fsck();
    Fsck(const Fsck&) = delete;
    Fsck& operator=(const Fsck&) = delete;

    struct Verdict {
        bool ended = false; // by itself: not killed by a signal, nor for its CPU time
        bool corrupt = false;
        std::string text; // what it wrote
    };
    // Reads and decodes all; blob may be empty.
    [[nodiscard]] Verdict check(const Bytes& image, const std::string& blob);

private:
    std::string program_;
    int image_ = -1; // memory
    int output_ = -1;
};

} // namespace coldscope::golden
