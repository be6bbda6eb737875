// The Compare dock, driven by its widgets.
#include "app/compare/compare_text.h"
#include "app/compare/compare_view.h"
#include "app/compare/fetch_bar.h"
#include "app/style/text.h"
#include "tests/models/compared_images.h"
#include "tests/support/image_builder.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QLabel>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QTableView>
#include <QToolButton>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestCompareView : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void says_what_to_do();
    void shows_changes_and_figures();
    void filters_by_kind_and_text();
    void choosing_a_line_chooses_the_file();
    void the_other_way_round();
    void errors_and_missing_blobs();
    void many_missing_blobs();
    void the_same_image();
    void is_given_up();
    void goes_with_the_image();
    void fits_and_draws_in_both_themes();

private:
    [[nodiscard]] bool settled() const {
        return QTest::qWaitFor(
            [&] {
                return !view_->comparer().running() &&
                       !qobject_cast<ChangeModel*>(table_->model())->picking();
            },
            20'000);
    }
    [[nodiscard]] bool compare(const QString& path) {
        view_->start(path);
        return settled();
    }
    [[nodiscard]] QString empty_text() const { return table_->accessibleDescription(); }
    [[nodiscard]] QToolButton* kind(const char* name) const {
        for (QToolButton* button : view_->findChildren<QToolButton*>()) {
            if (button->isCheckable() && button->text().startsWith(QLatin1String(name)))
                return button;
        }
        return nullptr;
    }
    [[nodiscard]] QAbstractButton* button(const QString& text) const {
        for (auto* button : view_->findChildren<QAbstractButton*>()) {
            if (button->text().remove(u'&').startsWith(text) || button->accessibleName() == text)
                return button;
        }
        return nullptr;
    }
    [[nodiscard]] QStringList paths() const {
        QStringList list;
        for (int line = 0; line < table_->model()->rowCount(); ++line)
            list.push_back(table_->model()->index(line, int(ChangeColumn::path)).data().toString());
        return list;
    }
    void click(int line) {
        const QRect place =
            table_->visualRect(table_->model()->index(line, int(ChangeColumn::path)));
        QTest::mouseClick(table_->viewport(), Qt::LeftButton, {}, place.center());
    }

    std::unique_ptr<OpenedWorkspace> opened_;
    std::unique_ptr<CompareView> view_;
    QTableView* table_ = nullptr;
    NextImage next_;
};

void TestCompareView::init() {
    opened_ = std::make_unique<OpenedWorkspace>();
    view_ = std::make_unique<CompareView>(opened_->workspace);
    view_->resize(1280, 420);
    view_->show();
    view_->activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(view_.get()));
    table_ = view_->findChild<QTableView*>();
    QVERIFY(table_ != nullptr);
    QVERIFY(next_.write());
}

void TestCompareView::cleanup() {
    view_.reset();
    opened_.reset();
}

void TestCompareView::says_what_to_do() {
    QVERIFY2(empty_text().contains("Open an image"), qPrintable(empty_text()));
    QVERIFY(opened_->open());
    QVERIFY2(empty_text().contains("Ctrl+Shift+O"), qPrintable(empty_text()));
    QSignalSpy wanted(view_.get(), &CompareView::compare_wanted);
    QTest::mouseClick(button(QStringLiteral("Compare with")), Qt::LeftButton);
    QCOMPARE(wanted.count(), 1);
}

void TestCompareView::shows_changes_and_figures() {
    QVERIFY(opened_->open());
    QVERIFY(compare(next_.path()));
    QVERIFY(view_->comparer().compared() != nullptr);
    QCOMPARE(paths(),
             (QStringList{"/etc/conf", "/hole", "/new", "/opt", "/opt/libtwo.so", "/usr/bin/cat"}));
    QCOMPARE(empty_text(), QString());
    QCOMPARE(kind("added")->text(), "added 2");
    QCOMPARE(kind("removed")->text(), "removed 1");
    QCOMPARE(kind("changed")->text(), "changed 2");
    QCOMPARE(kind("moved")->text(), "moved 1");
    QVERIFY(!kind("unknown")->isEnabled());
    QVERIFY(!kind("same")->isChecked());
    const auto& result = view_->comparer().compared()->result;
    const auto* bar = view_->findChild<FetchBar*>();
    QVERIFY2(bar->text().contains(size_text(*result.by_content)), qPrintable(bar->text()));
    QVERIFY2(bar->text().contains(size_text(result.to_fetch - *result.by_content)),
             qPrintable(bar->text()));
    // The last image's blob is one that the first image does not have, and libone.so is on it.
    QVERIFY(*result.by_content >= (256U + 128U) << 10);
    for (const QLabel* label : view_->findChildren<QLabel*>()) {
        if (label->accessibleName() == "What is shown")
            QCOMPARE(label->text(),
                     QStringLiteral("6 of %1 paths · %2 to fetch")
                         .arg(count_text(result.changes.size()), size_text(10 + (240 << 10))));
    }
}

void TestCompareView::filters_by_kind_and_text() {
    QVERIFY(opened_->open());
    QVERIFY(compare(next_.path()));
    QTest::mouseClick(kind("changed"), Qt::LeftButton);
    QVERIFY(settled());
    QCOMPARE(paths(), (QStringList{"/hole", "/new", "/opt", "/opt/libtwo.so"}));
    QTest::mouseClick(kind("same"), Qt::LeftButton);
    QVERIFY(settled());
    QCOMPARE(static_cast<std::size_t>(paths().size()),
             view_->comparer().compared()->result.changes.size() - 2);
    auto* part = view_->findChild<QLineEdit*>();
    QTest::keyClicks(part, "lib");
    QTest::keyClick(part, Qt::Key_Return);
    QVERIFY(settled());
    QCOMPARE(paths(), (QStringList{"/opt/libtwo.so", "/usr/lib", "/usr/lib/libone.so"}));
    QTest::keyClicks(part, "nothing");
    QTest::keyClick(part, Qt::Key_Return);
    QVERIFY(settled());
    QVERIFY2(empty_text().contains("filter"), qPrintable(empty_text()));
}

void TestCompareView::choosing_a_line_chooses_the_file() {
    QVERIFY(opened_->open());
    QVERIFY(compare(next_.path()));
    const Selection& selection = opened_->workspace.selection();
    click(static_cast<int>(paths().indexOf("/usr/bin/cat")));
    QCOMPARE(selection.current().node, std::optional(opened_->node("/usr/bin/cat")));
    click(static_cast<int>(paths().indexOf("/opt/libtwo.so"))); // where it is in the open image
    QCOMPARE(selection.current().node, std::optional(opened_->node("/usr/lib/libtwo.so")));
    click(static_cast<int>(paths().indexOf("/new"))); // it isn't
    QCOMPARE(selection.current().node, std::optional(opened_->node("/usr/lib/libtwo.so")));
    QCOMPARE(table_->currentIndex().row(), paths().indexOf("/new"));
    opened_->workspace.choose_node(opened_->node("/hole"));
    QCOMPARE(table_->currentIndex().row(), paths().indexOf("/hole"));
    table_->setFocus();
    QTest::keyClick(table_, Qt::Key_C, Qt::ControlModifier);
    QVERIFY(QGuiApplication::clipboard()->text().startsWith("removed\t/hole\t"));
}

void TestCompareView::the_other_way_round() {
    QVERIFY(opened_->open());
    QVERIFY(compare(next_.path()));
    QTest::mouseClick(button(QStringLiteral("Swap the images")), Qt::LeftButton);
    QVERIFY(settled());
    QVERIFY(view_->comparer().compared() != nullptr);
    QCOMPARE(paths(), (QStringList{"/etc/conf", "/hole", "/new", "/opt", "/usr/bin/cat",
                                   "/usr/lib/libtwo.so"}));
    QCOMPARE(kind("added")->text(), "added 1");
    click(static_cast<int>(paths().indexOf("/hole")));
    QCOMPARE(opened_->workspace.selection().current().node, std::optional(opened_->node("/hole")));
}

void TestCompareView::errors_and_missing_blobs() {
    QVERIFY(opened_->open());
    const QString blob = opened_->blob();
    QVERIFY(compare(blob)); // is no image
    QVERIFY(view_->comparer().compared() == nullptr);
    QVERIFY2(empty_text().contains("could not be compared") && empty_text().contains("layer.blob"),
             qPrintable(empty_text()));
    NextImage alone;
    QVERIFY(alone.write(false));
    QVERIFY(compare(alone.path()));
    QVERIFY(kind("unknown")->isEnabled()); // libone.so's bytes are not there
    int told = 0;
    for (const QLabel* label : view_->findChildren<QLabel*>())
        told += label->isVisible() && label->text().contains("next.blob") ? 1 : 0;
    QCOMPARE(told, 1);
}

void TestCompareView::many_missing_blobs() {
    ImageBuilder builder;
    for (int i = 1; i <= 6; ++i)
        builder.add_device("layer " + std::to_string(i));
    const BuiltImage built = builder.build();
    const QTemporaryDir folder;
    QFile file(folder.filePath("image"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(reinterpret_cast<const char*>(built.bytes.data()), std::ssize(built.bytes));
    file.close();
    const auto opened = open_image(file.fileName().toStdString(), {});
    QVERIFY(opened.has_value());
    Compared both;
    both.before = both.after = *opened;
    const QString text = notes_text(both);
    QVERIFY2(text.contains("layer 1") && text.contains("and 8 more"), qPrintable(text));
    QCOMPARE(text.count('\n'), 0);
}

void TestCompareView::the_same_image() {
    QVERIFY(opened_->open());
    QVERIFY(compare(opened_->image()));
    QVERIFY(view_->comparer().compared()->result.same());
    QVERIFY2(empty_text().contains("the same in both"), qPrintable(empty_text()));
}

void TestCompareView::is_given_up() {
    QVERIFY(opened_->open());
    view_->start(next_.path());
    auto* progress = view_->findChild<QProgressBar*>();
    QVERIFY(progress->isVisible());
    QTest::mouseClick(button(QStringLiteral("Cancel")), Qt::LeftButton);
    QVERIFY(!progress->isVisible());
    QVERIFY(view_->comparer().compared() == nullptr);
    QVERIFY(!view_->comparer().running());
    QTest::qWait(200); // what it had found by then is not wanted any more
    QVERIFY(view_->comparer().compared() == nullptr);
    QVERIFY(compare(next_.path()));
    QVERIFY(view_->comparer().compared() != nullptr);
    view_->start(next_.path()); // and once more on the way to the end
}

void TestCompareView::goes_with_the_image() {
    QVERIFY(opened_->open());
    QVERIFY(compare(next_.path()));
    QVERIFY(opened_->open(sample_image(12)));
    QVERIFY(view_->comparer().compared() == nullptr);
    QCOMPARE(table_->model()->rowCount(), 0);
    QVERIFY(empty_text().contains("Ctrl+Shift+O"));
}

void TestCompareView::fits_and_draws_in_both_themes() {
    QVERIFY(opened_->open());
    QVERIFY(compare(next_.path()));
    const auto pixels = [&](Mark mark, Theme theme) {
        const QColor wanted = look(mark, theme).fill;
        const QImage picture = view_->grab().toImage();
        int count = 0;
        for (int y = 0; y < picture.height(); ++y) {
            for (int x = 0; x < picture.width(); ++x)
                count += picture.pixelColor(x, y) == wanted ? 1 : 0;
        }
        return count;
    };
    for (const Mark mark : {Mark::added, Mark::removed, Mark::moved, Mark::changed, Mark::fetching})
        QVERIFY2(pixels(mark, Theme::light) > 20, qPrintable(name(mark)));
    QPalette dark = view_->palette();
    dark.setColor(QPalette::Base, Qt::black);
    dark.setColor(QPalette::Window, QColor(40, 40, 40));
    dark.setColor(QPalette::Text, Qt::white);
    dark.setColor(QPalette::WindowText, Qt::white);
    view_->setPalette(dark);
    for (const Mark mark : {Mark::added, Mark::removed, Mark::moved, Mark::changed, Mark::fetching})
        QVERIFY2(pixels(mark, Theme::dark) > 20, qPrintable(name(mark)));
    for (const QToolButton* button : view_->findChildren<QToolButton*>()) {
        if (button->isVisible() && !button->text().isEmpty())
            QVERIFY2(button->width() >= button->sizeHint().width(), qPrintable(button->text()));
    }
}

QTEST_MAIN(TestCompareView)
#include "test_compare_view.moc"
