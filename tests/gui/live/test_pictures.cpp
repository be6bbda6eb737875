// The window as it is seen with a run going on and three requests held, light and dark: pictures
// for people to judge and for the README, and what of them a test can judge. They are written to
// pictures/ in the build tree; the README's are renewed from there, in the source tree:
//   mogrify -path resources/screenshots +dither -colors 256 BUILD/pictures/window-{light,dark}.png
#include "app/style/look.h"
#include "app/style/theme.h"
#include "app/views/message_bar.h"
#include "app/views/window_actions.h"
#include "tests/gui/live/window_fixture.h"

#include <QAbstractButton>
#include <QApplication>
#include <QDir>
#include <QLabel>
#include <QTableView>
#include <QtTest>

namespace app = coldscope::app;
using namespace coldscope::test;

class TestPictures : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void three_held();

private:
    // Saves what the window shows, and looks for texts that do not fit.
    void picture(WindowFixture& it, const QString& name);

    QTemporaryDir folder_{QDir::tempPath() + QStringLiteral("/coldscope-XXXXXX")};
    TreeImage image_;
    QString pictures_;
};

void TestPictures::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 400, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    pictures_ = QCoreApplication::applicationDirPath() + QStringLiteral("/../pictures");
    QVERIFY(QDir().mkpath(pictures_));
}

void TestPictures::picture(WindowFixture& it, const QString& name) {
    QTest::qWait(300);
    const QImage image = it.window->grab().toImage();
    const double ratio = image.devicePixelRatio();
    QCOMPARE(image.width(), static_cast<int>(1440 * ratio));
    const QString file = QStringLiteral("%1/%2%3.png")
                             .arg(pictures_, name, ratio > 1 ? QStringLiteral("@2x") : QString());
    QVERIFY2(image.save(file), qPrintable(file));
    for (const QAbstractButton* button : it.window->findChildren<QAbstractButton*>()) {
        if (!button->isVisible() || button->text().isEmpty())
            continue;
        QVERIFY2(button->width() >= button->sizeHint().width() - 2, qPrintable(button->text()));
    }
    for (const QLabel* label : it.window->findChildren<QLabel*>()) {
        if (!label->isVisible() || label->text().isEmpty() || label->wordWrap())
            continue;
        QVERIFY2(label->height() >= label->fontMetrics().height(), qPrintable(label->text()));
    }
}

void TestPictures::three_held() {
    const QString transport = obstacle(QStringLiteral("fuse-blob")).isEmpty()
                                  ? QStringLiteral("fuse-blob")
                                  : QStringLiteral("fuse-tree");
    NEEDS_TRANSPORT(transport);
    app::apply_theme(app::ThemeChoice::light);
    WindowFixture it;
    QVERIFY(it.start(image_, transport, QStringLiteral("5ms")));
    // A program reads through many files, then three readers are held and the others go on.
    const auto files = files_of(image_, 90, 20000);
    for (std::size_t i = 0; i + 8 < files.size(); i += 4) {
        std::vector<std::unique_ptr<Reader>> readers;
        for (std::size_t j = 0; j < 4; ++j)
            readers.push_back(
                std::make_unique<Reader>(it.mount() + u'/' + files[i + j], 0, 200000));
        for (const auto& reader : readers)
            QTRY_VERIFY_WITH_TIMEOUT(reader->finished(1), 20000);
        QTest::qWait(50);
    }
    // Metadata first, so that each reader asks for its own bytes alone.
    QVERIFY(it.look_up({files.end() - 3, files.end()}));
    it.press(it.window->actions().hold_all);
    std::vector<std::unique_ptr<Reader>> held;
    for (std::size_t i = 0; i < 3; ++i) {
        held.push_back(
            std::make_unique<Reader>(it.mount() + u'/' + files[files.size() - 1 - i], 0, 4096));
        QVERIFY(it.wait_held(i + 1));
        QTest::qWait(150);
    }
    QTRY_COMPARE(it.held(), std::size_t{3});
    it.workspace.choose_request(it.workspace.host().waiting().front());
    it.raise(QStringLiteral("held"));
    QTest::qWait(700);
    QCOMPARE(it.table(QStringLiteral("held"))->model()->rowCount(), 3);
    QTRY_VERIFY(it.window->windowTitle().contains(QStringLiteral("3 held")));
    QVERIFY2(it.window->messages().text().isEmpty(), qPrintable(it.window->messages().text()));
    picture(it, QStringLiteral("window-light"));
    const QColor held_light = app::look(app::Mark::held, app::Theme::light).fill;
    QVERIFY(it.pixels(QStringLiteral("timeline"), held_light) > 100);
    app::apply_theme(app::ThemeChoice::dark);
    picture(it, QStringLiteral("window-dark"));
    QVERIFY(it.pixels(QStringLiteral("timeline"),
                      app::look(app::Mark::held, app::Theme::dark).fill) > 100);
    it.raise(QStringLiteral("charts"));
    picture(it, QStringLiteral("charts-dark"));
    app::apply_theme(app::ThemeChoice::light);
    for (const char* view : {"requests", "charts", "findings", "preview", "output"}) {
        it.raise(QLatin1String(view));
        picture(it, QStringLiteral("%1-light").arg(QLatin1String(view)));
    }
    QVERIFY(it.stop());
    for (const auto& reader : held)
        QVERIFY(reader->finished(20000));
    app::apply_theme(app::ThemeChoice::desktop);
}

QTEST_MAIN(TestPictures)
#include "test_pictures.moc"
