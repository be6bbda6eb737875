// A window, shown until it was painted once, then gone: for bench_start. Without arguments that of
// Coldscope; with WINDOW_IS_EMPTY an empty one of the same size.
#include <QApplication>
#include <QMainWindow>
#include <QTimer>

#ifndef WINDOW_IS_EMPTY
#include "app/style/theme.h"
#include "app/views/main_window.h"
#endif

namespace {

// Quits when the window was painted and the events that were waiting then are done.
class FirstPaint final : public QObject {
public:
    bool eventFilter(QObject* object, QEvent* event) override {
        if (event->type() == QEvent::Paint && !seen_) {
            seen_ = true;
            QTimer::singleShot(0, qApp, &QCoreApplication::quit);
        }
        return QObject::eventFilter(object, event);
    }

private:
    bool seen_ = false;
};

} // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    FirstPaint first;
#ifdef WINDOW_IS_EMPTY
    QMainWindow window;
    window.resize(1440, 900);
#else
    using namespace coldscope::app;
    QApplication::setOrganizationName(QStringLiteral("coldscope-bench"));
    apply_theme(saved_theme());
    Workspace workspace;
    Launcher launcher(workspace);
    MainWindow window(workspace, launcher);
#endif
    window.installEventFilter(&first);
    window.show();
    return QApplication::exec();
}
