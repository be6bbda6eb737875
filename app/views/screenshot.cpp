#include "app/views/screenshot.h"

#include "app/run/work_pool.h"
#include "app/style/picture_file.h"

#include <QApplication>
#include <QIcon>
#include <QLocale>
#include <QLoggingCategory>
#include <QSettings>
#include <QThreadPool>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace coldscope::app {

namespace {
constexpr QSize size(1440, 900);
constexpr int pace_ms = 100;
constexpr int enough_quiet_looks = 5; // views bring in what is new within a few frames
} // namespace

void prepare_screenshot() {
    setenv("QT_QPA_PLATFORM", "offscreen", 1);
    for (const char* of_this_desktop :
         {"QT_SCALE_FACTOR", "QT_SCREEN_SCALE_FACTORS", "QT_SCALE_FACTOR_ROUNDING_POLICY",
          "QT_AUTO_SCREEN_SCALE_FACTOR", "QT_ENABLE_HIGHDPI_SCALING", "QT_USE_PHYSICAL_DPI",
          "QT_DEVICE_PIXEL_RATIO", "QT_FONT_DPI", "QT_QPA_PLATFORMTHEME", "QT_STYLE_OVERRIDE"})
        unsetenv(of_this_desktop);
    QLoggingCategory::setFilterRules(QStringLiteral("default.warning=false"));
}

void without_this_machine() {
    for (const auto scope : {QSettings::UserScope, QSettings::SystemScope})
        QSettings::setPath(QSettings::NativeFormat, scope, QStringLiteral("/dev/null"));
    QIcon::setThemeSearchPaths({});
    QIcon::setFallbackSearchPaths({});
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    QApplication::setCursorFlashTime(0);
}

Screenshot::Screenshot(Workspace& workspace, MainWindow& window, QString picture)
    : workspace_(workspace), window_(window), picture_(std::move(picture)) {
    window_.resize(size);
    connect(&workspace_, &Workspace::failed, this,
            [this](const QString& title, const QString& text) {
                end(title + QStringLiteral(": ") + text);
            });
    connect(&timer_, &QTimer::timeout, this, &Screenshot::look);
    timer_.start(pace_ms);
}

bool Screenshot::quiet() const {
    RunHost& host = workspace_.host();
    if (workspace_.opening() || workspace_.checking() || !window_.complete() ||
        work_pool().activeThreadCount() != 0 || host.phase() == RunHost::Phase::starting ||
        host.phase() == RunHost::Phase::stopping)
        return false;
    if (!host.live())
        return true;
    EventStore& store = host.store();
    if (const auto open = store.open_rows(); !open.empty())
        return std::ranges::all_of(open,
                                   [&](Row row) { return store.state(row) == RequestState::held; });
    // Whether an attached run's readers have read all is not told.
    return !workspace_.workload().running() &&
           (!host.simulated() || host.attachment() != nullptr || host.finished());
}

void Screenshot::look() {
    quiet_looks_ = quiet() ? quiet_looks_ + 1 : 0;
    if (quiet_looks_ == enough_quiet_looks)
        end(save_picture(window_.grab().toImage(), picture_));
}

void Screenshot::end(const QString& error) {
    if (!timer_.isActive())
        return; // the run that is ended for it may have something to say
    timer_.stop();
    status_ = error.isEmpty() ? 0 : 1;
    if (!error.isEmpty())
        std::fprintf(stderr, "coldscope: %s\n",
                     qUtf8Printable(QString(error).replace(u'\n', u' ')));
    QTimer::singleShot(0, &window_, &QWidget::close); // in the event loop, which that ends
}

} // namespace coldscope::app
