// Where the guard acts at all: the folders it was started with, themselves and what lies directly
// in them, and folders for FUSE mounts in the first. Names are looked up beneath descriptors that
// it opened then, and no symbolic link is followed, so that nobody can lead it elsewhere by
// renaming.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coldscope::guard {

// What the name of a folder begins with that the client makes in the first folder for a FUSE mount.
inline constexpr std::string_view fuse_folder = "fuse-";

// openat2(2) (Linux 5.6), never through a symbolic link. resolve: further RESOLVE_ bits.
[[nodiscard]] Fd open_strictly(int folder, const char* path, int flags, unsigned long long resolve);

class Folders {
public:
    // paths: absolute, existing, the user's own. A refusal names the path.
    [[nodiscard]] static Result<Folders> open(const std::vector<std::string>& paths, uid_t user);

    [[nodiscard]] bool has(const std::string& path) const { return find(path).has_value(); }
    // The first folder, as it was at the start; not owned.
    [[nodiscard]] int first() const { return files_.get(); }
    // A regular file of the user's, directly in the first folder; not in what was mounted there
    // since. flags as for openat(2).
    [[nodiscard]] Result<Fd> file(const std::string& path, int flags) const;
    // The same in any of the folders, and one of them with O_PATH, as they are now: may wait for
    // whoever serves a mount there. For children of the guard alone.
    [[nodiscard]] Result<Fd> mounted_file(const std::string& path, int flags) const;
    [[nodiscard]] Result<Fd> mounted_folder(const std::string& path) const;
    // umount2(2) of what is mounted on one of the folders; an errno, or 0. May wait for readers,
    // see unmount_shared(): for children of the guard alone.
    [[nodiscard]] int unmount(const std::string& path, bool lazily) const;
    // rmdir(2) of one of the folders.
    void remove(const std::string& path) const;
    void remove_socket(const std::string& name) const;
    // A socket that listens in the first folder, in place of one that was left there.
    [[nodiscard]] Result<Fd> listen(const std::string& name) const;

private:
    struct Folder {
        std::string path;
        std::string name; // its last part
        Fd parent;
    };
    struct Place {
        int parent; // not owned
        std::string name;
    };
    explicit Folders(uid_t user) : user_(user) {}
    [[nodiscard]] Result<Place> find(const std::string& path) const;
    [[nodiscard]] Result<Fd> owned(Fd fd, const std::string& path, mode_t type) const;

    uid_t user_;
    std::vector<Folder> folders_;
    Fd files_; // the first folder, as it was at the start
};

} // namespace coldscope::guard
