// A file of events becomes a picture, or a sentence.
#include "app/render/render_command.h"
#include "app/style/look.h"
#include "daemon/run/event_log.h"
#include "tests/unit/request/random_run.h"

#include <QFile>
#include <QGuiApplication>
#include <QImage>
#include <QTemporaryDir>
#include <QTest>

using namespace coldscope;
using app::render_events;

class TestRender : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { QVERIFY(folder_.isValid()); }
    void a_run_is_drawn() {
        const QString events = write(lines(500));
        const QString picture = folder_.filePath(QStringLiteral("run.png"));
        QCOMPARE(render_events(events, picture), 0);
        const QImage image(picture);
        QCOMPARE(image.width(), 3200); // 1600 at twice the scale
        QVERIFY(image.height() > 200);
        const QRgb miss = app::look(app::Mark::answered, app::Theme::light).fill.rgb();
        QVERIFY(count(image, miss) > 100);
    }
    void simulated_is_said() {
        const QString plain = folder_.filePath(QStringLiteral("plain.png"));
        const QString labelled = folder_.filePath(QStringLiteral("labelled.png"));
        const QByteArray ready =
            R"({"event":"ready","image":"a.erofs","time":1,"transport":"t","simulated":%})";
        QCOMPARE(
            render_events(write(QByteArray(ready).replace('%', "false") + "\n" + lines(9)), plain),
            0);
        QCOMPARE(render_events(write(QByteArray(ready).replace('%', "true") + "\n" + lines(9)),
                               labelled),
                 0);
        QVERIFY(QImage(plain) != QImage(labelled));
    }
    void what_cannot_be_drawn_data() {
        QTest::addColumn<QByteArray>("events");
        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("no request") << QByteArray("{\"event\":\"lost_events\",\"count\":1}\n");
        QTest::newRow("no log") << QByteArray("\x89PNG\r\n\x1a\n");
        QTest::newRow("a bad line") << lines(3) + "{}\n" + lines(3);
    }
    void what_cannot_be_drawn() {
        QFETCH(QByteArray, events);
        const QString picture = folder_.filePath(QStringLiteral("none.png"));
        QCOMPARE(render_events(write(events), picture), 1);
        QVERIFY(!QFile::exists(picture));
    }
    void files_that_are_not_there() {
        const QString none = folder_.filePath(QStringLiteral("no/such"));
        QCOMPARE(render_events(none, none), 1);
        QCOMPARE(render_events(write(lines(3)), none), 1);
    }

private:
    static QByteArray lines(unsigned requests) {
        RandomRun run;
        run.requests = requests;
        run.gap = 1'000'000;
        run.life = 5'000'000;
        QByteArray text;
        for (const StepRecord& record : run.records(1))
            text += QByteArray::fromStdString(event_line(record, "\"blob\"")) + '\n';
        return text;
    }
    QString write(const QByteArray& text) {
        const QString path = folder_.filePath(QStringLiteral("events"));
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly) || file.write(text) != text.size())
            qFatal("no room for the test");
        return path;
    }
    static int count(const QImage& image, QRgb colour) {
        int found = 0;
        for (int y = 0; y < image.height(); ++y) {
            for (int x = 0; x < image.width(); ++x)
                found += image.pixel(x, y) == colour;
        }
        return found;
    }

    QTemporaryDir folder_;
};

QTEST_MAIN(TestRender)
#include "test_render.moc"
