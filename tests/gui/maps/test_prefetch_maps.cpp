// Prefetching and amplification driven from the window's menus, and what maps, table and figures
// show of them, over a simulated run.
#include "app/charts/run_figures.h"
#include "app/maps/blob_map.h"
#include "app/maps/chunk_columns.h"
#include "app/models/request_model.h"
#include "app/run/launcher.h"
#include "app/steer/steering.h"
#include "app/style/look.h"
#include "app/style/text.h"
#include "app/views/window_actions.h"
#include "tests/gui/maps/simulated_world.h"

#include <QAbstractItemModelTester>
#include <QAction>
#include <QMainWindow>
#include <QMenu>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestPrefetchMaps final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void a_file_by_its_menu();
    void a_range_by_the_maps_menu();
    void a_folder();
    void everything_by_the_run_menu();
    void amplified_misses();
    void requests_are_readers_alone();

private:
    [[nodiscard]] Cell cell_at(const char* path, std::uint64_t blocks = 0) {
        map_->grid().refresh_now();
        const DeviceRange place = SimulatedWorld::place(*workspace_, path);
        return map_->grid().cell(
            map_->grid().space().cell_of(place.range.begin + blocks * SimulatedWorld::block));
    }
    [[nodiscard]] bool is_whole(const char* path) const {
        const erofs::NodeId node = SimulatedWorld::node(*workspace_, path);
        return workspace_->residency().local_of(node) == workspace_->residency().stored_of(node);
    }
    // By the beginning of its text, in this menu or in those below it.
    static bool trigger(const QMenu& menu, const QString& text) {
        for (QAction* action : menu.actions()) {
            if (action->text().startsWith(text)) {
                action->trigger();
                return action->isEnabled();
            }
            if (action->menu() != nullptr && trigger(*action->menu(), text))
                return true;
        }
        return false;
    }
    [[nodiscard]] Target target(const char* path) const {
        Target result;
        result.node = SimulatedWorld::node(*workspace_, path);
        return result;
    }

    std::unique_ptr<SimulatedWorld> world_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<BlobMap> map_;
};

void TestPrefetchMaps::init() {
    world_ = std::make_unique<SimulatedWorld>();
    workspace_ = std::make_unique<Workspace>();
    map_ = std::make_unique<BlobMap>(*workspace_);
    QVERIFY(world_->open(*workspace_));
    QVERIFY(world_->start(*workspace_));
    map_->resize(700, 400);
    map_->show();
    QVERIFY(QTest::qWaitForWindowExposed(map_.get()));
}

void TestPrefetchMaps::cleanup() {
    map_.reset();
    SimulatedWorld::stop(*workspace_);
    workspace_.reset();
    world_.reset();
}

void TestPrefetchMaps::a_file_by_its_menu() {
    QCOMPARE(cell_at("/bin/cold").mark, Mark::cold);
    QMenu menu;
    add_steering(menu, *workspace_, target("/bin/cold"));
    QVERIFY(trigger(menu, "Prefetch cold"));
    QTRY_VERIFY(is_whole("/bin/cold"));
    QCOMPARE(cell_at("/bin/cold").mark, Mark::unused);
    QCOMPARE(cell_at("/bin/local").mark, Mark::cold);
    const auto at =
        map_->grid().space().cell_of(SimulatedWorld::place(*workspace_, "/bin/cold").range.begin);
    QVERIFY(map_->grid().describe(at).contains(size_text(SimulatedWorld::block) + " prefetched, " +
                                               size_text(SimulatedWorld::block) +
                                               " never asked for"));
    const DeviceRange place = SimulatedWorld::place(*workspace_, "/bin/cold");
    QVERIFY(workspace_->residency().origins(1).by(Origin::prefetch).contains(place.range));
    // Asked for, it has been of use.
    QVERIFY(SimulatedWorld::read(*workspace_, "/bin/cold", RequestState::refault));
    QTRY_COMPARE(cell_at("/bin/cold").mark, Mark::prefetch);
    QTRY_COMPARE(cell_at("/bin/cold", 23).mark, Mark::prefetch); // the last block
    QVERIFY(!map_->grid().describe(at).contains("never asked for"));
    // A file's strip shows the same.
    const auto extents = workspace_->extents_of(SimulatedWorld::node(*workspace_, "/bin/cold"));
    Touches touches;
    touches.reset(*workspace_);
    const auto& used = workspace_->image()->used[1];
    StripInput input{
        1, device_state(*workspace_, touches, used, {1, {0, workspace_->image()->device_size(1)}})};
    std::vector<Column> columns;
    find_columns(extents, input, {0, 24.0 * SimulatedWorld::block, 24}, columns);
    for (const Column& column : columns)
        QCOMPARE(column.mark, Mark::prefetch);
}

void TestPrefetchMaps::a_range_by_the_maps_menu() {
    BlobGrid& grid = map_->grid();
    grid.refresh_now();
    const DeviceRange place = SimulatedWorld::place(*workspace_, "/bin/cold");
    const QPoint at = grid.rect_of(grid.space().cell_of(place.range.begin)).center().toPoint();
    QContextMenuEvent event(QContextMenuEvent::Mouse, at, grid.viewport()->mapToGlobal(at));
    QApplication::sendEvent(grid.viewport(), &event);
    auto* menu = grid.findChild<QMenu*>();
    QVERIFY(menu != nullptr);
    QVERIFY(trigger(*menu, "Prefetch this range"));
    QTRY_COMPARE(cell_at("/bin/cold").mark, Mark::unused);
    QCOMPARE(cell_at("/bin/cold", 1).mark, Mark::cold);
}

void TestPrefetchMaps::a_folder() {
    QMenu menu;
    add_prefetch(menu, *workspace_, target("/bin"));
    QVERIFY(trigger(menu, "Prefetch all in /bin"));
    for (const char* file : {"/bin/local", "/bin/held", "/bin/failed", "/bin/cold"})
        QTRY_VERIFY(is_whole(file));
    QVERIFY(!is_whole("/share/long.txt"));
}

void TestPrefetchMaps::everything_by_the_run_menu() {
    QMainWindow window;
    Launcher launcher(*workspace_);
    const WindowActions actions(*workspace_, launcher, window);
    QVERIFY(actions.prefetch_all->isEnabled());
    QSignalSpy noticed(&workspace_->host(), &RunHost::noticed);
    actions.prefetch_all->trigger();
    QTRY_COMPARE(workspace_->residency().total_local(), workspace_->residency().total_stored());
    QTRY_VERIFY(!noticed.isEmpty());
    QCOMPARE(noticed.last()[0].value<Notice>(), Notice::prefetch_done);
    actions.prefetch_stop->trigger(); // nothing is left to stop
    QVERIFY(workspace_->host().live());
}

void TestPrefetchMaps::amplified_misses() {
    QMainWindow window;
    Launcher launcher(*workspace_);
    const WindowActions actions(*workspace_, launcher, window);
    QVERIFY(actions.amplify_menu->isEnabled());
    QVERIFY(trigger(*actions.amplify_menu, size_text(128 << 10)));
    QVERIFY(SimulatedWorld::read(*workspace_, "/bin/local", RequestState::answered));
    // The whole block that the file begins in came, with bytes that nobody has read.
    const std::uint64_t size = 128 << 10;
    const std::uint64_t begin =
        SimulatedWorld::place(*workspace_, "/bin/local").range.begin / size * size;
    QTRY_VERIFY(workspace_->residency().local(1).contains({begin, begin + size}));
    QCOMPARE(cell_at("/bin/local").mark, Mark::local);
    const Range unused = workspace_->residency().origins(1).unused().all().front();
    const auto cell = map_->grid().space().cell_of(unused.begin);
    QCOMPARE(map_->grid().cell(cell).mark, Mark::unused);
    QVERIFY(map_->grid().describe(cell).contains("amplified"));
    // Read, it is of use.
    const auto files = workspace_->files_at({1, map_->grid().space().range(cell)}, 1);
    QVERIFY(!files.nodes.empty());
    QVERIFY(SimulatedWorld::read(*workspace_,
                                 workspace_->path_of(files.nodes.front()).toUtf8().constData(),
                                 RequestState::refault));
    QTRY_COMPARE(map_->grid().cell(cell).mark, Mark::amplified);
    QVERIFY(trigger(*actions.amplify_menu, "&Off"));
    QVERIFY(workspace_->host().command("prefetch stop"));
}

// Counts, filters and latencies are of readers' requests; figures know the others apart.
void TestPrefetchMaps::requests_are_readers_alone() {
    RequestModel model(*workspace_);
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    QTRY_VERIFY(workspace_->host().store().open_rows().empty());
    const std::uint64_t before = workspace_->host().store().summary().requests;
    QVERIFY(workspace_->host().command("hold all"));
    QVERIFY(workspace_->host().command("prefetch object=1"));
    QTRY_COMPARE(workspace_->residency().local(1).total(), workspace_->image()->device_size(1));
    QTRY_VERIFY(workspace_->host().store().open_rows().empty());
    const EventStore& store = workspace_->host().store();
    const Summary summary = store.summary();
    QCOMPARE(summary.requests, before);
    QCOMPARE(summary.held, std::uint64_t{0});
    QVERIFY(summary.prefetches > 0);
    QCOMPARE(summary.bytes_prefetched, workspace_->image()->device_size(1));
    QVERIFY(workspace_->host().waiting().empty());
    Row last = store.size() - 1;
    QCOMPARE(store.state(last), RequestState::prefetched);
    QCOMPARE(mark_of(store.state(last)), Mark::prefetch);
    QCOMPARE(look(Mark::prefetch, Theme::light).pattern, Pattern::half);
    RunFigures figures;
    figures.update(workspace_->host().store());
    QCOMPARE(figures.ended(), before);
    QCOMPARE(figures.bytes_prefetched(), summary.bytes_prefetched);
    QCOMPARE(figures.bytes_missed() + figures.bytes_prefetched(), figures.bytes_fetched());
}

QTEST_MAIN(TestPrefetchMaps)
#include "test_prefetch_maps.moc"
