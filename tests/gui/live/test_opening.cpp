// The window while an image is read: its root is there at once, the rest follows, and what was
// chosen, unfolded and sought meanwhile stays.
#include "app/maps/chunk_map.h"
#include "app/maps/chunk_strip.h"
#include "app/models/tree_model.h"
#include "app/views/message_bar.h"
#include "app/views/window_actions.h"
#include "core/base/checked.h"
#include "tests/gui/live/window_fixture.h"
#include "tests/models/compared_images.h"
#include "tests/models/pool_gate.h"
#include "tests/support/image_writer.h"
#include "tests/unit/erofs/erofs_test.h"

#include <QAction>
#include <QDir>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QTreeView>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::test;

class TestOpening : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void init() {
        gate_ = std::make_unique<PoolGate>();
        it_ = std::make_unique<WindowFixture>();
    }
    void cleanup() {
        gate_->open();
        it_.reset();
        gate_.reset();
    }
    void the_root_is_shown_first();
    void what_was_chosen_stays();
    void what_was_sought_is_found();
    void acts_on_files_wait();
    void a_broken_image_is_said();
    void another_image_instead();
    void a_run_waits_for_its_image();
    void a_flattened_image();
    void closed_meanwhile();

private:
    [[nodiscard]] QString path(const char* name) const {
        return folder_.filePath(QString::fromUtf8(name));
    }
    [[nodiscard]] QTreeView* tree() const {
        return it_->window->view(QStringLiteral("image"))->findChild<QTreeView*>();
    }
    [[nodiscard]] QString labels() const {
        QStringList texts;
        for (const QLabel* label :
             it_->window->view(QStringLiteral("image"))->findChildren<QLabel*>()) {
            if (label->isVisible())
                texts += label->text();
        }
        return texts.join(u'\n');
    }
    [[nodiscard]] QModelIndex line(const QString& name) const {
        for (int row = 0; row < tree()->model()->rowCount(); ++row) {
            const QModelIndex index = tree()->model()->index(row, 0);
            if (index.data().toString() == name)
                return index;
        }
        return {};
    }
    void click(const QModelIndex& index) {
        tree()->scrollTo(index);
        QTest::mouseClick(tree()->viewport(), Qt::LeftButton, {},
                          tree()->visualRect(index).center());
    }
    // Up to where the root is there and the rest waits.
    void begin(const QString& image) {
        it_->window->open_image(image, {path("layer.blob")});
        gate_->close();
        QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.reading() != nullptr, 20000);
        QVERIFY(it_->workspace.image() == nullptr);
        QVERIFY(it_->workspace.opening());
    }
    void finish() {
        gate_->open();
        QTRY_VERIFY_WITH_TIMEOUT(!it_->workspace.opening(), 20000);
    }

    BuiltImage built_ = small_image();
    QTemporaryDir folder_;
    std::unique_ptr<PoolGate> gate_;
    std::unique_ptr<WindowFixture> it_;
};

void TestOpening::initTestCase() {
    QVERIFY(write_file(path("image.erofs"), built_.bytes));
    QVERIFY(write_file(path("layer.blob"), built_.blobs[0]));
}

void TestOpening::the_root_is_shown_first() {
    begin(path("image.erofs"));
    QStringList names;
    for (int row = 0; row < tree()->model()->rowCount(); ++row)
        names << tree()->model()->index(row, 0).data().toString();
    QCOMPARE(names, QStringList({"empty", "etc", "hole", "link", "many", "usr"}));
    QTRY_VERIFY(tree()->isVisible());
    QVERIFY2(labels().contains("image.erofs") && labels().contains("reading"),
             qPrintable(labels()));
    QVERIFY(it_->window->windowTitle().contains("image.erofs"));
    auto* map = qobject_cast<app::ChunkMap*>(it_->window->view(QStringLiteral("chunk-map")));
    map->refresh_now();
    QVERIFY2(map->strip().sentence().contains("Reading"), qPrintable(map->strip().sentence()));
    finish();
    QVERIFY(it_->workspace.image() != nullptr);
    QVERIFY2(labels().contains("306 files"), qPrintable(labels()));
    QVERIFY(!labels().contains("reading"));
    map->refresh_now();
    QVERIFY(!map->strip().sentence().contains("Reading"));
    QVERIFY(it_->window->messages().text().isEmpty());
}

void TestOpening::what_was_chosen_stays() {
    begin(path("image.erofs"));
    const QPersistentModelIndex usr = line("usr");
    const QPersistentModelIndex etc = line("etc");
    QVERIFY(tree()->model()->hasChildren(usr));
    QVERIFY(!tree()->model()->hasChildren(line("hole")));
    QTRY_VERIFY(tree()->isVisible());
    click(etc);
    QTest::keyClick(tree(), Qt::Key_Right);
    QVERIFY(tree()->isExpanded(etc));
    QCOMPARE(tree()->model()->rowCount(etc), 0);
    click(usr);
    const auto chosen = it_->workspace.selection().current().node;
    QVERIFY(chosen);
    QCOMPARE(it_->workspace.path_of(*chosen), "/usr");
    finish();
    QCOMPARE(it_->workspace.selection().current().node, chosen);
    QCOMPARE(it_->workspace.path_of(*chosen), "/usr");
    QVERIFY(usr.isValid() && etc.isValid());
    QCOMPARE(tree()->currentIndex(), QModelIndex(usr));
    QVERIFY(tree()->selectionModel()->isRowSelected(usr.row()));
    // What was unfolded shows what is in it now.
    QVERIFY(tree()->isExpanded(etc));
    QCOMPARE(tree()->indexBelow(etc).data().toString(), "conf");
    QCOMPARE(tree()->model()->rowCount(usr), 2);
}

void TestOpening::what_was_sought_is_found() {
    begin(path("image.erofs"));
    QTRY_VERIFY(tree()->isVisible());
    auto* field = it_->window->view(QStringLiteral("image"))->findChild<QLineEdit*>();
    QTest::keyClicks(field, "libtwo");
    QTest::keyClick(field, Qt::Key_Return);
    QVERIFY2(labels().contains("still reading"), qPrintable(labels()));
    finish();
    const auto chosen = it_->workspace.selection().current().node;
    QVERIFY(chosen);
    QCOMPARE(it_->workspace.path_of(*chosen), "/usr/lib/libtwo.so");
    QCOMPARE(field->text(), "libtwo");
    QVERIFY(!labels().contains("still reading"));
}

void TestOpening::acts_on_files_wait() {
    begin(path("image.erofs"));
    const app::WindowActions& actions = it_->window->actions();
    for (const QAction* action : {actions.start, actions.compare}) {
        QVERIFY(!action->isEnabled());
        QVERIFY2(action->toolTip().contains("being read"), qPrintable(action->toolTip()));
    }
    QVERIFY(actions.open->isEnabled());
    finish();
    for (const QAction* action : {actions.start, actions.compare}) {
        QVERIFY(action->isEnabled());
        QVERIFY(!action->toolTip().contains("being read"));
    }
}

// Its root could be read, the rest can't.
void TestOpening::a_broken_image_is_said() {
    QVERIFY(write_file(path("broken.erofs"), built_.bytes));
    begin(path("broken.erofs"));
    QVERIFY(line("usr").isValid());
    {
        QFile file(path("broken.erofs"));
        QVERIFY(file.open(QIODevice::ReadWrite) && file.seek(1024));
        QCOMPARE(file.write("gone", 4), qint64{4});
    }
    QSignalSpy failed(&it_->workspace, &app::Workspace::failed);
    finish();
    QCOMPARE(failed.count(), 1);
    QVERIFY2(failed[0][1].toString().contains("broken.erofs"), qPrintable(failed[0][1].toString()));
    QVERIFY(it_->workspace.image() == nullptr && it_->workspace.reading() == nullptr);
    QCOMPARE(tree()->model()->rowCount(), 0);
    QVERIFY2(labels().contains("Open an image"), qPrintable(labels()));
    QVERIFY(it_->window->actions().open->isEnabled());
    // One that was being read is gone with the next, which can't be opened at all.
    begin(path("image.erofs"));
    QVERIFY(line("usr").isValid());
    it_->window->open_image(path("there is none.erofs"));
    finish();
    QTRY_VERIFY(labels().contains("Open an image"));
    QCOMPARE(tree()->model()->rowCount(), 0);
    // A sound one opens after it.
    it_->window->open_image(path("image.erofs"));
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.image() != nullptr, 20000);
    QVERIFY(line("usr").isValid());
}

void TestOpening::another_image_instead() {
    NextImage next;
    QVERIFY(next.write());
    begin(path("image.erofs"));
    click(line("usr"));
    QStringList opened;
    connect(&it_->workspace, &app::Workspace::image_changed, it_->window.get(), [&] {
        if (it_->workspace.image())
            opened << QString::fromStdString(it_->workspace.image()->path);
    });
    it_->window->open_image(next.path());
    QVERIFY(it_->workspace.opening());
    QVERIFY(it_->workspace.reading() == nullptr);
    finish();
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.image() != nullptr, 20000);
    QTest::qWait(100); // whatever the first one may still bring
    QCOMPARE(opened, QStringList{next.path()});
    QVERIFY(!it_->workspace.selection().current().node);
    QVERIFY(it_->window->messages().text().isEmpty());
    // The open one stays when the next can't be opened at all.
    it_->window->open_image(path("there is none.erofs"));
    QTRY_VERIFY_WITH_TIMEOUT(!it_->workspace.opening(), 20000);
    QCOMPARE(opened, QStringList{next.path()});
    QVERIFY(it_->workspace.image() != nullptr);
    QVERIFY(it_->window->messages().text().contains("there is none.erofs"));
    QVERIFY(!it_->workspace.is_open(path("there is none.erofs"), {}));
}

void TestOpening::a_run_waits_for_its_image() {
    app::Choice choice;
    choice.image = path("image.erofs");
    choice.devices = QStringList{path("layer.blob")};
    choice.transport = QStringLiteral("simulated");
    it_->window->start_run(choice);
    gate_->close();
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.reading() != nullptr, 20000);
    QCOMPARE(it_->workspace.host().phase(), app::RunHost::Phase::none);
    // The same again is no other opening.
    it_->window->open_image(choice.image, choice.devices);
    QVERIFY(it_->workspace.reading() != nullptr);
    finish();
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.host().live(), 20000);
    QVERIFY(it_->workspace.residency().known());
    QVERIFY(it_->stop());
}

// With its blob behind it in the same file: one device, for the maps as for a run.
void TestOpening::a_flattened_image() {
    constexpr std::size_t block = 4096;
    const auto plain = test::open(built_);
    BuiltImage flat = built_;
    flat.bytes.resize(align_up(flat.bytes.size(), block));
    const std::uint64_t slot = plain->devices()[0].slot_offset;
    const std::size_t blocks = align_up(built_.blobs[0].size(), block) / block;
    put<std::uint32_t>(flat.bytes, slot + 64, static_cast<std::uint32_t>(blocks));
    put<std::uint32_t>(flat.bytes, slot + 68,
                       static_cast<std::uint32_t>(flat.bytes.size() / block));
    flat.bytes.insert(flat.bytes.end(), built_.blobs[0].begin(), built_.blobs[0].end());
    flat.bytes.resize(align_up(flat.bytes.size(), block));
    flat.fix_checksum();
    QVERIFY(QDir(folder_.path()).mkpath("flat"));
    const QString file = path("flat/image.erofs");
    QVERIFY(write_file(file, flat.bytes));

    gate_->open();
    // Its last chunk reaches past its device: that is said, and no more.
    {
        BuiltImage wrong = flat;
        put<std::uint32_t>(wrong.bytes, slot + 64, static_cast<std::uint32_t>(blocks - 1));
        wrong.fix_checksum();
        QVERIFY(write_file(path("flat/wrong.erofs"), wrong.bytes));
        it_->window->open_image(path("flat/wrong.erofs"));
        QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.image() != nullptr, 20000);
        QVERIFY(it_->workspace.image()->image->flattened());
        QVERIFY(!it_->workspace.image()->index.reverse_maps()[1].extents().empty());
        QCOMPARE(it_->workspace.image()->used.size(), std::size_t{1});
    }
    it_->window->open_image(file);
    QTRY_VERIFY_WITH_TIMEOUT(!it_->workspace.opening(), 20000);
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.image() != nullptr, 20000);
    const auto& opened = it_->workspace.image();
    QCOMPARE(opened->device_count(), std::size_t{1});
    QVERIFY2(labels().contains("one device, within this file"), qPrintable(labels()));
    const std::vector<std::shared_ptr<ReadAt>> devices{
        built_.primary(), std::make_shared<MemoryReadAt>(std::span(built_.blobs[0]))};
    int compared = 0;
    for (const erofs::Node& node : opened->index.nodes()) {
        if (!node.is_regular())
            continue;
        const auto size = static_cast<std::size_t>(node.size);
        Bytes ours(size);
        Bytes theirs(size);
        QVERIFY(erofs::read_file(*opened->image, value(opened->image->inode(node.nid)), 0, ours,
                                 opened->devices));
        QVERIFY(erofs::read_file(*plain, value(plain->inode(node.nid)), 0, theirs, devices));
        QVERIFY(ours == theirs);
        ++compared;
    }
    QVERIFY(compared > 5);
    QVERIFY(it_->workspace.residency().total_stored() >= built_.blobs[0].size());

    app::Choice choice;
    choice.image = file;
    choice.transport = QStringLiteral("simulated");
    it_->window->start_run(choice);
    QTRY_VERIFY_WITH_TIMEOUT(it_->workspace.host().live(), 20000);
    QVERIFY(it_->stop());
}

void TestOpening::closed_meanwhile() {
    begin(path("image.erofs"));
    QVERIFY(it_->window->close());
    it_.reset(); // with all that it has read so far; nothing waits for the gate
    gate_->open();
}

QTEST_MAIN(TestOpening)
#include "test_opening.moc"
