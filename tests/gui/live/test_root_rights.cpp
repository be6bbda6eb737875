// An ordinary user's window reaches fuse-blob after one question: through pkexec, which a stand-in
// takes the place of; through a command that somebody runs by hand; and what is left where nobody
// allows it. As root the test runs itself as that user, and is who allows it.
#include "app/run/root_panel.h"
#include "app/sharing/samples.h"
#include "app/views/message_bar.h"
#include "app/views/start_dialog.h"
#include "app/views/window_actions.h"
#include "tests/gui/live/window_fixture.h"
#include "tests/kernel/pkexec_relay.h"

#include <QClipboard>
#include <QComboBox>
#include <QGuiApplication>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QStandardItemModel>
#include <QToolBar>
#include <QtTest>
#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

namespace {

const QString fuse_blob = QStringLiteral("fuse-blob");

bool says(const QWidget& widget, const QString& words) {
    for (const auto* label : widget.findChildren<QLabel*>()) {
        if (label->isVisibleTo(&widget) && label->text().contains(words))
            return true;
    }
    return false;
}

QAbstractButton* button_in(const QWidget& widget, const QString& words) {
    for (auto* each : widget.findChildren<QAbstractButton*>()) {
        if (each->text() == words)
            return each;
    }
    return nullptr;
}

bool choose(QDialog& dialog, const QString& transport) {
    auto* box = dialog.findChild<QComboBox*>();
    const int at = box->findData(transport);
    box->setCurrentIndex(at);
    return at >= 0 && qobject_cast<QStandardItemModel*>(box->model())->item(at)->isEnabled();
}

} // namespace

class TestRootRights : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void the_dialog_offers_it();
    void a_password_lets_it_run();
    void a_refusal_leaves_the_rest();
    void cancelled_while_asking();
    void the_window_closes_while_asking();
    void by_hand();

private:
    // As root: this function again as an ordinary user, in whose PATH is this folder alone, beside
    // what every program is found in. True: it passed.
    [[nodiscard]] bool as_user(const QString& path, const QString& socket = {});
    // Likewise, where pkexec answers so.
    [[nodiscard]] bool as_user_of(PkexecRelay::Answer answer) {
        PkexecRelay relay(answer);
        return as_user(relay.path() + ":/usr/bin:/bin", relay.socket_path());
    }
    // The window's: the Sharing dock has one of its own.
    [[nodiscard]] RootPanel& panel(const WindowFixture& it) const {
        return *it.window->findChild<QToolBar*>(QStringLiteral("root"))->findChild<RootPanel*>();
    }
    // With the start dialog, which is filled in; it does not wait.
    void press_start(WindowFixture& it) const;
    static bool settled(WindowFixture& it) {
        return QTest::qWaitFor(
            [&it] { return it.workspace.host().phase() != RunHost::Phase::starting; }, 20000);
    }

    QTemporaryDir folder_{QStringLiteral("/tmp/coldscope-root-rights-XXXXXX")};
    TreeImage image_;
    std::function<void()> meanwhile_; // as root, while the user's test runs
};

void TestRootRights::initTestCase() {
    if (geteuid() == 0) {
        NEEDS_TRANSPORT(fuse_blob);
        QString error;
        image_ = make_tree_image(folder_.path(), 60, &error);
        QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
        chmod(qPrintable(folder_.path()), 0755);
        return;
    }
    const QString folder = qEnvironmentVariable("COLDSCOPE_TEST_IMAGES");
    QVERIFY2(!folder.isEmpty(), "root runs this test, which runs it as an ordinary user");
    image_.bootstrap = qEnvironmentVariable("COLDSCOPE_TEST_BOOTSTRAP");
    image_.tree = qEnvironmentVariable("COLDSCOPE_TEST_TREE");
    image_.files = qEnvironmentVariable("COLDSCOPE_TEST_FILES").split(u'\n');
    // What starts the guard is looked for here; the programs that start this test are not.
    qputenv("PATH", qgetenv("COLDSCOPE_TEST_PATH"));
}

bool TestRootRights::as_user(const QString& path, const QString& socket) {
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("COLDSCOPE_TEST_IMAGES"), folder_.path());
    environment.insert(QStringLiteral("COLDSCOPE_TEST_BOOTSTRAP"), image_.bootstrap);
    environment.insert(QStringLiteral("COLDSCOPE_TEST_TREE"), image_.tree);
    environment.insert(QStringLiteral("COLDSCOPE_TEST_FILES"), image_.files.join(u'\n'));
    environment.insert(QStringLiteral("COLDSCOPE_TEST_PATH"), path);
    environment.insert(QStringLiteral("COLDSCOPE_TEST_PKEXEC"), socket);
    QProcess process;
    process.setProcessEnvironment(environment);
    process.setProcessChannelMode(QProcess::ForwardedChannels);
    process.start(QStringLiteral(COLDSCOPE_AS_ORDINARY_USER),
                  {QStringLiteral("--same-mounts"), QCoreApplication::applicationFilePath(),
                   QString::fromLatin1(QTest::currentTestFunction())});
    const bool ended = QTest::qWaitFor(
        [&] {
            if (meanwhile_)
                meanwhile_();
            return process.state() == QProcess::NotRunning;
        },
        120'000);
    return ended && process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0;
}

void TestRootRights::press_start(WindowFixture& it) const {
    WindowFixture::on_dialog([this](QDialog& dialog) {
        for (auto* field : dialog.findChildren<QLineEdit*>()) {
            if (field->accessibleName() == QStringLiteral("Image"))
                field->setText(image_.bootstrap);
        }
        QVERIFY(choose(dialog, fuse_blob));
        QTest::mouseClick(button_in(dialog, QStringLiteral("Start")), Qt::LeftButton);
    });
    it.press(it.window->actions().start);
}

void TestRootRights::the_dialog_offers_it() {
    if (geteuid() == 0) {
        QVERIFY(as_user(folder_.path()));
        return;
    }
    WindowFixture it;
    Choice choice;
    choice.image = image_.bootstrap;
    StartDialog dialog(it.workspace, choice);
    dialog.show();
    auto* box = dialog.findChild<QComboBox*>();
    // What asks nobody is the best by itself.
    QCOMPARE(box->currentIndex(), 0);
    QVERIFY(!box->currentText().contains(QStringLiteral("administrator")));
    QVERIFY(!box->currentText().contains(fuse_blob));
    QVERIFY(!dialog.choice().privileged);
    QVERIFY(!says(dialog, QStringLiteral("coldscope-guard")));

    QVERIFY(choose(dialog, fuse_blob));
    QCOMPARE(box->currentText(), QStringLiteral("fuse-blob — needs an administrator"));
    QVERIFY(says(dialog, guard_will(RootFor::run)));
    QVERIFY(!says(dialog, trust_sentence()));
    QVERIFY(says(dialog, QStringLiteral("Start needs an administrator")));
    QVERIFY(button_in(dialog, QStringLiteral("Start"))->isEnabled());
    QVERIFY(dialog.choice().privileged);
    // An image without fingerprints shares nothing, whatever domain is named.
    choice.transport = fuse_blob;
    choice.share_domain = QStringLiteral("domain");
    choice.privileged = true;
    QVERIFY(asked_by(choice, nullptr) == guard::Rights::root_trusted);
    const auto head = read_head(image_.bootstrap.toStdString(), {});
    QVERIFY(head.has_value());
    QVERIFY(asked_by(choice, &head->super) == guard::Rights::root);

    const auto here = offers();
    const auto fanotify = std::ranges::find(here, TransportKind::fanotify, &Offer::kind);
    QCOMPARE(choose(dialog, QStringLiteral("fanotify")), fanotify->works);
    if (fanotify->works)
        QVERIFY(says(dialog, trust_sentence()));
    QVERIFY(choose(dialog, QStringLiteral("simulated")));
    QVERIFY(!dialog.choice().privileged);
    QVERIFY(!says(dialog, QStringLiteral("administrator")));
}

void TestRootRights::a_password_lets_it_run() {
    if (geteuid() == 0) {
        PkexecRelay relay;
        QVERIFY(as_user(relay.path() + ":/usr/bin:/bin", relay.socket_path()));
        QVERIFY(relay.started() > 0);
        QCOMPARE(relay.asked().mid(1, 2), QStringList({"--user", "65534"}));
        return;
    }
    WindowFixture it;
    QSignalSpy asked(&panel(it), &RootPanel::shown);
    QVERIFY(it.start(image_, fuse_blob));
    // It was said before it began, and is over.
    QCOMPARE(asked.size(), 2);
    QTRY_VERIFY(!panel(it).isVisible());
    QVERIFY(it.workspace.host().transport() == TransportKind::fuse_blob);
    QVERIFY(it.window->messages().text().isEmpty());

    const auto files = files_of(image_, 2);
    const auto bytes = [&](const QString& file) {
        return original(image_.tree + u'/' + file, 0, 4096);
    };
    test::Reader first(it.mount() + u'/' + files[0], 0, 4096);
    QTRY_VERIFY_WITH_TIMEOUT(first.finished(1), 20000);
    QCOMPARE(first.bytes(), bytes(files[0]));
    QVERIFY(it.look_up({files[1]}));
    it.press(it.window->actions().hold_all);
    test::Reader second(it.mount() + u'/' + files[1], 0, 4096);
    QVERIFY(it.wait_held(1));
    it.raise(QStringLiteral("held"));
    QVERIFY(it.fail_held_until_ended(second));
    QCOMPARE(second.result(), EIO);
    const QString mount = it.mount();
    QVERIFY(it.stop());
    QVERIFY(!is_mounted(mount));
}

void TestRootRights::a_refusal_leaves_the_rest() {
    if (geteuid() == 0) {
        PkexecRelay relay(PkexecRelay::Answer::dismissed);
        QVERIFY(as_user(relay.path() + ":/usr/bin:/bin", relay.socket_path()));
        QCOMPARE(relay.started(), 0);
        return;
    }
    WindowFixture it;
    press_start(it);
    QTRY_VERIFY_WITH_TIMEOUT(!it.window->messages().text().isEmpty(), 20000);
    QVERIFY2(it.window->messages().text().contains(refused_text()),
             qPrintable(it.window->messages().text()));
    QVERIFY(it.workspace.host().phase() == RunHost::Phase::none);
    QVERIFY(!panel(it).isVisible());
    QVERIFY(it.workspace.image() != nullptr);
    // What is in memory isn't told either; who only looks afterwards has asked nobody.
    Samples samples;
    samples.set_images({it.workspace.image()}, {folder_.path()});
    samples.ask_right();
    QTRY_VERIFY_WITH_TIMEOUT(!samples.looking(), 20000);
    QVERIFY(samples.refused());
    QCOMPARE(samples.error(), nobody_text());
    samples.look();
    QTRY_VERIFY_WITH_TIMEOUT(!samples.looking(), 20000);
    QVERIFY(samples.refused());
    QVERIFY2(!samples.error().isEmpty() && samples.error() != nobody_text(),
             qPrintable(samples.error()));
    // With the same values; another transport then works.
    bool same = false;
    WindowFixture::on_dialog([&](QDialog& dialog) {
        const Choice choice = qobject_cast<StartDialog*>(&dialog)->choice();
        same = choice.transport == fuse_blob && choice.image == image_.bootstrap;
        QVERIFY(choose(dialog, QStringLiteral("simulated")));
        QTest::mouseClick(button_in(dialog, QStringLiteral("Start")), Qt::LeftButton);
    });
    it.press(it.window->actions().start);
    QVERIFY(same);
    QTRY_VERIFY_WITH_TIMEOUT(it.workspace.host().live(), 20000);
    QVERIFY(it.stop());
}

void TestRootRights::cancelled_while_asking() {
    if (geteuid() == 0) {
        QVERIFY(as_user_of(PkexecRelay::Answer::none));
        return;
    }
    WindowFixture it;
    press_start(it);
    QTRY_VERIFY_WITH_TIMEOUT(panel(it).isVisible(), 20000);
    QVERIFY(says(panel(it), QStringLiteral("Waiting for an administrator")));
    QVERIFY(says(panel(it), QStringLiteral("coldscope-guard will")));
    QTest::mouseClick(button_in(panel(it), QStringLiteral("Cancel")), Qt::LeftButton);
    QVERIFY(settled(it));
    QTRY_VERIFY(!panel(it).isVisible());
    QVERIFY(it.window->messages().text().contains(refused_text()));
    // Again, without the dialog; the toolbar's Stop ends it as well.
    it.window->actions().again->trigger();
    QTRY_VERIFY_WITH_TIMEOUT(panel(it).isVisible(), 20000);
    it.press(it.window->actions().stop);
    QVERIFY(settled(it));
    QVERIFY(!panel(it).isVisible());
}

void TestRootRights::the_window_closes_while_asking() {
    if (geteuid() == 0) {
        QVERIFY(as_user_of(PkexecRelay::Answer::none));
        return;
    }
    WindowFixture it;
    press_start(it);
    QTRY_VERIFY_WITH_TIMEOUT(panel(it).isVisible(), 20000);
    it.window->close();
    QTRY_VERIFY_WITH_TIMEOUT(!it.window->isVisible(), 20000);
    QVERIFY(it.workspace.host().phase() == RunHost::Phase::none);
}

// Where there is neither pkexec nor sudo, somebody runs what the window's button copies.
void TestRootRights::by_hand() {
    const QString told = folder_.filePath("command");
    if (geteuid() == 0) {
        QProcess root;
        meanwhile_ = [&] {
            QFile file(told);
            if (root.state() == QProcess::NotRunning && file.open(QIODevice::ReadOnly)) {
                const QString command = QString::fromUtf8(file.readAll());
                file.remove();
                root.setProcessChannelMode(QProcess::ForwardedChannels);
                root.start("/bin/sh", {"-c", "sudo() { \"$@\"; }\n" + command});
            }
        };
        chmod(qPrintable(folder_.path()), 0777);
        const bool passed = as_user(folder_.filePath("nothing"));
        meanwhile_ = {};
        QVERIFY(root.state() == QProcess::NotRunning || root.waitForFinished(20000));
        QVERIFY(passed);
        return;
    }
    WindowFixture it;
    press_start(it);
    QTRY_VERIFY_WITH_TIMEOUT(says(panel(it), QStringLiteral("run this in a terminal")), 20000);
    QGuiApplication::clipboard()->clear();
    QTest::mouseClick(button_in(panel(it), QStringLiteral("Copy")), Qt::LeftButton);
    QVERIFY(button_in(panel(it), QStringLiteral("Copied")) != nullptr);
    const QString command = QGuiApplication::clipboard()->text();
    QVERIFY(command.contains(QStringLiteral("coldscope-guard")));
    QFile file(qEnvironmentVariable("COLDSCOPE_TEST_IMAGES") + "/command.new");
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(command.toUtf8());
    QVERIFY(file.rename(qEnvironmentVariable("COLDSCOPE_TEST_IMAGES") + "/command"));
    QTRY_VERIFY_WITH_TIMEOUT(it.workspace.host().live(), 30000);
    QVERIFY(!panel(it).isVisible());
    const auto files = files_of(image_, 1);
    test::Reader reader(it.mount() + u'/' + files[0], 0, 4096);
    QTRY_VERIFY_WITH_TIMEOUT(reader.finished(1), 20000);
    QCOMPARE(reader.bytes(), original(image_.tree + u'/' + files[0], 0, 4096));
    const QString mount = it.mount();
    QVERIFY(it.stop());
    QVERIFY(!is_mounted(mount));
}

QTEST_MAIN(TestRootRights)
#include "test_root_rights.moc"
