// Blobs that nobody names: coldscoped finds them by tag, digest and name, and within the image.
#include "tests/golden/golden_tools.h"
#include "tests/golden/matrix_rows.h"
#include "tests/golden/matrix_tree.h"

#include <QtTest>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using namespace coldscope::golden;
namespace fs = std::filesystem;

namespace {

// Writes a tag into the first slot of the device table, of an image without a checksum.
void set_tag(const std::string& image, const std::string& tag) {
    std::fstream file(image, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(1024 + 88);
    const int low = file.get();
    const int high = file.get();
    file.seekp((low + high * 256) * 128);
    file.write(tag.c_str(), static_cast<std::streamsize>(tag.size() + 1));
}

} // namespace

class TestBlobs : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::string text_ = made_text(300'000, 1);

    [[nodiscard]] std::string path(const std::string& name) const {
        return folder_.filePath(QString::fromStdString(name)).toStdString();
    }
    // An image of the tree with its data on a blob, and the blob.
    void with_blob(const std::string& image, const std::string& blob) {
        mkfs({"-Enosbcrc", "--chunksize=4096", "--blobdev=" + path(blob)}, path(image),
             {path("tree")});
    }
    void is_read(const std::string& image) {
        try {
            QVERIFY(coldscoped_bytes({"cat", path(image), "/file"}) == text_);
        } catch (const std::exception& error) {
            QFAIL(error.what());
        }
    }

private Q_SLOTS:
    void initTestCase();
    void by_uuid();
    void by_tag();
    void by_digest();
    void by_name();
    void within_the_image();
    void not_there();
    void some_not_there();
};

void TestBlobs::initTestCase() {
    if (erofs_tool("mkfs.erofs").empty()) {
        const char* reason = "no mkfs.erofs 1.9: set COLDSCOPE_EROFS_UTILS to its folder";
        if (qEnvironmentVariable("CI") == "true")
            QFAIL(reason);
        QSKIP(reason);
    }
    for (const char* name :
         {"tree", "other", "uuid", "tag", "digest", "name", "within", "lost", "some"})
        QVERIFY(QDir(folder_.path()).mkdir(name));
    std::ofstream(path("tree/file")) << text_;
    std::ofstream(path("other/another")) << made_text(50'000, 2);
}

void TestBlobs::by_uuid() {
    mkfs({"-Enoinline_data"}, path("uuid/layer of the file"), {path("tree")});
    mkfs({"-Enoinline_data"}, path("uuid/another layer"), {path("other")});
    std::ofstream(path("uuid/no image")) << text_;
    mkfs({}, path("uuid/merged"), {path("uuid/another layer"), path("uuid/layer of the file")});
    is_read("uuid/merged");
}

void TestBlobs::by_tag() {
    with_blob("tag/image", "tag/data of it");
    set_tag(path("tag/image"), "/elsewhere/data of it");
    is_read("tag/image");
}

void TestBlobs::by_digest() {
    const std::string digest(64, 'a');
    QVERIFY(QDir(folder_.path()).mkpath("digest/blobs/sha256"));
    with_blob("digest/image", "digest/blobs/sha256/" + digest);
    set_tag(path("digest/image"), digest);
    is_read("digest/image");
    set_tag(path("digest/image"), ("sha256:" + digest).substr(0, 63));
    fs::rename(path("digest/blobs/sha256/" + digest), path("digest/" + digest.substr(0, 56)));
    is_read("digest/image");
}

void TestBlobs::by_name() {
    with_blob("name/image.erofs", "name/image.blob");
    is_read("name/image.erofs");
    const Output tar = run("tar", {"-C", path("tree"), "-cf", path("name/layer.tar"), "file"});
    QVERIFY2(tar.exit_code == 0, tar.err.c_str());
    mkfs({"--tar=i"}, path("name/layer.erofs"), {path("name/layer.tar")});
    is_read("name/layer.erofs");
}

void TestBlobs::within_the_image() {
    mkfs({"-Enoinline_data"}, path("other.img"), {path("other")});
    mkfs({"-Enoinline_data"}, path("file.img"), {path("tree")});
    mkfs({}, path("within/flattened"), {path("other.img"), path("file.img")});
    append_device(path("within/flattened"), path("other.img"));
    append_device(path("within/flattened"), path("file.img"));
    is_read("within/flattened");
    const Output output = run(COLDSCOPED_EXECUTABLE, {"check", path("within/flattened")});
    QCOMPARE(output.exit_code, 0);
    QVERIFY2(output.out.find("blobs not checked") == std::string::npos, output.out.c_str());
}

void TestBlobs::not_there() {
    with_blob("lost/image.erofs", "lost/elsewhere");
    std::ofstream(path("lost/elsewhere.erofs")) << text_;
    const Output output = run(COLDSCOPED_EXECUTABLE, {"cat", path("lost/image.erofs"), "/file"});
    QCOMPARE(output.exit_code, 1);
    QVERIFY2(output.err.find("device 1") != std::string::npos, output.err.c_str());
}

// Those that are there are checked.
void TestBlobs::some_not_there() {
    mkfs({"-Enoinline_data"}, path("some/one"), {path("tree")});
    mkfs({"-Enoinline_data"}, path("two"), {path("other")});
    mkfs({}, path("some/merged"), {path("some/one"), path("two")});
    const auto check = [&](const std::string& text, int code) {
        const Output output = run(COLDSCOPED_EXECUTABLE, {"check", path("some/merged")});
        QVERIFY2(output.out.find("blobs not checked: 1 of 2: device 2 (tag ") != std::string::npos,
                 output.out.c_str());
        QVERIFY2(output.out.find(text) != std::string::npos, output.out.c_str());
        QCOMPARE(output.exit_code, code);
    };
    check("errors: 0, findings in all: 1", 0);
    fs::resize_file(path("some/one"), fs::file_size(path("some/one")) - 4096);
    check("is too short", 1);
}

QTEST_GUILESS_MAIN(TestBlobs)
#include "test_blobs.moc"
