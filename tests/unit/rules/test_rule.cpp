#include "core/rules/rule.h"

#include <QTest>
#include <cerrno>

using namespace coldscope;

namespace {

Rule rule(std::uint32_t id, Action action, Match match = {}, std::uint64_t count = 0) {
    Rule result;
    result.id = id;
    result.action = action;
    result.match = std::move(match);
    result.count = count;
    return result;
}

Match at(ObjectId object, Range range) {
    Match match;
    match.places = {{object, range}};
    return match;
}

} // namespace

class TestRule : public QObject {
    Q_OBJECT
private Q_SLOTS:
    // Where objects come and go rules know them by name; an open has no range of its own.
    void opens_and_names() {
        const Place places[] = {{7, {0, ~std::uint64_t{0}}}};
        const Question open{Op::open, places, 0, "", "domain/layer.blob"};
        Match match;
        QVERIFY(!matches(match, open));
        match.op = Op::open;
        QVERIFY(matches(match, open));
        for (const char* name : {"layer.blob", "domain/layer.blob"}) {
            match.object = name;
            QVERIFY(matches(match, open));
        }
        for (const char* name : {"blob", "/layer.blob", "domain", "a/domain/layer.blob"}) {
            match.object = name;
            QVERIFY(!matches(match, open));
        }
        match.object.clear();
        match.range = Range{4096, 8192};
        QVERIFY(matches(match, open));
        const Place elsewhere[] = {{7, {8192, 12288}}};
        match.op = Op::read;
        QVERIFY(!matches(match, {Op::read, elsewhere, 0, "", ""}));
    }

    void every_condition_must_hold() {
        const Place places[] = {{1, {4096, 8192}}};
        const Question question{Op::read, places, 42, "cat"};
        Match match;
        QVERIFY(matches(match, question));
        match.pid = 42;
        match.command = "cat";
        match.places = {{1, {8191, 8192}}};
        QVERIFY(matches(match, question));
        Match other = match;
        other.pid = 43;
        QVERIFY(!matches(other, question));
        other = match;
        other.command = "ca";
        QVERIFY(!matches(other, question));
        other = match;
        other.places = {{2, {0, 10000}}};
        QVERIFY(!matches(other, question));
        other = match;
        other.places = {{1, {8192, 10000}}};
        QVERIFY(!matches(other, question));
        other = match;
        other.nowhere = true;
        QVERIFY(!matches(other, question));
    }

    void only_reads() {
        for (const Op op : {Op::open, Op::close})
            QVERIFY(!matches({}, {op, {}, 1, "cat"}));
        QVERIFY(matches({}, {Op::read, {}, 1, "cat"}));
    }

    // A tree-mode read is known by its file and by its devices' ranges: one of them is enough.
    void any_place_of_either() {
        const Place places[] = {{first_file_object + 5, {0, 4096}}, {0, {65536, 69632}}};
        const Question question{Op::read, places, 1, "cat"};
        QVERIFY(matches(at(0, {69631, 70000}), question));
        QVERIFY(matches(at(first_file_object + 5, {0, 1}), question));
        QVERIFY(!matches(at(0, {0, 4096}), question)); // the file's offsets, not the device's
        Match several = at(7, {0, 1});
        several.places.push_back({0, {65000, 65537}});
        QVERIFY(matches(several, question));
    }

    void the_first_decides() {
        RuleSet rules;
        QCOMPARE(rules.decide({}).action, Action::pass);
        QCOMPARE(rules.decide({}).rule, 0U);
        Rule failing = rule(1, Action::fail);
        failing.match.command = "sh";
        failing.error = ENOSPC;
        Rule slow = rule(2, Action::delay);
        slow.delay = 77;
        rules.add(failing);
        rules.add(slow);
        rules.add(rule(3, Action::hold));
        const Verdict sh = rules.decide({Op::read, {}, 1, "sh"});
        QCOMPARE(sh.action, Action::fail);
        QCOMPARE(sh.error, ENOSPC);
        QCOMPARE(sh.rule, 1U);
        const Verdict cat = rules.decide({Op::read, {}, 1, "cat"});
        QCOMPARE(cat.action, Action::delay);
        QCOMPARE(cat.delay, Nanoseconds{77});
        QCOMPARE(cat.rule, 2U);
    }

    void a_count_runs_out() {
        RuleSet rules;
        rules.add(rule(1, Action::hold, {}, 2));
        rules.add(rule(2, Action::fail));
        const Question question{Op::read, {}, 1, "cat"};
        QCOMPARE(rules.decide(question).rule, 1U);
        QCOMPARE(rules.decide({Op::open, {}, 1, "cat"}).rule, 0U); // not a hit
        QCOMPARE(rules.all()[0].hits, std::uint64_t{1});
        QCOMPARE(rules.decide(question).rule, 1U);
        QCOMPARE(rules.all().size(), std::size_t{1});
        for (int i = 0; i < 100; ++i) // no count: no end
            QCOMPARE(rules.decide(question).rule, 2U);
        QCOMPARE(rules.all()[0].hits, std::uint64_t{100});
    }

    void removal() {
        RuleSet rules;
        for (std::uint32_t id = 1; id <= 3; ++id)
            rules.add(rule(id, id == 2 ? Action::fail : Action::hold));
        QVERIFY(!rules.remove(9));
        QVERIFY(rules.remove(1));
        QVERIFY(!rules.remove(1));
        rules.clear(Action::hold);
        QCOMPARE(rules.all().size(), std::size_t{1});
        QCOMPARE(rules.all()[0].id, 2U);
        rules.clear();
        QVERIFY(rules.all().empty());
    }
};

QTEST_GUILESS_MAIN(TestRule)
#include "test_rule.moc"
