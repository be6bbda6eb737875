// The EROFS mounts that this process sees, as /proc/self/mountinfo tells them. Asks nothing of the
// mounts themselves, which may be dead.
#pragma once

#include <istream>
#include <string>
#include <vector>

namespace coldscope {

struct ErofsMount {
    std::string folder; // absolute
    std::string source; // what mount(2) was given: a path, which may name another file by now
    // Which folder of the file system it shows; "/" but for bind mounts.
    std::string root;
    bool inode_share = false; // Linux 7.0; the kernel tells nobody the domain
    bool dax = false;
    bool directio = false; // it reads its file around that one's page cache
};

// mountinfo: the file's text. Topmost ones alone, in the order of the text.
[[nodiscard]] std::vector<ErofsMount> erofs_mounts(std::istream& mountinfo);
[[nodiscard]] std::vector<ErofsMount> erofs_mounts();

} // namespace coldscope
