// coldscoped diff on images of mkfs.erofs, against a comparison of the trees themselves.
#include "tests/golden/golden_tools.h"
#include "tests/golden/golden_tree.h"

#include <QtTest>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace coldscope::golden;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Entry {
    struct stat status {};
    std::string bytes; // a file's bytes, a link's target
    std::map<std::string, std::string> xattrs;
};
using Tree = std::map<std::string, Entry>; // by path in the image

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

Entry entry_of(const std::string& path) {
    Entry entry;
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

Tree read_tree(const std::string& folder) {
    Tree tree;
    tree["/"] = entry_of(folder);
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
        tree[entry.path().string().substr(folder.size())] = entry_of(entry.path().string());
    return tree;
}

std::set<std::string> fields_between(const Entry& old, const Entry& now, bool with_times) {
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

void write(const std::string& path, const std::string& bytes) {
    std::ofstream file(path, std::ios::binary);
    file << bytes;
    if (!file.flush())
        throw std::runtime_error(path);
}

// Every sort of change.
void change(const std::string& tree) {
    write(tree + "/sizes/4096", std::string(4096, 'c'));
    write(tree + "/sizes/511", std::string(700, 'g')); // another size
    write(tree + "/sizes/1024", "");
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
    write(tree + "/links/dangling", "no link");
    fs::remove_all(tree + "/holes/zeros");
    fs::create_directory(tree + "/fresh");
    for (int i = 0; i < 5; ++i)
        write(tree + "/fresh/" + std::to_string(i), std::string(3000, char('0' + i)));
    write(tree + "/fresh/copy", std::string(4096, 'c'));
    fs::remove_all(tree + "/names");
}

void require(bool condition, const std::string& what) {
    if (!condition)
        throw std::runtime_error(what);
}

// The list of changes against the trees.
void compare_changes(const json& diff, const Tree& old_tree, const Tree& new_tree,
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
        const Entry& now = new_tree.at(path);
        if (kind == "added") {
            require(came.erase(path) == 1, path + " is not new");
        } else if (kind == "moved") {
            const std::string from = raw(item, "old_path");
            require(gone.erase(from) == 1 && came.erase(path) == 1, path + " did not move");
            const Entry& old = old_tree.at(from);
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

} // namespace

class TestGoldenDiff : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::string mkfs_;
    Tree old_tree_;
    Tree new_tree_;

    [[nodiscard]] std::string path(const std::string& name) const {
        return folder_.filePath(QString::fromStdString(name)).toStdString();
    }
    void make(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "--quiet");
        const Output output = run(mkfs_, arguments);
        require(output.exit_code == 0, "mkfs.erofs: " + output.err + output.out);
    }
    // Exits with 0 or 1.
    [[nodiscard]] static json diff(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"diff", "--json"});
        const Output output = run(COLDSCOPED_EXECUTABLE, arguments);
        require(output.exit_code == 0 || output.exit_code == 1, output.err);
        json result = json::parse(output.out);
        require(result["same"] == (output.exit_code == 0), "the exit code");
        return result;
    }

private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase() { // QTemporaryDir leaves names that are not UTF-8
        std::error_code ignored;
        fs::remove_all(folder_.path().toStdString(), ignored);
    }
    void agrees_data();
    void agrees();
    void layers();
    void text_and_exit_codes();
};

void TestGoldenDiff::initTestCase() {
    mkfs_ = erofs_tool("mkfs.erofs");
    if (mkfs_.empty()) {
        const char* reason = "no mkfs.erofs 1.9: set COLDSCOPE_EROFS_UTILS to its folder";
        if (qEnvironmentVariable("CI") == "true")
            QFAIL(reason);
        QSKIP(reason);
    }
    QVERIFY(QDir(folder_.path()).mkdir("old"));
    const std::string lacking = make_tree(path("old"), 40);
    if (!lacking.empty())
        qInfo("not in the tree: %s", lacking.c_str());
    QCOMPARE(run("cp", {"-a", path("old"), path("new")}).exit_code, 0);
    change(path("new"));
    old_tree_ = read_tree(path("old"));
    new_tree_ = read_tree(path("new"));
}

void TestGoldenDiff::agrees_data() {
    QTest::addColumn<QStringList>("old_options");
    QTest::addColumn<QStringList>("new_options");
    QTest::addColumn<bool>("with_times");
    const auto row = [](const char* name, const QStringList& old_options,
                        const QStringList& new_options, bool with_times = false) {
        QTest::newRow(name) << old_options << new_options << with_times;
    };
    const QStringList extended{"-Eforce-inode-extended"};
    const QStringList blob{"--chunksize=4096", "BLOB"};
    row("inline", {}, {});
    row("extended inodes", extended, extended, true);
    row("plain", {"-Enoinline_data"}, {"-Enoinline_data"});
    row("chunks on blobs", blob, blob);
    row("large chunks", {"--chunksize=65536"}, {"--chunksize=65536"});
    row("two layouts", {"-b512"}, blob);
    row("fingerprints", {"--xattr-inode-digest"}, {"--xattr-inode-digest", "-b1024"});
    row("metabox", {"-m4096", "-E48bit"}, {"--MZ"});
    row("LZ4", {"-zlz4"}, {"-zlz4"});
    row("compressed and not", {"-zlzma", "-C65536", "-Eztailpacking"}, {});
    row("fragments and dedupe", {"-zzstd", "-Eall-fragments,dedupe"},
        {"-zdeflate", "-Eall-fragments"});
}

void TestGoldenDiff::agrees() {
    QFETCH(QStringList, old_options);
    QFETCH(QStringList, new_options);
    QFETCH(bool, with_times);
    try {
        const auto image = [this](const char* name, const QStringList& options,
                                  std::vector<std::string>& arguments) {
            std::vector<std::string> list;
            for (const QString& option : options) {
                const bool blob = option == "BLOB";
                const std::string file = path(name) + ".blob";
                if (blob)
                    arguments.insert(arguments.end(), {std::string("--") + name + "-device", file});
                list.push_back(blob ? "--blobdev=" + file : option.toStdString());
            }
            const std::string file = path(name) + ".erofs";
            fs::remove(file);
            list.insert(list.end(), {file, path(name)});
            make(list);
            return file;
        };
        std::vector<std::string> arguments{"--all"};
        const std::string before = image("old", old_options, arguments);
        const std::string after = image("new", new_options, arguments);
        arguments.insert(arguments.end(), {before, after});
        if (!with_times)
            arguments.insert(arguments.end(), {"--ignore", "mtime"});
        const json result = diff(arguments);
        compare_changes(result, old_tree_, new_tree_, with_times);
        QVERIFY(result["fetch"]["same_content_complete"].get<bool>());
        QVERIFY(result["fetch"]["same_content"].get<std::uint64_t>() <=
                result["fetch"]["bytes"].get<std::uint64_t>());
    } catch (const std::exception& error) {
        QFAIL(error.what());
    }
}

// Images of two layers each, the lower one in both: what is to be fetched is the other layer's.
void TestGoldenDiff::layers() {
    try {
        fs::create_directory(path("base"));
        fs::create_directory(path("first"));
        fs::create_directory(path("second"));
        std::uint64_t blocks = 0; // of the second layer's files
        for (int i = 1; i <= 6; ++i) {
            const std::string bytes(static_cast<std::size_t>(5000 * i), char('a' + i));
            write(path("base/base-") + std::to_string(i), bytes);
            write(path("first/file-") + std::to_string(i), bytes);
            write(path("second/other-") + std::to_string(i), bytes + "more");
            blocks += (bytes.size() + 4 + 4095) / 4096;
        }
        for (const char* layer : {"base", "first", "second"})
            make({"-Enoinline_data", path(layer) + ".erofs", path(layer)});
        make({path("one"), path("base.erofs"), path("first.erofs")});
        make({path("two"), path("base.erofs"), path("second.erofs")});
        const std::vector<std::string> devices{
            "--old-device", path("base.erofs"), "--old-device", path("first.erofs"),
            "--new-device", path("base.erofs"), "--new-device", path("second.erofs")};
        std::vector<std::string> arguments{path("one"), path("two"), "--ignore", "mtime"};
        const auto with_devices = [&] {
            std::vector<std::string> all = arguments;
            all.insert(all.end(), devices.begin(), devices.end());
            return all;
        };
        for (const auto& list : {arguments, with_devices()}) {
            const json result = diff(list);
            const json& base = result["devices"][1];
            QCOMPARE(base["old_device"].get<int>(), 1);
            QCOMPARE(base["fetch"].get<std::uint64_t>(), 0U);
            const json& second = result["devices"][2];
            QVERIFY(second["old_device"].is_null());
            QCOMPARE(second["fetch"].get<std::uint64_t>(), blocks * 4096);
            QCOMPARE(result["fetch"]["by_kind"]["added"].get<std::uint64_t>(), blocks * 4096);
            QCOMPARE(result["counts"]["added"].get<int>(), 6);
            QCOMPARE(result["counts"]["removed"].get<int>(), 6);
        }
        // A blob that is named as its tag serves both.
        const std::string blob = path(raw(diff(arguments)["devices"][1], "tag"));
        fs::copy_file(path("base.erofs"), blob);
        std::vector<std::string> named = arguments;
        named.insert(named.end(), {"--blob", blob});
        QCOMPARE(diff(named)["devices"][1]["match"].get<std::string>(), std::string("same file"));
        // A node with the base alone has it as a primary device: found by its UUID.
        const json result = diff({path("base.erofs"), path("two"), "--no-read"});
        QCOMPARE(result["devices"][1]["old_device"].get<int>(), 0);
        QCOMPARE(result["devices"][1]["fetch"].get<std::uint64_t>(), 0U);
    } catch (const std::exception& error) {
        QFAIL(error.what());
    }
}

void TestGoldenDiff::text_and_exit_codes() {
    try {
        fs::create_directory(path("small"));
        write(path("small/kept"), "kept");
        write(path("small/new\nline"), "odd");
        make({"-T0", path("small.erofs"), path("small")});
        fs::rename(path("small/kept"), path("small/moved"));
        write(path("small/added"), "123");
        make({"-T0", path("changed.erofs"), path("small")});
    } catch (const std::exception& error) {
        QFAIL(error.what());
    }
    const auto diff_text = [this](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "diff");
        return run(COLDSCOPED_EXECUTABLE, arguments);
    };
    const std::string one = path("small.erofs");
    const std::string other = path("changed.erofs");
    const auto has = [](const Output& output, const char* text) {
        return ("\n" + output.out).find(text) != std::string::npos;
    };
    const Output same = diff_text({one, one});
    QCOMPARE(same.exit_code, 0);
    QVERIFY2(has(same, "\nTo fetch      0 B"), same.out.c_str());
    const Output changed = diff_text({one, other});
    QCOMPARE(changed.exit_code, 1);
    QVERIFY2(has(changed, "\nadded    /added (3 B); 3 B to fetch\n"), changed.out.c_str());
    QVERIFY2(has(changed, "\nmoved    /moved from /kept; 4 B to fetch\n"), changed.out.c_str());
    QVERIFY(!has(changed, "line"));
    QVERIFY(has(diff_text({one, other, "--all"}), "\nsame     /new\\x0Aline"));
    const Output summary = diff_text({one, other, "--summary"});
    QCOMPARE(summary.exit_code, 1);
    QVERIFY(summary.out.starts_with("Paths "));
    QCOMPARE(diff_text({one, path("nothing")}).exit_code, 2);
    QCOMPARE(diff_text({one, path("small")}).exit_code, 2);
    QCOMPARE(diff_text({one}).exit_code, 2);
    QCOMPARE(diff_text({one, other, "--ignore", "content"}).exit_code, 2);
    QCOMPARE(diff_text({one, other, "--blob", path("nothing")}).exit_code, 2);
}

QTEST_GUILESS_MAIN(TestGoldenDiff)
#include "test_golden_diff.moc"
