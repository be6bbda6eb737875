// The chunk map over a simulated run: what it says, strips and columns, places, keys, requests.
#include "app/maps/chunk_map.h"
#include "app/style/look.h"
#include "tests/gui/maps/simulated_world.h"

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestChunkMap final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void says_why_there_is_nothing();
    void holes_and_states_to_scale();
    void chunk_borders_are_exact();
    void keys_move_zoom_and_choose();
    void requests_show_under_the_strip();
    void a_shared_chunk_keeps_the_file();

private:
    void show(const char* path) {
        workspace_->choose_node(SimulatedWorld::node(*workspace_, path));
        map_->refresh_now();
    }

    std::unique_ptr<SimulatedWorld> world_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<ChunkMap> map_;
};

void TestChunkMap::init() {
    world_ = std::make_unique<SimulatedWorld>();
    workspace_ = std::make_unique<Workspace>();
    map_ = std::make_unique<ChunkMap>(*workspace_);
    QVERIFY(world_->open(*workspace_));
    map_->resize(656, 300);
    map_->show();
    QVERIFY(QTest::qWaitForWindowExposed(map_.get()));
}

void TestChunkMap::cleanup() {
    map_.reset();
    SimulatedWorld::stop(*workspace_);
    workspace_.reset();
    world_.reset();
}

void TestChunkMap::says_why_there_is_nothing() {
    map_->refresh_now();
    QVERIFY(map_->strip().sentence().contains("Choose a file"));
    show("/bin");
    QVERIFY(map_->strip().sentence().contains("directory"));
    show("/etc/link");
    QVERIFY(map_->strip().sentence().contains("symbolic link"));
    show("/etc/empty");
    QVERIFY(map_->strip().sentence().contains("no bytes are stored"));
    show("/bin/cold");
    QVERIFY(map_->strip().sentence().isEmpty());
    QCOMPARE(map_->strip().strips(), std::size_t{1});
    show("/etc/inline");
    QCOMPARE(map_->strip().strips(), std::size_t{1});
    QVERIFY(map_->strip().describe(0).contains("inline tail"));
}

void TestChunkMap::holes_and_states_to_scale() {
    QVERIFY(world_->start(*workspace_));
    show("/share/sparse"); // 16 blocks, the second quarter of them a hole
    const auto column = [&](double share) {
        const auto& columns = map_->strip().columns(0);
        return columns[static_cast<std::size_t>(share * static_cast<double>(columns.size()))];
    };
    QCOMPARE(column(0.1).mark, Mark::cold);
    QCOMPARE(column(0.3).mark, Mark::hole);
    QCOMPARE(column(0.6).mark, Mark::cold);
    QVERIFY(map_->strip().describe(5 * 4096).contains("hole"));

    QVERIFY(workspace_->host().command("hold next file=/share/sparse"));
    QVERIFY(SimulatedWorld::read(*workspace_, "/share/sparse", RequestState::held));
    map_->strip().refresh_now();
    QCOMPARE(column(0.01).mark, Mark::held);
    QCOMPARE(column(0.3).mark, Mark::hole);
    workspace_->host().release_all();
    QTRY_COMPARE(column(0.01).mark, Mark::local);
    QTRY_COMPARE(column(0.99).mark, Mark::local);
    QTRY_COMPARE(column(0.6).mark, Mark::local);
    const QPixmap shot = map_->strip().viewport()->grab();
    const QPointF at = map_->strip().strip_rect(0).center() * shot.devicePixelRatio();
    QCOMPARE(shot.toImage().pixelColor(at.toPoint() + QPoint(7, 0)),
             look(Mark::local, theme_of(map_->palette())).fill);
}

void TestChunkMap::chunk_borders_are_exact() {
    show("/bin/cold"); // six chunks of four blocks
    ChunkStrip& strip = map_->strip();
    QCOMPARE(strip.cell_at(0), (Range{0, 16384}));
    QCOMPARE(strip.cell_at(16383), (Range{0, 16384}));
    QCOMPARE(strip.cell_at(16384), (Range{16384, 32768}));
    const FileAxis axis = strip.axis();
    const double ratio = strip.devicePixelRatioF();
    const QRectF rect = strip.strip_rect(0);
    for (int column = 0; column < axis.width; ++column) {
        const auto offset = strip.offset_at(rect.topLeft() + QPointF(column / ratio, 3));
        QVERIFY(offset.has_value());
        // The first whole byte of the column.
        QVERIFY(static_cast<double>(*offset) >= axis.offset_of(column) - 1e-3);
        QVERIFY(static_cast<double>(*offset) < axis.offset_of(column) + 1);
    }
    QVERIFY(!strip.offset_at(rect.topLeft() - QPointF(2, 0)).has_value());
    show("/etc/inline");
    QCOMPARE(strip.cell_at(299), (Range{0, 300})); // the last one ends with the file
}

void TestChunkMap::keys_move_zoom_and_choose() {
    show("/bin/cold");
    ChunkStrip& strip = map_->strip();
    const std::uint64_t begin = SimulatedWorld::place(*workspace_, "/bin/cold").range.begin;
    QTest::keyClick(&strip, Qt::Key_Home);
    QTest::keyClick(&strip, Qt::Key_Right);
    QCOMPARE(strip.cursor(), std::uint64_t{16384});
    QTest::keyClick(&strip, Qt::Key_Return);
    QCOMPARE(workspace_->selection().current().range,
             std::optional(DeviceRange{1, {begin + 16384, begin + 32768}}));
    QTest::keyClick(&strip, Qt::Key_Plus);
    const FileAxis near = strip.axis();
    QCOMPARE(near.end - near.begin, 24 * 4096 / 2.0);
    QTest::keyClick(&strip, Qt::Key_End);
    QCOMPARE(strip.cursor(), std::uint64_t{24 * 4096 - 1});
    QCOMPARE(strip.axis().end, 24 * 4096.0);
    QTest::keyClick(&strip, Qt::Key_0);
    QCOMPARE(strip.axis().begin, 0.0);
    QCOMPARE(strip.axis().end, 24 * 4096.0);
}

void TestChunkMap::requests_show_under_the_strip() {
    QVERIFY(world_->start(*workspace_));
    QVERIFY(SimulatedWorld::read(*workspace_, "/bin/local", RequestState::answered));
    show("/bin/local"); // chosen after its requests came
    QVERIFY(!map_->strip().touches().touches().empty());
    const FileTouch first = map_->strip().touches().touches().front();
    QCOMPARE(first.range.begin, std::uint64_t{0});
    show("/bin/cold");
    QVERIFY(map_->strip().touches().touches().empty());
    QVERIFY(SimulatedWorld::read(*workspace_, "/bin/cold", RequestState::answered));
    QTRY_VERIFY(!map_->strip().touches().touches().empty()); // by itself
}

void TestChunkMap::a_shared_chunk_keeps_the_file() {
    show("/bin/held");
    QTest::mouseClick(map_->strip().viewport(), Qt::LeftButton, {},
                      map_->strip().strip_rect(0).center().toPoint());
    QCOMPARE(workspace_->selection().current().by, Chosen::By::range);
    QCOMPARE(workspace_->selection().current().node,
             std::optional(SimulatedWorld::node(*workspace_, "/bin/held")));
}

QTEST_MAIN(TestChunkMap)
#include "test_chunk_map.moc"
