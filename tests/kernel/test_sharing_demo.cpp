// packaging/sharing-demo, as a person without a display runs it: one program in two containers,
// each image served on demand, and the table of what page cache they take.
#include "tests/kernel/live_run.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QtTest>
#include <array>
#include <cmath>
#include <cstdio>

#include <unistd.h>

using namespace coldscope::test;

namespace {

constexpr qint64 page = 4096;

qint64 number(const QJsonValue& value) {
    return static_cast<qint64>(value.toDouble());
}

// Of pieces, whole pages.
qint64 bytes_of(const QJsonValue& piece) {
    return (number(piece["end"]) + page - 1) / page * page - number(piece["begin"]);
}

} // namespace

class TestSharingDemo : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    QString table_;
    QString said_;
    QJsonObject json_;

    // Columns of the table's row, in MiB.
    [[nodiscard]] QStringList row(const QString& of, const QString& image) const {
        const QString rows = table_.mid(table_.indexOf('\n' + of + '\n'));
        const QRegularExpression line('^' + QString("  %1 .*$").arg(image),
                                      QRegularExpression::MultilineOption);
        const QStringList words = line.match(rows).captured().split(' ', Qt::SkipEmptyParts);
        return words.mid(2);
    }

private Q_SLOTS:
    void initTestCase();
    void the_program_ran_in_both();
    void the_table();
    void sums_are_those_of_the_files();
    void nothing_is_left();
};

void TestSharingDemo::initTestCase() {
    const QString packaging = QStringLiteral(COLDSCOPE_PACKAGING);
    QString why = geteuid() == 0 ? QString() : "only root may mount, and know what is resident";
    if (why.isEmpty()) {
        QProcess images;
        images.start(packaging + "/sharing-images", QStringList());
        QVERIFY(images.waitForFinished(480000));
        if (images.exitCode() != 0)
            why = images.readAllStandardError().trimmed().split('\n').last();
    }
    if (!why.isEmpty()) {
        QVERIFY2(!must_not_skip(), qPrintable(why));
        QSKIP(qPrintable(why));
    }
    QProcess demo;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert("TMPDIR", folder_.path());
    demo.setProcessEnvironment(environment);
    demo.start(packaging + "/sharing-demo", {"--no-window"});
    QVERIFY(demo.waitForFinished(480000));
    table_ = QString::fromUtf8(demo.readAllStandardOutput());
    said_ = QString::fromUtf8(demo.readAllStandardError());
    std::printf("%s", qPrintable(said_));
    for (const QString& line : table_.split('\n', Qt::SkipEmptyParts))
        std::printf("table: %s\n", qPrintable(line));
    std::fflush(stdout);
    QVERIFY2(demo.exitStatus() == QProcess::NormalExit && demo.exitCode() == 0, qPrintable(said_));
    const QRegularExpression note("of each file: (.*)$", QRegularExpression::MultilineOption);
    QFile file(note.match(said_).captured(1));
    QVERIFY2(file.open(QIODevice::ReadOnly), qPrintable(file.fileName()));
    json_ = QJsonDocument::fromJson(file.readAll()).object();
    QCOMPARE(json_["images"].toArray().size(), 2);
}

void TestSharingDemo::the_program_ran_in_both() {
    for (const QString& name : {QStringLiteral("base"), QStringLiteral("v1")}) {
        const QRegularExpression line(
            QString("^sharing-demo: %1: numpy .*: (\\d+) modules, (\\d+) files opened").arg(name),
            QRegularExpression::MultilineOption);
        const auto match = line.match(said_);
        QVERIFY2(match.hasMatch(), qPrintable(name));
        QVERIFY(match.captured(1).toInt() > 3000);
        QVERIFY(match.captured(2).toInt() > 4000);
    }
    // Each from its own mount.
    for (const QJsonValue& image : json_["images"].toArray()) {
        QVERIFY(image["mount"].toString().startsWith(folder_.path()));
        QVERIFY(number(image["seen"]["files"]) > 4000);
    }
    QVERIFY(json_["images"][0]["mount"] != json_["images"][1]["mount"]);
}

void TestSharingDemo::the_table() {
    const QJsonValue first = json_["resident"][0];
    const QJsonValue second = json_["resident"][1];
    const double off = static_cast<double>(number(second["off"]));
    QVERIFY(number(first["off"]) > (100 << 20));
    QVERIFY(off > 0.9 * static_cast<double>(number(first["off"])));
    QVERIFY(off < 1.1 * static_cast<double>(number(first["off"])));
    // What the layer has, and no more.
    QVERIFY(number(second["by_fingerprint"]) > 0);
    QVERIFY(static_cast<double>(number(second["by_fingerprint"])) < 0.1 * off);
    QVERIFY(static_cast<double>(number(second["by_rfc"])) < 0.1 * off);
    // A changed mode keeps the fingerprint, and is another blob's all the same.
    QVERIFY(number(second["by_fingerprint"]) < number(second["by_rfc"]));
    // Before Linux 7.0 each mount has pages of its own.
    const bool shares = json_["images"][1]["inode_share"].toBool();
    for (const QJsonValue& one : {first, second}) {
        const qint64 observed = number(one["observed"]);
        QVERIFY(observed + number(one["unknown"]) <= number(one["off"]));
        const qint64 least = shares ? number(one["by_fingerprint"]) : number(one["off"]);
        QVERIFY(static_cast<double>(observed) > 0.99 * static_cast<double>(least));
    }
    QVERIFY(!shares || static_cast<double>(number(second["observed"])) < 0.1 * off);
    // Both are of one sample.
    for (int image = 0; image < 2; ++image) {
        const QStringList columns = row("resident now", QString::number(image + 1));
        QVERIFY2(columns.size() >= 5, qPrintable(table_));
        const QJsonValue one = json_["resident"][image];
        const std::array names{"off", "by_fingerprint", "by_rfc", "observed"};
        for (std::size_t i = 0; i < names.size(); ++i) {
            const double said = columns[static_cast<int>(i)].toDouble();
            const double meant = static_cast<double>(number(one[names[i]])) / (1 << 20);
            QVERIFY2(std::abs(said - meant) < 0.0501,
                     qPrintable(QString("%1: %2, %3").arg(names[i]).arg(said).arg(meant)));
        }
    }
}

void TestSharingDemo::sums_are_those_of_the_files() {
    for (int image = 0; image < 2; ++image) {
        qint64 all = 0;
        qint64 resident = 0;
        qint64 files = 0;
        for (const QJsonValue& file : json_["files"].toArray()) {
            if (file["image"].toInt() != image + 1)
                continue;
            qint64 of_file = 0;
            for (const QJsonValue& piece : file["pieces"].toArray()) {
                all += bytes_of(piece);
                if (piece["residency"].toString() == "resident")
                    of_file += bytes_of(piece);
            }
            resident += of_file;
            files += of_file != 0 ? 1 : 0;
        }
        QCOMPARE(all, number(json_["all"][image]["off"]));
        QCOMPARE(resident, number(json_["resident"][image]["off"]));
        QCOMPARE(files, number(json_["resident"][image]["files"]));
        QCOMPARE(resident, number(json_["images"][image]["seen"]["resident"]));
        qint64 marked = 0;
        for (const QJsonValue& sum : json_["images"][image]["marks"].toObject())
            marked += number(sum);
        QCOMPARE(marked, all);
    }
}

void TestSharingDemo::nothing_is_left() {
    QCOMPARE(QDir(folder_.path()).entryList(QDir::AllEntries | QDir::NoDotAndDotDot),
             QStringList());
    QFile mounts("/proc/self/mountinfo");
    QVERIFY(mounts.open(QIODevice::ReadOnly));
    QVERIFY(!mounts.readAll().contains(folder_.path().toLocal8Bit()));
}

QTEST_GUILESS_MAIN(TestSharingDemo)
#include "test_sharing_demo.moc"
