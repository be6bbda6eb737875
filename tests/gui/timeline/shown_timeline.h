// A timeline over requests made up, and a hand on it.
#pragma once

#include "app/run/workspace.h"
#include "app/timeline/timeline_canvas.h"
#include "app/timeline/timeline_view.h"
#include "tests/gui/timeline/made_run.h"

#include <QCoreApplication>
#include <QTest>
#include <QWheelEvent>
#include <memory>

namespace coldscope {

inline constexpr Nanoseconds start_of_run = 1000 * second;

struct Shown {
    app::Workspace workspace;
    MadeRun run{workspace.host().store()};
    std::unique_ptr<app::TimelineView> view;

    // 100 requests of each of four objects, a millisecond each, one after the other.
    void fill(unsigned count = 400, unsigned objects = 4) {
        for (unsigned i = 0; i < count; ++i) {
            run.pid = 100 + i % 3;
            run.offset = i * 4096;
            run.add(i % objects, start_of_run + i * millisecond,
                    start_of_run + i * millisecond + 900 * microsecond,
                    i % 50 == 7 ? Kind::failed : Kind::answered);
        }
    }
    void show(const QSize& size = {900, 400}) {
        view = std::make_unique<app::TimelineView>(workspace);
        view->resize(size);
        view->show();
        QVERIFY(QTest::qWaitForWindowExposed(view.get()));
    }
    void tell() {
        Q_EMIT workspace.host().advanced();
        QCoreApplication::processEvents();
    }
    [[nodiscard]] app::TimelineCanvas& canvas() const { return view->canvas(); }
    [[nodiscard]] QWidget* port() const { return view->canvas().viewport(); }
    [[nodiscard]] EventStore& store() { return workspace.host().store(); }
    [[nodiscard]] std::optional<Row> chosen() { return workspace.selection().current().request; }
    void key(Qt::Key key, Qt::KeyboardModifiers keys = Qt::NoModifier) const {
        QTest::keyClick(&view->canvas(), key, keys);
    }
    void wheel(const QPointF& at, const QPoint& angle,
               Qt::KeyboardModifiers keys = Qt::NoModifier) const {
        QWheelEvent event(at, port()->mapToGlobal(at), {}, angle, Qt::NoButton, keys,
                          Qt::NoScrollPhase, false);
        QCoreApplication::sendEvent(port(), &event);
    }
    void drag(const QPoint& from, const QPoint& to,
              Qt::KeyboardModifiers keys = Qt::NoModifier) const {
        QTest::mousePress(port(), Qt::LeftButton, keys, from);
        QTest::mouseMove(port(), (from + to) / 2);
        QTest::mouseMove(port(), to);
        QTest::mouseRelease(port(), Qt::LeftButton, keys, to);
    }
    // The column under a point of the viewport.
    [[nodiscard]] std::int64_t column(const QPoint& point) const {
        return static_cast<std::int64_t>((point.x() - view->canvas().plot().left()) *
                                         port()->devicePixelRatioF());
    }
};

} // namespace coldscope
