// coldscoped against mkfs.erofs, dump.erofs and the files that images were made from.
#include "tests/golden/golden_tools.h"
#include "tests/golden/golden_tree.h"

#include <QtTest>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace coldscope::golden;
using nlohmann::json;

namespace {

const std::map<std::string, std::string> layout_numbers{{"flat-plain", "0"},
                                                        {"compressed-full", "1"},
                                                        {"flat-inline", "2"},
                                                        {"compressed-compact", "3"},
                                                        {"chunk-based", "4"}};

struct Images {
    std::string image;
    std::vector<std::string> blobs;

    [[nodiscard]] std::vector<std::string> arguments(const char* command,
                                                     const std::string& path) const {
        std::vector<std::string> ordered{command};
        for (const std::string& blob : blobs)
            ordered.insert(ordered.end(), {"--device", blob});
        ordered.insert(ordered.end(), {image, path});
        return ordered;
    }
};

std::string error_text(const std::string& what, const std::string& path) {
    return path + ": " + what;
}

void require(bool condition, const std::string& what, const std::string& path) {
    if (!condition)
        throw std::runtime_error(error_text(what, path));
}

template <typename A, typename B>
void require_equal(const A& ours, const B& theirs, const std::string& what,
                   const std::string& path) {
    if (ours == theirs)
        return;
    std::ostringstream text;
    text << what << ": " << ours << " instead of " << theirs;
    throw std::runtime_error(error_text(text.str(), path));
}

std::string file_bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::map<std::string, std::string> source_xattrs(const std::string& path) {
    std::map<std::string, std::string> result;
    std::string names(65536, '\0');
    const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
    names.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
        const std::string name = names.c_str() + at;
        std::string value(65536, '\0');
        const ssize_t size = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
        value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        result[name] = value;
    }
    return result;
}

// What the index says of a file against the file itself.
void compare_with_source(const json& file, const std::string& source, bool strict_mtime,
                         bool extra_xattrs) {
    struct stat status {};
    require(lstat(source.c_str(), &status) == 0, "not in the source", source);
    require_equal(file["mode"].get<unsigned>(), status.st_mode & 07777U, "mode", source);
    require_equal(file["uid"].get<unsigned>(), status.st_uid, "uid", source);
    require_equal(file["gid"].get<unsigned>(), status.st_gid, "gid", source);
    if (!S_ISDIR(status.st_mode)) {
        require_equal(file["size"].get<std::int64_t>(), std::int64_t{status.st_size}, "size",
                      source);
        require_equal(file["nlink"].get<unsigned long>(), status.st_nlink, "nlink", source);
    }
    if (strict_mtime) {
        // Of a compact inode's time mkfs.erofs 1.9 keeps 32 bits in 48-bit images.
        const std::int64_t mask = file["inode_size"] == 32 ? 0xFFFF'FFFF : -1;
        require_equal(file["mtime"].get<std::int64_t>() & mask,
                      std::int64_t{status.st_mtim.tv_sec} & mask, "mtime", source);
        if (file["inode_size"] == 64)
            require_equal(file["mtime_nsec"].get<long>(), status.st_mtim.tv_nsec, "mtime_nsec",
                          source);
    }
    if (S_ISLNK(status.st_mode)) {
        std::string target(4096, '\0');
        const ssize_t length = readlink(source.c_str(), target.data(), target.size());
        target.resize(static_cast<std::size_t>(length));
        require_equal(raw(file, "target"), target, "target", source);
    }
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
        require_equal(file["rdev"]["major"].get<unsigned>(), major(status.st_rdev), "major",
                      source);
        require_equal(file["rdev"]["minor"].get<unsigned>(), minor(status.st_rdev), "minor",
                      source);
    }
    std::map<std::string, std::string> ours;
    for (const json& xattr : file["xattrs"])
        ours[raw(xattr, "name")] = from_hex(xattr["value_hex"].get<std::string>());
    const auto theirs = source_xattrs(source);
    for (const auto& [name, value] : theirs)
        require(ours.contains(name) && ours[name] == value, "xattr " + name, source);
    if (!extra_xattrs)
        require_equal(ours.size(), theirs.size(), "number of xattrs", source);
}

// dump.erofs prints one line for a chunk; ours are merged. For holes its address means nothing.
void compare_extents(const json& map, const Dump& dump, bool boxed, const std::string& path) {
    std::uint64_t end = 0;
    for (const json& extent : map) {
        require_equal(extent["offset"].get<std::uint64_t>(), end, "extents' order", path);
        end += extent["length"].get<std::uint64_t>();
    }
    for (const DumpExtent& theirs : dump.extents) {
        const json* ours = nullptr;
        for (const json& extent : map) {
            const auto offset = extent["offset"].get<std::uint64_t>();
            if (theirs.offset >= offset &&
                theirs.offset < offset + extent["length"].get<std::uint64_t>())
                ours = &extent;
        }
        require(ours != nullptr, "no extent at " + std::to_string(theirs.offset), path);
        // Of an inode in the metabox, dump.erofs gives the address there.
        if ((*ours)["device"].is_null() || (boxed && (*ours)["kind"] == "inline"))
            continue;
        require_equal((*ours)["device"].get<std::uint64_t>(), theirs.device, "device", path);
        require_equal((*ours)["address"].get<std::uint64_t>() + theirs.offset -
                          (*ours)["offset"].get<std::uint64_t>(),
                      theirs.address, "address", path);
    }
}

std::string dump_time(const json& file) {
    const auto seconds = static_cast<std::time_t>(file["mtime"].get<std::int64_t>());
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    std::snprintf(text + length, sizeof text - length, ".%09u", file["mtime_nsec"].get<unsigned>());
    return text;
}

void compare_with_dump(const json& file, const Images& images, const std::string& path) {
    const bool directory = file["type"] == "directory";
    Dump dump = dump_erofs(images.image, images.blobs, path, directory);
    const auto number = [&](const char* key) {
        return std::to_string(file[key].get<std::uint64_t>());
    };
    require_equal(number("nid"), dump.fields["NID"], "NID", path);
    require_equal(number("size"), dump.fields["Size"], "Size", path);
    require_equal(number("nlink"), dump.fields["Links"], "Links", path);
    require_equal(number("uid"), dump.fields["Uid"], "Uid", path);
    require_equal(number("gid"), dump.fields["Gid"], "Gid", path);
    require_equal(number("inode_size"), dump.fields["Inode size"], "Inode size", path);
    require_equal(number("xattr_size"), dump.fields["Xattr size"], "Xattr size", path);
    require_equal(layout_numbers.at(file["layout"]), dump.fields["Layout"], "Layout", path);
    require_equal(dump_time(file), dump.fields["Timestamp"], "Timestamp", path);
    char access[16];
    std::snprintf(access, sizeof access, "%04o/", file["mode"].get<unsigned>() & 0777U);
    require(dump.fields["Access"].starts_with(access), "Access " + dump.fields["Access"], path);
    if (directory) {
        dump.entries.erase(".");
        dump.entries.erase("..");
        std::map<std::string, std::string> ours;
        for (const json& entry : coldscoped_json(images.arguments("ls", path)))
            ours[raw(entry, "name")] = std::to_string(entry["nid"].get<std::uint64_t>());
        require(ours == dump.entries, "the directory's entries differ", path);
    }
    const std::string type = file["type"];
    if (directory || type == "regular" || type == "symlink")
        compare_extents(coldscoped_json(images.arguments("map", path)), dump,
                        (file["nid"].get<std::uint64_t>() >> 63) != 0, path);
}

} // namespace

class TestGolden : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::string mkfs_;
    std::string dump_;

    [[nodiscard]] std::string path(const std::string& name) const {
        return folder_.filePath(QString::fromStdString(name)).toStdString();
    }
    void make(const std::string& mkfs, const std::vector<std::string>& options,
              const std::vector<std::string>& sources, const std::string& image) const {
        std::vector<std::string> arguments{"--quiet"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        arguments.push_back(image);
        arguments.insert(arguments.end(), sources.begin(), sources.end());
        const Output output = run(mkfs, arguments);
        if (output.exit_code != 0)
            throw std::runtime_error("mkfs.erofs: " + output.err + output.out);
    }
    void compare(const Images& images, const std::string& source, bool strict_mtime,
                 bool extra_xattrs, bool with_stat = false);

private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase() { // QTemporaryDir leaves names that are not UTF-8
        std::error_code ignored;
        std::filesystem::remove_all(folder_.path().toStdString(), ignored);
    }
    void agrees_data();
    void agrees();
    void merged_images();
    void older_mkfs();
    void errors();
};

void TestGolden::initTestCase() {
    mkfs_ = erofs_tool("mkfs.erofs");
    dump_ = erofs_tool("dump.erofs");
    if (mkfs_.empty() || dump_.empty()) {
        const char* reason = "no mkfs.erofs and dump.erofs 1.9: set COLDSCOPE_EROFS_UTILS to "
                             "their folder";
        if (qEnvironmentVariable("CI") == "true")
            QFAIL(reason);
        QSKIP(reason);
    }
    for (const auto& [name, many] : {std::pair{"small", 12}, std::pair{"large", 150}}) {
        QVERIFY(QDir(folder_.path()).mkdir(name));
        const std::string lacking = make_tree(path(name), many);
        if (!lacking.empty())
            qInfo("not in the tree: %s", lacking.c_str());
    }
}

void TestGolden::compare(const Images& images, const std::string& source, bool strict_mtime,
                         bool extra_xattrs, bool with_stat) {
    std::vector<std::string> check = images.arguments("check", "");
    check.pop_back();
    const Output checked = run(COLDSCOPED_EXECUTABLE, check);
    require(checked.exit_code == 0, "check: " + checked.out + checked.err, images.image);

    std::vector<std::string> list = images.arguments("ls", "/");
    list.emplace_back("-R");
    const json files = coldscoped_json(list);
    std::size_t count = 0;
    for (const json& file : files) {
        const std::string name = raw(file, "path");
        compare_with_source(file, source + name, strict_mtime, extra_xattrs);
        compare_with_dump(file, images, name);
        if (with_stat)
            require(coldscoped_json(images.arguments("stat", name)) == file,
                    "stat differs from ls -R", name);
        if (file["type"] == "regular")
            require(coldscoped_bytes(images.arguments("cat", name)) == file_bytes(source + name),
                    "the bytes differ", name);
        ++count;
    }
    namespace fs = std::filesystem; // QDirIterator passes over names that are not UTF-8
    const auto wanted =
        static_cast<std::size_t>(std::distance(fs::recursive_directory_iterator(source), {}));
    require_equal(count, wanted, "number of files", source);
}

void TestGolden::agrees_data() {
    QTest::addColumn<QString>("tree");
    QTest::addColumn<QStringList>("options");
    QTest::addColumn<bool>("blob");
    const auto row = [](const char* name, const char* tree, const QStringList& options,
                        bool blob = false) { QTest::newRow(name) << tree << options << blob; };
    row("inline", "large", {});
    row("plain", "small", {"-Enoinline_data"});
    row("build time for all", "small", {"--ignore-mtime"});
    row("extended inodes", "small", {"-Eforce-inode-extended"});
    row("512-byte blocks", "small", {"-b512"});
    row("1024-byte blocks", "small", {"-b1024"});
    row("4 KiB chunks on a blob", "large", {"--chunksize=4096"}, true);
    row("64 KiB chunks on a blob", "small", {"--chunksize=65536"}, true);
    row("4 KiB chunks", "small", {"--chunksize=4096"});
    row("64 KiB chunks", "small", {"--chunksize=65536"});
    row("chunk indexes", "small", {"--chunksize=4096", "-Eforce-chunk-indexes"});
    row("chunks of small blocks", "small", {"-b512", "--chunksize=2048"}, true);
    row("shared xattrs", "small", {"-x1"});
    row("inline xattrs", "small", {"-x100"});
    row("long xattr prefixes", "small",
        {"--xattr-prefix=user.long.prefix.", "--xattr-prefix=trusted.overlay."});
    row("content digests", "small", {"--xattr-inode-digest"});
    row("48 bits", "small", {"-E48bit"});
    row("omitted dots", "small", {"-Edot-omitted"});
    row("separate metadata", "small", {"--MZ"});
    row("metabox", "small", {"-m4096", "-E48bit"});
}

void TestGolden::agrees() {
    QFETCH(QString, tree);
    QFETCH(QStringList, options);
    QFETCH(bool, blob);
    Images images{path("image"), {}};
    std::vector<std::string> list;
    bool digests = false;
    for (const QString& option : options) {
        list.push_back(option.toStdString());
        digests = digests || option.contains("digest");
    }
    if (blob) {
        images.blobs.push_back(path("blob"));
        list.push_back("--blobdev=" + images.blobs[0]);
    }
    QFile::remove(QString::fromStdString(images.image));
    try {
        make(mkfs_, list, {path(tree.toStdString())}, images.image);
        compare(images, path(tree.toStdString()), !options.contains("--ignore-mtime"), digests,
                tree == "large");
    } catch (const std::exception& error) {
        QFAIL(error.what());
    }
}

// Two images become the devices of a third, which is their union.
void TestGolden::merged_images() {
    try {
        make(mkfs_, {"-Enoinline_data"}, {path("small")}, path("one"));
        QVERIFY(QDir(folder_.path()).mkdir("other"));
        std::ofstream(path("other/other-file")) << std::string(10000, 'o');
        make(mkfs_, {"-Enoinline_data"}, {path("other")}, path("two"));
        make(mkfs_, {}, {path("one"), path("two")}, path("merged"));
        const Images images{path("merged"), {path("one"), path("two")}};
        for (const json& file : coldscoped_json([&] {
                 auto list = images.arguments("ls", "/");
                 list.emplace_back("-R");
                 return list;
             }())) {
            const std::string name = raw(file, "path");
            compare_with_dump(file, images, name);
            if (file["type"] != "regular")
                continue;
            const std::string source = path(name == "/other-file" ? "other" : "small") + name;
            require(coldscoped_bytes(images.arguments("cat", name)) == file_bytes(source),
                    "the bytes differ", name);
        }
    } catch (const std::exception& error) {
        QFAIL(error.what());
    }
}

// Debian 12 packages mkfs.erofs 1.5, whose device slots say no size; Debian 13 has 1.8, which does
// not create the blob.
void TestGolden::older_mkfs() {
    const std::string older = "/usr/bin/mkfs.erofs";
    if (!QFile::exists(QString::fromStdString(older)))
        QSKIP("no /usr/bin/mkfs.erofs");
    try {
        make(older, {"--quiet"}, {path("small")}, path("older"));
        compare({path("older"), {}}, path("small"), false, false);
        (void)QFile(QString::fromStdString(path("older-blob"))).open(QIODevice::WriteOnly);
        make(older, {"--chunksize=4096", "--blobdev=" + path("older-blob")}, {path("small")},
             path("older-chunks"));
        compare({path("older-chunks"), {path("older-blob")}}, path("small"), false, false);
    } catch (const std::exception& error) {
        QFAIL(error.what());
    }
}

void TestGolden::errors() {
    make(mkfs_, {"--chunksize=4096", "--blobdev=" + path("blob")}, {path("small")}, path("image"));
    const auto fails = [&](const std::vector<std::string>& arguments, int code,
                           const std::string& text) {
        const Output output = run(COLDSCOPED_EXECUTABLE, arguments);
        QCOMPARE(output.exit_code, code);
        QVERIFY2(output.err.find(text) != std::string::npos ||
                     output.out.find(text) != std::string::npos,
                 (output.err + output.out).c_str());
    };
    fails({"cat", path("image"), "/sizes/4096"}, 1, "device 1");
    fails({"cat", path("image"), "/sizes"}, 1, "directory");
    fails({"cat", path("image"), "/nothing"}, 1, "/nothing");
    fails({"cat", path("image"), "/links/soft"}, 1, "../sizes/4097");
    fails({"ls", path("blob")}, 1, "1024");
    fails({"ls", path("nothing")}, 1, path("nothing"));
    fails({"check", path("image"), "--device", path("nothing")}, 1, path("nothing"));
    fails({"ls"}, 2, "IMAGE");
    fails({"ls", path("image"), "--what"}, 2, "--what");
    QFile blob(QString::fromStdString(path("blob")));
    QVERIFY(blob.resize(blob.size() - 4096));
    fails({"check", path("image"), "--device", path("blob")}, 1, "too short");
}

QTEST_GUILESS_MAIN(TestGolden)
#include "test_golden.moc"
