// check --data on an image of many parts, damaged: whatever the number of threads, the findings
// are the same, and they name every file that can't be read.
#include "core/erofs/check.h"
#include "core/erofs/read.h"
#include "daemon/cli/data_check.h"
#include "tests/golden/golden_tools.h"

#include <QTemporaryDir>
#include <QtTest>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include <fmt/format.h>

using namespace coldscope;
using namespace coldscope::golden;

namespace {

// Many small files, which become fragments, and a few of several parts each.
void make_tree(const std::string& folder) {
    std::filesystem::create_directory(folder);
    std::mt19937 random(5);
    for (int i = 0; i < 300; ++i) {
        std::ofstream file(fmt::format("{}/file-{:03}", folder, i), std::ios::binary);
        const int lines = i % 50 == 0 ? 250'000 : 40 + static_cast<int>(random() % 2000);
        for (int line = 0; line < lines; ++line)
            file << "line " << random() % 5000 << " of file " << i << '\n';
    }
}

std::vector<std::byte> bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<std::byte> bytes(std::filesystem::file_size(path));
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

struct Opened {
    explicit Opened(const std::vector<std::byte>& bytes)
        : devices{std::make_shared<MemoryReadAt>(bytes)} {
        auto made = erofs::Image::open(devices[0]);
        if (!made)
            qFatal("%s", describe(made.error()).c_str());
        image = std::move(*made);
        auto built = erofs::Index::build(*image);
        if (!built)
            qFatal("%s", describe(built.error()).c_str());
        index = std::move(*built);
    }
    std::vector<std::shared_ptr<ReadAt>> devices;
    std::unique_ptr<erofs::Image> image;
    erofs::Index index;
};

} // namespace

class TestDecoding : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void findings_do_not_depend_on_threads_data();
    void findings_do_not_depend_on_threads();

private:
    QTemporaryDir folder_;
    std::string mkfs_ = erofs_tool("mkfs.erofs");
};

void TestDecoding::initTestCase() {
    if (mkfs_.empty()) {
        if (qEnvironmentVariableIsSet("CI"))
            QFAIL("no mkfs.erofs 1.9");
        QSKIP("no mkfs.erofs 1.9: packaging/setup --for test builds it");
    }
    make_tree(folder_.filePath("tree").toStdString());
}

void TestDecoding::findings_do_not_depend_on_threads_data() {
    QTest::addColumn<QStringList>("options");
    QTest::newRow("lz4") << QStringList{"-zlz4", "-C16384"};
    QTest::newRow("fragments") << QStringList{"-zzstd", "-C16384", "-Eall-fragments"};
    QTest::newRow("records") << QStringList{"-zlz4", "-C16384", "-E48bit,fragments"};
}

void TestDecoding::findings_do_not_depend_on_threads() {
    QFETCH(QStringList, options);
    const std::string path = folder_.filePath("image").toStdString();
    std::vector<std::string> arguments{"--quiet", "-T1700000000"};
    for (const QString& option : options)
        arguments.push_back(option.toStdString());
    arguments.insert(arguments.end(), {path, folder_.filePath("tree").toStdString()});
    const Output made = run(mkfs_, arguments);
    QVERIFY2(made.exit_code == 0, made.err.c_str());
    std::vector<std::byte> bytes = bytes_of(path);
    {
        Opened sound(bytes);
        erofs::Findings findings;
        cli::check_data(*sound.image, sound.index, sound.devices, 4, findings);
        QVERIFY(findings.empty());
        // Every fifth file's last cluster, or what of the packed inode it is.
        for (std::size_t i = 0; i < sound.index.size(); i += 5) {
            const auto inode =
                sound.image->inode(sound.index.node(static_cast<erofs::NodeId>(i)).nid);
            if (!inode->is_regular())
                continue;
            const auto extents = sound.image->map(*inode, inode->size - 1, 1);
            const Range stored = extents->front().stored();
            std::fill(bytes.begin() +
                          static_cast<std::ptrdiff_t>(stored.begin + stored.length() / 2),
                      bytes.begin() + static_cast<std::ptrdiff_t>(stored.end), std::byte{0x5A});
        }
    }
    Opened damaged(bytes);
    erofs::Findings one;
    cli::check_data(*damaged.image, damaged.index, damaged.devices, 1, one);
    QVERIFY(one.errors() > 10);
    std::set<std::string> named;
    for (const erofs::Finding& finding : one.list())
        QVERIFY2(named.insert(finding.structure).second, finding.structure.c_str());
    for (const unsigned threads : {2U, 4U, 4U}) {
        erofs::Findings several;
        cli::check_data(*damaged.image, damaged.index, damaged.devices, threads, several);
        QVERIFY(several.list() == one.list());
    }
    erofs::Findings without;
    erofs::check_data(*damaged.image, damaged.index, damaged.devices, without);
    QVERIFY(without.list() == one.list());
    for (std::size_t i = 0; i < damaged.index.size(); ++i) {
        const auto id = static_cast<erofs::NodeId>(i);
        const erofs::Node& node = damaged.index.node(id);
        if (!node.is_regular())
            continue;
        const auto inode = damaged.image->inode(node.nid);
        std::vector<std::byte> read(inode->size);
        const bool sound =
            erofs::read_file(*damaged.image, *inode, 0, read, damaged.devices).has_value();
        const std::string name = fmt::format("inode {} ({})", node.nid, damaged.index.path(id));
        QVERIFY2(sound || named.contains(name), name.c_str());
    }
}

QTEST_GUILESS_MAIN(TestDecoding)
#include "test_decoding.moc"
