// Objects that come and go: their names, their stores, and where their bytes came from.
#include "daemon/transport/kernel_object.h"
#include "daemon/transport/object_names.h"
#include "daemon/transport/source_notes.h"
#include "tests/unit/daemon/engine_test.h"

#include <QFile>
#include <QFileInfo>
#include <QTemporaryFile>
#include <QTest>
#include <cerrno>
#include <thread>

#include <fcntl.h>

using namespace coldscope;
using namespace coldscope::test;

class TestObjects : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void names() {
        ObjectNames names;
        QCOMPARE(names.of(0), std::string("?"));
        std::thread reader([&] {
            for (std::uint32_t seen = 0; seen < 5000; seen = names.size()) {
                if (seen > 0 && names.of(seen - 1) != std::to_string(seen - 1))
                    qFatal("another name");
            }
        });
        for (std::uint32_t i = 0; i < 5000; ++i)
            QCOMPARE(names.add(std::to_string(i)), i);
        reader.join();
        for (std::uint32_t i = 0; i < 5000; ++i)
            QCOMPARE(names.of(i), std::to_string(i));
        QCOMPARE(names.of(5000), std::string("?"));
    }

    void notes_of_sources() {
        QTemporaryDir folder;
        const std::string path = folder.path().toStdString();
        const std::string odd("a b\n\0c", 6);
        {
            auto notes = SourceNotes::open(path);
            QVERIFY(notes && notes->check("one", "file:1") && notes->check(odd, "file:2"));
            QVERIFY(notes->check("one", "file:1"));
            const auto other = notes->check("one", "file:3");
            QVERIFY(!other);
            QCOMPARE(other.error().sys_errno, ESTALE);
        }
        // A line that was cut off says nothing.
        QFile file(folder.filePath("coldscope.sources"));
        QVERIFY(file.open(QIODevice::Append) && file.write("\n6f6e65 file:9") > 0);
        file.close();
        auto again = SourceNotes::open(path);
        QVERIFY(again && again->check("one", "file:1") && again->check(odd, "file:2"));
        QVERIFY(!again->check(odd, "file:1"));
    }

    // The descriptor is a file's here, which the kernel's behaves like once the object is open.
    void filled_and_found_again() {
        QTemporaryDir folder;
        const QByteArray path = folder.filePath("object").toUtf8();
        constexpr std::uint64_t size = 5 * 4096 + 100;
        const auto ring = make_ring();
        const auto buffers = std::make_shared<PageBuffers>();
        const auto open = [&] {
            return std::make_unique<KernelObject>(
                *ring, buffers, Fd(::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), "object",
                size);
        };
        auto object = open();
        QVERIFY(object->look_first());
        QCOMPARE(object->local().total(), std::uint64_t{0});
        QCOMPARE(object->whole({5 * 4096 + 50, size}), (Range{5 * 4096, size}));
        bool done = false;
        const Bytes tail = true_bytes(5 * 4096, 100);
        object->fill(5 * 4096, tail, [&](const Result<void>& kept) { done = kept.has_value(); });
        QVERIFY(!object->local().contains({5 * 4096, size})); // not before it is written
        QVERIFY(run_until(*ring, [&] { return done; }));
        QVERIFY(object->local().contains({5 * 4096, size}));
        QVERIFY(object->fill(4096, true_bytes(4096, 8192)));
        QCOMPARE(object->local().total(), std::uint64_t{8192 + 100});
        QVERIFY(!object->read(0, {}).has_value());
        // Whole blocks were written, zeros behind the end.
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.size(), qint64{6 * 4096});
        file.seek(5 * 4096);
        const QByteArray last = file.read(4096);
        QCOMPARE(std::memcmp(last.constData(), tail.data(), 100), 0);
        QCOMPARE(last.mid(100), QByteArray(4096 - 100, '\0'));
        object = open();
        QVERIFY(object->look_first());
        QCOMPARE(object->local().all(), (std::vector<Range>{{4096, 3 * 4096}, {5 * 4096, size}}));
    }

    // Its owner may go while a write is on its way: the number must not be another file's by then.
    void gone_before_a_write_ended() {
        QTemporaryDir folder;
        const auto ring = make_ring();
        const QByteArray path = folder.filePath("object").toUtf8();
        auto object = std::make_unique<KernelObject>(
            *ring, std::make_shared<PageBuffers>(),
            Fd(::open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), "object", 8192);
        bool called = false;
        object->fill(0, true_bytes(0, 4096), [&](const Result<void>&) { called = true; });
        object.reset();
        QTemporaryFile other;
        QVERIFY(other.open());
        bool passed = false;
        ring->after(50 * millisecond, [&] { passed = true; });
        QVERIFY(run_until(*ring, [&] { return passed; }));
        QVERIFY(!called);
        QCOMPARE(other.size(), qint64{0});
        QCOMPARE(QFileInfo(path).size(), qint64{4096});
    }

    void closed_with_a_request_open() {
        EngineRig rig(2);
        rig.add_rule(Action::hold);
        rig.ask({stored(0, 100, 0)}, 1);
        const RequestId id = rig.ask({stored(0, 100, 1)}, 2);
        rig.engine.close_store(1);
        QVERIFY(!rig.engine.has_store(1));
        QVERIFY(!rig.asker.replies.contains(1));
        QCOMPARE(rig.asker.replies.at(2).calls, 1);
        QVERIFY(rig.asker.replies.at(2).error != 0);
        QVERIFY(EngineRig::steps(rig.drain(), id).ends_with("held lost"));
        rig.engine.settle();
    }

    // An open is held and failed as a read is, by rules that name it.
    void open_is_a_request() {
        EngineRig rig;
        Rule rule;
        rule.id = 1;
        rule.action = Action::hold;
        rule.match.op = Op::open;
        rule.match.object = "layer";
        rig.engine.apply(control::AddRule{rule});
        const auto open = [&](std::string_view name, std::uint64_t token) {
            Ask ask;
            ask.op = Op::open;
            ask.object_name = name;
            return rig.engine.ask(std::move(ask), rig.asker, token);
        };
        (void)open("domain/other.layer", 1);
        const RequestId held = open("domain/layer", 2);
        rig.ask({stored(0, 100)}, 3);
        QVERIFY(rig.replied(2));
        QVERIFY(rig.asker.replies.contains(1) && !rig.asker.replies.contains(2));
        rig.engine.apply(control::Fail{held, EACCES, false});
        QCOMPARE(rig.asker.replies.at(2).error, EACCES);
        const auto records = rig.drain();
        QCOMPARE(EngineRig::at(records, held, coldscope::Step::answered).op, Op::open);
    }

    void answered_partly() {
        EngineRig rig;
        Rule rule;
        rule.id = 1;
        rule.action = Action::fail;
        rule.partial = true;
        rig.engine.apply(control::AddRule{rule});
        rig.ask({stored(0, 16384)}, 1);
        rig.ask({stored(16384, 4096)}, 2); // one page can't be cut
        QVERIFY(rig.replied(2));
        QCOMPARE(rig.asker.replies.at(1).bytes.size(), std::size_t{8192});
        QCOMPARE(rig.asker.replies.at(2).error, EIO);
    }
};

QTEST_GUILESS_MAIN(TestObjects)
#include "test_objects.moc"
