// The Sharing dock without any mount: what it says, what a click in a strip finds, and what is
// chosen elsewhere with it.
#include "app/maps/blob_map.h"
#include "app/maps/chunk_map.h"
#include "app/sharing/images_model.h"
#include "app/sharing/usage_chart.h"
#include "app/style/look.h"
#include "app/style/text.h"
#include "tests/gui/sharing/shown_sharing.h"
#include "tests/models/pool_gate.h"

#include <QClipboard>
#include <QComboBox>
#include <QDragEnterEvent>
#include <QGuiApplication>
#include <QLineEdit>
#include <QMimeData>
#include <QProgressBar>
#include <QSlider>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestSharingView : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void says_what_to_do();
    void local_files_are_dropped();
    void what_is_no_image_is_said();
    void a_click_finds_the_other_image_s_file();
    void keys_go_through_pieces();
    void follows_what_is_chosen_elsewhere();
    void filters();
    void reading_is_given_up_data();
    void reading_is_given_up();
    void bytes_are_compared();
    void goes_with_the_image();
    void unknown_without_a_mount();
    void usage_as_table_chart_and_csv();
    void maps_take_the_marks();
    void draws_in_both_themes();

private:
    std::unique_ptr<ShownSharing> it_;
};

void TestSharingView::init() {
    it_ = std::make_unique<ShownSharing>();
    QVERIFY(QTest::qWaitForWindowActive(&it_->view));
    QVERIFY(it_->tree != nullptr && it_->holders != nullptr);
}

void TestSharingView::cleanup() {
    it_.reset();
}

void TestSharingView::says_what_to_do() {
    QVERIFY2(it_->empty_text().contains("Open an image"), qPrintable(it_->empty_text()));
    it_->button(QStringLiteral("Images"))->click(); // of which there are none
    QVERIFY(it_->tree->isVisible());
    QVERIFY(it_->pair.write());
    QVERIFY(it_->pair.open(it_->workspace.workspace));
    QVERIFY2(it_->empty_text().contains("Add another image"), qPrintable(it_->empty_text()));
    QSignalSpy wanted(&it_->view, &SharingView::image_wanted);
    QTest::mouseClick(it_->button(QStringLiteral("Add image")), Qt::LeftButton);
    QCOMPARE(wanted.count(), 1);
    QVERIFY(it_->add(it_->pair.path(true)));
    QCOMPARE(it_->empty_text(), QString());
    QVERIFY(it_->add(it_->pair.path(true))); // is there already
    QCOMPARE(it_->view.state().set().entries().size(), std::size_t{2});
}

void TestSharingView::local_files_are_dropped() {
    QVERIFY(it_->pair.write());
    QVERIFY(it_->pair.open(it_->workspace.workspace));
    QSignalSpy dropped(&it_->view, &SharingView::image_dropped);
    QMimeData data;
    data.setUrls(
        {QUrl::fromLocalFile(it_->pair.path(true)), QUrl(QStringLiteral("far:///second.erofs"))});
    QDragEnterEvent over({10, 10}, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(&it_->view, &over);
    QDropEvent event({10, 10}, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(&it_->view, &event);
    QCOMPARE(dropped.count(), 1);
    QCOMPARE(dropped[0][0].toString(), it_->pair.path(true));
}

void TestSharingView::what_is_no_image_is_said() {
    QVERIFY(it_->pair.write());
    QVERIFY(it_->pair.open(it_->workspace.workspace));
    QVERIFY(it_->add(it_->pair.folder() + "/layer.blob"));
    QVERIFY2(it_->empty_text().contains("could not be read") &&
                 it_->empty_text().contains("layer.blob"),
             qPrintable(it_->empty_text()));
    QVERIFY(it_->add(it_->pair.path(true))); // the others go on without it
    QCOMPARE(it_->empty_text(), QString());
    QCOMPARE(it_->model().images(), 2);
    it_->view.state().set().remove(1);
    QVERIFY(it_->settled());
    QCOMPARE(it_->view.state().set().entries().size(), std::size_t{2});
    QCOMPARE(it_->model().images(), 2);
}

void TestSharingView::a_click_finds_the_other_image_s_file() {
    QVERIFY(it_->open());
    const Selection& selection = it_->workspace.workspace.selection();
    it_->click("/both/two", 0, 0.5);
    QVERIFY(it_->view.chosen().has_value());
    QCOMPARE(it_->view.chosen()->node, it_->node("/both/two"));
    QCOMPARE(it_->holders->model()->rowCount(), 1);
    QCOMPARE(it_->holder(0, HoldersModel::path), "/moved");
    QCOMPARE(it_->holder(0, HoldersModel::image), "second.erofs");
    QVERIFY(it_->says("shareable by blob"));
    // All views follow, with the file and its place on the blob.
    QCOMPARE(selection.current().node, std::optional(it_->node("/both/two")));
    QVERIFY(selection.current().range.has_value());
    QCOMPARE(selection.current().range->device, std::uint16_t{1});
    QCOMPARE(selection.current().range->range.length(), std::uint64_t{128 << 10});
    // And back, by the list.
    const QRect line = it_->holders->visualRect(it_->holders->model()->index(0, 1));
    QTest::mouseClick(it_->holders->viewport(), Qt::LeftButton, {}, line.center());
    QCOMPARE(it_->view.chosen()->image, std::size_t{1});
    QCOMPARE(it_->view.chosen()->node, it_->node("/moved", 1));
    QCOMPARE(it_->tree->currentIndex().siblingAtColumn(0).data().toString(), "moved");
    QCOMPARE(it_->holder(0, HoldersModel::path), "/both/two");
    // The open image has no such file: what is chosen there stays.
    QCOMPARE(selection.current().node, std::optional(it_->node("/both/two")));
}

void TestSharingView::keys_go_through_pieces() {
    QVERIFY(it_->open());
    it_->tree->setCurrentIndex(it_->cell("/both/one", 0));
    it_->tree->setFocus();
    QTest::keyClick(it_->tree, Qt::Key_Right);
    QVERIFY(it_->view.chosen().has_value());
    QCOMPARE(it_->view.chosen()->image, std::size_t{0});
    QTest::keyClick(it_->tree, Qt::Key_Right); // has one piece: on to the other image
    QCOMPARE(it_->view.chosen()->image, std::size_t{1});
    QCOMPARE(it_->view.chosen()->node, it_->node("/both/one", 1));
    QTest::keyClick(it_->tree, Qt::Key_Left);
    QCOMPARE(it_->view.chosen()->image, std::size_t{0});
    QTest::keyClick(it_->tree, Qt::Key_C, Qt::ControlModifier);
    QCOMPARE(QGuiApplication::clipboard()->text(), "/both/one");
}

void TestSharingView::follows_what_is_chosen_elsewhere() {
    QVERIFY(it_->open());
    it_->workspace.workspace.choose_node(it_->node("/both/tail"));
    QCOMPARE(it_->tree->currentIndex().siblingAtColumn(0).data().toString(), "tail");
    QVERIFY(it_->tree->isExpanded(it_->tree->currentIndex().parent()));
}

void TestSharingView::filters() {
    QVERIFY(it_->open());
    auto* part = it_->view.findChild<QLineEdit*>();
    QTest::keyClicks(part, "two");
    QTest::keyClick(part, Qt::Key_Return);
    QVERIFY(it_->settled());
    QCOMPARE(it_->tree->model()->rowCount(), 1);
    QVERIFY(it_->tree->isExpanded(it_->tree->model()->index(0, 0)));
    QTest::keyClicks(part, "nothing");
    QTest::keyClick(part, Qt::Key_Return);
    QVERIFY(it_->settled());
    QVERIFY2(it_->empty_text().contains("filter"), qPrintable(it_->empty_text()));
}

// Whatever is changed then, it goes on.
void TestSharingView::reading_is_given_up_data() {
    QTest::addColumn<bool>("options");
    QTest::newRow("the image again") << false;
    QTest::newRow("options") << true;
}

void TestSharingView::reading_is_given_up() {
    QVERIFY(it_->pair.write());
    QVERIFY(it_->pair.open(it_->workspace.workspace));
    PoolGate gate;
    gate.close();
    it_->view.add_image(it_->pair.path(true));
    QVERIFY(it_->view.findChild<QProgressBar*>()->isVisible());
    QVERIFY(it_->empty_text().contains("Reading"));
    QTest::mouseClick(it_->button(QStringLiteral("Cancel")), Qt::LeftButton);
    QVERIFY(!it_->view.findChild<QProgressBar*>()->isVisible());
    gate.open();
    work_pool().waitForDone();
    QCoreApplication::processEvents(); // what it had found by then is not wanted any more
    QVERIFY(it_->view.state().predicted() == nullptr);
    QVERIFY2(it_->empty_text().contains("Given up"), qPrintable(it_->empty_text()));
    QFETCH(bool, options);
    if (options)
        it_->view.state().set().set_mounted(1, {});
    else
        it_->view.add_image(it_->pair.path(true));
    QTRY_VERIFY(it_->view.state().predicted() != nullptr);
}

void TestSharingView::bytes_are_compared() {
    QVERIFY(it_->open());
    QTest::mouseClick(it_->button(QStringLiteral("Images")), Qt::LeftButton);
    auto* mounted = it_->button(QStringLiteral("Mounted at"));
    QVERIFY(!mounted->isEnabled()); // of no image
    auto* scan = it_->button(QStringLiteral("Compare bytes"));
    QVERIFY(scan->isEnabled());
    const auto not_scanned = [&] {
        const auto totals = it_->view.state().predicted()->prediction.totals(0);
        return totals.by_reason[static_cast<std::size_t>(sharing::Reason::not_scanned)];
    };
    QVERIFY(not_scanned() != 0);
    QTest::mouseClick(scan, Qt::LeftButton);
    QVERIFY(it_->settled());
    QVERIFY(it_->view.state().predicted()->scanned);
    QCOMPARE(not_scanned(), std::uint64_t{0});
    QVERIFY(!scan->isEnabled());
}

void TestSharingView::goes_with_the_image() {
    QVERIFY(it_->open());
    it_->click("/both/two", 0, 0.5);
    QVERIFY(it_->workspace.open());
    QVERIFY(it_->settled());
    QCOMPARE(it_->model().images(), 0);
    QVERIFY(!it_->view.chosen());
    QVERIFY(it_->empty_text().contains("Add another image"));
}

void TestSharingView::unknown_without_a_mount() {
    QVERIFY(it_->open());
    QVERIFY(it_->says("what is in memory is unknown"));
    QVERIFY(!it_->button(QStringLiteral("Look now"))->isEnabled());
    QVERIFY(!it_->view.findChild<QSlider*>()->isVisible());
    it_->click("/both/one", 0, 0.5);
    QVERIFY(it_->says("unknown whether in memory"));
}

void TestSharingView::usage_as_table_chart_and_csv() {
    QVERIFY(it_->open());
    QTest::mouseClick(it_->button(QStringLiteral("Memory use")), Qt::LeftButton);
    auto* chart = it_->view.findChild<UsageChart*>();
    QVERIFY(chart->isVisible());
    QTest::mouseClick(it_->button(QStringLiteral("Copy CSV")), Qt::LeftButton);
    const QString csv = QGuiApplication::clipboard()->text();
    QVERIFY2(csv.startsWith("image,files,off_bytes,") && csv.contains("\nsecond.erofs,"),
             qPrintable(csv));
    QCOMPARE(csv, chart->table());
    QVERIFY2(chart->figures_line().contains("without sharing"), qPrintable(chart->figures_line()));
}

void TestSharingView::maps_take_the_marks() {
    BlobMap blob(it_->workspace.workspace);
    blob.resize(700, 300);
    blob.show();
    ChunkMap chunks(it_->workspace.workspace);
    chunks.resize(700, 300);
    chunks.show();
    QVERIFY(it_->open());
    blob.grid().set_device(1);
    blob.grid().set_overlay(Overlay::sharing);
    it_->workspace.workspace.choose_node(it_->node("/both/two"));
    blob.grid().refresh_now();
    chunks.refresh_now();
    const auto pixels = [](const QImage& picture, Mark mark) {
        const QColor wanted = look(mark, Theme::light).fill;
        int count = 0;
        for (int y = 0; y < picture.height(); ++y) {
            for (int x = 0; x < picture.width(); ++x)
                count += picture.pixelColor(x, y) == wanted ? 1 : 0;
        }
        return count;
    };
    const SharedCell cell = blob.grid().shared_cell(0);
    QVERIFY(cell.any && cell.mark == sharing::Mark::by_blob && !cell.resident);
    QVERIFY(pixels(blob.grid().picture(), Mark::by_blob) > 500);
    QCOMPARE(pixels(chunks.strip().picture(), Mark::by_blob), 0);
    for (auto* box : chunks.findChildren<QComboBox*>())
        box->setCurrentIndex(1);
    chunks.refresh_now();
    QVERIFY(pixels(chunks.strip().picture(), Mark::by_blob) > 500);
}

void TestSharingView::draws_in_both_themes() {
    QVERIFY(it_->open());
    it_->tree->expandAll();
    const auto pixels = [&](const QColor& wanted) {
        const QImage picture = it_->tree->grab().toImage();
        int count = 0;
        for (int y = 0; y < picture.height(); ++y) {
            for (int x = 0; x < picture.width(); ++x)
                count += picture.pixelColor(x, y) == wanted ? 1 : 0;
        }
        return count;
    };
    QVERIFY(pixels(look(Mark::by_blob, Theme::light).fill) > 500);
    QPalette dark = it_->view.palette();
    dark.setColor(QPalette::Base, Qt::black);
    dark.setColor(QPalette::Window, QColor(40, 40, 40));
    dark.setColor(QPalette::Text, Qt::white);
    dark.setColor(QPalette::WindowText, Qt::white);
    it_->view.setPalette(dark);
    QVERIFY(pixels(look(Mark::by_blob, Theme::dark).fill) > 500);
}

QTEST_MAIN(TestSharingView)
#include "test_sharing_view.moc"
