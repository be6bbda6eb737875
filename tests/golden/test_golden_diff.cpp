// coldscoped diff on images of mkfs.erofs, against a comparison of the trees themselves.
#include "tests/golden/diff_tree.h"
#include "tests/golden/golden_tools.h"
#include "tests/golden/golden_tree.h"

#include <QtTest>
#include <filesystem>
#include <stdexcept>

using namespace coldscope::golden;
using nlohmann::json;
namespace fs = std::filesystem;

class TestGoldenDiff : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::string mkfs_;
    DiffTree old_tree_;
    DiffTree new_tree_;

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
    void blobs_that_cannot_be_read();
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
    change_tree(path("new"));
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
            write_bytes(path("base/base-") + std::to_string(i), bytes);
            write_bytes(path("first/file-") + std::to_string(i), bytes);
            write_bytes(path("second/other-") + std::to_string(i), bytes + "more");
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

// The rest is compared, and what is not is told.
void TestGoldenDiff::blobs_that_cannot_be_read() {
    try {
        fs::create_directory(path("plain"));
        write_bytes(path("plain/file"), std::string(40'000, 'p'));
        make({"-T0", "--chunksize=4096", "--blobdev=" + path("plain.data"), path("plain-1"),
              path("plain")});
        write_bytes(path("plain/file"), std::string(40'000, 'p') + std::string(9'000, 'q'));
        make({"-T0", "--chunksize=4096", "--blobdev=" + path("plain-2.data"), path("plain-2"),
              path("plain")});
        const std::uint64_t whole =
            diff({path("plain-1"), path("plain-2"), "--old-device", path("plain.data"),
                  "--new-device", path("plain-2.data")})["devices"][1]["fetch"];
        QVERIFY(whole > 0);
        const auto with = [&](const std::string& blob, const char* said) {
            const json result = diff({path("plain-1"), path("plain-2"), "--old-device",
                                      path("plain.data"), "--new-device", blob});
            QCOMPARE(result["devices"][1]["fetch"].get<std::uint64_t>(), whole);
            QCOMPARE(result["warnings"].size(), 1U);
            QVERIFY2(result["warnings"][0].get<std::string>().find(said) != std::string::npos,
                     result["warnings"][0].get<std::string>().c_str());
        };
        with(path("plain"), "what it holds is not compared"); // a folder
        fs::resize_file(path("plain-2.data"), 4096);
        with(path("plain-2.data"), "ends early: 4096 bytes instead of ");
    } catch (const std::exception& error) {
        QFAIL(error.what());
    }
}

void TestGoldenDiff::text_and_exit_codes() {
    try {
        fs::create_directory(path("small"));
        write_bytes(path("small/kept"), "kept");
        write_bytes(path("small/new\nline"), "odd");
        make({"-T0", path("small.erofs"), path("small")});
        fs::rename(path("small/kept"), path("small/moved"));
        write_bytes(path("small/added"), "123");
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
