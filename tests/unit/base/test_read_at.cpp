#include "core/base/read_at.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <array>
#include <cerrno>

using namespace coldscope;

class TestReadAt : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void memory() {
        std::array<std::byte, 10> bytes{};
        bytes[9] = std::byte{9};
        MemoryReadAt memory(bytes);
        std::array<std::byte, 4> into{};
        QCOMPARE(memory.size(), std::uint64_t{10});
        QVERIFY(memory.read(6, into));
        QCOMPARE(into[3], std::byte{9});
        QVERIFY(memory.read(10, {}));
        check_past_the_end(memory);
    }

    void file() {
        QTemporaryDir folder;
        const QString path = folder.filePath("f");
        write(path, "0123456789");
        const auto file = FileReadAt::open(path.toStdString());
        QVERIFY(file);
        std::array<std::byte, 4> into{};
        QCOMPARE((*file)->size(), std::uint64_t{10});
        QVERIFY((*file)->read(6, into));
        QCOMPARE(into[0], std::byte{'6'});
        QCOMPARE(into[3], std::byte{'9'});
        check_past_the_end(**file);
        // Cut while it is open: the error names the first byte that is gone.
        QVERIFY(QFile::resize(path, 8));
        const auto got = (*file)->read(6, into);
        QCOMPARE(got.error().code, Code::truncated);
        QCOMPARE(got.error().offset, std::uint64_t{8});
    }

    void what_is_no_file() {
        QTemporaryDir folder;
        const auto missing = FileReadAt::open(folder.filePath("none").toStdString());
        QCOMPARE(missing.error().code, Code::not_found);
        QCOMPARE(missing.error().sys_errno, ENOENT);
        QCOMPARE(FileReadAt::open(folder.path().toStdString()).error().code, Code::invalid);
        QCOMPARE(FileReadAt::open("/dev/null").error().code, Code::invalid);
    }

private:
    static void write(const QString& path, const QByteArray& bytes) {
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(file.write(bytes), bytes.size());
    }

    // of: has 10 bytes.
    static void check_past_the_end(ReadAt& of) {
        std::array<std::byte, 4> into{};
        for (const std::uint64_t offset :
             {std::uint64_t{7}, std::uint64_t{11}, ~std::uint64_t{0}}) {
            const auto got = of.read(offset, into);
            QVERIFY(!got);
            QCOMPARE(got.error().code, Code::truncated);
            QCOMPARE(got.error().offset, std::uint64_t{10});
        }
    }
};

QTEST_GUILESS_MAIN(TestReadAt)
#include "test_read_at.moc"
