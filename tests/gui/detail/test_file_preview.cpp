#include "app/detail/file_preview.h"
#include "app/detail/hex_view.h"
#include "tests/gui/maps/simulated_world.h"

#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTextBlock>
#include <QTextLayout>
#include <set>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestFilePreview final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void python_has_colours();
    void long_text_comes_in_parts();
    void binary_is_hex();
    void directories_and_links();
    void a_missing_blob_is_said();
    void nothing_is_read_while_hidden();

private:
    void show(const char* path) {
        workspace_->choose_node(SimulatedWorld::node(*workspace_, path));
        preview_->refresh_now();
        QTRY_VERIFY_WITH_TIMEOUT(!preview_->loading(), 20000);
    }
    void open(bool with_blob = true) {
        QVERIFY(world_->open(*workspace_, with_blob));
        preview_->resize(600, 400);
        preview_->show();
        QVERIFY(QTest::qWaitForWindowExposed(preview_.get()));
    }

    std::unique_ptr<SimulatedWorld> world_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<FilePreview> preview_;
};

void TestFilePreview::init() {
    preview_.reset();
    workspace_.reset();
    world_ = std::make_unique<SimulatedWorld>();
    workspace_ = std::make_unique<Workspace>();
    preview_ = std::make_unique<FilePreview>(*workspace_);
}

void TestFilePreview::python_has_colours() {
    open();
    preview_->refresh_now();
    QVERIFY(preview_->sentence().contains("Choose a file"));
    show("/lib/tool.py");
    QCOMPARE(preview_->page(), FilePreview::Page::text);
    QVERIFY(preview_->text().toPlainText().startsWith("def answer"));
    QVERIFY(preview_->caption().contains("Python"));
    std::set<QRgb> colours;
    const auto formats = [&] {
        colours.clear();
        const QTextBlock second = preview_->text().document()->findBlockByNumber(1);
        for (const auto& format : second.layout()->formats())
            colours.insert(format.format.foreground().color().rgb());
        return colours.size();
    };
    QTRY_VERIFY(formats() >= 2); // a keyword or a number, and a comment
}

void TestFilePreview::long_text_comes_in_parts() {
    open();
    show("/share/long.txt"); // 600 KiB
    QCOMPARE(preview_->page(), FilePreview::Page::text);
    QVERIFY(preview_->caption().contains("first"));
    QCOMPARE(preview_->text().document()->characterCount() - 1,
             static_cast<int>(FilePreview::first_read));
    auto* more = preview_->findChild<QPushButton*>();
    QVERIFY(more->isVisible());
    QTest::mouseClick(more, Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(!preview_->loading(), 20000);
    QCOMPARE(preview_->text().document()->characterCount() - 1, 150 * 4096);
    QVERIFY(!more->isVisible());
}

void TestFilePreview::binary_is_hex() {
    open();
    show("/bin/cold");
    QCOMPARE(preview_->page(), FilePreview::Page::hex);
    const std::uint64_t begin = SimulatedWorld::place(*workspace_, "/bin/cold").range.begin;
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{5000}})
        QCOMPARE(preview_->hex().byte_at(offset),
                 std::optional(static_cast<unsigned char>(world_->blob()[begin + offset])));
}

void TestFilePreview::directories_and_links() {
    open();
    show("/bin");
    QCOMPARE(preview_->page(), FilePreview::Page::names);
    auto* names = preview_->findChild<QListWidget*>();
    QCOMPARE(names->count(), 4);
    Q_EMIT names->itemActivated(names->item(0));
    QCOMPARE(workspace_->path_of(*workspace_->selection().current().node), "/bin/cold");
    show("/etc/link");
    QVERIFY(preview_->sentence().contains("../bin/local"));
    show("/etc/empty");
    QVERIFY(preview_->sentence().contains("empty"));
}

void TestFilePreview::a_missing_blob_is_said() {
    open(false);
    show("/lib/tool.py");
    QCOMPARE(preview_->page(), FilePreview::Page::sentence);
    QVERIFY(preview_->sentence().contains("name the file that holds the blob"));
    show("/etc/inline"); // its bytes are in the image itself
    QCOMPARE(preview_->page(), FilePreview::Page::text);
}

void TestFilePreview::nothing_is_read_while_hidden() {
    open();
    show("/lib/tool.py");
    preview_->hide();
    workspace_->choose_node(SimulatedWorld::node(*workspace_, "/bin/cold"));
    QTest::qWait(100);
    QCOMPARE(preview_->page(), FilePreview::Page::text);
    preview_->show();
    QTRY_COMPARE(preview_->page(), FilePreview::Page::hex);
}

QTEST_MAIN(TestFilePreview)
#include "test_file_preview.moc"
