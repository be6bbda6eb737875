// The charts, on a store that is fed by hand.
#include "app/charts/chart_panel.h"
#include "app/charts/charts_view.h"
#include "app/charts/throughput_chart.h"
#include "app/style/text.h"
#include "tests/unit/request/random_run.h"

#include <QAction>
#include <QApplication>
#include <QBarSeries>
#include <QBarSet>
#include <QChart>
#include <QClipboard>
#include <QElapsedTimer>
#include <QLabel>
#include <QLegend>
#include <QLineSeries>
#include <QScrollArea>
#include <QTest>
#include <QValueAxis>

using namespace coldscope;
using namespace coldscope::app;

class TestCharts : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void empty_state();
    void figures_are_shown();
    void bars_and_points();
    void hidden_does_nothing();
    void updates_are_few();
    void another_run();
    void palette_recolours();
    void copied();
    void side_by_side_or_stacked();
    void round_ticks();

private:
    // A miss that took this long, from a time since the first.
    void miss(Nanoseconds at, Nanoseconds took);
    void told() { Q_EMIT workspace_->host().advanced(); }
    [[nodiscard]] ChartPanel* panel(std::size_t at) const { return view_->panels()[at]; }
    [[nodiscard]] bool shows_empty() const;

    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<ChartsView> view_;
    RequestId next_ = 1;
};

void TestCharts::init() {
    QLocale::setDefault(QLocale::c());
    workspace_ = std::make_unique<Workspace>();
    view_ = std::make_unique<ChartsView>(*workspace_, nullptr);
    view_->resize(900, 240);
    view_->show();
    QVERIFY(QTest::qWaitForWindowExposed(view_.get()));
    next_ = 1;
}

void TestCharts::cleanup() {
    view_.reset();
    workspace_.reset();
}

void TestCharts::miss(Nanoseconds at, Nanoseconds took) {
    EventStore& store = workspace_->host().store();
    const Nanoseconds begin = second + at;
    store.take(make_step(next_, Step::arrived, begin));
    store.take(make_step(next_, Step::fetching, begin));
    store.take(make_step(next_, Step::answered, begin + took));
    ++next_;
}

bool TestCharts::shows_empty() const {
    for (const QLabel* label : view_->findChildren<QLabel*>()) {
        if (label->isVisible() && label->text().startsWith(QStringLiteral("No requests yet.")))
            return true;
    }
    return false;
}

void TestCharts::empty_state() {
    QVERIFY(shows_empty());
    workspace_->host().store().take(make_step(1, Step::arrived, second));
    told();
    const unsigned before = view_->updates();
    QTRY_VERIFY(view_->updates() > before);
    QVERIFY(shows_empty()); // nothing has ended
    miss(0, millisecond);
    told();
    QTRY_VERIFY(!shows_empty());
    QVERIFY(panel(0)->isVisible());
}

void TestCharts::figures_are_shown() {
    Latencies expected;
    for (unsigned i = 1; i <= 100; ++i) {
        miss(i * 10 * millisecond, i * millisecond);
        expected.add(i * millisecond);
    }
    told();
    const auto says = [&](const QString& what, Nanoseconds time) {
        return panel(0)->figures_line().contains(what + u' ' + duration_text(time));
    };
    QTRY_VERIFY(says(QStringLiteral("p50"), expected.percentile(50)));
    QVERIFY(says(QStringLiteral("p95"), expected.percentile(95)));
    QVERIFY(says(QStringLiteral("max"), 100 * millisecond));
    QVERIFY(panel(0)->accessibleDescription().contains(QStringLiteral("100 answered misses")));
    const QString bytes = exact_size_text(std::uint64_t{100} * 4096);
    QVERIFY(panel(2)->accessibleDescription().contains(bytes));
    for (ChartPanel* one : view_->panels()) {
        QVERIFY(!one->accessibleName().isEmpty());
        QCOMPARE(one->focusPolicy(), Qt::StrongFocus);
        for (const QAbstractAxis* axis : one->chart()->axes())
            QVERIFY(!axis->titleText().isEmpty() ||
                    axis->type() == QAbstractAxis::AxisTypeBarCategory);
    }
}

void TestCharts::bars_and_points() {
    miss(0, 2 * millisecond);
    miss(0, 2 * millisecond);
    miss(300 * millisecond, 50 * microsecond);
    told();
    QTRY_VERIFY(!shows_empty());
    const auto* bars = qobject_cast<QBarSeries*>(panel(0)->chart()->series()[0]);
    QVERIFY(bars != nullptr);
    const QBarSet* set = bars->barSets()[0];
    QCOMPARE(set->count(), static_cast<int>(RunFigures::latency_bins));
    QCOMPARE(set->sum(), 3.0);
    QCOMPARE(set->at(26), 2.0); // from 1 ms on 24 bins, and 10^(2/8) < 2 < 10^(3/8)
    const auto* throughput = qobject_cast<ThroughputChart*>(panel(1));
    QVERIFY(throughput != nullptr);
    QCOMPARE(throughput->requests().count(), 7);
    QCOMPARE(throughput->requests().at(0), QPointF(25, 2 / 0.05)); // ms, requests/s
    QCOMPARE(throughput->requests().at(6), QPointF(325, 1 / 0.05));
    QCOMPARE(throughput->bytes().at(6).y(), 4.0 / 0.05); // KiB/s
}

void TestCharts::hidden_does_nothing() {
    miss(0, millisecond);
    told();
    QTRY_VERIFY(!shows_empty());
    view_->hide();
    const unsigned before = view_->updates();
    const QString line = panel(0)->figures_line();
    miss(millisecond, second);
    told();
    QTest::qWait(600);
    QCOMPARE(view_->updates(), before);
    QCOMPARE(panel(0)->figures_line(), line);
    view_->show(); // all is made up for at once
    QVERIFY(panel(0)->figures_line() != line);
    QVERIFY(panel(0)->accessibleDescription().contains(QStringLiteral("2 answered misses")));
}

void TestCharts::updates_are_few() {
    miss(0, millisecond);
    told();
    QTRY_VERIFY(!shows_empty());
    const unsigned before = view_->updates();
    QElapsedTimer took;
    took.start();
    for (unsigned i = 0; i < 1000; ++i) {
        miss(i * millisecond, millisecond);
        told();
        QCoreApplication::processEvents();
    }
    QVERIFY(view_->updates() <= before + 1 + took.elapsed() / 200); // four a second at most
    QTRY_VERIFY(panel(0)->accessibleDescription().contains(QStringLiteral("1001 answered")));
}

void TestCharts::another_run() {
    miss(0, millisecond);
    told();
    QTRY_VERIFY(!shows_empty());
    view_->hide();
    const unsigned before = view_->updates();
    Q_EMIT workspace_->host().began();
    QCOMPARE(view_->updates(), before);
    view_->show(); // what was counted before was another run's: each request is told anew, once
    QVERIFY(panel(0)->accessibleDescription().contains(QStringLiteral("1 answered misses")));
}

void TestCharts::palette_recolours() {
    miss(0, millisecond);
    told();
    QTRY_VERIFY(!shows_empty());
    const auto colours = [&](ChartPanel* one) {
        const auto* bars = qobject_cast<QBarSeries*>(one->chart()->series()[0]);
        return std::vector{one->chart()->backgroundBrush().color(),
                           one->chart()->legend()->labelColor(),
                           one->chart()->axes()[0]->labelsColor(),
                           bars != nullptr ? bars->barSets()[0]->color() : QColor()};
    };
    std::array<std::vector<QColor>, 3> before;
    for (std::size_t i = 0; i < 3; ++i)
        before[i] = colours(panel(i));
    QPalette dark = view_->palette();
    dark.setColor(QPalette::Base, QColor(0x1b, 0x1e, 0x20));
    dark.setColor(QPalette::Text, QColor(0xfc, 0xfc, 0xfc));
    view_->setPalette(dark);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto after = colours(panel(i));
        QCOMPARE(after[0], surface_of(dark).base);
        QVERIFY(before[i][0] != after[0]);
        QVERIFY(before[i][1] != after[1]);
        QVERIFY(before[i][2] != after[2]);
    }
    QCOMPARE(colours(panel(0))[3], look(Mark::answered, Theme::dark).fill);
    const QImage picture = panel(2)->grab().toImage();
    QCOMPARE(picture.pixelColor(2, picture.height() / 2), surface_of(dark).base);
}

void TestCharts::copied() {
    miss(0, 2 * millisecond);
    told();
    QTRY_VERIFY(!shows_empty());
    QClipboard& clipboard = *QApplication::clipboard();
    panel(0)->setFocus();
    view_->activateWindow();
    QTRY_VERIFY(panel(0)->hasFocus());
    QTest::keySequence(panel(0), QKeySequence::Copy);
    const QStringList lines = clipboard.text().split(u'\n', Qt::SkipEmptyParts);
    QCOMPARE(lines.size(), 1 + static_cast<int>(RunFigures::latency_bins));
    QCOMPARE(lines[1 + 26], QStringLiteral("1778279\t2371374\t1"));
    panel(2)->copy_table();
    QVERIFY(clipboard.text().contains(QStringLiteral("asked\t4096\nfetched\t4096\n")));
    QVERIFY(!clipboard.text().contains(QStringLiteral("SIMULATED")));
    panel(2)->set_simulated(true);
    panel(2)->copy_table();
    QVERIFY(clipboard.text().startsWith(QStringLiteral("SIMULATED\n")));
    panel(1)->copy_picture();
    QCOMPARE(clipboard.image().size(), panel(1)->size() * panel(1)->devicePixelRatioF());
    QCOMPARE(panel(1)->actions().size(), 2);
}

void TestCharts::side_by_side_or_stacked() {
    miss(0, millisecond);
    told();
    QTRY_VERIFY(!shows_empty());
    QTRY_VERIFY(panel(1)->x() > panel(0)->x());
    QCOMPARE(panel(1)->y(), panel(0)->y());
    view_->resize(400, 500);
    QTRY_VERIFY(panel(1)->y() > panel(0)->y());
    QCOMPARE(panel(1)->x(), panel(0)->x());
    view_->resize(900, 220);
    QTRY_COMPARE(panel(2)->y(), panel(0)->y());
    QVERIFY(panel(2)->mapTo(view_.get(), panel(2)->rect().bottomRight()).y() < view_->height());
}

void TestCharts::round_ticks() {
    QCOMPARE(tick_step(10, 5), 2.0);
    QCOMPARE(tick_step(10, 4), 5.0);
    QCOMPARE(tick_step(0.7, 7), 0.1);
    QCOMPARE(tick_step(6.1, 6), 2.0);
    QValueAxis axis;
    set_range(axis, 0.7, 5, true);
    QCOMPARE(axis.max(), 0.8);
    QCOMPARE(axis.labelFormat(), QStringLiteral("%.1f"));
    set_range(axis, 930, 4, true);
    QCOMPARE(axis.max(), 1000.0);
    QCOMPARE(axis.labelFormat(), QStringLiteral("%.0f"));
    set_range(axis, 930, 4, false);
    QCOMPARE(axis.max(), 930.0);
}

QTEST_MAIN(TestCharts)
#include "test_charts.moc"
