// What cells show, against a naive walk over bytes.
#include "app/maps/cells.h"
#include "app/maps/chunk_columns.h"

#include <QtTest>
#include <random>

using namespace coldscope;
using namespace coldscope::app;

class TestCells final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void borders();
    void worst_of_a_cell();
    void agrees_with_bytes();
    void columns_fold_many_chunks();
};

void TestCells::borders() {
    const CellSpace space{10 * 4096 + 100, 4096};
    QCOMPARE(space.count(), std::uint64_t{11});
    QCOMPARE(space.range(0), (Range{0, 4096}));
    QCOMPARE(space.range(10), (Range{40960, 41060})); // the last one is cut short
    QCOMPARE(space.cell_of(4095), std::uint64_t{0});
    QCOMPARE(space.cell_of(4096), std::uint64_t{1});
    QCOMPARE(space.cell_of(41059), std::uint64_t{10});
}

void TestCells::worst_of_a_cell() {
    const CellSpace space{64 * 4096, 16 * 4096};
    const std::vector<Range> used{{0, 48 * 4096}};
    DeviceState state;
    state.used = used;
    state.missing = {{4096, 2 * 4096}, {32 * 4096, 64 * 4096}};
    std::vector<Cell> cells;
    find_cells(space, state, 0, 4, cells);
    QCOMPARE(cells.size(), std::size_t{4});
    QCOMPARE(cells[0].mark, Mark::cold); // one block of sixteen
    QCOMPARE(cells[0].local, std::uint64_t{15 * 4096});
    QCOMPARE(cells[1].mark, Mark::local);
    QCOMPARE(cells[2].mark, Mark::cold);
    QCOMPARE(cells[3].mark, Mark::hole); // no file uses it

    state.open = {{{20 * 4096, 21 * 4096}, Mark::fetching},
                  {{17 * 4096, 18 * 4096}, Mark::delayed}};
    state.failed = {{0, 1}};
    find_cells(space, state, 0, 4, cells);
    QCOMPARE(cells[0].mark, Mark::failed);
    QCOMPARE(cells[1].mark, Mark::delayed);
    state.open.push_back({{15 * 4096, 17 * 4096}, Mark::held});
    find_cells(space, state, 0, 4, cells);
    QCOMPARE(cells[0].mark, Mark::held);
    QCOMPARE(cells[1].mark, Mark::held);
    QCOMPARE(cells[2].mark, Mark::cold);
}

void TestCells::agrees_with_bytes() {
    std::mt19937 random(7);
    const auto ranges = [&](std::uint64_t size) {
        RangeSet set;
        for (int i = 0; i < 12; ++i) {
            const std::uint64_t begin = random() % size;
            set.add({begin, std::min(size, begin + random() % 40)});
        }
        return set;
    };
    for (int round = 0; round < 200; ++round) {
        const std::uint64_t size = 50 + random() % 400;
        const CellSpace space{size, 1 + random() % 30};
        const RangeSet used = ranges(size);
        const RangeSet local = ranges(size);
        const std::vector<Range> used_ranges = used.all();
        const std::uint64_t first = random() % space.count();
        const std::size_t count = 1 + random() % 20;
        DeviceState state;
        state.used = used_ranges;
        state.missing = local.missing({0, size});
        std::vector<Cell> cells;
        find_cells(space, state, first, count, cells);
        QCOMPARE(cells.size(), std::min<std::size_t>(count, space.count() - first));
        for (std::size_t at = 0; at < cells.size(); ++at) {
            Cell expected;
            const Range range = space.range(first + at);
            for (std::uint64_t byte = range.begin; byte < range.end; ++byte) {
                const bool is_used = used.contains({byte, byte + 1});
                const bool is_local = local.contains({byte, byte + 1});
                expected.used += is_used ? 1 : 0;
                expected.local += is_local ? 1 : 0;
                expected.cold += is_used && !is_local ? 1 : 0;
            }
            QCOMPARE(cells[at].used, expected.used);
            QCOMPARE(cells[at].local, expected.local);
            QCOMPARE(cells[at].cold, expected.cold);
        }
    }
}

void TestCells::columns_fold_many_chunks() {
    // Every other chunk on another device, a hole now and then.
    std::vector<erofs::Extent> extents;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        erofs::Extent extent;
        extent.offset = i * 4096;
        extent.length = 4096;
        extent.kind = i % 1000 == 999 ? erofs::ExtentKind::hole : erofs::ExtentKind::data;
        extent.device = extent.kind == erofs::ExtentKind::hole ? 0 : 1;
        extent.address = extent.kind == erofs::ExtentKind::hole ? 0 : i * 4096;
        extents.push_back(extent);
    }
    StripInput input;
    input.device = 1;
    input.state.missing = {{0, 50'000 * 4096ULL}};
    input.state.open = {{{10 * 4096, 11 * 4096}, Mark::held}};
    std::vector<Column> columns;
    find_columns(extents, input, {0, 100'000.0 * 4096, 1000}, columns);
    QCOMPARE(columns.size(), std::size_t{1000});
    QCOMPARE(columns[0].mark, Mark::held);
    QCOMPARE(columns[1].mark, Mark::cold);
    QCOMPARE(columns[499].mark, Mark::cold);
    QCOMPARE(columns[500].mark, Mark::local);
    QCOMPARE(columns[999].mark, Mark::local);
    QCOMPARE(columns[999].local, columns[999].data);
    // One chunk, to scale: the second half of it is local.
    input.state = {};
    input.state.missing = {{0, 2048}};
    find_columns(extents, input, {0, 4096, 64}, columns);
    QCOMPARE(columns[31].mark, Mark::cold);
    QCOMPARE(columns[32].mark, Mark::local);
    // A hole is one.
    find_columns(extents, input, {999.0 * 4096, 1000.0 * 4096, 10}, columns);
    QVERIFY(columns[5].any);
    QCOMPARE(columns[5].mark, Mark::hole);
}

QTEST_GUILESS_MAIN(TestCells)
#include "test_cells.moc"
