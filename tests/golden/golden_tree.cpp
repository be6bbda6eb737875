#include "tests/golden/golden_tree.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace coldscope::golden {

namespace {

constexpr std::array<std::size_t, 18> sizes{0,    1,     511,   512,   513,   1023,
                                            1024, 1025,  4032,  4095,  4096,  4097,
                                            8192, 16385, 65535, 65536, 65537, 200000};

class Tree {
public:
    explicit Tree(std::string folder) : folder_(std::move(folder)) {}
    std::string make(int many);

private:
    [[noreturn]] static void fail(const std::string& path) {
        throw std::system_error(errno, std::generic_category(), path);
    }
    [[nodiscard]] std::string at(const std::string& path) const { return folder_ + path; }
    void must(int result, const std::string& path) {
        if (result != 0)
            fail(path);
    }
    void directory(const std::string& path) { must(mkdir(at(path).c_str(), 0755), path); }
    void file(const std::string& path, const std::string& data);
    void sparse(const std::string& path);
    void xattr(const std::string& path, const char* name, const std::string& value);
    void contents();
    void links_and_nodes();
    void attributes();
    void lack(const std::string& what) { lacking_ += (lacking_.empty() ? "" : ", ") + what; }

    std::string folder_;
    std::string lacking_;
    bool xattrs_ = true;
};

std::string bytes(std::size_t size, std::uint32_t seed) {
    std::string data(size, '\0');
    for (char& byte : data) {
        seed = seed * 1664525 + 1013904223;
        byte = static_cast<char>(seed >> 24);
    }
    return data;
}

void Tree::file(const std::string& path, const std::string& data) {
    std::FILE* out = std::fopen(at(path).c_str(), "wb");
    if (out == nullptr)
        fail(path);
    const bool written = std::fwrite(data.data(), 1, data.size(), out) == data.size();
    if (std::fclose(out) != 0 || !written)
        fail(path);
}

void Tree::sparse(const std::string& path) {
    const int fd = open(at(path).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        fail(path);
    const std::string data = bytes(5000, 99);
    const bool written = pwrite(fd, data.data(), data.size(), 0) == 5000 &&
                         pwrite(fd, data.data(), data.size(), 150000) == 5000 &&
                         ftruncate(fd, 300001) == 0;
    close(fd);
    if (!written)
        fail(path);
}

void Tree::xattr(const std::string& path, const char* name, const std::string& value) {
    if (lsetxattr(at(path).c_str(), name, value.data(), value.size(), 0) == 0)
        return;
    if (xattrs_)
        lack(std::string("xattr ") + name);
    xattrs_ = false;
}

void Tree::contents() {
    directory("/sizes");
    for (const std::size_t size : sizes)
        file("/sizes/" + std::to_string(size), bytes(size, static_cast<std::uint32_t>(size)));
    directory("/equal");
    for (int i = 0; i < 4; ++i)
        file("/equal/" + std::to_string(i), bytes(20000, 7));
    directory("/holes");
    file("/holes/zeros", std::string(8192, '\0'));
    sparse("/holes/sparse");
    directory("/empty");
    directory("/deep");
    directory("/deep/er");
    directory("/deep/er/and");
    file("/deep/er/and/deepest", "x");
    directory("/names");
    for (const char* name : {"space and\ttab", "\xC3\xBC\xE2\x82\xAC", "not \xFF\xFE utf-8",
                             "back\\slash", "-dash", "\"quoted\""})
        file(std::string("/names/") + name, name);
    file("/names/" + std::string(254, 'n'), "long name"); // mkfs.erofs 1.5 takes no longer one
}

void Tree::links_and_nodes() {
    directory("/links");
    must(link(at("/sizes/4097").c_str(), at("/links/hard-1").c_str()), "/links/hard-1");
    must(link(at("/sizes/4097").c_str(), at("/links/hard-2").c_str()), "/links/hard-2");
    must(link(at("/sizes/1").c_str(), at("/links/hard-small").c_str()), "/links/hard-small");
    must(symlink("../sizes/4097", at("/links/soft").c_str()), "/links/soft");
    must(symlink("/nowhere", at("/links/dangling").c_str()), "/links/dangling");
    must(symlink(std::string(600, 'p').c_str(), at("/links/long").c_str()), "/links/long");
    directory("/nodes");
    must(mkfifo(at("/nodes/fifo").c_str(), 0640), "/nodes/fifo");
    if (mknod(at("/nodes/socket").c_str(), S_IFSOCK | 0600, 0) != 0)
        lack("a socket");
    if (mknod(at("/nodes/char").c_str(), S_IFCHR | 0600, makedev(5, 300)) != 0 ||
        mknod(at("/nodes/block").c_str(), S_IFBLK | 0660, makedev(259, 70000)) != 0)
        lack("device nodes (needs root)");
}

void Tree::attributes() {
    for (int i = 0; i < 4; ++i) {
        const std::string path = "/equal/" + std::to_string(i);
        xattr(path, "user.shared", "the same for all four");
        xattr(path, "user.own", std::to_string(i));
    }
    xattr("/sizes/4096", "user.long.prefix.one", "1");
    xattr("/sizes/4095", "user.long.prefix.two", bytes(900, 3));
    xattr("/sizes/0", "user.empty", "");
    xattr("/empty", "user.directory", "d");
    if (geteuid() == 0) {
        xattr("/deep", "trusted.overlay.opaque", "y");
        xattr("/links/soft", "trusted.link", "l");
        xattr("/sizes/8192", "security.test", std::string("\0binary\xFF", 8));
        must(chown(at("/sizes/512").c_str(), 1000, 70000), "/sizes/512");
        must(chown(at("/sizes/513").c_str(), 4000000000U, 5), "/sizes/513");
        must(chown(at("/deep/er").c_str(), 65535, 65536), "/deep/er");
    } else {
        lack("other owners (needs root)");
    }
    must(chmod(at("/sizes/1023").c_str(), 04755), "/sizes/1023");
    must(chmod(at("/sizes/1025").c_str(), 0), "/sizes/1025");
    must(chmod(at("/empty").c_str(), 01777), "/empty");
    const std::array<std::pair<const char*, timespec>, 4> times{
        {{"/sizes/1", {1'000'000'000, 0}},
         {"/sizes/65536", {1'700'000'000, 123456789}},
         {"/holes/zeros", {4'500'000'000, 1}}, // needs more than 32 bits
         {"/links/soft", {1'600'000'000, 5}}}};
    for (const auto& [path, time] : times) {
        const std::array<timespec, 2> both{time, time};
        must(utimensat(AT_FDCWD, at(path).c_str(), both.data(), AT_SYMLINK_NOFOLLOW), path);
    }
}

std::string Tree::make(int many) {
    contents();
    directory("/many");
    for (int i = 0; i < many; ++i)
        file("/many/a-file-with-a-somewhat-longer-name-" + std::to_string(i),
             bytes(static_cast<std::size_t>(i) * 37 % 3000, static_cast<std::uint32_t>(i)));
    links_and_nodes();
    attributes();
    return lacking_;
}

} // namespace

std::string make_tree(const std::string& folder, int many) {
    return Tree(folder).make(many);
}

} // namespace coldscope::golden
