// The image's tree as a person uses it: search, selection, reading a file by hand.
#include "app/tables/file_search.h"
#include "app/tables/image_tree_view.h"
#include "tests/models/opened_workspace.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QTreeView>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestImageTreeView : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void order_of_the_tree();
    void facts();
    void a_blob_that_is_missing();
    void search();
    void the_selection_goes_both_ways();
    void a_file_is_read_by_hand();
    void copy_path();
    void nothing_is_open();

private:
    [[nodiscard]] QTreeView* tree() const { return view_->findChild<QTreeView*>(); }
    [[nodiscard]] QLineEdit* field() const { return view_->findChild<QLineEdit*>(); }
    [[nodiscard]] QString chosen() const {
        const auto& node = opened_->workspace.selection().current().node;
        return node ? opened_->workspace.path_of(*node) : QString();
    }
    [[nodiscard]] QString labels() const {
        QStringList texts;
        for (const QLabel* label : view_->findChildren<QLabel*>()) {
            if (label->isVisible())
                texts += label->toolTip().isEmpty() ? label->text() : label->toolTip();
        }
        return texts.join(u'\n');
    }

    std::unique_ptr<OpenedWorkspace> opened_;
    std::unique_ptr<ImageTreeView> view_;
};

void TestImageTreeView::init() {
    view_.reset();
    opened_ = std::make_unique<OpenedWorkspace>();
    view_ = std::make_unique<ImageTreeView>(opened_->workspace);
    view_->resize(420, 600);
    view_->show();
    QVERIFY(QTest::qWaitForWindowExposed(view_.get()));
    if (qstrcmp(QTest::currentTestFunction(), "nothing_is_open") != 0)
        QVERIFY(opened_->open());
}

void TestImageTreeView::order_of_the_tree() {
    const erofs::Index& index = opened_->workspace.image()->index;
    std::vector<erofs::NodeId> forwards;
    erofs::NodeId node = erofs::root_node;
    do {
        forwards.push_back(node);
        node = next_in_tree(index, node);
    } while (node != erofs::root_node);
    QCOMPARE(forwards.size(), index.size());
    std::vector<erofs::NodeId> backwards;
    do {
        node = previous_in_tree(index, node);
        backwards.push_back(node);
    } while (node != erofs::root_node);
    std::ranges::reverse(backwards);
    QCOMPARE(backwards, forwards);
    const auto at = [&](const char* path) {
        return std::ranges::find(forwards, opened_->node(path)) - forwards.begin();
    };
    QVERIFY(at("/usr") < at("/usr/bin") && at("/usr/bin") < at("/usr/bin/cat"));
    QVERIFY(at("/usr/bin/cat") < at("/usr/lib"));
}

void TestImageTreeView::facts() {
    const QString text = labels();
    for (const char* part :
         {"small.erofs", "blocks of 4", "306 files", "blob 1: layer.blob", "chunked_file"})
        QVERIFY2(text.contains(part), qPrintable(text + "\nlacks " + part));
    QVERIFY(!text.contains("✕"));
    QVERIFY(!text.contains("local"));
    QVERIFY(opened_->start());
    QTRY_VERIFY(labels().contains("local"));
}

void TestImageTreeView::a_blob_that_is_missing() {
    QVERIFY(QFile::remove(opened_->blob()));
    BuiltImage lonely = small_image();
    lonely.blobs.clear();
    QVERIFY(opened_->open(lonely));
    QVERIFY2(labels().contains("✕ blob 1: layer.blob"), qPrintable(labels()));
}

void TestImageTreeView::search() {
    view_->find_file();
    QTest::keyClicks(field(), "LIB");
    QTRY_COMPARE(chosen(), "/usr/lib"); // by itself, when typing rests
    QTest::keyClick(field(), Qt::Key_Return);
    QCOMPARE(chosen(), "/usr/lib/libone.so");
    QVERIFY(tree()->isExpanded(tree()->currentIndex().parent()));
    QTest::keyClick(field(), Qt::Key_Return);
    QCOMPARE(chosen(), "/usr/lib/libtwo.so");
    QTest::keyClick(field(), Qt::Key_Return, Qt::ShiftModifier);
    QCOMPARE(chosen(), "/usr/lib/libone.so");
    field()->clear();
    QTest::keyClicks(field(), "bin/ca");
    QTest::keyClick(field(), Qt::Key_Return);
    QCOMPARE(chosen(), "/usr/bin/cat");
    QTest::keyClick(field(), Qt::Key_Return); // the only one
    QCOMPARE(chosen(), "/usr/bin/cat");
    field()->clear();
    QTest::keyClicks(field(), "nothing like it");
    QTest::keyClick(field(), Qt::Key_Return);
    QVERIFY(labels().contains("no such file"));
    QCOMPARE(chosen(), "/usr/bin/cat");
}

void TestImageTreeView::the_selection_goes_both_ways() {
    Selection& selection = opened_->workspace.selection();
    QSignalSpy changed(&selection, &Selection::changed);
    opened_->workspace.choose_node(opened_->node("/many/file299"));
    QCOMPARE(changed.count(), 1);
    QCOMPARE(tree()->currentIndex().data().toString(), "file299");
    QVERIFY(tree()->visualRect(tree()->currentIndex()).intersects(tree()->viewport()->rect()));
    tree()->setFocus();
    QTest::keyClick(tree(), Qt::Key_Up);
    QCOMPARE(changed.count(), 2);
    QCOMPARE(selection.current().by, Chosen::By::node);
    QVERIFY(chosen() != "/many/file299");
    selection.back();
    QCOMPARE(tree()->currentIndex().data().toString(), "file299");
    selection.clear();
    QVERIFY(!tree()->currentIndex().isValid());
    view_->hide();
    opened_->workspace.choose_node(opened_->node("/etc/conf"));
    view_->show();
    QCOMPARE(tree()->currentIndex().data().toString(), "conf");
}

void TestImageTreeView::a_file_is_read_by_hand() {
    opened_->workspace.choose_node(opened_->node("/usr/bin/cat"));
    tree()->setFocus();
    QTest::keyClick(tree(), Qt::Key_Return); // no run: nothing happens
    QVERIFY(opened_->start());
    opened_->workspace.choose_node(opened_->node("/usr/bin/cat"));
    const Residency& residency = opened_->workspace.residency();
    QTest::keyClick(tree(), Qt::Key_Return);
    QTRY_COMPARE(residency.local_of(opened_->node("/usr/bin/cat")), std::uint64_t{64 << 10});
    // On a folder it unfolds.
    const auto folder = opened_->node("/many");
    opened_->workspace.choose_node(folder);
    const QModelIndex index = tree()->currentIndex();
    QVERIFY(!tree()->isExpanded(index));
    QTest::keyClick(tree(), Qt::Key_Return);
    QVERIFY(tree()->isExpanded(index));
    QVERIFY(opened_->failures.isEmpty());
}

void TestImageTreeView::copy_path() {
    opened_->workspace.choose_node(opened_->node("/usr/lib/libtwo.so"));
    tree()->setFocus();
    QTest::keyClick(tree(), Qt::Key_C, Qt::ControlModifier);
    QCOMPARE(QGuiApplication::clipboard()->text(), "/usr/lib/libtwo.so");
}

void TestImageTreeView::nothing_is_open() {
    QVERIFY(labels().contains("Open an image"));
    QVERIFY(!field()->isVisible());
    QVERIFY(opened_->open());
    QVERIFY(field()->isVisible());
    QVERIFY(!labels().contains("Open an image"));
}

QTEST_MAIN(TestImageTreeView)
#include "test_image_tree_view.moc"
