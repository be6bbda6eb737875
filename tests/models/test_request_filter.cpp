// What words match which request.
#include "app/models/request_filter.h"
#include "tests/models/opened_workspace.h"
#include "tests/unit/request/random_run.h"

#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestRequestFilter : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void words_data();
    void words();
    void wrong_words_are_told_data();
    void wrong_words_are_told();
    void what_is_half_typed_does_no_harm();

private:
    enum : Row { cat, one_held, two_failed, meta };
    OpenedWorkspace opened_;
};

// Four requests: for /usr/bin/cat, answered; for libone.so, held; for libtwo.so, failed; for bytes
// of the bootstrap, fetching.
void TestRequestFilter::initTestCase() {
    QVERIFY(opened_.open());
    const auto ask = [&](RequestId id, const char* path, std::uint32_t pid, const char* command) {
        StepRecord record = make_step(id, Step::arrived, id * 1000);
        record.pid = pid;
        record.command = {};
        std::copy_n(command, strlen(command), record.command.begin());
        if (path != nullptr) {
            const auto extents = opened_.workspace.extents_of(opened_.node(path));
            record.object = extents.front().device;
            record.offset = extents.front().address;
            record.length = 4096;
        } else {
            record.offset = 1024;
            record.length = 128;
        }
        opened_.take({record});
        return record;
    };
    StepRecord record = ask(1, "/usr/bin/cat", 41, "sh");
    record.step = Step::answered;
    opened_.take({record});
    record = ask(2, "/usr/lib/libone.so", 42, "python3");
    record.step = Step::held;
    opened_.take({record});
    record = ask(3, "/usr/lib/libtwo.so", 42, "python3");
    record.step = Step::answered;
    record.result = EIO;
    opened_.take({record});
    record = ask(4, nullptr, 43, "ls");
    record.step = Step::fetching;
    opened_.take({record});
}

void TestRequestFilter::words_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("waiting");
    QTest::addColumn<QList<int>>("rows");
    const auto row = [](const char* name, const char* text, QList<int> rows, bool waiting = false) {
        QTest::newRow(name) << QString::fromUtf8(text) << waiting << rows;
    };
    row("nothing", "", {cat, one_held, two_failed, meta});
    row("a process", "python", {one_held, two_failed});
    row("of either case", "PYTHON", {one_held, two_failed});
    row("a path", "/usr/lib", {one_held, two_failed});
    row("a file", "libone", {one_held});
    row("process and file", "python3 two", {two_failed});
    row("process or path", "cat", {cat});
    row("an object", "bootstrap", {meta});
    row("an object's name", "layer.blob", {cat, one_held, two_failed});
    row("an object alone", "object:boot", {meta});
    row("a file is no object", "object:libone", {});
    row("pid", "pid:42", {one_held, two_failed});
    row("pid is not a part of it", "pid:4", {});
    row("held", "state:held", {one_held});
    row("beginning of a state", "state:fai", {two_failed});
    row("all that is open", "state:open", {one_held, meta});
    row("op", "op:read", {cat, one_held, two_failed, meta});
    row("another op", "op:close", {});
    row("two states", "state:held state:failed", {});
    row("only waiting", "", {one_held}, true);
    row("only waiting, of a file", "libtwo", {}, true);
    row("in quotes", "\"python3 (42)\"", {one_held, two_failed});
    row("a quote that is open", "\"python3 (4", {one_held, two_failed});
    row("none", "nobody", {});
}

void TestRequestFilter::words() {
    QFETCH(QString, text);
    QFETCH(bool, waiting);
    QFETCH(QList<int>, rows);
    RequestFilter filter(opened_.workspace);
    filter.set(text, waiting);
    QCOMPARE(filter.error(), "");
    for (int round = 0; round < 2; ++round) { // the second one remembers
        QList<int> matched;
        for (Row row = 0; row < opened_.workspace.host().store().size(); ++row) {
            if (filter.matches(row))
                matched.push_back(int(row));
        }
        QCOMPARE(matched, rows);
    }
}

void TestRequestFilter::wrong_words_are_told_data() {
    QTest::addColumn<QString>("text");
    QTest::newRow("pid") << "pid:me";
    QTest::newRow("state") << "state:happy";
    QTest::newRow("op") << "op:write";
}

void TestRequestFilter::wrong_words_are_told() {
    QFETCH(QString, text);
    RequestFilter filter(opened_.workspace);
    filter.set(text, false);
    QVERIFY(!filter.error().isEmpty());
    QVERIFY(!filter.matches(cat));
    filter.set("", false);
    QVERIFY(filter.error().isEmpty());
    QVERIFY(filter.matches(cat));
}

void TestRequestFilter::what_is_half_typed_does_no_harm() {
    RequestFilter filter(opened_.workspace);
    for (const char* text : {"state:", "pid:", "\"", "  "}) {
        filter.set(QString::fromUtf8(text), false);
        QVERIFY(filter.error().isEmpty());
        QVERIFY(filter.matches(cat));
    }
}

QTEST_MAIN(TestRequestFilter)
#include "test_request_filter.moc"
