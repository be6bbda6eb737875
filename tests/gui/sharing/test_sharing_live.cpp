// What the Sharing dock shows of real mounts: what is in memory, sample after sample; and what an
// ordinary user sees, who is not told.
#include "app/style/text.h"
#include "tests/gui/sharing/shown_sharing.h"
#include "tests/kernel/live_run.h"

#include <QComboBox>
#include <QDir>
#include <QProcess>
#include <QSlider>
#include <cerrno>

#include <sys/mount.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

namespace {

// EROFS on a file and its blob, until this goes.
class MountedImage {
public:
    MountedImage(const QString& image, const QString& blob, const QString& folder)
        : folder_(folder.toStdString()) {
        QDir().mkpath(folder);
        const std::string options = "device=" + blob.toStdString();
        if (::mount(image.toLocal8Bit().constData(), folder_.c_str(), "erofs", MS_RDONLY,
                    options.c_str()) != 0)
            error_ = errno;
    }
    ~MountedImage() {
        if (error_ == 0)
            ::umount2(folder_.c_str(), MNT_DETACH);
    }
    MountedImage(const MountedImage&) = delete;
    MountedImage& operator=(const MountedImage&) = delete;
    [[nodiscard]] int error() const { return error_; }

private:
    std::string folder_;
    int error_ = 0;
};

bool read(const QString& path, qint64 length) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly | QIODevice::Unbuffered) &&
           file.read(length).size() == length;
}

} // namespace

class TestSharingLive : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void what_is_in_memory();
    void an_ordinary_user_sees_unknown();
};

void TestSharingLive::what_is_in_memory() {
    if (geteuid() != 0) {
        QVERIFY(!must_not_skip());
        QSKIP("only root may mount and see what is in memory");
    }
    ShownSharing it;
    QVERIFY(QTest::qWaitForWindowActive(&it.view));
    QVERIFY(it.pair.write());
    const QString blob = it.pair.folder() + "/layer.blob";
    const QString first = it.pair.folder() + "/first";
    const QString second = it.pair.folder() + "/second";
    const MountedImage one(it.pair.path(false), blob, first);
    const MountedImage two(it.pair.path(true), blob, second);
    QCOMPARE(one.error(), 0);
    QCOMPARE(two.error(), 0);
    QVERIFY(it.pair.open(it.workspace.workspace));
    QVERIFY(it.add(it.pair.path(true)));
    // Where they are mounted is found.
    QCOMPARE(it.view.state().set().entries()[0].folder, first);
    QCOMPARE(it.view.state().set().entries()[1].folder, second);

    QVERIFY(drop_caches());
    auto* look = it.button(QStringLiteral("Look now"));
    QVERIFY(look->isEnabled());
    QTest::mouseClick(look, Qt::LeftButton);
    QVERIFY(it.settled());
    QVERIFY2(it.view.state().seen() != nullptr, qPrintable(it.view.state().samples().error()));
    QVERIFY(it.says("looked at"));
    const auto pieces = [&](const char* path, std::size_t image) {
        return pieces_of(*it.view.state().predicted(), it.view.state().seen().get(), image,
                         it.node(path, image));
    };
    QVERIFY(pieces("/both/one", 0)[0].residency == sharing::Presence::absent);
    it.click("/both/one", 0, 0.5);
    QVERIFY(it.says("not in memory"));

    // The whole of one file, in both mounts: this kernel holds it twice.
    QVERIFY(read(first + "/both/one", 64 << 10));
    QVERIFY(read(second + "/both/one", 64 << 10));
    QTest::mouseClick(look, Qt::LeftButton);
    QVERIFY(it.settled());
    QCOMPARE(it.view.state().samples().taken().size(), std::size_t{2});
    for (const std::size_t image : {0, 1}) {
        for (const sharing::SeenPiece& seen : pieces("/both/one", image)) {
            QVERIFY(seen.residency == sharing::Presence::resident);
            QVERIFY(seen.piece.mark == sharing::Mark::by_blob);
        }
    }
    QVERIFY(pieces("/both/tail", 0)[0].residency == sharing::Presence::absent);
    const auto& usage = it.view.state().seen()->usage;
    QVERIFY(usage[0].off >= (64U << 10) && usage[1].off >= (64U << 10));
    QVERIFY(usage[1].by_rfc + (64U << 10) <= usage[1].off);
    QCOMPARE(usage[1].observed, usage[1].off);
    it.click("/both/one", 0, 0.5);
    QVERIFY(it.says("· in memory"));
    // The mounts are buffered: the blob's own cache has it, too.
    QVERIFY(it.view.state().twice().value_or(0) >= (64U << 10));
    QVERIFY(it.says("in memory twice"));

    // Back to the first sample, and to the latest.
    auto* slider = it.view.findChild<QSlider*>();
    QVERIFY(slider->isVisible());
    QCOMPARE(slider->maximum(), 1);
    QCOMPARE(slider->value(), 1);
    slider->setValue(0);
    QVERIFY(it.settled());
    QVERIFY(!it.view.state().follows());
    QVERIFY(pieces("/both/one", 0)[0].residency == sharing::Presence::absent);
    QTest::mouseClick(it.button(QStringLiteral("latest")), Qt::LeftButton);
    QVERIFY(it.settled());
    QVERIFY(pieces("/both/one", 0)[0].residency == sharing::Presence::resident);

    // At an interval, until that is off.
    auto* box = [&]() -> QComboBox* {
        for (auto* each : it.view.findChildren<QComboBox*>()) {
            if (each->accessibleName() == "How often to look")
                return each;
        }
        return nullptr;
    }();
    QVERIFY(box != nullptr);
    box->setCurrentIndex(1);
    Q_EMIT box->activated(1);
    QTRY_VERIFY_WITH_TIMEOUT(it.view.state().samples().taken().size() >= 4, 20'000);
    box->setCurrentIndex(0);
    Q_EMIT box->activated(0);
    QVERIFY(it.settled());
    QCOMPARE(it.view.state().samples().interval(), 0);
}

// As root: runs this very test as one.
void TestSharingLive::an_ordinary_user_sees_unknown() {
    if (geteuid() == 0) {
        QProcess process;
        process.setProcessChannelMode(QProcess::ForwardedChannels);
        process.start(QStringLiteral(COLDSCOPE_AS_ORDINARY_USER),
                      {QCoreApplication::applicationFilePath(),
                       QStringLiteral("an_ordinary_user_sees_unknown")});
        QVERIFY(process.waitForFinished(120'000));
        QCOMPARE(process.exitCode(), 0);
        return;
    }
    ShownSharing it;
    QVERIFY(QTest::qWaitForWindowActive(&it.view));
    QVERIFY(it.open());
    it.view.set_folder(0, it.pair.folder());
    QVERIFY(it.settled());
    QTest::mouseClick(it.button(QStringLiteral("Look now")), Qt::LeftButton);
    QVERIFY(it.settled());
    QVERIFY2(it.view.state().samples().refused(), qPrintable(it.view.state().samples().error()));
    QVERIFY(it.view.state().samples().taken().empty());
    QVERIFY(it.says("the kernel tells root alone"));
    QVERIFY(it.button(QStringLiteral("Ask for the right"))->isVisible());
    it.click("/both/one", 0, 0.5);
    QVERIFY(it.says("unknown whether in memory"));
    const auto& tally = it.view.state().predicted()->tally;
    const app::Tally::Part* all = tally.folder(FileUnion::root, 0);
    QCOMPARE(all->unknown, all->bytes());
}

QTEST_MAIN(TestSharingLive)
#include "test_sharing_live.moc"
