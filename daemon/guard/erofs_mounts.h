// The EROFS mounts that this process sees, as /proc/self/mountinfo tells them. Asks nothing of the
// mounts themselves, which may be dead.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coldscope {

struct ErofsMount {
    std::string folder; // absolute
    std::string source; // what mount(2) was given: a path, which may name another file by now; of
                        // a loop device that of the file behind it
    // Which folder of the file system it shows; "/" but for bind mounts.
    std::string root;
    dev_t device = 0; // as stat(2) has it of its files
    bool block_device = false;
    bool inode_share = false; // Linux 7.0; the kernel tells nobody the domain
    bool dax = false;
    bool directio = false; // it reads its file around that one's page cache
};

// mountinfo: the file's text; loop devices stand for themselves then. Topmost ones alone, in the
// order of the text.
[[nodiscard]] std::vector<ErofsMount> erofs_mounts(std::istream& mountinfo);
[[nodiscard]] std::vector<ErofsMount> erofs_mounts();
// Whether one with inode_share stands on this folder.
[[nodiscard]] bool shares_page_cache(std::string_view folder);

} // namespace coldscope
