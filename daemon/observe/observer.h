// Which pages of files are in memory, and which physical pages these are: asked of a guard.
#pragma once

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/sharing/sample.h"
#include "daemon/guard/client.h"

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace coldscope {

// Files below a folder: a mount, or where a blob lies.
struct Watched {
    std::string folder;             // absolute, without symbolic links
    std::vector<std::string> paths; // relative to it, on the same file system; no symbolic link is
                                    // followed
};

// Waits until it is done; one thread at a time. Nothing is brought into memory by it: only pages
// that are there are touched, and should one of them go meanwhile, the read that it causes is
// marked as the observer's and is never held. (To find a file whose name the kernel has forgotten
// its folders and inode are read.) Files are in the order of `watched`. A file that is none, can't
// be opened by this user, or keeps the guard waiting has an errno in its place; in that case all
// behind it, too. folders of `watched`: among
// those that the guard was started with.
// Errors: EPERM without root's rights: who is not root is not told what is resident.
// end: what is not seen by then has ETIMEDOUT.
[[nodiscard]] Result<sharing::Sample>
observe(guard::Client& guard, std::span<const Watched> watched,
        Nanoseconds end = std::numeric_limits<Nanoseconds>::max());

class Observer {
public:
    // With a guard of its own. folders: all that will be watched. by_hand: as
    // guard::ClientOptions::by_hand. Errors: EPERM where nobody allows it, those of
    // guard::Client::start().
    [[nodiscard]] static Result<std::unique_ptr<Observer>>
    start(const std::vector<std::string>& folders, guard::Rights rights,
          std::shared_ptr<guard::ByHand> by_hand = nullptr);

    [[nodiscard]] Result<sharing::Sample> sample(const std::vector<Watched>& watched) {
        return observe(*guard_, watched);
    }

private:
    explicit Observer(std::unique_ptr<guard::Client> guard) : guard_(std::move(guard)) {}
    std::unique_ptr<guard::Client> guard_;
};

} // namespace coldscope
