#include "core/base/range_set.h"

#include <QTest>
#include <random>

using namespace coldscope;

namespace {

// The same set, as one flag for each byte.
class Bitmap {
public:
    explicit Bitmap(std::size_t size) : bytes_(size) {}

    void set(Range range, bool in) {
        for (std::uint64_t at = range.begin; at < range.end; ++at)
            bytes_[at] = in;
    }
    [[nodiscard]] bool contains(Range range) const {
        for (std::uint64_t at = range.begin; at < range.end; ++at) {
            if (!bytes_[at])
                return false;
        }
        return true;
    }
    [[nodiscard]] std::uint64_t total() const {
        return static_cast<std::uint64_t>(std::count(bytes_.begin(), bytes_.end(), true));
    }
    // Maximal runs with this flag.
    [[nodiscard]] std::vector<Range> runs(Range within, bool in) const {
        std::vector<Range> result;
        for (std::uint64_t at = within.begin; at < within.end; ++at) {
            if (bytes_[at] != in)
                continue;
            if (!result.empty() && result.back().end == at)
                ++result.back().end;
            else
                result.push_back({at, at + 1});
        }
        return result;
    }

private:
    std::vector<bool> bytes_;
};

} // namespace

class TestRangeSet : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void overlap() {
        const Range range{10, 20};
        QCOMPARE(range.length(), std::uint64_t{10});
        QVERIFY(range.overlaps({19, 25}));
        QVERIFY(range.overlaps({0, 11}));
        QVERIFY(range.overlaps({12, 13}));
        QVERIFY(range.overlaps({0, 100}));
        QVERIFY(!range.overlaps({20, 25}));
        QVERIFY(!range.overlaps({0, 10}));
        // An empty range has no byte in common with any.
        QVERIFY(!range.overlaps({15, 15}));
        QVERIFY(!Range(15, 15).overlaps(range));
        QVERIFY(!Range(15, 15).overlaps({15, 15}));
    }

    void neighbours_become_one() {
        RangeSet set;
        set.add({0, 10});
        set.add({20, 30});
        QCOMPARE(set.count(), std::size_t{2});
        set.add({10, 20});
        QCOMPARE(set.count(), std::size_t{1});
        QCOMPARE(set.total(), std::uint64_t{30});
        QVERIFY(set.contains({0, 30}));
        QVERIFY(!set.contains({0, 31}));
    }

    void remove_splits() {
        RangeSet set;
        set.add({0, 100});
        set.remove({40, 60});
        QCOMPARE(set.all(), (std::vector<Range>{{0, 40}, {60, 100}}));
        QCOMPARE(set.missing({0, 100}), (std::vector<Range>{{40, 60}}));
        QVERIFY(!set.contains({39, 41}));
    }

    void empty_and_backward_ranges_do_nothing() {
        RangeSet set;
        set.add({5, 5});
        set.add({9, 3});
        QCOMPARE(set.count(), std::size_t{0});
        set.add({0, 10});
        set.remove({4, 4});
        set.remove({8, 2});
        QCOMPARE(set.total(), std::uint64_t{10});
        QVERIFY(set.contains({50, 50}));
        QVERIFY(set.missing({50, 50}).empty());
    }

    void the_highest_bytes() {
        constexpr std::uint64_t top = ~std::uint64_t{0};
        RangeSet set;
        set.add({top - 10, top});
        QVERIFY(set.contains({top - 1, top}));
        QCOMPARE(set.missing({top - 20, top}), (std::vector<Range>{{top - 20, top - 10}}));
        set.remove({0, top});
        QCOMPARE(set.total(), std::uint64_t{0});
    }

    void against_a_bitmap_data() {
        QTest::addColumn<unsigned>("seed");
        for (unsigned seed = 1; seed <= 8; ++seed)
            QTest::addRow("seed %u", seed) << seed;
    }
    void against_a_bitmap() {
        QFETCH(unsigned, seed);
        constexpr std::uint64_t size = 160; // small, so that ranges often touch and cover
        std::mt19937 random(seed);
        RangeSet set;
        Bitmap truth(size);
        const auto range = [&] {
            std::uint64_t begin = random() % (size + 1);
            std::uint64_t end = std::min<std::uint64_t>(size, begin + random() % 24);
            return Range{begin, end};
        };
        for (int i = 0; i < 4000; ++i) {
            const Range changed = range();
            const bool in = random() % 2 == 0;
            in ? set.add(changed) : set.remove(changed);
            truth.set(changed, in);
            QCOMPARE(set.total(), truth.total());
            const auto runs = truth.runs({0, size}, true);
            QCOMPARE(set.all(), runs);
            QCOMPARE(set.count(), runs.size());
            const Range asked = range();
            QCOMPARE(set.contains(asked), truth.contains(asked));
            const auto gaps = truth.runs(asked, false);
            QCOMPARE(set.missing(asked), gaps);
            QCOMPARE(set.common(asked), truth.runs(asked, true));
            const Range first = set.first_missing(asked);
            QCOMPARE(first.length(), gaps.empty() ? 0 : gaps.front().length());
            QVERIFY(gaps.empty() || first == gaps.front());
        }
    }
};

QTEST_GUILESS_MAIN(TestRangeSet)
#include "test_range_set.moc"
