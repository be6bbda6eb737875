// The real window, attached through a virtio-serial port to coldscoped serve on another machine:
// it sees that machine's readers, holds, releases and fails them, goes and comes back. What the
// readers see is said by coldscope-test-guest, which runs there.
#include "app/style/theme.h"
#include "app/views/message_bar.h"
#include "app/views/status_line.h"
#include "app/views/window_actions.h"
#include "tests/gui/live/window_fixture.h"
#include "tests/vm/virtual_machine.h"

#include <QAbstractButton>
#include <QAbstractItemModelTester>
#include <QAction>
#include <QComboBox>
#include <QDeadlineTimer>
#include <QDialog>
#include <QDialogButtonBox>
#include <QDir>
#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QTableWidget>
#include <QtTest>
#include <algorithm>
#include <cerrno>
#include <utility>

using namespace coldscope::test;
using coldscope::Row;
using coldscope::app::ThemeChoice;

namespace {

constexpr int patience_ms = 60'000; // the machine is slow, and may have its host's to share

} // namespace

#define EVENTUALLY(what) QTRY_VERIFY_WITH_TIMEOUT(what, patience_ms)

class TestVmAttach : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void cleanup() { coldscope::app::apply_theme(ThemeChoice::desktop); }
    void the_window_steers_another_machine();

private:
    [[nodiscard]] QString where() const { return "unix:" + machine_.port(); }
    // Waits, while windows live, for what the guest says with this word; empty when nothing came.
    [[nodiscard]] QByteArrayList guest_says(const QByteArray& word);
    [[nodiscard]] QByteArray sum_of(const QByteArray& file) const {
        return sha256_of(data_ + "/tree/" + QString::fromUtf8(file)).toHex();
    }
    [[nodiscard]] bool attached(WindowFixture& it);
    // As the window calls a reader there.
    [[nodiscard]] static QString process(const QString& name, const QByteArray& pid) {
        return QStringLiteral("%1 (%2)").arg(name, QString::fromLatin1(pid));
    }
    [[nodiscard]] static bool shows(const QTableView& table, const QString& text);
    void sees_what_was_before(WindowFixture& it);
    void holds_and_releases(WindowFixture& it);
    void fails(WindowFixture& it);
    static void release_all(WindowFixture& it);
    static void picture(WindowFixture& it, const QString& name);

    QTemporaryDir folder_;
    TreeImage tree_;
    QString data_;
    QString obstacle_;
    VirtualMachine machine_{"6.12"};
};

void TestVmAttach::initTestCase() {
    tree_ = make_tree_image(folder_.path(), 40, &obstacle_, 100'000);
    data_ = folder_.filePath("data");
    const QString objects = data_ + "/objects/";
    if (!tree_.tree.isEmpty() &&
        !(QDir().mkpath(objects) && QFile::copy(tree_.bootstrap, objects + "chunks") &&
          QFile::copy(tree_.blob, objects + "chunks.blob") &&
          QDir().rename(tree_.tree, data_ + "/tree")))
        obstacle_ = "the objects can't be made";
}

QByteArrayList TestVmAttach::guest_says(const QByteArray& word) {
    const auto said = [&] { return !machine_.said(word).isEmpty(); };
    (void)QTest::qWaitFor([&] { return said() || !machine_.said("RESULTS").isEmpty(); },
                          patience_ms);
    if (!said()) {
        qWarning("the guest does not say %s, but", word.constData());
        for (const QByteArray& line : machine_.lines())
            qWarning("  %s", line.constData());
        return {};
    }
    return machine_.said(word).front().split(' ');
}

bool TestVmAttach::shows(const QTableView& table, const QString& text) {
    const QAbstractItemModel* model = table.model();
    for (int row = 0; row < model->rowCount(); ++row) {
        for (int column = 0; column < model->columnCount(); ++column) {
            if (model->index(row, column).data().toString() == text)
                return true;
        }
    }
    return false;
}

bool TestVmAttach::attached(WindowFixture& it) {
    it.attach(where());
    return QTest::qWaitFor([&] { return it.workspace.host().live(); }, patience_ms);
}

void TestVmAttach::picture(WindowFixture& it, const QString& name) {
    const QString folder = QCoreApplication::applicationDirPath() + QStringLiteral("/../pictures");
    QVERIFY(QDir().mkpath(folder));
    for (const auto& [choice, suffix] :
         {std::pair(ThemeChoice::dark, "-dark"), std::pair(ThemeChoice::light, "-light")}) {
        coldscope::app::apply_theme(choice);
        QTest::qWait(200);
        QVERIFY(it.window->grab().save(QStringLiteral("%1/%2%3.png").arg(folder, name, suffix)));
    }
}

// What the guest has read before the window came, with its steps.
void TestVmAttach::sees_what_was_before(WindowFixture& it) {
    const auto& host = it.workspace.host();
    QVERIFY(!host.has_image());
    QCOMPARE(host.transport_name(), QString("cachefiles"));
    QVERIFY2(it.window->messages().text().isEmpty(), qPrintable(it.window->messages().text()));
    EVENTUALLY(it.window->windowTitle().contains("cachefiles at " + where()));
    const auto* status = it.window->findChild<coldscope::app::StatusLine*>();
    EVENTUALLY(status->text().startsWith("attached to " + where()));
    QVERIFY2(status->text().contains("cachefiles"), qPrintable(status->text()));
    it.raise("requests");
    QTableView* requests = it.table("requests");
    const auto row_of = [&](const QString& object, coldscope::Op op) -> std::optional<Row> {
        const auto& store = host.store();
        for (Row row = 0; row < store.size(); ++row) {
            if (store[row].op == op && it.workspace.object_name(store[row].object) == object)
                return row;
        }
        return std::nullopt;
    };
    EVENTUALLY(row_of("chunks/chunks.blob", coldscope::Op::read));
    EVENTUALLY(row_of("chunks/chunks", coldscope::Op::open));
    EVENTUALLY(requests->model()->rowCount() == static_cast<int>(host.store().size()));
    const QByteArray pid = machine_.said("READ").front().split(' ').front();
    EVENTUALLY(shows(*requests, process("sha256sum", pid)));

    const Row chosen = *row_of("chunks/chunks.blob", coldscope::Op::read);
    const coldscope::ReaderFacts* facts = host.facts_of(host.store()[chosen]);
    QVERIFY(facts != nullptr);
    QCOMPARE(facts->process, pid.toUInt());
    EVENTUALLY(!host.store()[chosen].open());
    it.workspace.choose_request(chosen);
    auto* steps = it.window->view("request")->findChild<QTableWidget*>("steps");
    const auto has_step = [&](const QString& name) {
        for (int row = 0; row < steps->rowCount(); ++row) {
            if (steps->item(row, 0)->text() == name)
                return true;
        }
        return false;
    };
    EVENTUALLY(has_step("fetching") && has_step("answered"));
    QCOMPARE(it.window->view("request")->findChild<QLabel*>("who")->text(),
             "for " + process("sha256sum", pid));
    // Without an image its views say why they are empty.
    for (const char* view : {"image", "preview", "findings", "chunk-map", "blob-map", "charts",
                             "held", "output", "requests"})
        it.raise(view);
    QStringList sentences;
    for (const char* view : {"image", "findings", "preview"}) {
        for (const QLabel* label : it.window->view(view)->findChildren<QLabel*>())
            sentences << label->text();
    }
    QCOMPARE(sentences.filter("no image is named").size(), 3);
}

void TestVmAttach::holds_and_releases(WindowFixture& it) {
    it.press(it.window->actions().hold_next);
    const QByteArrayList reader = guest_says("HELD"); // it waits, by its kernel's own word
    QCOMPARE(reader.size(), 2);
    QVERIFY(it.wait_held(1, patience_ms));
    it.raise("held");
    EVENTUALLY(it.table("held")->model()->rowCount() == 1);
    EVENTUALLY(shows(*it.table("held"), process("sha256sum", reader[0])));
    picture(it, "attached-to-machine");
    QVERIFY(machine_.said("RELEASED").isEmpty());
    QAbstractButton* release = it.button("held", "Release");
    QVERIFY(release != nullptr);
    EVENTUALLY(release->isEnabled());
    QTest::mouseClick(release, Qt::LeftButton);
    const QByteArrayList released = guest_says("RELEASED");
    QCOMPARE(released, (QByteArrayList{sum_of(reader[1]), reader[1]}));
    EVENTUALLY(it.held() == 0);
}

// As often as its kernel asks: the readahead, of which it gets a half, then the rest, page by page.
void TestVmAttach::fails(WindowFixture& it) {
    it.press(it.window->actions().hold_all);
    QCOMPARE(guest_says("FAILING").size(), 2);
    it.raise("held");
    QAbstractButton* fail = it.button("held", "Fail");
    QVERIFY(fail != nullptr);
    QDeadlineTimer patience(patience_ms);
    bool half = true;
    while (machine_.said("FAILED").isEmpty() && !patience.hasExpired()) {
        if (!it.wait_held(1, 500))
            continue;
        const Row row = it.workspace.host().waiting().front();
        EVENTUALLY(fail->isEnabled());
        WindowFixture::on_dialog([&half](QDialog& dialog) {
            auto* ways = dialog.findChild<QComboBox*>();
            if (std::exchange(half, false))
                ways->setCurrentIndex(ways->findText("half is written", Qt::MatchStartsWith));
            QTest::mouseClick(dialog.findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok),
                              Qt::LeftButton);
        });
        QTest::mouseClick(fail, Qt::LeftButton);
        EVENTUALLY(std::ranges::count(it.workspace.host().waiting(), row) == 0);
    }
    QCOMPARE(guest_says("FAILED"), QByteArrayList{QByteArray::number(EIO)});
    release_all(it);
    const auto& store = it.workspace.host().store();
    EVENTUALLY(store.summary().failed >= 1);
    std::size_t halves = 0;
    for (Row row = 0; row < store.size(); ++row)
        halves += (store[row].flags & coldscope::flag::partial) != 0 ? 1 : 0;
    QCOMPARE(halves, std::size_t{1});
}

// Until what the run says of its rules has come: "hold all" is pressed down before.
void TestVmAttach::release_all(WindowFixture& it) {
    it.press(it.window->actions().release_all);
    EVENTUALLY(!it.window->actions().hold_all->isChecked());
}

void TestVmAttach::the_window_steers_another_machine() {
    QVERIFY2(!tree_.tree.isEmpty() && obstacle_.isEmpty(), qPrintable(obstacle_));
    NEEDS_MACHINE(machine_);
    machine_.programs << program("coldscoped") << program("coldscope-guard")
                      << program("coldscope-test-guest");
    machine_.data = data_;
    machine_.with_port = true;
    // With one processor no boot is lost to QEMU's emulation: the steps can't be taken twice.
    machine_.options << "--cpus"
                     << "1";
    machine_.script = "coldscope-test-guest steered_by_a_window; true\n";
    QVERIFY(machine_.start());
    const QByteArrayList read = guest_says("READ");
    QCOMPARE(read.size(), 3);
    QCOMPARE(read[1], sum_of(read[2]));

    auto it = std::make_unique<WindowFixture>();
    QVERIFY(attached(*it));
    for (const auto step : {&TestVmAttach::sees_what_was_before, &TestVmAttach::holds_and_releases,
                            &TestVmAttach::fails}) {
        (this->*step)(*it);
        if (QTest::currentTestFailed())
            return;
    }

    // The window is closed, and another one comes within the grace.
    it->press(it->window->actions().hold_next);
    const QByteArrayList left = guest_says("LEFT");
    QCOMPARE(left.size(), 2);
    QVERIFY(it->wait_held(1, patience_ms));
    it->window->close();
    it.reset();
    QTest::qWait(1000);
    it = std::make_unique<WindowFixture>();
    QVERIFY(attached(*it));
    QVERIFY(it->wait_held(1, patience_ms));
    it->press(it->window->actions().hold_all); // tells the guest that it is there
    QCOMPARE(guest_says("KEPT"), left);
    it->raise("held");
    EVENTUALLY(it->table("held")->model()->rowCount() == 1);
    QVERIFY(machine_.said("GOES").isEmpty());
    EVENTUALLY(it->window->actions().hold_all->isChecked());
    release_all(*it);
    QCOMPARE(guest_says("GOES"), QByteArrayList{left[1]});

    // And none comes: the grace ends it.
    it->press(it->window->actions().hold_all);
    QCOMPARE(guest_says("ALONE").size(), 2);
    QVERIFY(it->wait_held(1, patience_ms));
    it->window->close();
    it.reset();
    QVERIFY(guest_says("OVER").size() > 1);
    QVERIFY(QTest::qWaitFor([&] { return !machine_.said("RESULTS").isEmpty(); }, 30'000));
    QVERIFY(machine_.finish());
    for (const QByteArray& line : machine_.said("RESULT")) {
        qInfo("%s", line.constData());
        QVERIFY2(line.startsWith("pass"), line.constData());
    }
}

QTEST_MAIN(TestVmAttach)
#include "test_vm_attach.moc"
