// The blob map over a simulated run: colours, places, keys, choice. Run at several scales.
#include "app/maps/blob_map.h"
#include "app/maps/chunk_map.h"
#include "app/style/look.h"
#include "tests/gui/maps/simulated_world.h"

#include <QComboBox>
#include <QMenu>
#include <cmath>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestBlobMap final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void says_what_to_do_without_an_image();
    void colours_tell_states();
    void a_cell_of_many_blocks_shows_the_worst();
    void places_are_exact();
    void keys_move_choose_and_zoom();
    void the_wheel_keeps_what_is_under_the_pointer();
    void choice_goes_both_ways();
    void overlays_show_heat();
    void menu_offers_rules_for_the_range();

private:
    [[nodiscard]] QColor corner(std::uint64_t cell) const {
        const QPixmap shot = map_->grid().viewport()->grab();
        const double ratio = shot.devicePixelRatio();
        // Inside the cell, away from glyphs and the bar at its foot. Callers keep away from cell 0,
        // where the cursor is.
        const QPointF at = map_->grid().rect_of(cell).topLeft() * ratio;
        const int inset = std::max(1, static_cast<int>(ratio));
        return shot.toImage().pixelColor(static_cast<int>(std::lround(at.x())) + inset,
                                         static_cast<int>(std::lround(at.y())) + inset);
    }
    [[nodiscard]] std::uint64_t cell_of(const char* path) const {
        return map_->grid().space().cell_of(SimulatedWorld::place(*workspace_, path).range.begin);
    }
    void open_and_run() {
        QVERIFY(world_->open(*workspace_));
        QVERIFY(world_->start(*workspace_));
        map_->resize(700, 400);
        map_->show();
        QVERIFY(QTest::qWaitForWindowExposed(map_.get()));
        map_->grid().refresh_now();
    }
    void make_states() {
        QVERIFY(workspace_->host().command("hold file=/bin/held"));
        QVERIFY(workspace_->host().command("fail EIO file=/bin/failed"));
        QVERIFY(SimulatedWorld::read(*workspace_, "/bin/local", RequestState::answered));
        QVERIFY(SimulatedWorld::read(*workspace_, "/bin/failed", RequestState::failed));
        QVERIFY(SimulatedWorld::read(*workspace_, "/bin/held", RequestState::held));
        QTRY_COMPARE(
            workspace_->residency().local_of(SimulatedWorld::node(*workspace_, "/bin/local")),
            8 * SimulatedWorld::block);
        map_->grid().refresh_now();
    }

    std::unique_ptr<SimulatedWorld> world_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<BlobMap> map_;
};

void TestBlobMap::init() {
    world_ = std::make_unique<SimulatedWorld>();
    workspace_ = std::make_unique<Workspace>();
    map_ = std::make_unique<BlobMap>(*workspace_);
}

void TestBlobMap::cleanup() {
    map_.reset();
    SimulatedWorld::stop(*workspace_);
    workspace_.reset();
    world_.reset();
}

void TestBlobMap::says_what_to_do_without_an_image() {
    map_->show();
    QVERIFY(QTest::qWaitForWindowExposed(map_.get()));
    QCOMPARE(map_->grid().space().count(), std::uint64_t{0});
    QVERIFY(!map_->findChild<QComboBox*>()->isEnabled());
    QTest::keyClick(&map_->grid(), Qt::Key_Return); // nothing to choose, nothing happens
    QCOMPARE(workspace_->selection().current().by, Chosen::By::nothing);
}

void TestBlobMap::colours_tell_states() {
    open_and_run();
    make_states();
    const Theme theme = theme_of(map_->palette());
    QCOMPARE(map_->grid().device(), std::uint16_t{1});
    QCOMPARE(map_->grid().space().cell_bytes, SimulatedWorld::block);
    QCOMPARE(corner(2 + cell_of("/bin/local")), look(Mark::local, theme).fill);
    QCOMPARE(corner(2 + cell_of("/bin/cold")), look(Mark::cold, theme).fill);
    QCOMPARE(corner(2 + cell_of("/bin/failed")), look(Mark::failed, theme).fill);
    QCOMPARE(map_->grid().cell(2 + cell_of("/bin/held")).mark, Mark::held);
    const QColor held = corner(2 + cell_of("/bin/held")); // hatched: between fill and outline
    QVERIFY(std::abs(held.hue() - look(Mark::held, theme).fill.hue()) < 15);
    QVERIFY(held != look(Mark::failed, theme).fill);
    const std::uint64_t unused = map_->grid().space().cell_of(world_->files_end() + 4096);
    QCOMPARE(map_->grid().cell(unused).mark, Mark::hole);

    // Released: it becomes local, and the map follows by itself.
    workspace_->host().release_all();
    const auto held_node = SimulatedWorld::node(*workspace_, "/bin/held");
    QTRY_COMPARE(workspace_->residency().local_of(held_node), 8 * SimulatedWorld::block);
    QTRY_COMPARE(corner(2 + cell_of("/bin/held")), look(Mark::local, theme).fill);
}

void TestBlobMap::a_cell_of_many_blocks_shows_the_worst() {
    open_and_run();
    make_states();
    BlobGrid grid(*workspace_, nullptr);
    grid.resize(130, 90); // too small for a cell for each block
    grid.show();
    QVERIFY(QTest::qWaitForWindowExposed(&grid));
    grid.refresh_now();
    QVERIFY(grid.zoom() > 0);
    const std::uint64_t bytes = grid.space().cell_bytes;
    QVERIFY(bytes >= 2 * SimulatedWorld::block);
    const std::uint64_t blocks = bytes / SimulatedWorld::block;
    for (std::uint64_t at = 0; at < grid.space().count(); ++at) {
        const Cell cell = grid.cell(at);
        // The worst of the cells of one block that it covers.
        Mark worst = Mark::hole;
        for (std::uint64_t one = at * blocks;
             one < std::min((at + 1) * blocks, map_->grid().space().count()); ++one) {
            const Mark mark = map_->grid().cell(one).mark;
            worst = badness(mark) > badness(worst) ? mark : worst;
        }
        QCOMPARE(cell.mark, worst);
        if (cell.mark == Mark::cold && cell.local != 0)
            QVERIFY(grid.describe(at).contains("local"));
    }
    QCOMPARE(grid.cell(grid.space().cell_of(
                           SimulatedWorld::place(*workspace_, "/bin/held").range.begin + 4096))
                 .mark,
             Mark::held);
}

void TestBlobMap::places_are_exact() {
    open_and_run();
    BlobGrid& grid = map_->grid();
    const double ratio = grid.devicePixelRatioF();
    const std::uint64_t count = grid.space().count();
    QCOMPARE(grid.space().range(count - 1).length(), std::uint64_t{1000}); // cut short
    for (std::uint64_t cell = 0; cell < count; ++cell) {
        const QRectF rect = grid.rect_of(cell);
        QCOMPARE(grid.cell_at(rect.topLeft()), std::optional(cell));
        QCOMPARE(grid.cell_at(rect.bottomRight() - QPointF(1, 1) / ratio), std::optional(cell));
    }
    const QRectF last = grid.rect_of(count - 1);
    QVERIFY(!grid.cell_at(last.topRight() + QPointF(1, 0)).has_value());
    QVERIFY(!grid.cell_at(QPointF(1, 1)).has_value()); // the addresses beside the cells
    const QRectF first = grid.rect_of(0);
    QVERIFY(!grid.cell_at(first.topLeft() - QPointF(1, 0) / ratio).has_value());
    QVERIFY(grid.describe(count - 1).contains("unused"));
    QVERIFY(grid.describe(cell_of("/bin/cold")).contains("/bin/cold"));
}

void TestBlobMap::keys_move_choose_and_zoom() {
    open_and_run();
    BlobGrid& grid = map_->grid();
    QTest::keyClick(&grid, Qt::Key_Home);
    QTest::keyClick(&grid, Qt::Key_Right);
    QTest::keyClick(&grid, Qt::Key_Right);
    QTest::keyClick(&grid, Qt::Key_Left);
    QCOMPARE(grid.cursor(), std::uint64_t{1});
    QTest::keyClick(&grid, Qt::Key_Return);
    QCOMPARE(workspace_->selection().current().range, std::optional(DeviceRange{1, {4096, 8192}}));
    QTest::keyClick(&grid, Qt::Key_Right, Qt::ShiftModifier);
    QTest::keyClick(&grid, Qt::Key_Return);
    QCOMPARE(workspace_->selection().current().range, std::optional(DeviceRange{1, {4096, 12288}}));
    QTest::keyClick(&grid, Qt::Key_End);
    QCOMPARE(grid.cursor(), grid.space().count() - 1);
    QTest::keyClick(&grid, Qt::Key_Right); // stays
    QCOMPARE(grid.cursor(), grid.space().count() - 1);
    const int zoom = grid.zoom();
    QTest::keyClick(&grid, Qt::Key_Plus);
    QCOMPARE(grid.zoom(), zoom - 1);
    QVERIFY(!grid.fits());
    QTest::keyClick(&grid, Qt::Key_0);
    QVERIFY(grid.fits());
    QCOMPARE(grid.zoom(), zoom);
}

void TestBlobMap::the_wheel_keeps_what_is_under_the_pointer() {
    open_and_run();
    BlobGrid& grid = map_->grid();
    map_->resize(400, 200);
    QTRY_VERIFY(grid.zoom() >= 0);
    const std::uint64_t cell = grid.space().count() / 2;
    const QPointF point = grid.rect_of(cell).center();
    const std::uint64_t address = grid.space().range(cell).begin;
    for (int i = 0; i < 3; ++i) {
        grid.set_zoom(grid.zoom() - 1, point);
        const QRectF now = grid.rect_of(grid.space().cell_of(address));
        QVERIFY(now.top() <= point.y() + now.height() && now.bottom() >= point.y() - now.height());
        if (grid.zoom() == BlobGrid::least_zoom)
            break;
    }
}

void TestBlobMap::choice_goes_both_ways() {
    open_and_run();
    ChunkMap chunks(*workspace_);
    chunks.resize(600, 300);
    chunks.show();
    QVERIFY(QTest::qWaitForWindowExposed(&chunks));
    const std::uint64_t cell = cell_of("/bin/cold");
    QTest::mouseClick(map_->grid().viewport(), Qt::LeftButton, {},
                      map_->grid().rect_of(cell).center().toPoint());
    QCOMPARE(workspace_->selection().current().node,
             std::optional(SimulatedWorld::node(*workspace_, "/bin/cold")));
    QTRY_VERIFY(!chunks.strip().empty());
    chunks.refresh_now();
    QCOMPARE(chunks.strip().strips(), std::size_t{1});

    // Another device is chosen elsewhere: the map goes there.
    workspace_->choose_range({0, {0, 4096}});
    QTRY_COMPARE(map_->grid().device(), std::uint16_t{0});
    QCOMPARE(map_->findChildren<QComboBox*>().first()->currentIndex(), 0);
    workspace_->choose_node(SimulatedWorld::node(*workspace_, "/bin/held"));
    QTRY_COMPARE(map_->grid().device(), std::uint16_t{1});
    QTRY_COMPARE(map_->grid().cursor(), cell_of("/bin/held"));
}

void TestBlobMap::overlays_show_heat() {
    open_and_run();
    QVERIFY(SimulatedWorld::read(*workspace_, "/bin/local", RequestState::answered));
    map_->grid().refresh_now();
    QComboBox* overlay = map_->findChildren<QComboBox*>().last();
    const Theme theme = theme_of(map_->palette());
    for (const QString& name : {QStringLiteral("first access order"), QStringLiteral("heat")}) {
        overlay->setCurrentIndex(overlay->findText(name));
        map_->grid().refresh_now();
        QCOMPARE(corner(2 + cell_of("/bin/cold")), look(Mark::cold, theme).fill);
        const QColor touched = corner(2 + cell_of("/bin/local"));
        if (map_->grid().overlay() == Overlay::sharing) { // no other image is compared
            QCOMPARE(touched, look(Mark::cold, theme).fill);
            continue;
        }
        QVERIFY(touched != look(Mark::cold, theme).fill);
        QVERIFY(touched != look(Mark::local, theme).fill);
    }
    QVERIFY(map_->grid().describe(cell_of("/bin/local")).contains("request"));
}

void TestBlobMap::menu_offers_rules_for_the_range() {
    open_and_run();
    BlobGrid& grid = map_->grid();
    const QPoint at = grid.rect_of(cell_of("/bin/cold")).center().toPoint();
    QContextMenuEvent event(QContextMenuEvent::Mouse, at, grid.viewport()->mapToGlobal(at));
    QApplication::sendEvent(grid.viewport(), &event);
    const auto* menu = grid.findChild<QMenu*>();
    QVERIFY(menu != nullptr);
    QStringList texts;
    for (const QAction* action : menu->actions())
        texts.push_back(action->text());
    QVERIFY(texts.join(u'\n').contains("of this range"));
    QVERIFY(texts.join(u'\n').contains("of this file"));
    QVERIFY(texts.contains("Copy the address range"));
}

QTEST_MAIN(TestBlobMap)
#include "test_blob_map.moc"
