// The MIME type as a desktop learns it: installed into a data folder of a user's own, a real image
// is known by its bytes alone, and by its name before it has any.
#include "tests/kernel/live_run.h"

#include <QDir>
#include <QFile>
#include <QMimeDatabase>
#include <QStandardPaths>
#include <QtTest>

using namespace coldscope::test;

class TestMimeType : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void by_its_bytes();
    void by_its_name();
    void not_others();

private:
    [[nodiscard]] QString type_of(const QString& name) const {
        return QMimeDatabase().mimeTypeForFile(folder_.filePath(name)).name();
    }
    [[nodiscard]] bool write(const QString& name, const QByteArray& bytes) const {
        QFile file(folder_.filePath(name));
        return file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size();
    }

    QTemporaryDir folder_;
};

void TestMimeType::initTestCase() {
    const QString update = QStandardPaths::findExecutable(QStringLiteral("update-mime-database"));
    if (update.isEmpty()) {
        QVERIFY2(!must_not_skip(), "update-mime-database is not installed");
        QSKIP("update-mime-database is not installed (shared-mime-info)");
    }
    const QString data = folder_.filePath(QStringLiteral("share"));
    QVERIFY(QDir().mkpath(data + QStringLiteral("/mime/packages")));
    QVERIFY(
        QFile::copy(QStringLiteral(COLDSCOPE_DESKTOP_FOLDER "/io.github.coldscope.Coldscope.xml"),
                    data + QStringLiteral("/mime/packages/io.github.coldscope.Coldscope.xml")));
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(update, {data + QStringLiteral("/mime")});
    QVERIFY(process.waitForFinished());
    QVERIFY2(process.exitCode() == 0, process.readAll().constData());
    qputenv("XDG_DATA_HOME", QFile::encodeName(data)); // before the database is first asked

    QVERIFY(QDir(folder_.path()).mkdir(QStringLiteral("tree")));
    QVERIFY(write(QStringLiteral("tree/file"), "bytes"));
    QString error;
    QVERIFY2(run_mkfs({folder_.filePath(QStringLiteral("image")),
                       folder_.filePath(QStringLiteral("tree"))},
                      &error),
             qPrintable(error));
}

void TestMimeType::by_its_bytes() {
    QCOMPARE(type_of(QStringLiteral("image")), QStringLiteral("application/x-erofs"));
    // A name that says something else to others.
    QVERIFY(QFile::copy(folder_.filePath(QStringLiteral("image")),
                        folder_.filePath(QStringLiteral("layer.0"))));
    QCOMPARE(type_of(QStringLiteral("layer.0")), QStringLiteral("application/x-erofs"));
}

void TestMimeType::by_its_name() {
    const QMimeType type =
        QMimeDatabase().mimeTypeForFile(QStringLiteral("app.erofs"), QMimeDatabase::MatchExtension);
    QCOMPARE(type.name(), QStringLiteral("application/x-erofs"));
    QCOMPARE(type.comment(), QStringLiteral("EROFS file system image"));
    QCOMPARE(type.iconName(), QStringLiteral("io.github.coldscope.Coldscope"));
}

void TestMimeType::not_others() {
    QByteArray bytes(8192, '\0');
    QVERIFY(write(QStringLiteral("zeros"), bytes));
    QVERIFY(type_of(QStringLiteral("zeros")) != QStringLiteral("application/x-erofs"));
    bytes.replace(1025, 4, "\xe2\xe1\xf5\xe0"); // a byte too late
    QVERIFY(write(QStringLiteral("shifted"), bytes));
    QVERIFY(type_of(QStringLiteral("shifted")) != QStringLiteral("application/x-erofs"));
    bytes.replace(1024, 5, QByteArray("\xe2\xe1\xf5\xe0\0", 5));
    QVERIFY(write(QStringLiteral("right"), bytes));
    QCOMPARE(type_of(QStringLiteral("right")), QStringLiteral("application/x-erofs"));
}

QTEST_GUILESS_MAIN(TestMimeType)
#include "test_mime_type.moc"
