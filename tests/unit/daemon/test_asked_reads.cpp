// Which thread has asked a READ of cachefiles: only where one alone can have.
#include "daemon/trace/asked_reads.h"
#include "daemon/trace/cachefiles_trace.h"

#include <QTest>
#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

using namespace coldscope;

namespace {

constexpr Range lower{0, 4096}, upper{4096, 8192};
constexpr std::uint32_t object = 1, traced = 77;

void unexpected(RequestId, Nanoseconds) {
    qFatal("nobody was to go on");
}

AskedReads open_reads(bool taken_over = false) {
    AskedReads reads(taken_over);
    reads.opened(object, traced);
    reads.served(object);
    return reads;
}

std::uint32_t thread_of(AskedReads& reads, Range range, Nanoseconds began = 0) {
    const auto asked = reads.match(object, range, began);
    return asked ? asked->thread : 0;
}

// The kernel, threads and a daemon that reads messages in whatever order: who is told must be
// right.
class Simulation {
public:
    explicit Simulation(unsigned seed, bool with_losses)
        : random_(seed), with_losses_(with_losses), reads_(open_reads()) {}

    void step() {
        now_ += 1 + random_() % 2'000'000; // around the slack
        switch (random_() % 8) {
        case 0:
        case 1:
        case 2:
            ask();
            break;
        case 3:
        case 4:
            read_one();
            break;
        case 5:
            answer_one();
            break;
        case 6:
            kill_one();
            break;
        default:
            if (std::ranges::all_of(waiting_, [](const auto& one) { return one.second.was_read; }))
                reads_.nothing_waits();
        }
    }
    [[nodiscard]] int named() const { return named_; }
    [[nodiscard]] int unnamed() const { return unnamed_; }

private:
    struct Waiting {
        Range range;
        bool was_read = false;
        RequestId request = 0;
    };
    struct Sample {
        Nanoseconds time = 0;
        std::uint32_t thread = 0;
        bool asks = false;
        Range range;
    };

    void ask() {
        const auto thread = static_cast<std::uint32_t>(1 + random_() % 12);
        const std::uint64_t at = random_() % 3 * 4096;
        const Waiting one{{at, at + 4096}, false, 0};
        if (waiting_.try_emplace(thread, one).second)
            samples_.push_back({now_, thread, true, one.range});
    }
    // Samples of questions are there when their message is; of what came later, perhaps.
    void look() {
        if (with_losses_ && random_() % 20 == 0 && !samples_.empty()) {
            samples_.erase(samples_.begin(),
                           samples_.begin() + static_cast<long>(1 + random_() % samples_.size()));
            reads_.lost_asked();
        }
        for (const Sample& one : samples_) {
            if (one.asks)
                reads_.asked(one.thread, one.time, traced, one.range);
            else
                reads_.returned(one.thread, one.time, one.range.begin,
                                [&](RequestId request, Nanoseconds) {
                                    QVERIFY(answered_.erase(request) == 1);
                                });
        }
        samples_.clear();
    }
    void read_one() {
        std::vector<std::uint32_t> fresh;
        for (const auto& [thread, one] : waiting_) {
            if (!one.was_read)
                fresh.push_back(thread);
        }
        if (fresh.empty())
            return;
        const std::uint32_t thread = fresh[random_() % fresh.size()];
        waiting_[thread].was_read = true;
        const Range range = waiting_[thread].range;
        const Nanoseconds began = now_;
        if (random_() % 4 == 0) { // it dies between its message and the look
            now_ += random_() % 1000;
            leave(thread);
        }
        look();
        const auto asked = reads_.match(object, range, began);
        ++(asked ? named_ : unnamed_);
        if (!asked)
            return;
        QCOMPARE(asked->thread, thread);
        reads_.belongs(*asked, ++next_);
        if (const auto at = waiting_.find(thread); at != waiting_.end())
            at->second.request = next_;
    }
    void leave(std::uint32_t thread) {
        const auto at = waiting_.find(thread);
        samples_.push_back({now_, thread, false, at->second.range});
        if (at->second.request != 0)
            answered_.insert(at->second.request);
        waiting_.erase(at);
    }
    void answer_one() {
        for (const auto& [thread, one] : waiting_) {
            if (one.was_read)
                return leave(thread);
        }
    }
    void kill_one() {
        if (!waiting_.empty())
            leave(
                std::next(waiting_.begin(), static_cast<long>(random_() % waiting_.size()))->first);
    }

    std::mt19937 random_;
    bool with_losses_;
    AskedReads reads_;
    Nanoseconds now_ = start_time;
    static constexpr Nanoseconds start_time = 1'000'000'000;
    std::map<std::uint32_t, Waiting> waiting_;
    std::deque<Sample> samples_;
    std::set<RequestId> answered_;
    RequestId next_ = 0;
    int named_ = 0;
    int unnamed_ = 0;
};

} // namespace

class TestAskedReads : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void one_thread() {
        AskedReads reads = open_reads();
        reads.asked(5, 100, traced, lower);
        const auto asked = reads.match(object, lower, 150);
        QVERIFY(asked);
        QCOMPARE(asked->thread, 5U);
        QCOMPARE(asked->time, Nanoseconds{100});
        QVERIFY(!reads.match(object, lower, 150)); // it asked once
    }
    void each_of_many() {
        AskedReads reads = open_reads();
        reads.opened(2, 78);
        reads.served(2);
        reads.asked(5, 100, traced, lower);
        reads.asked(6, 100, traced, upper);
        reads.asked(7, 100, 78, lower);
        QCOMPARE(thread_of(reads, upper), 6U);
        QCOMPARE(reads.match(2, lower, 0)->thread, 7U);
        QCOMPARE(thread_of(reads, {0, 8192}), 0U); // nobody asked for all of it
        QCOMPARE(thread_of(reads, lower), 5U);
    }
    void two_of_one_range() {
        AskedReads reads = open_reads();
        reads.asked(5, 100, traced, lower);
        reads.asked(6, 101, traced, lower);
        QCOMPARE(thread_of(reads, lower), 0U);
        QCOMPARE(thread_of(reads, lower), 0U);
        // One of them has its answer and is gone: the other is left.
        reads.returned(5, 200, 0, unexpected);
        QCOMPARE(thread_of(reads, lower, 200 + 2 * AskedReads::slack), 6U);
    }
    void who_left_when_it_may_have_been_read() {
        AskedReads reads = open_reads();
        const Nanoseconds began = some_time;
        reads.asked(5, began - 2000, traced, lower);
        reads.asked(6, began - 1000, traced, lower);
        reads.returned(5, began + 500, 0, unexpected); // killed after the message was read
        QCOMPARE(thread_of(reads, lower, began), 0U);
        reads.asked(7, began + 1000, traced, upper);
        reads.returned(7, began + 1500, 4096, unexpected);
        QCOMPARE(thread_of(reads, upper, began + 1200), 7U);
        QVERIFY(!reads.awaits());
    }
    void a_thread_asks_anew() {
        AskedReads reads = open_reads();
        reads.asked(5, 100, traced, lower);
        reads.asked(5, 200, traced, upper);
        QCOMPARE(thread_of(reads, lower), 0U); // that question is over
        reads.asked(5, 150, traced, lower);    // told late
        QCOMPARE(thread_of(reads, upper), 5U);
        reads.asked(5, 300, traced, upper); // the same again, after a failure
        const auto again = reads.match(object, upper, 300);
        QVERIFY(again && again->time == 300);
    }
    void goes_on() {
        AskedReads reads = open_reads();
        std::vector<std::pair<RequestId, Nanoseconds>> seen;
        const auto see = [&](RequestId request, Nanoseconds time) {
            seen.emplace_back(request, time);
        };
        reads.asked(5, 100, traced, lower);
        const auto asked = reads.match(object, lower, 100);
        reads.belongs(*asked, 9);
        QVERIFY(reads.awaits());
        reads.returned(5, 90, 0, see);  // of its last question
        reads.returned(6, 300, 0, see); // another thread
        QVERIFY(seen.empty());
        reads.returned(5, 300, 0, see);
        QCOMPARE(seen.size(), std::size_t{1});
        QCOMPARE(seen[0].first, RequestId{9});
        QCOMPARE(seen[0].second, Nanoseconds{300});
        QVERIFY(!reads.awaits());
        // What does not fit, and what was lost, is not told.
        reads.asked(5, 400, traced, upper);
        reads.belongs(*reads.match(object, upper, 400), 10);
        reads.returned(5, 500, 0, unexpected);
        QVERIFY(!reads.awaits());
        reads.asked(5, 600, traced, upper);
        reads.belongs(*reads.match(object, upper, 600), 11);
        reads.lost_returned();
        reads.returned(5, 700, 4096, unexpected);
    }
    void lost() {
        AskedReads reads = open_reads();
        reads.lost_asked();
        reads.asked(5, 100, traced, lower);
        QCOMPARE(thread_of(reads, lower), 0U); // another may have asked for the same
        reads.opened(2, 78);
        reads.served(2);
        reads.asked(6, 100, 78, lower);
        QVERIFY(!reads.match(2, lower, 100));
        reads.nothing_waits();
        reads.asked(7, 200, traced, upper);
        QCOMPARE(thread_of(reads, upper), 7U);
        for (const std::uint32_t nobody : {0U, ~0U}) { // of another namespace
            reads.asked(nobody, 300, traced, upper);
            reads.asked(8, 300, traced, upper);
            QCOMPARE(thread_of(reads, upper), 0U);
            reads.nothing_waits();
        }
    }
    void taken_over() {
        AskedReads reads(true);
        reads.opened(object, traced);
        reads.asked(5, 100, traced, lower);
        reads.nothing_waits(); // what waits for the object is given out once OPEN is answered
        QCOMPARE(thread_of(reads, lower), 0U);
        reads.served(object);
        QCOMPARE(thread_of(reads, lower), 0U);
        reads.nothing_waits();
        reads.asked(6, 200, traced, upper);
        QCOMPARE(thread_of(reads, upper), 6U);
    }
    void an_object_that_is_not_known() {
        AskedReads reads = open_reads();
        reads.asked(5, 100, traced, lower);
        QVERIFY(!reads.match(3, lower, 100));
        reads.closed(object);
        QCOMPARE(thread_of(reads, lower), 0U);
        reads.opened(object, 78); // its number is another's now
        QCOMPARE(thread_of(reads, lower), 0U);
    }
    void more_than_are_kept() {
        AskedReads reads = open_reads();
        for (std::uint32_t thread = 1; thread <= AskedReads::most_threads; ++thread)
            reads.asked(thread, thread, traced, {thread, thread + 1});
        QCOMPARE(thread_of(reads, {7, 8}), 7U);
        reads.asked(100'000, 100'000, traced, lower);
        QCOMPARE(thread_of(reads, {8, 9}), 0U);
        reads.nothing_waits();
        reads.asked(5, 200'000, traced, lower);
        QCOMPARE(thread_of(reads, lower), 5U);
    }
    void never_another() {
        int named = 0, unnamed = 0;
        for (unsigned seed = 0; seed < 200; ++seed) {
            Simulation world(seed, seed % 2 == 1);
            for (int i = 0; i < 2000; ++i)
                world.step();
            named += world.named();
            unnamed += world.unnamed();
        }
        QVERIFY2(named > unnamed / 4, qPrintable(QString("%1 of %2").arg(named).arg(unnamed)));
    }
    void fields_of_the_tracepoints() {
        // As Linux 6.1 and 6.12 have it.
        const std::string read = "\tfield:unsigned int obj;\toffset:8;\tsize:4;\tsigned:0;\n"
                                 "\tfield:unsigned int msg_id;\toffset:12;\tsize:4;\tsigned:0;\n"
                                 "\tfield:loff_t start;\toffset:24;\tsize:8;\tsigned:1;\n";
        CachefilesTrace trace(false, unexpected);
        const auto added = trace.add(CachefilesTrace::names[1], Fd(), read);
        QVERIFY(!added);
        QCOMPARE(added.error().code, Code::unsupported);
        QVERIFY(added.error().context.ends_with("len"));
    }

private:
    static constexpr Nanoseconds some_time = 1'000'000'000;
};

QTEST_GUILESS_MAIN(TestAskedReads)
#include "test_asked_reads.moc"
