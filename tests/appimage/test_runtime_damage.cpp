// AppImages that were cut off or damaged: the runtime says so in one line, with the byte, and
// neither crashes nor hangs.
#include "tests/appimage/appimage_run.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QtTest>
#include <random>

#include <sys/stat.h>
#include <unistd.h>

using namespace coldscope::test;

namespace {
constexpr char damaged_image[] = "damaged.AppImage";
constexpr qsizetype super_size = 96;
} // namespace

class TestRuntimeDamage : public QObject {
    Q_OBJECT

    AppImageRoom room_;
    QByteArray whole_;
    qsizetype payload_ = 0; // its offset
    [[nodiscard]] QString image() const { return room_.path(damaged_image); }
    [[nodiscard]] bool write(const QByteArray& bytes) const {
        QFile::remove(image()); // one that runs can't be written to
        QFile file(image());
        return file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size() &&
               ::fchmod(file.handle(), 0755) == 0;
    }
    // Neither crash nor hang, one line if it fails, and nothing left behind.
    void verify_ends(const QByteArray& bytes, std::uint32_t seed);

private Q_SLOTS:
    void initTestCase();
    void cut_off();
    void another_superblock_data();
    void another_superblock();
    void at_random_data();
    void at_random();
};

void TestRuntimeDamage::initTestCase() {
    if (const QString why = room_.obstacle(); !why.isEmpty())
        QSKIP(qPrintable(why));
    room_.add("AppRun", "#!/bin/sh\nexit 9\n", 0755);
    QByteArray text;
    std::mt19937 random(1);
    for (int i = 0; i < 60'000; ++i)
        text += QByteArray::number(quint32(random()));
    room_.add("usr/lib/large", text);
    for (int i = 0; i < 300; ++i)
        room_.add(QString("usr/share/folder%1/file%2").arg(i % 20).arg(i),
                  text.mid(i * 100, i * 10));
    QCOMPARE(::symlink("large", room_.path("AppDir/usr/lib/link").toLocal8Bit()), 0);
    QVERIFY(room_.make(damaged_image));
    payload_ = QFileInfo(QCoreApplication::applicationDirPath() + "/appimage-runtime").size();
    QFile file(image());
    QVERIFY(file.open(QIODevice::ReadOnly));
    whole_ = file.readAll();
    QVERIFY(whole_.size() > payload_ + 100'000);
}

void TestRuntimeDamage::cut_off() {
    // mksquashfs fills up to 4 KiB behind what the superblock counts.
    for (const qsizetype size : {payload_, payload_ + 1, payload_ + super_size - 1,
                                 payload_ + super_size, payload_ + 50'000, whole_.size() - 4096}) {
        QVERIFY(write(whole_.first(size)));
        for (const char* option :
             {"exit", "--appimage-extract", "--appimage-mount", "--appimage-extract-and-run"}) {
            const Outcome outcome = room_.run({.ordinary = true}, {image(), option});
            QCOMPARE(outcome.status, 1);
            QVERIFY2(
                outcome.err.contains("byte " + QByteArray::number(size) + ": the file ends here"),
                outcome.err.constData());
            QCOMPARE(outcome.err.count('\n'), 1);
        }
        QCOMPARE(room_.run({.ordinary = true}, {image(), "--appimage-offset"}).out.trimmed(),
                 QByteArray::number(payload_));
    }
    QVERIFY(room_.gone(damaged_image));
}

void TestRuntimeDamage::another_superblock_data() {
    QTest::addColumn<int>("at"); // of the superblock
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("says");
    QTest::newRow("magic") << 0 << QByteArray("none") << QByteArray("no SquashFS image");
    QTest::newRow("block size") << 12 << QByteArray(4, '\xff') << QByteArray("damaged");
    QTest::newRow("compression") << 20 << QByteArray("\4", 1) << QByteArray("zstd");
    QTest::newRow("version") << 28 << QByteArray("\3", 1) << QByteArray("version");
    QTest::newRow("inodes") << 4 << QByteArray(4, '\0') << QByteArray("damaged");
    QTest::newRow("root") << 32 << QByteArray(8, '\x7f') << QByteArray("damaged");
    QTest::newRow("id table") << 48 << QByteArray(8, '\x7f') << QByteArray("damaged");
    QTest::newRow("inode table") << 64 << QByteArray(8, '\xff') << QByteArray("damaged");
    QTest::newRow("fragment table") << 80 << QByteArray(8, '\x7f') << QByteArray("damaged");
}

void TestRuntimeDamage::another_superblock() {
    QFETCH(int, at);
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, says);
    QByteArray damaged = whole_;
    damaged.replace(payload_ + at, bytes.size(), bytes);
    QVERIFY(write(damaged));
    for (const char* option : {"--appimage-extract", "--appimage-extract-and-run"}) {
        const Outcome outcome = room_.run({.ordinary = true}, {image(), option});
        QCOMPARE(outcome.status, 1);
        QVERIFY2(outcome.err.contains("byte ") && outcome.err.contains(says),
                 outcome.err.constData());
        QCOMPARE(outcome.err.count('\n'), 1);
    }
    verify_ends(damaged, 0);
}

void TestRuntimeDamage::at_random_data() {
    QTest::addColumn<int>("part");
    QTest::newRow("superblock") << 0;
    QTest::newRow("data") << 1;
    QTest::newRow("tables") << 2;
    QTest::newRow("tables, zeros") << 3;
}

void TestRuntimeDamage::at_random() {
    QFETCH(int, part);
    const qsizetype end = whole_.size(), tables = end - 12'288;
    const int asked_for = qEnvironmentVariableIntValue("COLDSCOPE_ROUNDS");
    const std::uint32_t rounds = asked_for > 0 ? std::uint32_t(asked_for) : 25;
    for (std::uint32_t seed = 1; seed <= rounds; ++seed) {
        std::mt19937 random(seed);
        const auto pick = [&](qsizetype from, qsizetype to) {
            return std::uniform_int_distribution<qsizetype>(from, to - 1)(random);
        };
        QByteArray damaged = whole_;
        const qsizetype from = part == 0 ? payload_ : part == 1 ? payload_ + super_size : tables;
        const qsizetype to = part == 0 ? payload_ + super_size : part == 1 ? tables : end;
        for (qsizetype changes = pick(1, 12); changes > 0; --changes) {
            const qsizetype at = pick(from, to);
            if (part == 3)
                damaged.replace(at, qMin<qsizetype>(64, end - at),
                                QByteArray(qMin<qsizetype>(64, end - at), '\0'));
            else
                damaged[at] = char(random());
        }
        verify_ends(damaged, seed);
        if (QTest::currentTestFailed())
            return;
    }
}

void TestRuntimeDamage::verify_ends(const QByteArray& bytes, std::uint32_t seed) {
    QVERIFY(write(bytes));
    QDir(room_.path("home/squashfs-root")).removeRecursively();
    const QByteArray which = "seed " + QByteArray::number(seed) + ": ";
    const Outcome extracts = room_.run({.ordinary = true}, {image(), "--appimage-extract"});
    QVERIFY2(extracts.status == 0 || extracts.status == 1,
             which + QByteArray::number(extracts.status) + extracts.err);
    QVERIFY2(extracts.err.count('\n') == extracts.status, which + extracts.err);
    // AppRun may be damaged as well: then it ends as it likes.
    const Outcome runs = room_.run({.ordinary = true}, {image(), "exit"});
    QVERIFY2(runs.status >= 0, which + "it hangs");
    QVERIFY2(room_.gone(damaged_image), which + "something is left");
}

QTEST_GUILESS_MAIN(TestRuntimeDamage)
#include "test_runtime_damage.moc"
