// The whole window without a kernel's mount: what it says when files are damaged or change beneath
// it, and that all of it is reached by keyboard and has a name for those who can't see it.
#include "app/compare/compare_view.h"
#include "app/detail/request_detail.h"
#include "app/tables/image_tree_view.h"
#include "app/timeline/timeline_canvas.h"
#include "app/timeline/timeline_view.h"
#include "app/views/message_bar.h"
#include "app/views/window_actions.h"
#include "tests/gui/live/window_fixture.h"
#include "tests/models/compared_images.h"

#include <QAbstractButton>
#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QDockWidget>
#include <QFileDialog>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QMenuBar>
#include <QTabBar>
#include <QTableView>
#include <QToolBar>
#include <QTreeView>
#include <QtTest>
#include <array>

using namespace coldscope;
using namespace coldscope::test;

namespace {

QString name_of(const QWidget* widget) {
    const QString kind = QString::fromUtf8(widget->metaObject()->className());
    return QStringLiteral("%1 %2 in %3")
        .arg(kind, widget->objectName(),
             widget->parentWidget() == nullptr
                 ? QString()
                 : QString::fromUtf8(widget->parentWidget()->metaObject()->className()));
}

bool has_a_name(const QWidget* widget) {
    if (!widget->accessibleName().isEmpty())
        return true;
    if (const auto* button = qobject_cast<const QAbstractButton*>(widget))
        return !button->text().isEmpty();
    for (const QLabel* label : widget->window()->findChildren<QLabel*>()) {
        if (label->buddy() == widget)
            return true;
    }
    return false;
}

// Qt's own parts, which stand for the widget that they belong to.
bool is_a_part(const QWidget* widget) {
    return widget->objectName().startsWith(QStringLiteral("qt_")) ||
           widget->focusProxy() != nullptr ||
           qobject_cast<const QLineEdit*>(widget->parentWidget()) != nullptr ||
           widget->inherits("QTableCornerButton") || widget->inherits("QHeaderView");
}

} // namespace

class TestWindow : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init() { it_ = std::make_unique<WindowFixture>(); }
    void cleanup() { it_.reset(); }
    void damaged_images_are_said();
    void an_image_replaced_on_disk_is_said();
    void a_removed_cache_folder_is_survived();
    void find_filter_copy_and_zoom();
    void all_is_reached_by_keyboard_and_named();
    void a_larger_window_is_for_the_timeline();
    void compares_with_another_image();

private:
    [[nodiscard]] QString path(const char* name) const {
        return folder_.filePath(QString::fromUtf8(name));
    }
    [[nodiscard]] QString said() const { return it_->window->messages().text(); }
    void open(const QString& image);
    void run_simulated(const QString& cache, const QString& latency = QStringLiteral("0ms"));

    BuiltImage built_ = small_image();
    QTemporaryDir folder_;
    std::unique_ptr<WindowFixture> it_;
};

void TestWindow::initTestCase() {
    QVERIFY(write_file(path("image.erofs"), built_.bytes));
    QVERIFY(write_file(path("layer.blob"), built_.blobs[0]));
}

void TestWindow::open(const QString& image) {
    it_->window->open_image(image, {path("layer.blob")});
    QTRY_VERIFY_WITH_TIMEOUT(!it_->workspace.opening(), 20000);
}

void TestWindow::run_simulated(const QString& cache, const QString& latency) {
    app::Choice choice;
    choice.image = path("image.erofs");
    choice.devices = QStringList{path("layer.blob")};
    choice.transport = QStringLiteral("simulated");
    choice.cache = cache;
    choice.latency = latency;
    it_->window->start_run(choice);
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.host().live(), 20000);
}

void TestWindow::damaged_images_are_said() {
    // The superblock's magic, at byte 1024.
    Bytes bytes = built_.bytes;
    bytes[1024] = std::byte{0x42};
    QVERIFY(write_file(path("damaged.erofs"), bytes));
    open(path("damaged.erofs"));
    QTRY_VERIFY(!said().isEmpty());
    QVERIFY2(said().contains(QStringLiteral("damaged.erofs")), qPrintable(said()));
    QVERIFY2(said().contains(QStringLiteral("1024")) || said().contains(QStringLiteral("0x400")),
             qPrintable(said()));
    it_->window->messages().close_message();

    // Cut in the middle of its metadata.
    bytes = built_.bytes;
    bytes.resize(1500);
    QVERIFY(write_file(path("cut.erofs"), bytes));
    open(path("cut.erofs"));
    QTRY_VERIFY(!said().isEmpty() || it_->workspace.image() != nullptr);
    if (!said().isEmpty())
        QVERIFY2(said().contains(QStringLiteral("cut.erofs")), qPrintable(said()));
    it_->window->messages().close_message();

    open(path("there is none.erofs"));
    QTRY_VERIFY(said().contains(QStringLiteral("there is none.erofs")));
    it_->window->messages().close_message();

    // A sound one opens after them.
    open(path("image.erofs"));
    QTRY_VERIFY(it_->workspace.image() != nullptr);
    QVERIFY2(said().isEmpty(), qPrintable(said()));
    QVERIFY(it_->window->view(QStringLiteral("image")) != nullptr);
}

void TestWindow::an_image_replaced_on_disk_is_said() {
    QVERIFY(write_file(path("replaced.erofs"), built_.bytes));
    open(path("replaced.erofs"));
    QTRY_VERIFY(it_->workspace.image() != nullptr);
    QVERIFY(write_file(path("new.erofs"), built_.bytes));
    QCOMPARE(::rename(qPrintable(path("new.erofs")), qPrintable(path("replaced.erofs"))), 0);
    QTRY_VERIFY_WITH_TIMEOUT(said().contains(QStringLiteral("replaced.erofs")), 20000);
    // What was opened is still readable.
    const auto node = it_->workspace.image()->index.find("/etc/conf");
    QVERIFY(node);
    const auto read = it_->workspace.read_file(*node, 0, 100);
    QVERIFY(read);
    QCOMPARE(*read, QByteArray("colour=no\n"));
}

void TestWindow::a_removed_cache_folder_is_survived() {
    const QString cache = path("cache");
    run_simulated(cache, QStringLiteral("300ms")); // so that reads are under way at the removal
    QVERIFY(QDir(cache).exists());
    QVERIFY(QDir(cache).removeRecursively());
    QTRY_VERIFY_WITH_TIMEOUT(said().contains(QStringLiteral("cache folder")), 20000);
    app::RunHost& host = it_->workspace.host();
    const std::size_t before = host.store().size();
    QVERIFY(host.read("/usr/lib/libtwo.so").has_value()); // the others may be over
    QTRY_VERIFY_WITH_TIMEOUT(host.store().size() > before, 20000);
    QVERIFY(host.live());
    QCOMPARE(static_cast<int>(host.store().summary().failed), 0);
    QVERIFY(it_->stop());
    // The next run makes the folder again.
    run_simulated(cache);
    QVERIFY(QDir(cache).exists());
}

void TestWindow::find_filter_copy_and_zoom() {
    QVERIFY(!it_->window->actions().find_file->isEnabled());
    run_simulated(path("cache"));
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.host().store().size() > 5, 20000);
    auto* window = it_->window.get();
    window->activateWindow();
    QTRY_VERIFY(window->isActiveWindow());

    it_->raise(QStringLiteral("held")); // in front of the requests
    QTest::keyClick(window, Qt::Key_F, Qt::ControlModifier);
    auto* search = qobject_cast<QLineEdit*>(QApplication::focusWidget());
    QVERIFY(search != nullptr);
    QVERIFY(window->view(QStringLiteral("image"))->isAncestorOf(search));
    QTest::keyClicks(search, QStringLiteral("libtwo"));
    QTest::keyClick(search, Qt::Key_Return);
    const auto chosen = it_->workspace.selection().current().node;
    QVERIFY(chosen);
    QCOMPARE(it_->workspace.path_of(*chosen), QStringLiteral("/usr/lib/libtwo.so"));

    QTest::keyClick(window, Qt::Key_L, Qt::ControlModifier);
    QVERIFY(window->view(QStringLiteral("requests"))->isVisible());
    auto* filter = QApplication::focusWidget();
    QVERIFY(window->view(QStringLiteral("requests"))->isAncestorOf(filter));

    // Enter in the table: the timeline shows that request, close.
    QTableView* table = it_->table(QStringLiteral("requests"));
    QTRY_VERIFY_WITH_TIMEOUT(table->model()->rowCount() > 3, 20000);
    table->setFocus();
    table->setCurrentIndex(table->model()->index(2, 0));
    auto& canvas =
        qobject_cast<app::TimelineView*>(window->view(QStringLiteral("timeline")))->canvas();
    QTest::keyClick(table, Qt::Key_Return);
    QVERIFY(!canvas.following());
    const auto row = it_->workspace.selection().current().request;
    QVERIFY(row);
    const auto rect = canvas.rect_of(*row);
    QVERIFY(rect);
    QVERIFY(rect->width() > canvas.plot().width() / 10.0);

    // Edit, Copy: the row of the table in focus.
    QApplication::clipboard()->clear();
    table->setFocus();
    window->actions().copy->trigger();
    QVERIFY(!QApplication::clipboard()->text().isEmpty());
}

void TestWindow::all_is_reached_by_keyboard_and_named() {
    run_simulated(path("cache"));
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.host().store().size() > 5, 20000);
    it_->workspace.choose_request(0);
    QTRY_COMPARE(it_->window->findChild<app::RequestDetail*>()->row(), std::optional<Row>(0));
    int looked_at = 0;
    QStringList gaps;
    for (const char* name : {"image", "timeline", "blob-map", "chunk-map", "request", "requests",
                             "held", "charts", "findings", "compare", "preview", "output"}) {
        const QString view_name = QString::fromUtf8(name);
        it_->raise(view_name);
        const QWidget* view = it_->window->view(view_name);
        QVERIFY2(view != nullptr && view->isVisible(), name);
        int reached = 0;
        for (const QWidget* widget : view->findChildren<QWidget*>()) {
            if (!widget->isVisible() || !widget->isEnabled() || is_a_part(widget))
                continue;
            const bool by_keyboard = (widget->focusPolicy() & Qt::TabFocus) != 0;
            // What takes a click takes the keyboard too, be it by a shortcut's menu.
            if (const auto* button = qobject_cast<const QAbstractButton*>(widget);
                button != nullptr && !by_keyboard && button->shortcut().isEmpty())
                gaps << QStringLiteral("%1: no keyboard: %2").arg(view_name, name_of(widget));
            if (!by_keyboard)
                continue;
            ++reached;
            ++looked_at;
            if (!has_a_name(widget))
                gaps << QStringLiteral("%1: no name: %2").arg(view_name, name_of(widget));
        }
        QVERIFY2(reached > 0, name);
    }
    QVERIFY2(gaps.isEmpty(), qPrintable(gaps.join(u'\n')));
    QVERIFY(looked_at > 20);

    // Every act of the toolbar and of the docks is in a menu too, and has a name.
    std::vector<const QAction*> in_menus;
    for (const QMenu* menu : it_->window->menuBar()->findChildren<QMenu*>()) {
        for (const QAction* action : menu->actions())
            in_menus.push_back(action);
    }
    for (const QAction* action : it_->window->findChild<QToolBar*>("toolbar")->actions()) {
        if (action->isSeparator() || action->text().isEmpty())
            continue;
        QVERIFY2(std::ranges::find(in_menus, action) != in_menus.end(), qPrintable(action->text()));
    }
}

// By its key, through the file dialog, to the file in the tree.
void TestWindow::compares_with_another_image() {
    NextImage next;
    QVERIFY(next.write());
    auto* window = it_->window.get();
    QVERIFY(!window->actions().compare->isEnabled());
    open(path("image.erofs"));
    QTRY_VERIFY(window->actions().compare->isEnabled());
    QMenu* file = window->menuBar()->actions().constFirst()->menu();
    QVERIFY(file->actions().contains(window->actions().compare));
    window->activateWindow();
    QTRY_VERIFY(window->isActiveWindow());
    WindowFixture::on_dialog([&](QDialog& dialog) {
        auto* name = dialog.findChild<QLineEdit*>(QStringLiteral("fileNameEdit"));
        QVERIFY(name != nullptr);
        name->setText(next.path());
        QTest::keyClick(name, Qt::Key_Return);
    });
    QTest::keyClick(window, Qt::Key_O, Qt::ControlModifier | Qt::ShiftModifier);
    auto* view = qobject_cast<app::CompareView*>(window->view(QStringLiteral("compare")));
    QTRY_VERIFY_WITH_TIMEOUT(view->comparer().compared() != nullptr, 20000);
    QVERIFY(view->isVisible());
    auto* table = view->findChild<QTableView*>();
    QTRY_COMPARE(table->model()->rowCount(), 6);
    for (int line = 0; line < table->model()->rowCount(); ++line) {
        const QModelIndex cell = table->model()->index(line, int(app::ChangeColumn::path));
        if (cell.data() != QStringLiteral("/usr/bin/cat"))
            continue;
        table->scrollTo(cell);
        QTest::mouseClick(table->viewport(), Qt::LeftButton, {}, table->visualRect(cell).center());
    }
    const auto* tree = window->view(QStringLiteral("image"))->findChild<QTreeView*>();
    QCOMPARE(tree->currentIndex().siblingAtColumn(0).data().toString(), QStringLiteral("cat"));
}

void TestWindow::a_larger_window_is_for_the_timeline() {
    run_simulated(path("cache"));
    auto* window = it_->window.get();
    const auto width = [&](const char* name) {
        return window->view(QString::fromUtf8(name))->width();
    };
    // Docks are sized in several turns: until nothing has moved for a while.
    const auto settle = [&] {
        std::array<int, 4> last{};
        for (int same = 0; same < 6;) {
            QTest::qWait(50);
            const std::array now{width("image"), width("request"), width("timeline"),
                                 window->view(QStringLiteral("requests"))->height()};
            same = now == last ? same + 1 : 0;
            last = now;
        }
    };
    settle();
    const int left = width("image");
    const int right = width("request");
    const int middle = width("timeline");
    const int below = window->view(QStringLiteral("requests"))->height();
    // Larger, smaller, and with a message above: what the user left alone is as it was.
    window->resize(2560, 1440);
    settle();
    window->messages().show_message(app::MessageBar::Weight::warning, QStringLiteral("A message"));
    settle();
    QVERIFY(std::abs(width("image") - left) < 4);
    QVERIFY(std::abs(width("request") - right) < 4);
    QVERIFY(width("timeline") > middle + 1000);
    QVERIFY(window->view(QStringLiteral("requests"))->height() < 500);
    QVERIFY(window->messages().height() < 60);
    QTableView* table = it_->table(QStringLiteral("requests"));
    QTRY_VERIFY_WITH_TIMEOUT(table->model()->rowCount() > 5, 20000);
    window->messages().close_message();
    window->resize(1440, 900);
    settle();
    QVERIFY(std::abs(width("image") - left) < 4);
    QVERIFY(std::abs(width("timeline") - middle) < 8);
    QVERIFY(std::abs(window->view(QStringLiteral("requests"))->height() - below) < 8);
    // No bar of tabs stays behind where docks were.
    for (const QTabBar* bar : window->findChildren<QTabBar*>()) {
        if (bar->parentWidget() == window)
            QVERIFY(!bar->isVisible() || bar->count() > 1);
    }
}

QTEST_MAIN(TestWindow)
#include "test_window.moc"
