// A folder that is this user's and root's alone, for what root is to find.
#pragma once

#include "core/base/error.h"

#include <string>
#include <utility>

namespace coldscope::guard {

// Taken away with what is directly in it.
class PrivateFolder {
public:
    enum class Use : unsigned char { programs, sockets };
    // In the first of $XDG_RUNTIME_DIR, /tmp and $XDG_CACHE_HOME (or ~/.cache) that does: nobody
    // else can rename in it, root sees it, and, for programs, they may be run there. The error
    // names them all, each with its reason.
    [[nodiscard]] static Result<PrivateFolder> make(Use use);
    PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    PrivateFolder& operator=(PrivateFolder&&) = delete;
    ~PrivateFolder();

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    explicit PrivateFolder(std::string path) : path_(std::move(path)) {}

    std::string path_; // empty: moved away
};

} // namespace coldscope::guard
