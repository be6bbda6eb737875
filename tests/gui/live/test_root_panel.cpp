// The question for root's rights, as it is shown: asked in one thread, answered in another.
#include "app/run/root_panel.h"

#include <QClipboard>
#include <QLabel>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QVBoxLayout>
#include <QtTest>
#include <thread>

using namespace coldscope;
using namespace coldscope::app;

namespace {

const std::string command =
    "sudo /tmp/coldscope-abcdef/coldscope-guard --user 1000 --grace 1000 --folder "
    "'/run/user/1000/coldscope.abcdef/a folder with a name that is long/cache' --folder "
    "/run/user/1000/coldscope.abcdef/mount";

struct Shown {
    RootAsker asker;
    QWidget window;
    RootPanel& panel = *new RootPanel(asker, &window);

    Shown() {
        auto* lines = new QVBoxLayout(&window);
        lines->addWidget(&panel);
        lines->addStretch(1);
        window.resize(900, 600);
        window.show();
        (void)QTest::qWaitForWindowExposed(&window);
    }
    [[nodiscard]] bool says(const char* words) const {
        for (const auto* label : panel.findChildren<QLabel*>()) {
            if (label->text().contains(QLatin1String(words)))
                return true;
        }
        return false;
    }
    [[nodiscard]] QPushButton* button(const char* words) const {
        for (auto* each : panel.findChildren<QPushButton*>()) {
            if (each->text() == QLatin1String(words))
                return each;
        }
        return nullptr;
    }
    [[nodiscard]] CommandField& field() const {
        return *static_cast<CommandField*>(panel.findChild<QPlainTextEdit*>());
    }
};

} // namespace

class TestRootPanel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void what_will_happen();
    void a_command_by_hand();
    void all_of_the_command_is_seen();
    void cancel();
    void the_answer_comes_late();
    void the_window_goes_first();
};

void TestRootPanel::what_will_happen() {
    Shown it;
    QSignalSpy shown(&it.panel, &RootPanel::shown);
    QVERIFY(!it.asker.open());
    const auto asked = it.asker.begin(RootFor::run, guard::Rights::root);
    QCOMPARE(shown.size(), 1);
    QVERIFY(shown.at(0).at(0).toBool());
    QVERIFY(it.says("Waiting for an administrator"));
    QVERIFY(it.says("coldscope-guard"));
    QVERIFY(it.says("mounts FUSE and EROFS"));
    QVERIFY(!it.says("trusts you as root"));
    QVERIFY(!it.field().isVisible());
    std::thread([&] { asked->connected(); }).join();
    QTRY_VERIFY(!it.asker.open());
    QCOMPARE(shown.size(), 2);
    QVERIFY(!shown.at(1).at(0).toBool());
    QVERIFY(!asked->given_up.load());

    (void)it.asker.begin(RootFor::run, guard::Rights::root_trusted);
    QVERIFY(it.says("trusts you as root"));
    it.asker.end();
    (void)it.asker.begin(RootFor::observing, guard::Rights::root);
    QVERIFY(it.says("in memory"));
    QVERIFY(!it.says("mounts FUSE"));
    it.asker.end();
}

void TestRootPanel::a_command_by_hand() {
    Shown it;
    const auto asked = it.asker.begin(RootFor::run, guard::Rights::root_trusted);
    std::thread([&] { asked->show(command, guard::Rights::root_trusted); }).join();
    QTRY_COMPARE(it.asker.state(), RootAsker::State::by_hand);
    QVERIFY(it.says("run this in a terminal"));
    QVERIFY(it.says("pkexec"));
    QVERIFY(it.says("trusts you as root"));
    QVERIFY(it.field().isVisible());
    QCOMPARE(it.field().toPlainText(), QString::fromStdString(command));
    QGuiApplication::clipboard()->clear();
    QTest::mouseClick(it.button("Copy"), Qt::LeftButton);
    QCOMPARE(QGuiApplication::clipboard()->text(), QString::fromStdString(command));
    QVERIFY(it.button("Copied") != nullptr);
    // By the keyboard alone, too.
    it.field().setFocus();
    QTest::keyClick(&it.field(), Qt::Key_A, Qt::ControlModifier);
    QCOMPARE(it.field().textCursor().selectedText(), QString::fromStdString(command));
    asked->connected();
    QTRY_VERIFY(!it.asker.open());
    // The next one is new.
    const auto next = it.asker.begin(RootFor::run, guard::Rights::root);
    QVERIFY(it.asker.command().isEmpty());
    QVERIFY(!it.field().isVisible());
    next->show("another", guard::Rights::root);
    QTRY_COMPARE(it.field().toPlainText(), QStringLiteral("another"));
    QVERIFY(it.button("Copy") != nullptr);
    it.asker.end();
}

// However narrow the window is.
void TestRootPanel::all_of_the_command_is_seen() {
    Shown it;
    it.asker.begin(RootFor::run, guard::Rights::root)->show(command, guard::Rights::root);
    QTRY_VERIFY(it.field().isVisible());
    int before = 0;
    for (const int width : {1400, 900, 500}) {
        it.window.resize(width, 600);
        const CommandField& field = it.field();
        QTRY_VERIFY(field.width() > width - 250 && field.width() < width);
        QTRY_COMPARE(field.height(), field.heightForWidth(field.width()));
        QVERIFY(field.height() >= before);
        before = field.height();
        QCOMPARE(field.verticalScrollBar()->maximum(), 0);
        QCOMPARE(field.horizontalScrollBar()->maximum(), 0);
    }
    QVERIFY(before > it.field().heightForWidth(5000));
    it.asker.end();
}

void TestRootPanel::cancel() {
    Shown it;
    const auto asked = it.asker.begin(RootFor::run, guard::Rights::root);
    QTest::mouseClick(it.button("Cancel"), Qt::LeftButton);
    QVERIFY(asked->given_up.load());
    QCOMPARE(it.asker.state(), RootAsker::State::giving_up);
    QVERIFY(it.says("Giving up"));
    QVERIFY(!it.button("Cancel")->isEnabled());
    // What is shown now comes too late.
    asked->show(command, guard::Rights::root);
    QCoreApplication::processEvents();
    QVERIFY(!it.field().isVisible());
    it.asker.end();
    QVERIFY(!it.asker.open());
    (void)it.asker.begin(RootFor::run, guard::Rights::root);
    QVERIFY(it.button("Cancel")->isEnabled());
    it.asker.end();
}

// Of a start that has ended.
void TestRootPanel::the_answer_comes_late() {
    Shown it;
    const auto first = it.asker.begin(RootFor::run, guard::Rights::root);
    it.asker.end();
    const auto second = it.asker.begin(RootFor::run, guard::Rights::root);
    first->show(command, guard::Rights::root);
    first->connected();
    QCoreApplication::processEvents();
    QCOMPARE(it.asker.state(), RootAsker::State::password);
    it.asker.end();
}

void TestRootPanel::the_window_goes_first() {
    auto it = std::make_unique<Shown>();
    const auto asked = it->asker.begin(RootFor::run, guard::Rights::root);
    std::atomic<bool> stop{false};
    std::thread showing([&] {
        while (!stop.load()) {
            asked->show(command, guard::Rights::root);
            asked->connected();
        }
    });
    QTest::qWait(20);
    (void)it->asker.begin(RootFor::run, guard::Rights::root); // the first ones are of no question
    it.reset();
    stop.store(true);
    showing.join();
    QCoreApplication::processEvents();
}

QTEST_MAIN(TestRootPanel)
#include "test_root_panel.moc"
