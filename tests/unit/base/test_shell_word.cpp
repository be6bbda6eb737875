// Words as a real shell reads them.
#include "core/base/shell_word.h"

#include <QProcess>
#include <QTest>

using namespace coldscope;

class TestShellWord : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void read_back_data() {
        QTest::addColumn<QByteArray>("word");
        QTest::addColumn<bool>("plain");
        QTest::newRow("a path") << QByteArray("/usr/bin/coldscope-guard_1+2.x") << true;
        QTest::newRow("nothing") << QByteArray() << false;
        QTest::newRow("spaces") << QByteArray(" a  file ") << false;
        QTest::newRow("quotes") << QByteArray("it's \"one\" 'file'") << false;
        QTest::newRow("what shells read")
            << QByteArray("$(id) `id` \\ ~ * ? & | ; < > # ! {a,b}") << false;
        QTest::newRow("lines") << QByteArray("a\nb\tc") << false;
        QTest::newRow("bytes of no text") << QByteArray("\xff\xc3 \x80") << false;
    }
    void read_back() {
        QFETCH(const QByteArray, word);
        QFETCH(const bool, plain);
        const std::string quoted = shell_word(word.toStdString());
        QCOMPARE(quoted == word.toStdString(), plain);
        // On its standard input, which takes any bytes.
        QProcess shell;
        shell.start(QStringLiteral("/bin/sh"), QStringList());
        shell.write("printf %s " + QByteArray::fromStdString(quoted) + "\n");
        shell.closeWriteChannel();
        QVERIFY(shell.waitForFinished());
        QCOMPARE(shell.readAllStandardOutput(), word);
    }
};

QTEST_GUILESS_MAIN(TestShellWord)
#include "test_shell_word.moc"
