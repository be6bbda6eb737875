// Which pages of files are in memory, and which physical pages these are: asked of a guard.
#pragma once

#include "core/base/error.h"
#include "core/sharing/sample.h"
#include "daemon/guard/client.h"

#include <memory>
#include <string>
#include <vector>

namespace coldscope {

// Files below a folder: a mount, or where a blob lies.
struct Watched {
    std::string folder;             // absolute
    std::vector<std::string> paths; // relative to it; no symbolic link is followed
};

class Observer {
public:
    // With a guard of its own. folders: all that will be watched. Errors: EPERM where nobody allows
    // it, those of guard::Client::start().
    [[nodiscard]] static Result<std::unique_ptr<Observer>>
    start(const std::vector<std::string>& folders, guard::Rights rights);

    // Waits until it is done; one thread at a time. Nothing is brought into memory by it: only
    // pages that are there are touched, and should one of them go meanwhile, the read that it
    // causes is marked as the observer's and is never held. Files are in the order of `watched`.
    // Errors: EPERM without root's rights: who is not root is not told what is resident.
    [[nodiscard]] Result<sharing::Sample> sample(const std::vector<Watched>& watched);
};

} // namespace coldscope
