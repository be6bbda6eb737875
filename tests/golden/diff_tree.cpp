#include "tests/golden/diff_tree.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace coldscope::golden {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::map<std::string, std::string> xattrs_of(const std::string& path) {
    std::map<std::string, std::string> result;
    std::string names(65536, '\0');
    const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
    names.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
        std::string value(65536, '\0');
        const char* name = names.c_str() + at;
        const ssize_t size = lgetxattr(path.c_str(), name, value.data(), value.size());
        value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        result[name] = value;
    }
    return result;
}

DiffEntry entry_of(const std::string& path) {
    DiffEntry entry;
    if (lstat(path.c_str(), &entry.status) != 0)
        throw std::system_error(errno, std::generic_category(), path);
    if (S_ISREG(entry.status.st_mode)) {
        std::ifstream file(path, std::ios::binary);
        entry.bytes.assign(std::istreambuf_iterator<char>(file), {});
    } else if (S_ISLNK(entry.status.st_mode)) {
        entry.bytes = fs::read_symlink(path).string();
    }
    entry.xattrs = xattrs_of(path);
    return entry;
}

std::set<std::string> fields_between(const DiffEntry& old, const DiffEntry& now, bool with_times) {
    if ((old.status.st_mode & S_IFMT) != (now.status.st_mode & S_IFMT))
        return {"type"};
    std::set<std::string> fields;
    const auto differs = [&fields](const char* field, bool different) {
        if (different)
            fields.insert(field);
    };
    differs("content", S_ISREG(now.status.st_mode) && old.bytes != now.bytes);
    differs("target", S_ISLNK(now.status.st_mode) && old.bytes != now.bytes);
    differs("rdev", (S_ISCHR(now.status.st_mode) || S_ISBLK(now.status.st_mode)) &&
                        old.status.st_rdev != now.status.st_rdev);
    differs("mode", old.status.st_mode != now.status.st_mode);
    differs("uid", old.status.st_uid != now.status.st_uid);
    differs("gid", old.status.st_gid != now.status.st_gid);
    differs("links", !S_ISDIR(now.status.st_mode) && old.status.st_nlink != now.status.st_nlink);
    differs("xattrs", old.xattrs != now.xattrs);
    differs("mtime", with_times && (old.status.st_mtim.tv_sec != now.status.st_mtim.tv_sec ||
                                    old.status.st_mtim.tv_nsec != now.status.st_mtim.tv_nsec));
    return fields;
}

} // namespace

DiffTree read_tree(const std::string& folder) {
    DiffTree tree;
    tree["/"] = entry_of(folder);
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
        tree[entry.path().string().substr(folder.size())] = entry_of(entry.path().string());
    return tree;
}

void require(bool condition, const std::string& what) {
    if (!condition)
        throw std::runtime_error(what);
}

void write_bytes(const std::string& path, const std::string& bytes) {
    std::ofstream file(path, std::ios::binary);
    file << bytes;
    if (!file.flush())
        throw std::runtime_error(path);
}

void change_tree(const std::string& tree) {
    write_bytes(tree + "/sizes/4096", std::string(4096, 'c'));
    write_bytes(tree + "/sizes/511", std::string(700, 'g')); // another size
    write_bytes(tree + "/sizes/1024", "");
    fs::permissions(tree + "/sizes/512", fs::perms::owner_read);
    const std::array<timespec, 2> times{{{1'600'000'001, 7}, {1'600'000'001, 7}}};
    if (utimensat(AT_FDCWD, (tree + "/sizes/65537").c_str(), times.data(), 0) != 0 ||
        lsetxattr((tree + "/equal/0").c_str(), "user.own", "other", 5, 0) != 0)
        throw std::system_error(errno, std::generic_category(), tree);
    if (geteuid() == 0 && chown((tree + "/equal/1").c_str(), 12, 34) != 0)
        throw std::system_error(errno, std::generic_category(), tree);
    fs::rename(tree + "/sizes/200000", tree + "/deep/two-hundred");
    fs::rename(tree + "/equal/2", tree + "/equal/two");
    fs::rename(tree + "/equal/3", tree + "/deep/3");
    fs::rename(tree + "/deep/er", tree + "/deep/ly");
    fs::remove(tree + "/links/hard-1");
    fs::remove(tree + "/links/soft");
    fs::create_symlink("elsewhere", tree + "/links/soft");
    fs::remove(tree + "/links/dangling"); // a file now
    write_bytes(tree + "/links/dangling", "no link");
    fs::remove_all(tree + "/holes/zeros");
    fs::create_directory(tree + "/fresh");
    for (int i = 0; i < 5; ++i)
        write_bytes(tree + "/fresh/" + std::to_string(i), std::string(3000, char('0' + i)));
    write_bytes(tree + "/fresh/copy", std::string(4096, 'c'));
    fs::remove_all(tree + "/names");
}

void compare_changes(const json& diff, const DiffTree& old_tree, const DiffTree& new_tree,
                     bool with_times) {
    std::set<std::string> gone;
    std::set<std::string> came;
    std::map<std::string, int> moves; // by content: how many there must be
    for (const auto& [path, entry] : old_tree) {
        if (new_tree.contains(path))
            continue;
        gone.insert(path);
        if (S_ISREG(entry.status.st_mode) && !entry.bytes.empty())
            ++moves[entry.bytes];
    }
    std::map<std::string, int> arrivals;
    for (const auto& [path, entry] : new_tree) {
        if (old_tree.contains(path))
            continue;
        came.insert(path);
        if (S_ISREG(entry.status.st_mode) && !entry.bytes.empty())
            ++arrivals[entry.bytes];
    }
    std::size_t moves_wanted = 0;
    for (const auto& [bytes, count] : moves)
        moves_wanted += static_cast<std::size_t>(std::min(count, arrivals[bytes]));

    std::set<std::string> seen;
    std::size_t moved = 0;
    for (const json& item : diff["changes"]) {
        const std::string path = raw(item, "path");
        const std::string kind = item["kind"];
        const auto fields = item.value("fields", std::set<std::string>());
        if (kind == "removed") {
            require(gone.erase(path) == 1, path + " is not gone");
            continue;
        }
        require(seen.insert(path).second, path + " is listed twice");
        const DiffEntry& now = new_tree.at(path);
        if (kind == "added") {
            require(came.erase(path) == 1, path + " is not new");
        } else if (kind == "moved") {
            const std::string from = raw(item, "old_path");
            require(gone.erase(from) == 1 && came.erase(path) == 1, path + " did not move");
            const DiffEntry& old = old_tree.at(from);
            require(!now.bytes.empty() && old.bytes == now.bytes, path + " has other bytes");
            auto wanted = fields_between(old, now, with_times);
            wanted.erase("links");
            require(fields == wanted, path + ": the fields of a moved file");
            ++moved;
        } else {
            require(kind == "changed" || kind == "same", path + " is " + kind);
            require(fields == fields_between(old_tree.at(path), now, with_times),
                    path + ": " + item.dump());
            require((kind == "same") == fields.empty(), path + " is " + kind);
        }
    }
    require(gone.empty(), "removed, and not listed: " + (gone.empty() ? "" : *gone.begin()));
    require(came.empty(), "added, and not listed: " + (came.empty() ? "" : *came.begin()));
    require(seen.size() == new_tree.size(), "not all paths are listed");
    require(moved == moves_wanted,
            "moved: " + std::to_string(moved) + " instead of " + std::to_string(moves_wanted));
    const json& fetch = diff["fetch"];
    std::uint64_t sum = fetch["metadata"];
    for (const auto& [kind, bytes] : fetch["by_kind"].items())
        sum += bytes.get<std::uint64_t>();
    require(sum == fetch["bytes"], "the parts of what is to be fetched");
}

} // namespace coldscope::golden
