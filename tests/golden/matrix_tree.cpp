#include "tests/golden/matrix_tree.h"

#include "tests/golden/golden_tree.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace coldscope::golden {

namespace {

class MatrixTree {
public:
    explicit MatrixTree(std::string folder) : folder_(std::move(folder)) {}
    std::string make();

private:
    [[nodiscard]] std::string at(const std::string& path) const { return folder_ + path; }
    void must(int result, const std::string& path) {
        if (result != 0)
            throw std::system_error(errno, std::generic_category(), path);
    }
    void directory(const std::string& path) { must(mkdir(at(path).c_str(), 0755), path); }
    void file(const std::string& path, const std::string& data);
    void xattr(const std::string& path, const char* name, const std::string& value);
    void time(const std::string& path, std::int64_t seconds, long nanoseconds);
    void data();
    void shared_parts();
    void wide_and_deep();
    void attributes();

    std::string folder_;
    std::string lacking_;
};

void MatrixTree::file(const std::string& path, const std::string& data) {
    std::ofstream out(at(path), std::ios::binary);
    out.write(data.data(), static_cast<std::streamsize>(data.size()));
    out.close();
    must(out ? 0 : -1, path);
}

void MatrixTree::xattr(const std::string& path, const char* name, const std::string& value) {
    if (lsetxattr(at(path).c_str(), name, value.data(), value.size(), 0) != 0)
        lacking_ += fmt::format("{}xattr {} ({})", lacking_.empty() ? "" : ", ", name,
                                std::generic_category().message(errno));
}

void MatrixTree::time(const std::string& path, std::int64_t seconds, long nanoseconds) {
    const std::array<timespec, 2> both{timespec{seconds, nanoseconds},
                                       timespec{seconds, nanoseconds}};
    must(utimensat(AT_FDCWD, at(path).c_str(), both.data(), AT_SYMLINK_NOFOLLOW), path);
}

void MatrixTree::data() {
    directory("/data");
    file("/data/text", made_text(1 << 20, 1));
    file("/data/noise", made_noise(300'000, 2));
    file("/data/zeros", std::string(1 << 20, '\0'));
    // Short runs of either kind: encoded and plain clusters take turns within one file.
    std::string mixed;
    for (std::uint32_t i = 0; i < 24; ++i)
        mixed += i % 2 == 0 ? made_text(9'000 + i * 501, i) : made_noise(5'000 + i * 777, i);
    file("/data/mixed", mixed);
    // One byte over and over, then a little text: extents of very different lengths.
    file("/data/runs", std::string(150'000, 'r') + made_text(3'000, 3) + std::string(90'001, 's'));
    // The borders of blocks and clusters, in what compresses.
    for (const std::size_t size : {1U, 100U, 4095U, 4096U, 4097U, 16'384U, 65'535U, 65'537U})
        file(fmt::format("/data/text-{}", size), made_text(size, 4));
}

void MatrixTree::shared_parts() {
    // The same text at other alignments, and cut short: found again only in part.
    directory("/again");
    const std::string common = made_text(200'000, 10);
    file("/again/whole", common);
    file("/again/copy", common);
    file("/again/shifted", made_text(777, 11) + common);
    file("/again/middle", made_text(5'000, 12) + common.substr(30'000, 90'000) +
                              made_text(5'000, 13) + common.substr(100'000, 60'001));
    std::string repeated;
    for (int i = 0; i < 6; ++i)
        repeated += common.substr(0, 40'000) + made_noise(100, static_cast<std::uint32_t>(i));
    file("/again/repeated", repeated);
    // Equal but for their tails, and unequal but for them.
    directory("/tails");
    const std::string tail = made_text(2'500, 14);
    for (std::uint32_t i = 0; i < 5; ++i) {
        file(fmt::format("/tails/head-{}", i), common.substr(0, 70'000) + made_text(900, i));
        file(fmt::format("/tails/tail-{}", i), made_text(20'000 + i, 100 + i) + tail);
    }
    // For the packed inode: many small files, some of them equal.
    directory("/tiny");
    for (std::uint32_t i = 0; i < 120; ++i)
        file(fmt::format("/tiny/{}", i), made_text(i * 31 + 1, i % 40));
}

void MatrixTree::wide_and_deep() {
    // Names of many lengths over many blocks, which are hard links of a few files.
    directory("/wide");
    constexpr int names = 2500;
    constexpr int files = 5;
    for (int i = 0; i < names; ++i) {
        const std::string path = fmt::format("/wide/{}-{}", i, std::string(i % 40, 'w'));
        if (i < files)
            file(path, made_text(2000, static_cast<std::uint32_t>(i)));
        else
            must(
                link(at(fmt::format("/wide/{}-{}", i % files, std::string(i % files, 'w'))).c_str(),
                     at(path).c_str()),
                path);
    }
    // Directories that fill a block to its end, or nearly, by long names.
    directory("/long");
    for (int i = 0; i < 40; ++i)
        file(fmt::format("/long/{:0>3}{}", i, std::string(252 - i % 5, 'l')), "long");
    std::string path = "/depth";
    directory(path);
    for (int i = 0; i < 36; ++i) {
        path += fmt::format("/{:d}{}", i, std::string(20, 'd'));
        directory(path);
    }
    file(path + "/bottom", made_text(6'000, 20));
    must(symlink(std::string(4095, 's').c_str(), at("/depth/longest").c_str()), "longest");
}

void MatrixTree::attributes() {
    time("/data/text-1", -300'000'000, 5); // 1960
    time("/data/text-100", 0, 0);
    time("/data/text-4095", 2'147'483'648, 999'999'999);
    time("/tails", 1'234'567'890, 987'654'321);
    if (geteuid() != 0)
        return;
    // struct posix_acl_xattr: version 2, then tag, permissions and id of each entry.
    const std::string acl("\2\0\0\0"
                          "\1\0\7\0\xFF\xFF\xFF\xFF"   // owner
                          "\2\0\4\0\x39\x05\0\0"       // user 1337
                          "\4\0\5\0\xFF\xFF\xFF\xFF"   // group
                          "\20\0\5\0\xFF\xFF\xFF\xFF"  // mask
                          "\40\0\4\0\xFF\xFF\xFF\xFF", // others
                          44);
    xattr("/data/text", "system.posix_acl_access", acl);
    xattr("/again", "system.posix_acl_default", acl);
    // struct vfs_cap_data: version 2 with the effective bit, cap_net_raw.
    xattr("/data/noise", "security.capability",
          std::string("\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
    xattr("/again/whole", "user.large", made_noise(3'000, 30));
    xattr("/again/copy", ("user." + std::string(249, 'n')).c_str(), "a name of 254 bytes");
    for (int i = 0; i < 20; ++i) {
        const std::string path = fmt::format("/tiny/{}", i);
        xattr(path, "trusted.overlay.origin", fmt::format("origin {}", i % 4));
        xattr(path, "user.long.prefix.common", "of twenty files");
        xattr(path, "trusted.overlay.metacopy", "");
    }
    must(lchown(at("/depth/longest").c_str(), 70'000, 4'294'967'294U), "/depth/longest");
}

std::string MatrixTree::make() {
    lacking_ = make_tree(folder_, 20);
    data();
    shared_parts();
    wide_and_deep();
    attributes();
    return lacking_;
}

} // namespace

std::string made_text(std::size_t size, std::uint32_t seed) {
    static constexpr std::array<const char*, 16> syllables{"co", "ld",  "sco", "pe",  "er",  "ofs",
                                                           "im", "age", "la",  "yer", "blo", "ck",
                                                           " ",  " ",   ".\n", "\t"};
    std::string text;
    text.reserve(size + 4);
    seed = seed * 2654435761U + 12345;
    while (text.size() < size) {
        seed = seed * 1664525 + 1013904223;
        text += syllables[seed >> 28];
    }
    text.resize(size);
    return text;
}

std::string made_noise(std::size_t size, std::uint32_t seed) {
    std::string noise(size, '\0');
    std::uint64_t state = 0x9E3779B97F4A7C15U * (seed + 1);
    for (char& byte : noise) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        byte = static_cast<char>(state >> 56);
    }
    return noise;
}

std::string make_matrix_tree(const std::string& folder) {
    return MatrixTree(folder).make();
}

} // namespace coldscope::golden
