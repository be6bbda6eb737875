// The window before an image is open: what the page offers, what it says of this machine, and the
// demo, from its button to a failed read of a chosen file. As root, and as an ordinary user with
// FUSE and without.
#include "app/models/tree_model.h"
#include "app/run/demo.h"
#include "app/style/command_name.h"
#include "app/views/message_bar.h"
#include "app/views/screenshot.h"
#include "app/views/start_dialog.h"
#include "app/views/transport_lines.h"
#include "app/views/welcome.h"
#include "app/views/window_actions.h"
#include "tests/gui/live/window_fixture.h"

#include <QApplication>
#include <QCommandLinkButton>
#include <QDialog>
#include <QFile>
#include <QFileDialog>
#include <QLabel>
#include <QMenu>
#include <QPlainTextEdit>
#include <QToolButton>
#include <QTreeView>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::test;

namespace {

// The words of whoever asks for it, so that they are the right ones in an AppImage, too.
class AppImage {
public:
    explicit AppImage(const QByteArray& path) { qputenv("APPIMAGE", path); }
    ~AppImage() { qunsetenv("APPIMAGE"); }
    AppImage(const AppImage&) = delete;
    AppImage& operator=(const AppImage&) = delete;
};

QStringList texts_in(const QWidget& widget) {
    QStringList texts;
    for (const QLabel* label : widget.findChildren<QLabel*>())
        texts << label->text();
    return texts;
}

} // namespace

class TestFirstPage : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() { it_ = std::make_unique<WindowFixture>(); }
    void cleanup() { it_.reset(); }
    void each_act_leads_somewhere();
    void says_what_works_here();
    void says_what_is_lacking();
    void a_name_as_typed();
    void an_appimage_is_not_double_clicked();
    void bars_that_come_by_themselves_are_in_no_menu();
    void the_demo_is_read_and_a_file_of_it_fails();
    void the_demo_is_remembered_nowhere();
    void the_demo_leaves_the_dialogs_alone();
    void the_demo_is_steered();
    void a_delayed_request_is_waited_for();
    void what_is_no_image_is_said_data();
    void what_is_no_image_is_said();

private:
    [[nodiscard]] QCommandLinkButton* act(const char* text) const;
    [[nodiscard]] QString title_of_dialog_after(const char* act_text);
    [[nodiscard]] QString output() const;
    // The entry of a context menu, by the words on the way to it; chosen as with the mouse.
    static bool choose(QMenu& menu, QStringList words);

    std::unique_ptr<WindowFixture> it_;
};

QCommandLinkButton* TestFirstPage::act(const char* text) const {
    for (auto* button : it_->window->findChildren<QCommandLinkButton*>()) {
        if (button->text().startsWith(QString::fromUtf8(text)))
            return button;
    }
    return nullptr;
}

QString TestFirstPage::title_of_dialog_after(const char* act_text) {
    QCommandLinkButton* button = act(act_text);
    if (button == nullptr || !button->isVisible())
        return QStringLiteral("there is no such act");
    QString title;
    WindowFixture::on_dialog([&title](QDialog& dialog) {
        title = dialog.windowTitle();
        dialog.reject();
    });
    QTest::mouseClick(button, Qt::LeftButton);
    return title;
}

void TestFirstPage::each_act_leads_somewhere() {
    QCOMPARE(title_of_dialog_after("Open an image"), QStringLiteral("Open an image"));
    QCOMPARE(title_of_dialog_after("Start a run"), QStringLiteral("Start a run"));
    QVERIFY(title_of_dialog_after("Attach").startsWith(QStringLiteral("Attach")));
    QVERIFY(it_->window->messages().text().isEmpty());
    QVERIFY(it_->window->acceptDrops());
}

void TestFirstPage::says_what_works_here() {
    auto* lines = it_->window->findChild<app::TransportLines*>();
    QVERIFY(lines != nullptr);
    const std::vector<Offer> here = offers();
    QTRY_COMPARE(lines->findChildren<QLabel*>().size(), static_cast<qsizetype>(3 * here.size()));
    const QStringList texts = texts_in(*lines);
    for (const Offer& offer : here)
        QVERIFY2(texts.contains(app::line_text(offer)), qPrintable(app::line_text(offer)));
    QCommandLinkButton* demo = act("Run the demo");
    QVERIFY2(demo->isEnabled(), "the build makes the demo's image");
    const Offer* best = best_alone(here);
    QVERIFY(best != nullptr);
    QVERIFY2(demo->description().contains(best->kind == TransportKind::simulated
                                              ? QStringLiteral("simulated kernel")
                                              : app::demo_choice(here).transport),
             qPrintable(demo->description()));
}

void TestFirstPage::says_what_is_lacking() {
    auto* page = it_->window->findChild<app::Welcome*>();
    QTest::qWait(0); // its own look at this machine comes first
    page->show_offers({{TransportKind::fuse_blob, true, guard::Rights::root, "mounts"},
                       {TransportKind::fuse_tree, false, guard::Rights::own, "lacks fusermount3"},
                       {TransportKind::simulated, true, guard::Rights::own, "pretends"}});
    const QStringList texts = texts_in(*page->findChild<app::TransportLines*>());
    QCOMPARE(texts.size(), 9);
    QVERIFY2(texts[2].contains(QStringLiteral("With an administrator")), qPrintable(texts[2]));
    QCOMPARE(texts[5], QStringLiteral("Lacks fusermount3"));
    QVERIFY(!texts[8].contains(QStringLiteral("administrator")));
    QVERIFY(texts_in(*page).join(u'\n').contains(QStringLiteral("An administrator is needed")));
    QVERIFY(act("Run the demo")->description().contains(QStringLiteral("simulated kernel")));
    // Where FUSE works, the demo mounts.
    page->show_offers({{TransportKind::fuse_tree, true, guard::Rights::own, "serves"}});
    QVERIFY(act("Run the demo")->description().contains(QStringLiteral("fuse-tree")));
    QVERIFY(act("Run the demo")->isEnabled());
    // Without io_uring not even the simulated kernel works.
    page->show_offers({{TransportKind::fuse_tree, false, guard::Rights::own, "lacks io_uring"},
                       {TransportKind::simulated, false, guard::Rights::own, "lacks io_uring"}});
    QVERIFY(!act("Run the demo")->isEnabled());
    QVERIFY2(act("Run the demo")->description().contains(QStringLiteral("no transport works")),
             qPrintable(act("Run the demo")->description()));
}

void TestFirstPage::a_name_as_typed() {
    QCOMPARE(app::command_name(QStringLiteral("coldscoped")), QStringLiteral("coldscoped"));
    const Offer serve{TransportKind::cachefiles, true, guard::Rights::own, {}};
    {
        const AppImage file("/home/u/Coldscope-x86_64.AppImage");
        QCOMPARE(app::command_name(QStringLiteral("coldscope")),
                 QStringLiteral("Coldscope-x86_64.AppImage"));
        QVERIFY(app::line_text(serve).contains(
            QStringLiteral("Coldscope-x86_64.AppImage coldscoped serve")));
    }
    const AppImage file("/home/u/it's mine.AppImage");
    QCOMPARE(app::command_name(QStringLiteral("coldscoped")),
             QStringLiteral("'it'\\''s mine.AppImage' coldscoped"));
}

// Nothing has told the file manager of it.
void TestFirstPage::an_appimage_is_not_double_clicked() {
    QVERIFY(act("Open an image")->description().contains(QStringLiteral("double-click")));
    it_.reset();
    const AppImage file("/home/u/Coldscope-x86_64.AppImage");
    it_ = std::make_unique<WindowFixture>();
    QVERIFY(!act("Open an image")->description().contains(QStringLiteral("double-click")));
    QVERIFY(act("Open an image")->description().contains(QStringLiteral("drop")));
}

void TestFirstPage::bars_that_come_by_themselves_are_in_no_menu() {
    const std::unique_ptr<QMenu> menu(it_->window->createPopupMenu());
    QStringList shown;
    for (const QAction* action : menu ? menu->actions() : QList<QAction*>()) {
        if (action->isVisible())
            shown << action->text();
    }
    QVERIFY2(!shown.contains(QStringLiteral("Messages")) &&
                 !shown.contains(QStringLiteral("Root's rights")),
             qPrintable(shown.join(u' ')));
}

QString TestFirstPage::output() const {
    return it_->window->view(QStringLiteral("output"))->findChild<QPlainTextEdit*>()->toPlainText();
}

bool TestFirstPage::choose(QMenu& menu, QStringList words) {
    const QString word = words.takeFirst();
    for (QAction* action : menu.actions()) {
        if (!action->text().startsWith(word))
            continue;
        if (words.isEmpty()) {
            action->trigger();
            menu.close();
            return true;
        }
        if (action->menu() != nullptr && choose(*action->menu(), words)) {
            menu.close();
            return true;
        }
    }
    return false;
}

void TestFirstPage::the_demo_is_read_and_a_file_of_it_fails() {
    const std::vector<Offer> here = offers();
    const QString transport = app::demo_choice(here).transport;
    QTest::mouseClick(act("Run the demo"), Qt::LeftButton);
    app::RunHost& host = it_->workspace.host();
    QTRY_VERIFY2_WITH_TIMEOUT(host.live(), qPrintable(it_->window->messages().text()), 20000);
    QCOMPARE(host.transport_name(), transport);
    QTRY_VERIFY_WITH_TIMEOUT(host.store().size() > 5, 60000);
    QVERIFY(it_->window->messages().text().startsWith(QStringLiteral("The demo")));
    if (!host.simulated())
        QTRY_VERIFY_WITH_TIMEOUT(output().startsWith(QStringLiteral("$ sh -c ")), 60000);

    // A file, chosen in the tree; what its context menu has.
    auto* tree = it_->window->view(QStringLiteral("image"))->findChild<QTreeView*>();
    QModelIndex line;
    for (int row = 0; row < tree->model()->rowCount(); ++row) {
        const QModelIndex index = tree->model()->index(row, 0);
        if (index.data().toString() == QStringLiteral("README.md"))
            line = index;
    }
    QVERIFY2(line.isValid(), "README.md is in the demo's image");
    tree->scrollTo(line);
    const auto choose_in_menu = [&](const QStringList& words) {
        bool chosen = false;
        auto* timer = new QTimer(it_->window.get());
        connect(timer, &QTimer::timeout, timer, [&chosen, timer, words] {
            if (auto* menu = qobject_cast<QMenu*>(QApplication::activePopupWidget())) {
                timer->stop();
                chosen = choose(*menu, words);
            }
        });
        timer->start(20);
        const QPoint at = tree->visualRect(line).center();
        QTest::mouseClick(tree->viewport(), Qt::LeftButton, {}, at);
        QContextMenuEvent event(QContextMenuEvent::Mouse, at, tree->viewport()->mapToGlobal(at));
        QApplication::sendEvent(tree->viewport(), &event);
        delete timer;
        return chosen;
    };
    QVERIFY(
        choose_in_menu({QStringLiteral("Requests of this file"), QStringLiteral("Fail all: ")}));
    QTRY_VERIFY(!host.rules().empty());
    QVERIFY(choose_in_menu({QStringLiteral("Read README.md now")}));
    const auto failed = [&] {
        std::size_t count = 0;
        for (Row row = 0; row < host.store().size(); ++row)
            count += host.store().state(row) == RequestState::failed;
        return count;
    };
    QTRY_VERIFY_WITH_TIMEOUT(failed() > 0, 20000);
    if (!host.simulated()) {
        QTRY_VERIFY2_WITH_TIMEOUT(
            output().contains(QStringLiteral("Input/output error")) &&
                output().contains(QStringLiteral("reading /README.md failed")),
            qPrintable(output()), 20000);
    }
    QVERIFY(it_->stop());
}

void TestFirstPage::the_demo_is_remembered_nowhere() {
    it_->window->run_demo();
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.host().live(), 20000);
    QVERIFY(it_->stop());
    QVERIFY(app::Welcome::recent().isEmpty());
    app::demo_choice(offers()).save();
    QVERIFY(app::Choice::saved().image.isEmpty());
    QVERIFY(it_->window->actions().demo->isEnabled()); // again
}

// What was chosen before it is there again, and no dialog begins in its folder.
void TestFirstPage::the_demo_leaves_the_dialogs_alone() {
    app::Choice own;
    own.image = QStringLiteral("/images/own.erofs");
    own.latency = QStringLiteral("7ms");
    own.command = QStringList{QStringLiteral("ls"), QStringLiteral("-lR")};
    own.save();
    it_->window->run_demo();
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.host().live(), 20000);
    QVERIFY(it_->stop());

    const QString demo_folder = QFileInfo(app::demo_image()).path();
    const auto begins_in = [](const std::function<void()>& show) {
        QString folder;
        WindowFixture::on_dialog([&folder](QDialog& dialog) {
            if (auto* files = qobject_cast<QFileDialog*>(&dialog))
                folder = files->directory().absolutePath();
            dialog.reject();
        });
        show();
        return folder;
    };
    app::Choice offered;
    QString browsed;
    WindowFixture::on_dialog([&](QDialog& dialog) {
        offered = qobject_cast<app::StartDialog*>(&dialog)->choice();
        auto* browse = dialog.findChild<QToolButton*>();
        browsed = begins_in([browse] { QTest::mouseClick(browse, Qt::LeftButton); });
        dialog.reject();
    });
    it_->press(it_->window->actions().start);
    QCOMPARE(offered.image, app::demo_image()); // which is open
    QCOMPARE(offered.latency, own.latency);
    QCOMPARE(offered.command, own.command);
    QVERIFY(offered.transport.isEmpty() || best_alone(offers())->kind == TransportKind::simulated);
    QVERIFY2(!browsed.isEmpty() && browsed != demo_folder, qPrintable(browsed));
    for (QAction* action : {it_->window->actions().open, it_->window->actions().compare}) {
        const QString folder = begins_in([action] { action->trigger(); });
        QVERIFY2(!folder.isEmpty() && folder != demo_folder, qPrintable(action->text()));
    }
}

void TestFirstPage::the_demo_is_steered() {
    it_->window->run_demo({QStringLiteral("hold all")});
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.host().live(), 20000);
    QVERIFY(it_->wait_held(1));
    QVERIFY(it_->stop());
}

// Longer than a picture waits for whatever may come.
void TestFirstPage::a_delayed_request_is_waited_for() {
    const QTemporaryDir folder;
    const QString picture = folder.filePath(QStringLiteral("picture.png"));
    app::Choice choice = app::demo_choice({});
    QCOMPARE(choice.transport, QStringLiteral("simulated"));
    choice.steering << QStringLiteral("delay 2s");
    choice.reads = folder.filePath(QStringLiteral("reads"));
    QFile reads(choice.reads);
    QVERIFY(reads.open(QIODevice::WriteOnly) && reads.write("300ms reader /README.md\n") > 0);
    reads.close();
    app::Screenshot shot(it_->workspace, *it_->window, picture);
    it_->launcher.start(choice);
    QTRY_VERIFY_WITH_TIMEOUT(!it_->window->isVisible(), 60000);
    QCOMPARE(shot.status(), 0);
    QVERIFY(QFile::exists(picture));
    const EventStore& store = it_->workspace.host().store();
    std::size_t delayed = 0;
    for (Row row = 0; row < store.size(); ++row) {
        QVERIFY(store.state(row) != RequestState::lost);
        delayed += store.state(row) == RequestState::was_delayed;
    }
    QVERIFY(delayed != 0);
}

void TestFirstPage::what_is_no_image_is_said_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("said");
    QTest::newRow("text") << QStringLiteral("some text.erofs") << QStringLiteral("EROFS");
    QTest::newRow("empty") << QStringLiteral("empty") << QStringLiteral("empty");
    QTest::newRow("gone") << QStringLiteral("gone.erofs") << QStringLiteral("No such file");
    QTest::newRow("a folder") << QStringLiteral("folder") << QStringLiteral("folder");
}

void TestFirstPage::what_is_no_image_is_said() {
    QFETCH(QString, name);
    QFETCH(QString, said);
    const QTemporaryDir folder;
    QFile file(folder.filePath(QStringLiteral("some text.erofs")));
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(QByteArray(4000, 'a')) == 4000);
    file.close();
    QFile empty(folder.filePath(QStringLiteral("empty")));
    QVERIFY(empty.open(QIODevice::WriteOnly));
    QVERIFY(QDir(folder.path()).mkdir(QStringLiteral("folder")));
    it_->window->open_image(folder.filePath(name));
    QTRY_VERIFY_WITH_TIMEOUT(!it_->workspace.opening(), 20000);
    const QString text = it_->window->messages().text();
    QVERIFY2(text.contains(name) && text.contains(said), qPrintable(text));
    // The page stays, with all that can be done.
    QVERIFY(act("Open an image")->isVisible() && act("Open an image")->isEnabled());
    QVERIFY(app::Welcome::recent().isEmpty());
}

QTEST_MAIN(TestFirstPage)
#include "test_first_page.moc"
