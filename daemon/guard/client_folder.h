// A folder that is this user's and root's alone, for what root is to find.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <string>
#include <string_view>
#include <utility>

namespace coldscope::guard {

// Taken away with what is in it; where its owner was killed, by the next one that is made there.
class PrivateFolder {
public:
    enum class Use : unsigned char { programs, sockets };
    static constexpr std::string_view socket = "/socket"; // below path()
    // In the first of $XDG_RUNTIME_DIR, $XDG_CACHE_HOME (or ~/.cache) and /tmp that does: nobody
    // else can rename in it, root sees it, programs may be run there, or a socket's path is short
    // enough. The error names them all, each with its reason.
    [[nodiscard]] static Result<PrivateFolder> make(Use use);
    PrivateFolder(PrivateFolder&& other) noexcept
        : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
    PrivateFolder& operator=(PrivateFolder&&) = delete;
    ~PrivateFolder();

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    PrivateFolder(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
    [[nodiscard]] static Result<PrivateFolder> make_in(const std::string& folder);

    std::string path_; // empty: moved away
    Fd lock_;          // flock(2) of it: its owner lives
};

} // namespace coldscope::guard
