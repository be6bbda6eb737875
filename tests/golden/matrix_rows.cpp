#include "tests/golden/matrix_rows.h"

#include "tests/golden/golden_tools.h"

#include <QCryptographicHash>
#include <algorithm>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope::golden {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t fixed_time = 1'234'567'890;

void set_time(View& view) {
    for (auto& [path, entry] : view) {
        entry.mtime = fixed_time;
        entry.mtime_nsec = 0;
    }
}

Change owned_by(std::uint32_t uid, std::uint32_t gid) {
    return [=](View& view) {
        for (auto& [path, entry] : view) {
            entry.uid = uid;
            entry.gid = gid;
        }
    };
}

void no_xattrs(View& view) {
    for (auto& [path, entry] : view)
        entry.xattrs.clear();
}

void links_apart(View& view) {
    for (auto& [path, entry] : view) {
        entry.first_link = path;
        if (!S_ISDIR(entry.mode))
            entry.nlink = 1;
    }
}

// Takes away what the tree has below these paths, and counts hard links again.
Change without(std::vector<std::string> prefixes) {
    return [prefixes = std::move(prefixes)](View& view) {
        std::erase_if(view, [&](const auto& item) {
            return std::ranges::any_of(prefixes, [&](const std::string& prefix) {
                return item.first.starts_with(prefix);
            });
        });
        count_links(view);
    };
}

// What mkfs.erofs writes for --xattr-inode-digest.
Change fingerprints(const char* name) {
    return [name](View& view) {
        for (auto& [path, entry] : view) {
            if (!entry.bytes || entry.size == 0)
                continue;
            const QByteArrayView bytes(entry.bytes->data(), std::ssize(*entry.bytes));
            entry.xattrs[name] =
                "sha256:" +
                QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toStdString();
        }
    };
}

std::string reason(const Output& output) {
    if (output.exit_code < 0)
        return "it crashes";
    // Its lines of errors, in the order in which it wrote them.
    std::string text;
    std::istringstream lines(output.err + output.out);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t at = line.find("<E> erofs: ");
        if (at != std::string::npos)
            text += (text.empty() ? "" : "; ") + line.substr(line.find_first_not_of('\t', at + 11));
    }
    return text.empty() ? fmt::format("exit code {}", output.exit_code) : text;
}

} // namespace

std::string fresh(const Originals& originals, const std::string& name) {
    std::string path = originals.path(name);
    fs::remove(path);
    return path;
}

void emptied(View& view) {
    for (auto& [path, entry] : view) {
        if (entry.bytes)
            entry.bytes = std::make_shared<const std::string>(entry.bytes->size(), '\0');
    }
}

void count_links(View& view) {
    std::map<std::string, std::pair<std::string, std::uint64_t>> groups; // by the old first path
    for (auto& [path, entry] : view) {
        auto& [first, count] = groups.try_emplace(entry.first_link, path, 0).first->second;
        ++count;
    }
    for (auto& [path, entry] : view) {
        const auto& [first, count] = groups.at(entry.first_link);
        if (!S_ISDIR(entry.mode))
            entry.nlink = count;
        entry.first_link = first;
    }
}

void mkfs(const std::vector<std::string>& options, const std::string& image,
          const std::vector<std::string>& sources) {
    static const std::string program = erofs_tool("mkfs.erofs");
    std::vector<std::string> arguments{"--quiet"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.push_back(image);
    arguments.insert(arguments.end(), sources.begin(), sources.end());
    const Output output = run(program, arguments);
    if (output.exit_code != 0)
        throw MkfsRefused(reason(output));
}

Row row_of_tree(std::string name, std::vector<std::string> options, Change change) {
    Row row;
    row.options = fmt::format("{}", fmt::join(options, " "));
    row.make = [name, options, change](const Originals& originals) {
        Made made;
        made.files.image = originals.path("image");
        fs::remove(made.files.image);
        std::vector<std::string> real = options;
        for (std::string& option : real) {
            if (option.ends_with("=BLOB")) {
                made.files.blobs.push_back(originals.path("blob"));
                fs::remove(made.files.blobs.back());
                option.replace(option.size() - 4, 4, made.files.blobs.back());
            } else if (option.starts_with("--offset=")) {
                made.files.offset = std::stoull(option.substr(9));
            }
        }
        mkfs(real, made.files.image, {originals.tree});
        made.expected = originals.view;
        if (change)
            change(made.expected);
        return made;
    };
    row.name = std::move(name);
    return row;
}

std::vector<Row> uncompressed_rows() {
    const std::string fixed = fmt::format("-T{}", fixed_time);
    std::vector<Row> rows;
    const auto row = [&](const char* name, std::vector<std::string> options, Change change = {}) {
        rows.push_back(row_of_tree(name, std::move(options), std::move(change)));
    };
    const auto refused = [&](const char* reason) { rows.back().refusal = reason; };
    const auto faulty = [&](const char* finding) { rows.back().fault = finding; };
    // Layouts and inodes
    row("inline", {});
    row("flat", {"-Enoinline_data"});
    row("flat, by ^inline_data", {"-E^inline_data"});
    row("extended inodes", {"-Eforce-inode-extended"});
    row("compact inodes", {"-Eforce-inode-compact", "--all-root", fixed, "--mkfs-time"},
        [](View& view) {
            set_time(view);
            owned_by(0, 0)(view);
        });
    row("compact inodes for big owners", {"-Eforce-inode-compact"});
    refused("cannot be in compact form");
    row("omitted dots", {"-Edot-omitted"});
    row("48 bits", {"-E48bit"});
    row("48 bits, flat", {"-E48bit,noinline_data"});
    for (const char* size : {"512", "1024", "2048", "4096"})
        row(fmt::format("blocks of {}", size).c_str(), {fmt::format("-b{}", size)});
    // It goes as far as the pages of the machine that it was built on.
    for (const char* size : {"8192", "16384", "32768", "65536"}) {
        row(fmt::format("blocks of {}", size).c_str(), {fmt::format("-b{}", size)});
        if (sysconf(_SC_PAGESIZE) == 4096)
            refused("invalid block size");
    }
    row("blocks of 512, 48 bits, omitted dots", {"-b512", "-E48bit,dot-omitted"});
    // Chunks and blobs
    row("chunks of 4 KiB", {"--chunksize=4096"});
    row("chunks of 64 KiB", {"--chunksize=65536"});
    row("chunks of 1 MiB", {"--chunksize=1048576"});
    row("chunk indexes", {"--chunksize=4096", "-Eforce-chunk-indexes"});
    row("block map", {"--chunksize=4096", "-Eforce-inode-blockmap"});
    row("chunk indexes, 48 bits", {"--chunksize=4096", "-E48bit,force-chunk-indexes"});
    row("block map, 48 bits", {"--chunksize=4096", "-E48bit,force-inode-blockmap"});
    row("chunks of 512 bytes", {"-b512", "--chunksize=512"});
    row("chunks by dedupe", {"-Ededupe"});
    row("a blob", {"--chunksize=4096", "--blobdev=BLOB"});
    row("a blob of 64 KiB chunks", {"--chunksize=65536", "--blobdev=BLOB"});
    row("a blob, small blocks", {"-b512", "--chunksize=2048", "--blobdev=BLOB"});
    row("a blob, 48 bits", {"--chunksize=4096", "--blobdev=BLOB", "-E48bit"});
    row("a blob, metabox", {"--chunksize=4096", "--blobdev=BLOB", "-E48bit", "-m4096"});
    row("aligned data", {"--dsunit=8", "--chunksize=65536"});
    row("aligned data, flat", {"--dsunit=64", "-Enoinline_data"});
    row("aligned end", {"--fsalignblks=256"});
    // Metadata zones
    row("separate metadata", {"--MZ"});
    row("separate inodes", {"--MZ=i"});
    row("separate inodes and directories", {"--MZ=id"});
    row("separate metadata, omitted dots", {"--MZ=id", "-Edot-omitted"});
    row("metabox", {"-m4096"});
    row("metabox, 48 bits", {"-m4096", "-E48bit"});
    row("metabox, omitted dots", {"-m4096", "-Edot-omitted"});
    row("metabox, chunks", {"-m4096", "--chunksize=4096"});
    row("metabox of 64 KiB", {"-m65536", "-E48bit"});
    row("metabox, separate metadata", {"-m4096", "--MZ"});
    faulty("mode 0 is no file type"); // inodes are missing there, as fsck.erofs finds, too
    row("metabox of 512-byte blocks", {"-b512", "-m512", "-E48bit"});
    // Xattrs
    row("no xattrs", {"-x-1"}, no_xattrs);
    row("all xattrs shared", {"-x0"});
    row("xattrs shared by two", {"-x1"});
    row("xattrs inline", {"-x1000"});
    row("xattrs shared, metabox", {"-x1", "-m4096", "-E48bit"});
    row("long prefixes", {"--xattr-prefix=user.long.prefix.", "--xattr-prefix=trusted.overlay."});
    row("long prefixes, plain", {"--xattr-prefix=user.long.prefix.",
                                 "--xattr-prefix=trusted.overlay.", "-Eplain-xattr-prefixes"});
    row("long prefixes, metabox",
        {"--xattr-prefix=user.long.prefix.", "--xattr-prefix=trusted.overlay.", "-m4096"});
    row("long prefixes, plain beside a metabox",
        {"--xattr-prefix=user.long.prefix.", "-Eplain-xattr-prefixes", "-m4096"});
    row("no name filter", {"-E^xattr-name-filter"});
    row("name filter", {"-Exattr-name-filter"});
    row("fingerprints", {"--xattr-inode-digest"}, fingerprints("erofs.fingerprint.v1"));
    row("fingerprints by another name", {"--xattr-inode-digest=trusted.digest"},
        fingerprints("trusted.digest"));
    row("fingerprints, prefixes, shared",
        {"--xattr-inode-digest", "--xattr-prefix=trusted.overlay.", "-x1"},
        fingerprints("erofs.fingerprint.v1"));
    row("fingerprints on a blob", {"--xattr-inode-digest", "--chunksize=4096", "--blobdev=BLOB"},
        fingerprints("erofs.fingerprint.v1"));
    row("room in the root", {"--root-xattr-isize=200"});
    // What is told of files
    row("one time for all", {fixed}, set_time);
    row("one time for all, told", {fixed, "--all-time"}, set_time);
    row("a time of building", {fixed, "--mkfs-time"});
    row("build time for all", {fixed, "--mkfs-time", "--ignore-mtime", "--all-root"},
        [](View& view) {
            set_time(view);
            owned_by(0, 0)(view);
        });
    row("times kept", {"--preserve-mtime"});
    row("root's", {"--all-root"}, owned_by(0, 0));
    row("another's", {"--force-uid=70000", "--force-gid=12"}, owned_by(70000, 12));
    row("owners moved", {"--uid-offset=100000", "--gid-offset=5"}, [](View& view) {
        for (auto& [path, entry] : view) {
            entry.uid += 100000;
            entry.gid += 5;
        }
    });
    row("links apart", {"--hard-dereference"}, links_apart);
    row("without a path", {"--exclude-path=wide"}, without({"/wide"}));
    row("without what matches", {"--exclude-regex=^t(iny|ails)$"}, without({"/tiny", "/tails"}));
    row("name and UUID", {"-Lcoldscope", "-U01234567-89ab-cdef-0123-456789abcdef"});
    row("no UUID", {"-Uclear"});
    row("no checksum", {"-Enosbcrc"});
    row("behind other bytes", {"--offset=1048576", "-x1000"});
    rows.back().unsound = true; // the data were copied to before the image
    row("behind other bytes, xattrs shared", {"--offset=1048576"});
    rows.back().unsound =
        true; // they lie elsewhere than the superblock says; the kernel lists none
    row("by bits", {"--zfeature-bits=192"});
    return rows;
}

} // namespace coldscope::golden
