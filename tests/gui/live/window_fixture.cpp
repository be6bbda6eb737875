#include "tests/gui/live/window_fixture.h"

#include "app/views/window_actions.h"

#include <QAbstractButton>
#include <QAction>
#include <QApplication>
#include <QComboBox>
#include <QDialog>
#include <QDockWidget>
#include <QFileInfo>
#include <QLineEdit>
#include <QSettings>
#include <QTableView>
#include <QTimer>
#include <QToolBar>
#include <QtTest>

namespace coldscope::test {

using namespace app;

WindowFixture::WindowFixture() : launcher(workspace) {
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, settings_.path());
    QCoreApplication::setOrganizationName(QStringLiteral("coldscope-test"));
    QCoreApplication::setApplicationName(QStringLiteral("coldscope-test"));
    QSettings().clear();
    window = std::make_unique<MainWindow>(workspace, launcher);
    window->resize(1440, 900);
    window->show();
    (void)QTest::qWaitForWindowExposed(window.get());
}

WindowFixture::~WindowFixture() {
    (void)stop();
    window.reset();
}

bool WindowFixture::start(const TreeImage& image, const QString& transport,
                          const QString& latency) {
    on_dialog([&](QDialog& dialog) {
        const auto fields = dialog.findChildren<QLineEdit*>();
        const auto field = [&](const QString& name) -> QLineEdit* {
            for (QLineEdit* each : fields) {
                if (QString(each->accessibleName()).remove(u'&') == name)
                    return each;
            }
            return nullptr;
        };
        field(QStringLiteral("Image"))->setText(image.bootstrap); // its blob is found beside it
        field(QStringLiteral("latency"))->setText(latency);
        auto* transports = dialog.findChild<QComboBox*>();
        transports->setCurrentIndex(transports->findData(transport));
        for (QAbstractButton* each : dialog.findChildren<QAbstractButton*>()) {
            if (each->text() == QStringLiteral("Start"))
                QTest::mouseClick(each, Qt::LeftButton);
        }
    });
    press(window->actions().start);
    return QTest::qWaitFor([this] { return workspace.host().live(); }, 20000);
}

void WindowFixture::attach(const QString& where, const QString& copy,
                           const std::function<void(QDialog&)>& look) {
    on_dialog([=](QDialog& dialog) {
        dialog.findChild<QComboBox*>()->setEditText(where);
        for (QLineEdit* field : dialog.findChildren<QLineEdit*>()) {
            if (field->accessibleName() == QStringLiteral("Image on this machine"))
                field->setText(copy);
        }
        if (look)
            look(dialog);
        for (QAbstractButton* each : dialog.findChildren<QAbstractButton*>()) {
            if (each->text() == QStringLiteral("Attach")) {
                QVERIFY(each->isEnabled());
                QTest::mouseClick(each, Qt::LeftButton);
            }
        }
    });
    QVERIFY(window->actions().attach->isEnabled());
    window->actions().attach->trigger();
}

bool WindowFixture::stop() {
    if (workspace.host().live())
        press(window->actions().stop);
    return QTest::qWaitFor(
        [this] {
            const RunHost::Phase phase = workspace.host().phase();
            return phase == RunHost::Phase::ended || phase == RunHost::Phase::none;
        },
        20000);
}

QString WindowFixture::mount() const {
    return QString::fromStdString(workspace.host().options().mount_point);
}

std::size_t WindowFixture::held() {
    return workspace.host().waiting().size();
}

bool WindowFixture::wait_held(std::size_t count, int timeout_ms) {
    return QTest::qWaitFor([&] { return held() >= count; }, timeout_ms);
}

void WindowFixture::press(QAction* action) {
    auto* bar = window->findChild<QToolBar*>(QStringLiteral("toolbar"));
    QWidget* button = bar->widgetForAction(action);
    QVERIFY2(button != nullptr && button->isEnabled(), qPrintable(action->text()));
    QTest::mouseClick(button, Qt::LeftButton);
}

void WindowFixture::raise(const QString& view) {
    auto* dock = window->findChild<QDockWidget*>(view);
    QVERIFY2(dock != nullptr, qPrintable(view));
    dock->show();
    dock->raise();
    QTest::qWait(50);
}

QAbstractButton* WindowFixture::button(const QString& view, const QString& text) {
    for (QAbstractButton* each : window->view(view)->findChildren<QAbstractButton*>()) {
        if (each->isVisible() && QString(each->text()).remove(u'&').startsWith(text))
            return each;
    }
    return nullptr;
}

QTableView* WindowFixture::table(const QString& view) {
    return window->view(view)->findChild<QTableView*>();
}

void WindowFixture::on_dialog(const std::function<void(QDialog&)>& act) {
    auto* timer = new QTimer(qApp);
    timer->setInterval(20);
    QObject::connect(timer, &QTimer::timeout, timer, [timer, act] {
        auto* dialog = qobject_cast<QDialog*>(QApplication::activeModalWidget());
        if (dialog == nullptr)
            return;
        timer->stop();
        timer->deleteLater();
        act(*dialog);
    });
    timer->start();
}

int WindowFixture::pixels(const QString& view, const QColor& colour) {
    const QImage image = window->view(view)->grab().toImage().convertToFormat(QImage::Format_RGB32);
    int count = 0;
    for (int y = 0; y < image.height(); ++y) {
        const auto* line = reinterpret_cast<const QRgb*>(image.constScanLine(y));
        count += static_cast<int>(std::count(line, line + image.width(), colour.rgb()));
    }
    return count;
}

std::vector<QString> files_of(const TreeImage& image, std::size_t count, qint64 least) {
    std::vector<QString> chosen;
    for (const QString& file : image.files) {
        if (chosen.size() < count && QFileInfo(image.tree + u'/' + file).size() >= least)
            chosen.push_back(file);
    }
    return chosen;
}

} // namespace coldscope::test
