// Which source the kernel's copy of an object was filled from. The kernel keeps it by name alone,
// and would go on with the bytes of a source that has changed since.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <string>
#include <unordered_map>

namespace coldscope {

class SourceNotes {
public:
    // The notes in this cache folder; made if missing.
    [[nodiscard]] static Result<SourceNotes> open(const std::string& folder);

    // Before an object is opened, when nobody can tell yet whether the kernel has some of it.
    // Code::mismatch with ESTALE when it was used with another source before.
    [[nodiscard]] Result<void> check(const std::string& object, const std::string& identity);

private:
    SourceNotes(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    Fd fd_; // appended to: a line for each object, the last one counts
    std::unordered_map<std::string, std::string> known_;
};

} // namespace coldscope
