// A live run of images that were merged, with their data in the one file that holds the merged
// one: all devices lie within it, as the kernel takes it where it is given none.
#include "tests/golden/golden_tools.h"
#include "tests/golden/matrix_rows.h"
#include "tests/kernel/original_files.h"

#include <QtTest>
#include <cerrno>

using namespace coldscope;
using namespace coldscope::test;

namespace {

std::string utf8(const QString& text) {
    return text.toStdString();
}

} // namespace

class TestFlattened : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void every_file_data();
    void every_file();
    void files_are_known_by_their_requests();
    void a_file_that_ends_early();

private:
    QTemporaryDir folder_;
    TreeImage image_;
    OriginalFiles originals_;
};

void TestFlattened::initTestCase() {
    if (golden::erofs_tool("mkfs.erofs").empty()) {
        const char* reason = "no mkfs.erofs 1.9: set COLDSCOPE_EROFS_UTILS to its folder";
        QVERIFY2(!must_not_skip(), reason);
        QSKIP(reason);
    }
    QString error;
    image_ = make_tree_image(folder_.path(), 200, &error, 1 << 20);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    // usr/lib apart from the rest; each half is an image, and a device of the whole.
    const std::string one = utf8(folder_.filePath("one"));
    const std::string two = utf8(folder_.filePath("two"));
    const std::string tree = utf8(image_.tree);
    golden::mkfs({"-Enoinline_data", "--exclude-path=usr/lib"}, one, {tree});
    golden::mkfs({"-Enoinline_data", "--exclude-path=usr/bin", "--exclude-path=usr/include",
                  "--exclude-path=usr/share"},
                 two, {tree});
    // Where no image of the devices' UUIDs lies beside it.
    QDir().mkpath(folder_.filePath("alone"));
    image_.bootstrap = folder_.filePath("alone/image.erofs");
    image_.blob.clear();
    golden::mkfs({}, utf8(image_.bootstrap), {one, two});
    golden::append_device(utf8(image_.bootstrap), one);
    golden::append_device(utf8(image_.bootstrap), two);
    originals_ = OriginalFiles(image_);
}

void TestFlattened::every_file_data() {
    add_transports();
}

void TestFlattened::every_file() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    QTemporaryDir work;
    for (const bool kept : {false, true}) {
        LiveRun run(image_, work.path(), transport);
        QVERIFY(run.start());
        QCOMPARE(originals_.differing(run.mount()), 0);
        QCOMPARE(run.stop(), 0);
        QCOMPARE(run.count("failure"), 0);
        QVERIFY2(kept ? run.count("fetching") == 0 : run.count("fetching") > 50,
                 qPrintable(QString::number(run.count("fetching"))));
    }
}

// By each file's path, and back from where its bytes are.
void TestFlattened::files_are_known_by_their_requests() {
    NEEDS_TRANSPORT("fuse-blob");
    QTemporaryDir work;
    LiveRun run(image_, work.path(), "fuse-blob");
    QVERIFY(run.start());
    for (const QString& folder : {QString("usr/bin/"), QString("usr/lib/")}) { // a device each
        const QString file = *std::ranges::find_if(image_.files, [&](const QString& one) {
            return one.startsWith(folder) && QFileInfo(image_.tree + '/' + one).size() > 20000;
        });
        run.forget();
        run.command("fail EIO file=\"/" + file.toUtf8() + '"');
        QVERIFY(!run.wait_for("rule").isEmpty());
        Reader denied(run.mount() + '/' + file, 0, 4096);
        QVERIFY(denied.finished(20000));
        QCOMPARE(denied.result(), EIO);
        run.command("clear");
        QVERIFY(run.settled());
        run.forget();
        Reader reader(run.mount() + '/' + file, 0, 4096);
        QVERIFY(reader.finished(20000));
        QCOMPARE(reader.bytes(), original(image_.tree + '/' + file, 0, 4096));
        QVERIFY(run.settled());
        const QJsonObject arrived = run.wait_for("arrived");
        QCOMPARE(arrived["object_name"].toString(), "bootstrap");
        QCOMPARE(run.wait_for("origin")["file"].toString(), '/' + file);
    }
    QCOMPARE(run.stop(), 0);
}

// Then they are devices that nobody gave.
void TestFlattened::a_file_that_ends_early() {
    QTemporaryDir work;
    const QString image = work.filePath("image.erofs");
    QVERIFY(QFile::copy(image_.bootstrap, image));
    QVERIFY(QFile::resize(image, QFileInfo(image).size() - 4096));
    QDir(work.path()).mkdir("mount");
    QProcess process;
    process.start(program("coldscoped"),
                  {"run", "--image", image, "--mount", work.filePath("mount"), "--cache",
                   work.filePath("cache"), "--transport", "fuse-tree"});
    QVERIFY(process.waitForFinished(20000));
    QCOMPARE(process.exitCode(), 1);
    const QByteArray text = process.readAllStandardError();
    QVERIFY2(text.contains("no blob is given for device 1"), text.constData());
}

QTEST_GUILESS_MAIN(TestFlattened)
#include "test_flattened.moc"
