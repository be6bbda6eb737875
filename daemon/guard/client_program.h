// The guard's program, as a file that root can read and that stays: an AppImage's own is neither.
// Root sees nothing of a user's FUSE mount; and a guard that outlived it would miss the pages of
// its text, die by SIGBUS, and on fanotify leave readers zeros.
#pragma once

#include "core/base/sha256.h"
#include "daemon/guard/client_folder.h"

#include <memory>
#include <optional>
#include <string>

namespace coldscope::guard {

class Program {
public:
    // coldscope-guard beside this program's executable; where that lies on FUSE a copy, in a
    // private folder. Any thread: all hold the same copy, which is looked through each time, and
    // goes with the last who holds it.
    [[nodiscard]] static Result<std::shared_ptr<const Program>> find();

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    Program(PrivateFolder folder, Digest digest);
    explicit Program(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] static Result<std::shared_ptr<const Program>> copy(const std::string& original);
    [[nodiscard]] bool is_sound() const;

    std::string path_;
    std::optional<PrivateFolder> folder_; // of a copy
    Digest digest_{};                     // likewise
};

// coldscope-guard beside this program's executable, wherever that lies.
[[nodiscard]] std::string original_program();

} // namespace coldscope::guard
