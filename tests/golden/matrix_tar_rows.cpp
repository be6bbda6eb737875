// Images from tar files.
#include "tests/golden/golden_tools.h"
#include "tests/golden/matrix_rows.h"
#include "tests/golden/matrix_tar.h"
#include "tests/golden/matrix_tree.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope::golden {

namespace {

namespace fs = std::filesystem;
using Options = std::vector<std::string>;

// What a tar keeps of a tree: see pack().
void as_packed(View& view) {
    std::erase_if(view, [](const auto& item) { return S_ISSOCK(item.second.mode); });
}

// The tree's tar, made once.
std::string packed_tree(const Originals& originals, const std::string& compression = {}) {
    std::string tar = originals.path("tree.tar" + compression);
    if (!fs::exists(tar))
        pack(originals.tree, tar, compression);
    return tar;
}

// A row whose image comes from the tree's tar. index: the tar is the image's blob.
Row row_of_tar(const char* name, const Options& options, bool index,
               const std::string& compression = {}, Change change = {}) {
    Row row;
    row.name = name;
    row.options = fmt::format("{}", fmt::join(options, " "));
    row.make = [=](const Originals& originals) {
        Made made;
        made.files.image = fresh(originals, "image");
        const std::string tar = packed_tree(originals, compression);
        Options real = options;
        for (std::string& option : real) {
            if (option.ends_with("=FILE"))
                option.replace(option.size() - 4, 4, fresh(originals, "beside"));
        }
        mkfs(real, made.files.image, {tar});
        if (index)
            made.files.blobs = {packed_tree(originals)};
        made.expected = originals.view;
        as_packed(made.expected);
        if (change)
            change(made.expected);
        return made;
    };
    return row;
}

// Copies what the list says from the tar into the image: block, number of blocks, the tar's byte,
// all in hexadecimal, and where some bytes at the end are zeros, how many.
void copy_by_list(const std::string& list, const std::string& tar, const std::string& image) {
    std::ifstream lines(list);
    std::ifstream from(tar, std::ios::binary);
    std::fstream into(image, std::ios::binary | std::ios::in | std::ios::out);
    for (std::string line; std::getline(lines, line);) {
        unsigned long long block = 0;
        unsigned long long blocks = 0;
        unsigned long long source = 0;
        unsigned long long zeros = 0;
        if (std::sscanf(line.c_str(), "%llx %llx %llx %llu", &block, &blocks, &source, &zeros) < 3)
            throw std::runtime_error("mkfs.erofs's list: " + line);
        std::string bytes(blocks * 4096, '\0');
        from.seekg(static_cast<std::streamoff>(source));
        from.read(bytes.data(), static_cast<std::streamsize>(bytes.size() - zeros));
        into.seekp(static_cast<std::streamoff>(block * 4096));
        into.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    into.flush();
    if (!from || !into)
        throw std::runtime_error("the data of mkfs.erofs's list can't be copied");
}

Row row_of_mapped_tar() {
    return {
        "a tar's data copied by its list", "--tar=i,FILE", {}, {}, [](const Originals& originals) {
            Made made;
            made.files.image = fresh(originals, "image");
            const std::string list = fresh(originals, "list");
            const std::string tar = packed_tree(originals);
            mkfs({"--tar=i," + list}, made.files.image, {tar});
            copy_by_list(list, tar, made.files.image);
            made.expected = originals.view;
            as_packed(made.expected);
            return made;
        }};
}

// Block addresses of more than 32 bits.
Row row_of_far_tar(const char* name, const Options& options, bool reserved) {
    return {
        name, fmt::format("{}", fmt::join(options, " ")), {}, {}, [=](const Originals& originals) {
            Made made;
            made.files.image = fresh(originals, "image");
            const std::string tar = fresh(originals, "far.tar");
            const std::string second = made_text(70'000, 5);
            constexpr std::uint64_t first_size = 0x240'0000'0123; // 2.25 TiB
            pack_far(tar, first_size, second);
            mkfs(options, made.files.image, {tar});
            if (!reserved)
                made.files.blobs = {tar};
            made.extract = false; // it would read all of it
            Entry file;
            file.mode = S_IFDIR | 0644;
            file.mtime = 1'234'567'890;
            file.first_link = "/";
            made.expected["/"] = file;
            file.mode = S_IFREG | 0644;
            file.nlink = 1;
            file.size = first_size;
            file.first_link = "/first";
            made.expected["/first"] = file;
            file.size = second.size();
            file.first_link = "/second";
            file.bytes = std::make_shared<const std::string>(
                reserved ? std::string(second.size(), '\0') : second);
            made.expected["/second"] = file;
            return made;
        }};
}

} // namespace

std::vector<Row> tar_rows() {
    std::vector<Row> rows;
    const auto tar = [&](const char* name, const Options& options, bool index = false,
                         const char* compression = "", Change change = {}) {
        rows.push_back(row_of_tar(name, options, index, compression, std::move(change)));
    };
    tar("a tar, whole", {"--tar=f"});
    tar("a tar, flat, in its order", {"--tar=f", "-Enoinline_data", "--sort=none"});
    tar("a tar, small blocks", {"--tar=f", "-b512"});
    tar("a tar, chunks", {"--tar=f", "--chunksize=4096"});
    tar("a tar, metabox", {"--tar=f", "-m4096", "-E48bit"});
    tar("a tar by gzip", {"--tar=f", "--ungzip"}, false, "gzip");
    tar("a tar by xz", {"--tar=f", "--unxz"}, false, "xz");
    rows.back().unsound = true; // it loses the end of longer ones
    tar("a tar by gzip, with points to start at", {"--tar=f", "--gzinfo=FILE"}, false, "gzip");
    tar("a tar's index", {"--tar=i"}, true);
    tar("a tar's index, 48 bits", {"--tar=i", "-E48bit"}, true);
    tar("a tar's index, omitted dots", {"--tar=i", "-Edot-omitted"}, true);
    tar("a tar's index, metabox", {"--tar=i", "-b512", "-m512"}, true);
    tar("a tar's index, separate metadata", {"--tar=i", "--MZ"}, true);
    tar("a tar's index, prefixes", {"--tar=i", "--xattr-prefix=trusted.overlay."}, true);
    tar("a tar's index by gzip", {"--tar=i", "--ungzip"}, true, "gzip");
    tar("a tar's index by gzip, with points", {"--tar=i", "--gzinfo=FILE"}, true, "gzip");
    tar("a tar's room", {"--tar=f", "--clean=rvsp"}, false, "", emptied);
    rows.push_back(row_of_mapped_tar());
    rows.push_back(row_of_far_tar("a far tar's index", {"--tar=i", "-E48bit"}, false));
    rows.push_back(
        row_of_far_tar("a far tar's room", {"--tar=f", "--clean=rvsp", "-b512", "-E48bit"}, true));
    return rows;
}

} // namespace coldscope::golden
