// The real window, attached to a real coldscoped over a Unix socket: it sees real readers, holds,
// releases and fails them, and goes on when the link was cut.
#include "app/style/theme.h"
#include "app/tables/image_tree_view.h"
#include "app/views/message_bar.h"
#include "app/views/status_line.h"
#include "app/views/window_actions.h"
#include "tests/gui/live/window_fixture.h"

#include <QAbstractButton>
#include <QAbstractItemModelTester>
#include <QAction>
#include <QComboBox>
#include <QDialog>
#include <QDialogButtonBox>
#include <QDir>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>
#include <QtTest>
#include <cerrno>

#include <sys/socket.h>
#include <sys/un.h>

using namespace coldscope::test;
using coldscope::app::RunHost;

class TestAttachedWindow : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void cleanup();
    void watch_hold_release_fail_data() { add_transports(); }
    void watch_hold_release_fail();
    void the_image_comes_through_the_link();
    void a_cut_link_is_made_again();
    void what_can_not_be_attached_to_is_said();
    void the_run_ends();
    void detached_the_run_goes_on();

private:
    [[nodiscard]] bool start(const QString& transport);
    [[nodiscard]] QString where() const { return "unix:" + work_->filePath("run.sock"); }
    // Through the dialog.
    void attach(WindowFixture& it, const QString& copy = {});
    [[nodiscard]] bool attached(WindowFixture& it, const QString& copy = {});
    [[nodiscard]] std::unique_ptr<Reader> read(const QString& file) const {
        return std::make_unique<Reader>(run_->mount() + '/' + file, 0, 4096);
    }
    // Its metadata is read, so that the next read asks for its bytes.
    [[nodiscard]] bool look_up(const QString& file) const {
        const bool known = QFileInfo(run_->mount() + '/' + file).size() >= 4096;
        QTest::qWait(100);
        return known;
    }
    [[nodiscard]] QByteArray expected(const QString& file) const {
        return original(image_.tree + '/' + file, 0, 4096);
    }
    [[nodiscard]] static QString status(WindowFixture& it) {
        return it.window->findChild<coldscope::app::StatusLine*>()->text();
    }
    // What is known of the reader whose request waits.
    [[nodiscard]] static const coldscope::ReaderFacts* facts_of_held(WindowFixture& it) {
        const auto waiting = it.workspace.host().waiting();
        return waiting.empty()
                   ? nullptr
                   : it.workspace.host().facts_of(it.workspace.host().store()[waiting.front()]);
    }
    // The sockets of this process that lead to the run are cut.
    [[nodiscard]] int cut_link() const;
    void picture(QWidget& widget, const QString& name) const;

    QTemporaryDir folder_{QDir::tempPath() + QStringLiteral("/coldscope-XXXXXX")};
    TreeImage image_;
    std::unique_ptr<QTemporaryDir> work_;
    std::unique_ptr<LiveRun> run_;
};

void TestAttachedWindow::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 300, &error);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
}

void TestAttachedWindow::cleanup() {
    coldscope::app::apply_theme(coldscope::app::ThemeChoice::desktop);
    if (!run_)
        return;
    run_->stop();
    QTRY_VERIFY_WITH_TIMEOUT(!is_mounted(run_->mount()), 5000);
    run_.reset();
}

bool TestAttachedWindow::start(const QString& transport) {
    work_ = std::make_unique<QTemporaryDir>();
    run_ = std::make_unique<LiveRun>(image_, work_->path(), transport);
    run_->extra << "--listen" << where() << "--hold-grace"
                << "5s";
    return run_->start();
}

void TestAttachedWindow::attach(WindowFixture& it, const QString& copy) {
    it.attach(where(), copy, [this](QDialog& dialog) { picture(dialog, "attach-dialog"); });
}

bool TestAttachedWindow::attached(WindowFixture& it, const QString& copy) {
    attach(it, copy);
    return QTest::qWaitFor([&] { return it.workspace.host().live(); }, 20000);
}

void TestAttachedWindow::picture(QWidget& widget, const QString& name) const {
    QTest::qWait(200);
    const QString folder = QCoreApplication::applicationDirPath() + QStringLiteral("/../pictures");
    QVERIFY(QDir().mkpath(folder));
    const QString file = QStringLiteral("%1/%2.png").arg(folder, name);
    QVERIFY2(widget.grab().save(file), qPrintable(file));
    for (const QAbstractButton* button : widget.findChildren<QAbstractButton*>()) {
        if (button->isVisible() && !button->text().isEmpty())
            QVERIFY2(button->width() >= button->sizeHint().width() - 2, qPrintable(button->text()));
    }
    for (const QLabel* label : widget.findChildren<QLabel*>()) {
        if (label->isVisible() && !label->text().isEmpty())
            QVERIFY2(label->height() >= (label->wordWrap() ? label->heightForWidth(label->width())
                                                           : label->fontMetrics().height()),
                     qPrintable(label->text()));
    }
}

int TestAttachedWindow::cut_link() const {
    int count = 0;
    for (int fd = 3; fd < 1024; ++fd) {
        sockaddr_un peer{};
        socklen_t size = sizeof peer;
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
            peer.sun_family == AF_UNIX &&
            work_->filePath("run.sock") == QString::fromLocal8Bit(peer.sun_path))
            count += ::shutdown(fd, SHUT_RDWR) == 0;
    }
    return count;
}

void TestAttachedWindow::watch_hold_release_fail() {
    QFETCH(QString, transport);
    NEEDS_TRANSPORT(transport);
    coldscope::app::apply_theme(coldscope::app::ThemeChoice::light);
    const auto files = files_of(image_, 40);
    QVERIFY(start(transport));
    // What was there before the window is there, too.
    auto reader = read(files[0]);
    const qint64 pid = reader->pid(); // not known after its end
    QVERIFY(reader->finished(10000));
    WindowFixture it;
    QVERIFY(attached(it));
    QTRY_VERIFY(status(it).startsWith("attached to " + where()));
    it.raise("requests");
    QTableView* requests = it.table("requests");
    const QAbstractItemModelTester tester(requests->model(),
                                          QAbstractItemModelTester::FailureReportingMode::Fatal);
    // A request with its reader's name and number.
    const auto shows = [&](const QString& text) {
        const QAbstractItemModel* model = requests->model();
        for (int row = 0; row < model->rowCount(); ++row) {
            for (int column = 0; column < model->columnCount(); ++column) {
                if (model->index(row, column).data().toString().contains(text))
                    return true;
            }
        }
        return false;
    };
    QTRY_VERIFY(shows(QString::number(pid)));
    QVERIFY(shows("coldscope-test"));
    QVERIFY(it.workspace.image() != nullptr);

    // The toolbar's Hold next holds a real reader on the other side.
    QVERIFY(look_up(files[20]));
    it.press(it.window->actions().hold_next);
    QTRY_COMPARE(it.workspace.host().rules().size(), std::size_t{1});
    reader = read(files[20]);
    QVERIFY(it.wait_held(1));
    QTRY_VERIFY(reader->waits());
    QVERIFY(!reader->finished(300));
    const coldscope::ReaderFacts* facts = facts_of_held(it);
    QVERIFY(facts != nullptr);
    QCOMPARE(qint64{facts->process}, reader->pid());
    QVERIFY(!facts->cgroup.empty());
    it.raise("held");
    QTableView* held = it.table("held");
    const QAbstractItemModelTester held_tester(
        held->model(), QAbstractItemModelTester::FailureReportingMode::Fatal);
    QTRY_COMPARE(held->model()->rowCount(), 1);
    if (transport != "fanotify") {
        picture(*it.window, "attached-light");
        coldscope::app::apply_theme(coldscope::app::ThemeChoice::dark);
        picture(*it.window, "attached-dark");
        coldscope::app::apply_theme(coldscope::app::ThemeChoice::light);
    }
    QAbstractButton* release = it.button("held", "Release");
    QVERIFY(release != nullptr && release->isEnabled());
    QTest::mouseClick(release, Qt::LeftButton);
    QVERIFY(reader->finished(10000));
    QCOMPARE(reader->result(), 0);
    QCOMPARE(reader->bytes(), expected(files[20]));
    QTRY_COMPARE(it.held(), std::size_t{0});

    // Failed: its retries, too.
    QVERIFY(look_up(files[30]));
    it.press(it.window->actions().hold_all);
    QTRY_COMPARE(it.workspace.host().rules().size(), std::size_t{2}); // as the run tells it
    QVERIFY(it.window->actions().hold_all->isChecked());
    reader = read(files[30]);
    QVERIFY(it.wait_held(1));
    QAbstractButton* fail = it.button("held", "Fail");
    for (int i = 0; i < 40 && !reader->finished(50); ++i) {
        if (!it.wait_held(1, 500))
            continue;
        QTRY_VERIFY(fail->isEnabled());
        WindowFixture::on_dialog([](QDialog& dialog) {
            QTest::mouseClick(dialog.findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok),
                              Qt::LeftButton);
        });
        QTest::mouseClick(fail, Qt::LeftButton);
        QTest::qWait(50);
    }
    QVERIFY(reader->finished(1000));
    QCOMPARE(reader->result(), EIO);
    it.press(it.window->actions().release_all);
    QTRY_VERIFY(!it.window->actions().hold_all->isChecked());
    reader = read(files[30]);
    QVERIFY(reader->finished(10000));
    QCOMPARE(reader->bytes(), expected(files[30]));
    QCOMPARE(it.workspace.host().lost_events(), std::uint64_t{0});
    QVERIFY2(it.window->messages().text().isEmpty(), qPrintable(it.window->messages().text()));
}

// The image's file is not on this machine, or another one stands there.
void TestAttachedWindow::the_image_comes_through_the_link() {
    NEEDS_TRANSPORT("fuse-tree");
    const auto files = files_of(image_, 10);
    QVERIFY(start("fuse-tree"));
    const QString away = image_.bootstrap + "-away";
    QVERIFY(QFile::rename(image_.bootstrap, away));
    const auto back = qScopeGuard([&] {
        QFile::remove(image_.bootstrap);
        QFile::rename(away, image_.bootstrap);
    });
    WindowFixture it;
    const bool live = attached(it);
    QVERIFY(QFile::copy(image_.blob, image_.bootstrap)); // no image
    QVERIFY(live);
    QVERIFY(it.workspace.image() != nullptr);
    const QString path = QString::fromStdString(it.workspace.image()->path);
    QVERIFY(path != image_.bootstrap);
    QCOMPARE(QFileInfo(path).fileName(), QFileInfo(image_.bootstrap).fileName());
    QFile fetched(path);
    QFile whole(away);
    QVERIFY(fetched.open(QIODevice::ReadOnly) && whole.open(QIODevice::ReadOnly));
    QVERIFY(fetched.readAll() == whole.readAll());
    QVERIFY(it.workspace.image()->index.find('/' + files[5].toStdString()).has_value());
    auto reader = read(files[5]);
    QVERIFY(reader->finished(10000));
    QTRY_VERIFY(it.workspace.residency().total_local() > 0);
    // A copy that was named is taken, a wrong one is not.
    it.window->actions().detach->trigger();
    QVERIFY(attached(it, away));
    QCOMPARE(QString::fromStdString(it.workspace.image()->path), away);
    it.window->actions().detach->trigger();
    QVERIFY(attached(it, image_.blob));
    QVERIFY(QString::fromStdString(it.workspace.image()->path) != image_.blob);
    // Without any image the requests are there all the same.
    it.workspace.close_image();
    reader = read(files[6]);
    QVERIFY(reader->finished(10000));
    const auto seen = [&] { // by the name that the run has told
        const auto& store = it.workspace.host().store();
        for (coldscope::Row row = 0; row < store.size(); ++row) {
            if (it.workspace.object_name(store[row].object) == '/' + files[6])
                return true;
        }
        return false;
    };
    QTRY_VERIFY(seen());
    for (const char* view : {"timeline", "blob-map", "chunk-map", "requests", "held", "charts",
                             "findings", "preview", "output", "image"})
        it.raise(view);
    it.window->actions().detach->trigger();
}

void TestAttachedWindow::a_cut_link_is_made_again() {
    NEEDS_TRANSPORT("fuse-tree");
    const auto files = files_of(image_, 10);
    QVERIFY(start("fuse-tree"));
    WindowFixture it;
    QVERIFY(attached(it));
    QVERIFY(look_up(files[5]));
    it.press(it.window->actions().hold_all);
    QTRY_COMPARE(it.workspace.host().rules().size(), std::size_t{1});
    auto reader = read(files[5]);
    QVERIFY(it.wait_held(1));
    const auto rows = it.workspace.host().store().size();
    QCOMPARE(cut_link(), 1);
    QTRY_VERIFY(it.window->messages().text().contains("The link to " + where() + " is lost"));
    QTRY_VERIFY_WITH_TIMEOUT(it.window->messages().text().contains("again"), 20000);
    QTRY_VERIFY(status(it).startsWith("attached to"));
    // The request is still held, is still the same, and can be let go.
    QCOMPARE(it.held(), std::size_t{1});
    QCOMPARE(it.workspace.host().store().size(), rows);
    QCOMPARE(it.workspace.host().lost_events(), std::uint64_t{0});
    QTest::qWait(6000); // longer than the grace: the window is there
    QVERIFY(!reader->finished(1));
    it.press(it.window->actions().release_all);
    QVERIFY(reader->finished(10000));
    QCOMPARE(reader->bytes(), expected(files[5]));
    QTRY_COMPARE(it.held(), std::size_t{0});
}

void TestAttachedWindow::what_can_not_be_attached_to_is_said() {
    work_ = std::make_unique<QTemporaryDir>();
    WindowFixture it;
    attach(it); // nobody listens there
    QTRY_VERIFY(it.window->messages().text().contains("Not attached to " + where()));
    QCOMPARE(it.workspace.host().phase(), RunHost::Phase::none);
    QVERIFY(it.window->actions().start->isEnabled());
    // What is no address can't be tried.
    coldscope::app::apply_theme(coldscope::app::ThemeChoice::dark);
    WindowFixture::on_dialog([this](QDialog& dialog) {
        auto* address = dialog.findChild<QComboBox*>();
        QVERIFY(address->width() > dialog.width() / 2);
        address->setEditText("tcp:80");
        picture(dialog, "attach-dialog-dark");
        for (const QAbstractButton* each : dialog.findChildren<QAbstractButton*>()) {
            if (each->text() == "Attach")
                QVERIFY(!each->isEnabled());
        }
        dialog.reject();
    });
    it.window->actions().attach->trigger();
    QVERIFY(coldscope::app::Attacher::recent().isEmpty());
}

void TestAttachedWindow::the_run_ends() {
    NEEDS_TRANSPORT("fuse-tree");
    const auto files = files_of(image_, 10);
    QVERIFY(start("fuse-tree"));
    WindowFixture it;
    QVERIFY(attached(it));
    auto reader = read(files[5]);
    QVERIFY(reader->finished(10000));
    QTRY_VERIFY(it.workspace.host().store().size() > 0);
    // Stop is for the run, whoever has started it.
    it.press(it.window->actions().stop);
    QTRY_COMPARE_WITH_TIMEOUT(it.workspace.host().phase(), RunHost::Phase::ended, 10000);
    QTRY_VERIFY(!is_mounted(run_->mount()));
    QVERIFY(it.workspace.host().store().size() > 0);
    QCOMPARE(coldscope::app::Attacher::recent(), QStringList{where()});
    // And a run of the window's own can be had as before.
    QVERIFY(it.start(image_, "fuse-tree"));
    QVERIFY(it.workspace.host().attachment() == nullptr);
    QVERIFY(it.stop());
}

void TestAttachedWindow::detached_the_run_goes_on() {
    NEEDS_TRANSPORT("fuse-tree");
    const auto files = files_of(image_, 10);
    QVERIFY(start("fuse-tree"));
    auto it = std::make_unique<WindowFixture>();
    QVERIFY(attached(*it));
    QVERIFY(look_up(files[5]));
    it->press(it->window->actions().hold_all);
    QTRY_COMPARE(it->workspace.host().rules().size(), std::size_t{1});
    auto reader = read(files[5]);
    QVERIFY(it->wait_held(1));
    // Closing the window is leaving.
    it->window->close();
    QVERIFY(!it->window->isVisible());
    QCOMPARE(it->workspace.host().phase(), RunHost::Phase::ended);
    it.reset();
    QVERIFY(!reader->finished(1000));
    QVERIFY(is_mounted(run_->mount()));
    // Another window finds it held.
    WindowFixture next;
    QVERIFY(attached(next));
    QVERIFY(next.wait_held(1));
    QVERIFY(facts_of_held(next) != nullptr);
    QCOMPARE(qint64{facts_of_held(next)->process}, reader->pid());
    next.press(next.window->actions().release_all);
    QVERIFY(reader->finished(10000));
    QCOMPARE(reader->bytes(), expected(files[5]));
}

QTEST_MAIN(TestAttachedWindow)
#include "test_attached_window.moc"
