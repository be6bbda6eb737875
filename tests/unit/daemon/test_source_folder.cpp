#include "daemon/source/folder.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>
#include <unistd.h>

using namespace coldscope;

class TestSourceFolder : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() {
        ring_ = std::move(*Ring::create(8));
        QVERIFY(write("objects/one", "one") && write("secret", "secret"));
    }
    void cleanupTestCase() { ring_.reset(); }

    void found() {
        const auto source = find("one");
        QVERIFY(source);
        QCOMPARE((*source)->size(), std::uint64_t{3});
        std::array<std::byte, 3> bytes{};
        QVERIFY((*source)->try_fetch(0, bytes));
        QCOMPARE(std::memcmp(bytes.data(), "one", 3), 0);
    }

    void not_found_data() {
        QTest::addColumn<QByteArray>("name");
        for (const char* name : {"", ".", "..", "two", "../secret", "/etc/passwd", "out", "pipe",
                                 "folder", "folder/../one", "itself"})
            QTest::newRow(name) << QByteArray(name);
        QTest::newRow("zero byte") << QByteArray("one\0", 4);
    }
    void not_found() {
        QFETCH(QByteArray, name);
        const QByteArray top = folder_.filePath("objects/").toUtf8();
        (void)symlink("../secret", top + "out");
        (void)symlink("itself", top + "itself");
        (void)mkfifo(top + "pipe", 0600);
        (void)mkdir(top + "folder", 0700);
        const auto source = find(name.toStdString());
        QVERIFY(!source);
        QCOMPARE(source.error().code, Code::not_found);
    }

    void link_within_the_folder() {
        QCOMPARE(symlink("one", folder_.filePath("objects/other").toUtf8().constData()), 0);
        QVERIFY(find("other"));
    }

private:
    Result<std::unique_ptr<FileSource>> find(const std::string& name) {
        const auto folder = SourceFolder::open(folder_.filePath("objects").toStdString());
        if (!folder)
            return std::unexpected(folder.error());
        return folder->find(*ring_, name, {});
    }
    bool write(const QString& name, const QByteArray& bytes) {
        QDir().mkpath(QFileInfo(folder_.filePath(name)).path());
        QFile file(folder_.filePath(name));
        return file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size();
    }

    // Not /tmp, which may be a tmpfs: nothing of it can be read without waiting (RWF_NOWAIT).
    QTemporaryDir folder_{"/var/tmp/coldscope-XXXXXX"};
    std::unique_ptr<Ring> ring_;
};

QTEST_GUILESS_MAIN(TestSourceFolder)
#include "test_source_folder.moc"
