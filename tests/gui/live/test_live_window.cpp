// The real window over a real FUSE mount: what a person does in it, with real readers waiting.
#include "app/detail/request_detail.h"
#include "app/style/look.h"
#include "app/style/text.h"
#include "app/timeline/timeline_canvas.h"
#include "app/timeline/timeline_view.h"
#include "app/views/message_bar.h"
#include "app/views/window_actions.h"
#include "tests/gui/live/window_fixture.h"

#include <QAbstractButton>
#include <QApplication>
#include <QComboBox>
#include <QContextMenuEvent>
#include <QDialog>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QTableView>
#include <QTreeView>
#include <QtTest>

using namespace coldscope::test;
using coldscope::app::Mark;

class TestLiveWindow : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void cleanup();
    void watch_hold_delay_release_fail_retry_data() { add_transports(); }
    void watch_hold_delay_release_fail_retry();
    void the_detail_knows_who_waits_for_what_data() { add_transports(); }
    void the_detail_knows_who_waits_for_what();
    void release_all_frees_fifty_data() { add_transports(); }
    void release_all_frees_fifty();
    void a_blocked_main_thread_frees_what_is_held_data() { add_transports(); }
    void a_blocked_main_thread_frees_what_is_held();
    void four_clicks_to_a_failed_read_data() { add_transports(); }
    void four_clicks_to_a_failed_read();
    void closing_the_window_lets_go_data() { add_transports(); }
    void closing_the_window_lets_go();

private:
    [[nodiscard]] QByteArray expected(const QString& file) const {
        return original(image_.tree + u'/' + file, 0, 4096);
    }
    [[nodiscard]] std::unique_ptr<Reader> read(WindowFixture& it, const QString& file) const {
        return std::make_unique<Reader>(it.mount() + u'/' + file, 0, 4096);
    }
    static void accept_after(const std::function<void(QDialog&)>& fill);

    QTemporaryDir folder_;
    TreeImage image_;
};

void TestLiveWindow::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 300, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

void TestLiveWindow::cleanup() {
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(image_.bootstrap), 20000);
}

// Fills the next dialog in and presses OK.
void TestLiveWindow::accept_after(const std::function<void(QDialog&)>& fill) {
    WindowFixture::on_dialog([fill](QDialog& dialog) {
        fill(dialog);
        auto* buttons = dialog.findChild<QDialogButtonBox*>();
        QVERIFY(buttons != nullptr);
        QTest::mouseClick(buttons->button(QDialogButtonBox::Ok), Qt::LeftButton);
    });
}

void TestLiveWindow::watch_hold_delay_release_fail_retry() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const auto files = files_of(image_, 6);
    WindowFixture it;
    QVERIFY(it.start(image_, transport));
    it.raise(QStringLiteral("requests"));
    QTableView* requests = it.table(QStringLiteral("requests"));
    const QColor answered = look(Mark::answered, coldscope::app::Theme::light).fill;
    const QColor held = look(Mark::held, coldscope::app::Theme::light).fill;

    // A process reads: its request is in the table and on the timeline.
    auto reader = read(it, files[0]);
    QTRY_VERIFY_WITH_TIMEOUT(reader->finished(1), 20000);
    QCOMPARE(reader->bytes(), expected(files[0]));
    QTRY_VERIFY(requests->model()->rowCount() > 0);
    QTRY_VERIFY(it.pixels(QStringLiteral("timeline"), answered) > 0);
    QCOMPARE(it.pixels(QStringLiteral("timeline"), held), 0);

    // Hold next holds the following one.
    QVERIFY(it.look_up({files[1]})); // metadata is read before
    it.press(it.window->actions().hold_next);
    reader = read(it, files[1]);
    QVERIFY(it.wait_held(1));
    QTRY_VERIFY(reader->waits());
    QVERIFY(!QTest::qWaitFor([&] { return reader->finished(1); }, 300));
    it.raise(QStringLiteral("held"));
    QTableView* waiting = it.table(QStringLiteral("held"));
    QTRY_COMPARE(waiting->model()->rowCount(), 1);
    QTRY_VERIFY(it.pixels(QStringLiteral("timeline"), held) > 0);

    // Delay lets it go on later, with right bytes. Other requests are not touched.
    accept_after([](QDialog& dialog) {
        auto* seconds = dialog.findChild<QDoubleSpinBox*>();
        QVERIFY(seconds != nullptr);
        seconds->setValue(0.2);
    });
    QAbstractButton* delay = it.button(QStringLiteral("held"), QStringLiteral("Delay"));
    QVERIFY(delay != nullptr && delay->isEnabled());
    QTest::mouseClick(delay, Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(it.held() == 0, 20000);
    QTRY_VERIFY_WITH_TIMEOUT(reader->finished(1), 20000);
    QCOMPARE(reader->result(), 0);
    QCOMPARE(reader->bytes(), expected(files[1]));

    // Release lets the next held one go on at once.
    QVERIFY(it.look_up({files[2]}));
    it.press(it.window->actions().hold_next);
    reader = read(it, files[2]);
    QVERIFY(it.wait_held(1));
    QAbstractButton* release = it.button(QStringLiteral("held"), QStringLiteral("Release"));
    QVERIFY(release != nullptr && release->isEnabled());
    QTest::mouseClick(release, Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(reader->finished(1), 20000);
    QCOMPARE(reader->bytes(), expected(files[2]));

    // Fail gives its reader an error. The kernel asks again, page by page, for what a readahead
    // did not get: so every request of that file is held, and each is failed.
    QVERIFY(it.look_up({files[3]}));
    it.press(it.window->actions().hold_all);
    reader = read(it, files[3]);
    QVERIFY(it.wait_held(1));
    QVERIFY(it.fail_held_until_ended(*reader));
    QCOMPARE(reader->result(), EIO);
    QVERIFY(reader->bytes().isEmpty());
    it.press(it.window->actions().release_all);

    // A retry then works.
    reader = read(it, files[3]);
    QTRY_VERIFY_WITH_TIMEOUT(reader->finished(1), 20000);
    QCOMPARE(reader->result(), 0);
    QCOMPARE(reader->bytes(), expected(files[3]));
    it.window->findChild<coldscope::app::TimelineView*>()->show_all(); // however long ago it was
    QTRY_VERIFY(it.pixels(QStringLiteral("timeline"),
                          look(Mark::failed, coldscope::app::Theme::light).fill) > 0);
    QVERIFY(it.stop());
}

// The process, the file that the kernel was reading and where its thread is, of a held request; and
// lanes by each of these.
void TestLiveWindow::the_detail_knows_who_waits_for_what() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const QString file = files_of(image_, 1)[0];
    WindowFixture it;
    QVERIFY(it.start(image_, transport));
    QVERIFY(it.look_up({file})); // metadata is read before
    it.press(it.window->actions().hold_next);
    const auto reader = read(it, file);
    QVERIFY(it.wait_held(1));
    it.workspace.choose_request(it.workspace.host().waiting().front());
    auto* detail = it.window->findChild<coldscope::app::RequestDetail*>();
    QVERIFY(detail != nullptr);
    const auto text = [&](const char* name) {
        return detail->findChild<QLabel*>(QString::fromLatin1(name))->text();
    };
    QTRY_COMPARE(detail->row(), it.workspace.host().waiting().front());
    QTRY_VERIFY2_WITH_TIMEOUT(text("who").contains(QStringLiteral("(%1)").arg(reader->pid())),
                              qPrintable(text("who")), 20000);
    if (transport != QLatin1String("fuse-tree")) { // there the object is the file
        QTRY_VERIFY2_WITH_TIMEOUT(text("reading").contains(QStringLiteral("EROFS was reading")),
                                  qPrintable(text("reading")), 20000);
        QVERIFY2(text("reading").contains(u'/' + file), qPrintable(text("reading")));
        QTRY_VERIFY2_WITH_TIMEOUT(
            text("reading").contains(QStringLiteral("waits in pread at 0 of /") + file),
            qPrintable(text("reading")), 20000);
    }
    auto* by = it.window->findChild<coldscope::app::TimelineView*>()->findChild<QComboBox*>();
    auto* canvas = it.window->findChild<coldscope::app::TimelineCanvas*>();
    QVERIFY(by != nullptr && canvas != nullptr);
    const auto labels = [&] {
        QStringList all;
        for (const auto& group : canvas->model().groups())
            all.push_back(group.label);
        return all;
    };
    for (const char* kind : {"process", "thread"}) {
        by->setCurrentIndex(by->findText(QString::fromLatin1(kind)));
        QVERIFY2(labels().contains(QStringLiteral("coldscope-test- (%1)").arg(reader->pid())),
                 qPrintable(labels().join(u' ')));
    }
    by->setCurrentIndex(by->findText(QStringLiteral("container")));
    QFile cgroup(QStringLiteral("/proc/%1/cgroup").arg(reader->pid()));
    QVERIFY(cgroup.open(QIODevice::ReadOnly));
    const std::string path(coldscope::cgroup_path(cgroup.readAll().toStdString()));
    QVERIFY2(labels().contains(coldscope::app::container_text(path)),
             qPrintable(labels().join(u' ')));
    it.press(it.window->actions().release_all);
    QTRY_VERIFY_WITH_TIMEOUT(reader->finished(1), 20000);
    QCOMPARE(reader->bytes(), expected(file));
    QVERIFY(it.stop());
}

void TestLiveWindow::release_all_frees_fifty() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const auto files = files_of(image_, 50);
    QCOMPARE(files.size(), std::size_t{50});
    WindowFixture it;
    QVERIFY(it.start(image_, transport));
    QVERIFY(it.look_up(files));
    it.press(it.window->actions().hold_all);
    std::vector<std::unique_ptr<Reader>> readers;
    for (const QString& file : files)
        readers.push_back(read(it, file));
    // Neighbours on the blob may be asked for by one question: every reader waits all the same.
    for (const auto& reader : readers)
        QTRY_VERIFY_WITH_TIMEOUT(reader->waits(), 20000);
    QVERIFY(it.wait_held(40));
    for (const auto& reader : readers)
        QVERIFY(!reader->finished(1));
    it.press(it.window->actions().release_all);
    for (std::size_t i = 0; i < readers.size(); ++i) {
        QTRY_VERIFY_WITH_TIMEOUT(readers[i]->finished(1), 20000);
        QCOMPARE(readers[i]->result(), 0);
        QCOMPARE(readers[i]->bytes(), expected(files[i]));
    }
    QTRY_COMPARE(it.held(), std::size_t{0});
    QVERIFY(it.stop());
}

// Waiting for the reader here keeps the window's thread from everything else, its beat too.
void TestLiveWindow::a_blocked_main_thread_frees_what_is_held() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const auto files = files_of(image_, 2);
    WindowFixture it;
    it.launcher.engine = {};
    QVERIFY(it.start(image_, transport));
    QVERIFY(it.look_up({files[0]}));
    it.press(it.window->actions().hold_all);
    auto reader = read(it, files[0]);
    const auto& store = it.workspace.host().store();
    const auto was_held = [&] { // and still is, unless this thread was blocked already
        for (coldscope::Row row = 0; row < store.size(); ++row) {
            if (store.steering(store[row]).held != 0)
                return true;
        }
        return false;
    };
    QTRY_VERIFY_WITH_TIMEOUT(was_held(), 20000);
    QVERIFY2(reader->finished(10000), "the main thread was blocked, and the reader still waits");
    QCOMPARE(reader->result(), 0);
    QCOMPARE(reader->bytes(), expected(files[0]));
    // Afterwards the window says what happened, and goes on.
    QTRY_VERIFY(!it.window->messages().text().isEmpty());
    reader = read(it, files[1]);
    QTRY_VERIFY_WITH_TIMEOUT(reader->finished(1), 20000);
    QCOMPARE(reader->bytes(), expected(files[1]));
    QVERIFY(it.stop());
}

// In a run that is live, as packaging/run opens it: a file's row in the tree, its menu, "Fail all",
// its menu again, "Read now". Menus open on hovering and cost no click.
void TestLiveWindow::four_clicks_to_a_failed_read() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const QString file = files_of(image_, 1)[0];
    WindowFixture it;
    QVERIFY(it.start(image_, transport));
    auto* tree = it.window->view(QStringLiteral("image"))->findChild<QTreeView*>();
    const auto node = it.workspace.image()->index.find((u'/' + file).toStdString());
    QVERIFY(node.has_value());
    it.workspace.choose_node(*node); // as a search for its name does
    QTRY_COMPARE(tree->currentIndex().data().toString(), file.section(u'/', -1));
    QSignalSpy printed(&it.workspace, &coldscope::app::Workspace::printed);
    int clicks = 0;
    // Right-clicks on the row and clicks on the act, in the menu or one that it opens.
    const auto choose = [&](const QString& beginning) {
        const QPoint at = tree->visualRect(tree->currentIndex()).center();
        QTimer::singleShot(100, tree, [&] {
            auto* menu = qobject_cast<QMenu*>(QApplication::activePopupWidget());
            QVERIFY(menu != nullptr);
            for (QMenu* each : QList{menu} + menu->findChildren<QMenu*>()) {
                for (QAction* action : each->actions()) {
                    if (!action->text().startsWith(beginning))
                        continue;
                    if (each != menu) {
                        menu->setActiveAction(each->menuAction());
                        QTRY_VERIFY(each->isVisible());
                    }
                    ++clicks;
                    QTest::mouseClick(each, Qt::LeftButton, {},
                                      each->actionGeometry(action).center());
                    return;
                }
            }
            menu->close();
            QFAIL(qPrintable(beginning));
        });
        ++clicks;
        QContextMenuEvent event(QContextMenuEvent::Mouse, at, tree->viewport()->mapToGlobal(at));
        QApplication::sendEvent(tree->viewport(), &event);
    };
    choose(QStringLiteral("Fail all: reader gets EIO"));
    choose(QStringLiteral("Read "));
    QTRY_VERIFY_WITH_TIMEOUT(!printed.isEmpty() &&
                                 printed.constLast().constFirst().toByteArray().contains("failed"),
                             20000);
    QVERIFY2(clicks <= 4, qPrintable(QString::number(clicks)));
    QTRY_VERIFY(it.workspace.host().store().summary().failed > 0);
    QVERIFY(it.stop());
}

void TestLiveWindow::closing_the_window_lets_go() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    const auto files = files_of(image_, 1);
    WindowFixture it;
    QVERIFY(it.start(image_, transport));
    const QString mount = it.mount();
    QVERIFY(it.look_up({files[0]}));
    it.press(it.window->actions().hold_all);
    auto reader = read(it, files[0]);
    QVERIFY(it.wait_held(1));
    it.window->close();
    QTRY_VERIFY_WITH_TIMEOUT(!it.window->isVisible(), 20000);
    QTRY_VERIFY_WITH_TIMEOUT(reader->finished(1), 20000);
    QVERIFY(reader->result() != 0 || reader->bytes() == expected(files[0]));
    QVERIFY(!is_mounted(mount));
    QVERIFY(!QFileInfo::exists(mount)); // it was made for the run
}

QTEST_MAIN(TestLiveWindow)
#include "test_live_window.moc"
