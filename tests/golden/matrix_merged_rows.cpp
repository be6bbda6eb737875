// Images of other images, onto one, and with several devices.
#include "tests/golden/matrix_rows.h"
#include "tests/golden/matrix_tar.h"
#include "tests/golden/matrix_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope::golden {

namespace {

namespace fs = std::filesystem;
using Options = std::vector<std::string>;

const std::string built = "-T1234567890"; // the root of a merged image is made anew
const std::string file_times = "--mkfs-time";

// A second tree, whose names the first has not.
std::string other_tree(const Originals& originals) {
    const std::string folder = originals.path("other");
    if (fs::create_directories(folder + "/more")) {
        std::ofstream(folder + "/more/text") << made_text(100'000, 60);
        std::ofstream(folder + "/more/noise") << made_noise(5'000, 61);
        std::ofstream(folder + "/more/small") << "small";
        fs::create_hard_link(folder + "/more/small", folder + "/small, too");
        fs::create_symlink("more", folder + "/link");
    }
    return folder;
}

View both(const Originals& originals) {
    View view = originals.view;
    for (const auto& [path, entry] : view_of_folder(other_tree(originals), ~std::uint64_t{0})) {
        if (path != "/")
            view[path] = entry;
    }
    return view;
}

// What mkfs.erofs makes up where no source has a root of its own.
void new_root(View& view) {
    Entry& root = view["/"];
    root = {};
    root.mode = S_IFDIR | 0777;
    root.uid = getuid();
    root.gid = getgid();
    root.mtime = 1'234'567'890;
    root.first_link = "/";
}

// An image of one of the trees, or of its tar; "BLOB" as in row_of_tree().
std::string source(const Originals& originals, const std::string& name, const std::string& tree,
                   Options options, std::vector<std::string>& blobs) {
    std::string image = fresh(originals, name);
    std::string from = tree;
    // Built in the past: of a file that is as old as its image no fraction of the time is kept.
    options.insert(options.end(), {built, file_times});
    for (std::string& option : options) {
        if (option == "--blobdev=BLOB") {
            blobs.push_back(fresh(originals, name + ".blob"));
            option = "--blobdev=" + blobs.back();
        } else if (option == "--tar=i") {
            from = fresh(originals, name + ".tar");
            pack(tree, from);
            blobs.push_back(from);
        }
    }
    mkfs(options, image, {from});
    return image;
}

enum class Devices : std::uint8_t {
    sources,   // the images that were merged
    blobs,     // theirs
    none,      // the data were copied
    flattened, // the sources, but they are in the image's file, behind the bootstrap
};

Row merged(const char* name, const Options& of_sources, const Options& options, Devices devices,
           Change change = {}) {
    Row row;
    row.name = name;
    row.options = fmt::format("{} IMAGE ONE TWO; these: {}", fmt::join(options, " "),
                              fmt::join(of_sources, " "));
    row.make = [=](const Originals& originals) {
        Made made;
        std::vector<std::string> blobs;
        const std::vector<std::string> sources{
            source(originals, "one", originals.tree, of_sources, blobs),
            source(originals, "two", other_tree(originals), of_sources, blobs)};
        made.files.image = fresh(originals, "image");
        Options all = options;
        all.insert(all.end(), {built, file_times});
        mkfs(all, made.files.image, sources);
        if (devices == Devices::sources)
            made.files.blobs = sources;
        else if (devices == Devices::blobs)
            made.files.blobs = blobs;
        else if (devices == Devices::flattened)
            for (const std::string& one : sources)
                append_device(made.files.image, one);
        // fsck.erofs 1.9 looks for tables of chunks outside of the metabox, too.
        made.extract = std::ranges::find(options, "-m4096") == options.end();
        made.flattened = devices == Devices::flattened;
        made.expected = both(originals);
        new_root(made.expected);
        if (change)
            change(made.expected);
        return made;
    };
    return row;
}

// The second tree's image is made first; the other is added to it.
Row added(const char* name, const Options& options) {
    Row row;
    row.name = name;
    row.options = fmt::format("--incremental=data {}", fmt::join(options, " "));
    row.make = [=](const Originals& originals) {
        Made made;
        made.files.image = fresh(originals, "image");
        mkfs(options, made.files.image, {other_tree(originals)});
        Options more = options;
        more.emplace_back("--incremental=data");
        mkfs(more, made.files.image, {originals.tree});
        made.expected = both(originals);
        return made;
    };
    return row;
}

void without_sockets(View& view) {
    std::erase_if(view, [](const auto& item) { return S_ISSOCK(item.second.mode); });
}

// Longer than 4 GiB, and nearly all of it a hole.
Row sparse_row() {
    return {"5 GiB, nearly all of it holes",
            "--chunksize=1048576",
            {},
            {},
            [](const Originals& originals) {
                Made made;
                const std::string folder = originals.path("sparse");
                fs::create_directory(folder);
                const std::string file = folder + "/file";
                std::ofstream(file) << made_text(5'000, 70);
                fs::resize_file(file, std::uintmax_t{5} << 30);
                std::fstream(file, std::ios::in | std::ios::out).seekp(0x1'0000'1234)
                    << made_text(9'000, 71);
                made.files.image = fresh(originals, "image");
                mkfs({"--chunksize=1048576"}, made.files.image, {folder});
                made.expected = view_of_folder(folder, made.longest);
                made.extract = false; // it would read all of it
                return made;
            }};
}

} // namespace

void append_device(const std::string& image, const std::string& device) {
    constexpr std::uintmax_t block = 4096;
    fs::resize_file(image, (fs::file_size(image) + block - 1) / block * block);
    std::ofstream(image, std::ios::binary | std::ios::app)
        << std::ifstream(device, std::ios::binary).rdbuf();
}

std::vector<Row> merged_rows() {
    const Options flat{"-Enoinline_data"};
    std::vector<Row> rows{
        merged("two images", flat, {}, Devices::sources),
        merged("two images, 48 bits", flat, {"-E48bit"}, Devices::sources),
        merged("two images, metabox", flat, {"-m4096", "-E48bit"}, Devices::sources),
        merged("two images, flattened", flat, {}, Devices::flattened),
        merged("two images of small blocks", {"-b512", "-Enoinline_data"}, {}, Devices::sources),
        merged("two images in chunks", {"--chunksize=65536"}, {}, Devices::sources),
        merged("two images with blobs", {"--chunksize=4096", "--blobdev=BLOB"}, {}, Devices::blobs),
        merged("two tars' indexes", {"--tar=i"}, {}, Devices::blobs, without_sockets),
        merged("two images, copied", {}, {"--clean=data"}, Devices::none),
        merged("two images, copied, flat", flat, {"--clean=data"}, Devices::none),
        merged("two images, compressed", flat, {"--clean=data", "-zlz4"}, Devices::none),
        merged("two images' room", flat, {"--clean=rvsp"}, Devices::none, emptied),
        merged("two compressed images", {"-zlz4"}, {}, Devices::none),
    };
    rows.back().refusal = "unsupported datalayout";
    // A chunk that is a hole becomes one that is not.
    const auto with_blobs = std::ranges::find(rows, "two images with blobs", &Row::name);
    with_blobs->fault = "/data/zeros: 1048576 bytes instead of 1048576";
    rows.push_back(added("one tree added to another", {}));
    rows.push_back(added("added, 48 bits", {"-E48bit"}));
    rows.push_back(added("added, chunks", {"--chunksize=4096"}));
    rows.push_back(added("added, lz4", {"-zlz4"}));
    rows.push_back(added("added, zstd, fragments", {"-zzstd", "-Efragments"}));
    rows.back().fault = "differs from the original"; // the packed inode is only the second's
    rows.push_back(sparse_row());
    return rows;
}

} // namespace coldscope::golden
