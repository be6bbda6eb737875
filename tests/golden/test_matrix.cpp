// Every image that mkfs.erofs 1.9 can write: what coldscoped reads of it against the original,
// dump.erofs, fsck.erofs and the kernel's mount. Prints the matrix of options and results.
#include "tests/golden/golden_tools.h"
#include "tests/golden/matrix_extents.h"
#include "tests/golden/matrix_mount.h"
#include "tests/golden/matrix_rows.h"
#include "tests/golden/matrix_tree.h"

#include <QtTest>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <future>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>
#include <unistd.h>

using namespace coldscope::golden;

namespace {

// A row of what is printed at the end.
struct Outcome {
    std::size_t names = 0;
    std::uint64_t bytes = 0;
    std::string original = "-";
    std::string extents = "-";
    std::string mount = "-";
};

void require_none(const std::string& difference, const char* from) {
    if (!difference.empty())
        throw std::runtime_error(fmt::format("differs from {}: {}", from, difference));
}

void check_by_fsck(const Made& made) {
    if (made.flattened)
        return;
    std::vector<std::string> arguments;
    if (made.extract)
        arguments.emplace_back("--extract");
    if (made.files.offset != 0)
        arguments.push_back(fmt::format("--offset={}", made.files.offset));
    for (const std::string& blob : made.files.blobs)
        arguments.push_back("--device=" + blob);
    arguments.push_back(made.files.image);
    const Output output = run(erofs_tool("fsck.erofs"), arguments);
    if (output.exit_code != 0)
        throw std::runtime_error("fsck.erofs: " + output.err + output.out);
}

} // namespace

class TestMatrix : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    Originals originals_;
    std::vector<Row> rows_;
    std::map<std::string, Outcome> outcomes_; // by row
    std::string lacking_;                     // in the tree, and mounts

    void compare(const Row& row, Outcome& outcome);
    std::string compare_with_mount(const Made& made, const View& ours);

private Q_SLOTS:
    void initTestCase();
    void image_data();
    void image();
    void all_was_there();
    void cleanupTestCase();
};

void TestMatrix::initTestCase() {
    for (const char* tool : {"mkfs.erofs", "dump.erofs", "fsck.erofs"}) {
        if (!erofs_tool(tool).empty())
            continue;
        const std::string reason =
            fmt::format("no {} 1.9: set COLDSCOPE_EROFS_UTILS to its folder", tool);
        if (qEnvironmentVariable("CI") == "true")
            QFAIL(reason.c_str());
        QSKIP(reason.c_str());
    }
    originals_.folder = folder_.path().toStdString();
    originals_.tree = originals_.path("tree");
    QVERIFY(QDir(folder_.path()).mkdir("tree"));
    QVERIFY(QDir(folder_.path()).mkdir("mount"));
    lacking_ = make_matrix_tree(originals_.tree);
    if (geteuid() != 0)
        lacking_ += (lacking_.empty() ? "" : ", ") + std::string("mounts (need root)");
    originals_.view = view_of_folder(originals_.tree, ~std::uint64_t{0});
}

void TestMatrix::image_data() {
    QTest::addColumn<int>("number");
    rows_ = uncompressed_rows();
    std::ranges::move(compressed_rows(), std::back_inserter(rows_));
    std::ranges::move(tar_rows(), std::back_inserter(rows_));
    std::ranges::move(merged_rows(), std::back_inserter(rows_));
    for (std::size_t i = 0; i < rows_.size(); ++i)
        QTest::newRow(rows_[i].name.c_str()) << static_cast<int>(i);
}

std::string TestMatrix::compare_with_mount(const Made& made, const View& ours) {
    if (geteuid() != 0)
        return "not root";
    const auto seen = view_of_mount(made.files, originals_.path("mount"), made.longest);
    if (const auto* refused = std::get_if<Refused>(&seen))
        return "refused: " + refused->reason;
    require_none(differs(ours, std::get<View>(seen), Likeness::exact), "the kernel's mount");
    return "yes";
}

void TestMatrix::compare(const Row& row, Outcome& outcome) {
    const Made made = row.make(originals_);
    CoreImage opened(made.files);
    const View ours = view_of_image(opened, made.longest);
    outcome.names = ours.size();
    for (const auto& [path, entry] : ours)
        outcome.bytes += entry.bytes && entry.first_link == path ? entry.bytes->size() : 0;
    auto checked = std::async(std::launch::async, check_by_fsck, made);
    outcome.mount = compare_with_mount(made, ours);
    require_none(differs(ours, made.expected, Likeness::original), "the original");
    outcome.original = "yes";
    checked.get();
    const ExtentsResult extents = compare_extents(made.files, opened, ours);
    require_none(extents.difference, "dump.erofs -e");
    outcome.extents = fmt::format("{} of {} files", extents.extents, extents.files);
    if (extents.left_out != 0)
        outcome.extents += fmt::format(" (-{})", extents.left_out);
    if (made.files.offset == 0)
        require_none(program_differs(made.files, ours, {"/", "/wide", "/data/mixed"}), "core");
}

void TestMatrix::image() {
    QFETCH(int, number);
    const Row& row = rows_[static_cast<std::size_t>(number)];
    Outcome& outcome = outcomes_[row.name];
    try {
        compare(row, outcome);
        QVERIFY2(row.refusal.empty() && row.fault.empty() && !row.unsound,
                 "mkfs.erofs makes it now");
    } catch (const MkfsRefused& refused) {
        outcome.original = fmt::format("mkfs.erofs refuses: {}", refused.what());
        QVERIFY2(row.unsound ||
                     (!row.refusal.empty() &&
                      std::string(refused.what()).find(row.refusal) != std::string::npos),
                 refused.what());
    } catch (const std::exception& error) {
        const bool known =
            row.unsound ||
            (!row.fault.empty() && std::string(error.what()).find(row.fault) != std::string::npos);
        outcome.original =
            fmt::format("{}: {}", known ? "mkfs.erofs writes it wrong" : "NO", error.what());
        QVERIFY2(known, error.what());
    }
}

void TestMatrix::all_was_there() {
    if (lacking_.empty())
        return;
    if (qEnvironmentVariable("CI") == "true")
        QFAIL(lacking_.c_str());
    QSKIP(lacking_.c_str());
}

void TestMatrix::cleanupTestCase() {
    fmt::print("\n{:<38} {:>6} {:>9}  {:<10} {:<22} {}\n{:<38} {}\n", "image", "names", "bytes",
               "original", "extents = dump.erofs", "kernel's mount", "", "options of mkfs.erofs");
    for (const Row& row : rows_) {
        const auto found = outcomes_.find(row.name);
        if (found == outcomes_.end())
            continue;
        const Outcome& outcome = found->second;
        fmt::print("{:<38} {:>6} {:>9}  {:<10} {:<22} {}\n{:<38} {}\n", row.name, outcome.names,
                   outcome.bytes, outcome.original, outcome.extents, outcome.mount, "",
                   row.options);
    }
    std::fflush(stdout);
    std::error_code ignored; // QTemporaryDir leaves names that are not UTF-8
    std::filesystem::remove_all(folder_.path().toStdString(), ignored);
}

QTEST_GUILESS_MAIN(TestMatrix)
#include "test_matrix.moc"
