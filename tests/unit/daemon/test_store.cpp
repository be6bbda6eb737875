#include "daemon/engine/cache_file.h"
#include "daemon/engine/store.h"
#include "tests/unit/daemon/scripted_source.h"

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <random>

#include <sys/resource.h>

using namespace coldscope;
using namespace coldscope::test;

namespace {

constexpr std::uint64_t size = 8 << 20;

// What one get came to.
struct Got {
    int calls = 0;
    bool right = false; // the true bytes
    std::optional<Error> error;
};

} // namespace

class TestStore : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        ring_ = make_ring();
        make_store();
    }
    void cleanup() {
        store_.reset();
        ring_.reset();
        folder_.reset();
    }

    void plan_of_what_is_missing() {
        const std::uint64_t g = store_->cache().granule();
        const Store::Plan plan = store_->plan({10, 20});
        QVERIFY(!plan.local);
        QCOMPARE(plan.to_fetch, (std::vector<Range>{{0, g}}));
        QCOMPARE(plan.bytes(), g);
        QVERIFY(get_one({10, 20}).right);
        QVERIFY(store_->plan({0, g}).local);
        QCOMPARE(store_->plan({0, 3 * g}).to_fetch, (std::vector<Range>{{g, 3 * g}}));
        // On its way: neither local nor to be fetched again.
        start({g, 2 * g});
        QVERIFY(!store_->plan({g, 2 * g}).local);
        QVERIFY(store_->plan({g, 2 * g}).to_fetch.empty());
        QCOMPARE(store_->plan({0, 4 * g}).to_fetch, (std::vector<Range>{{2 * g, 4 * g}}));
        QCOMPARE(store_->plan({size - 1, size}).to_fetch, (std::vector<Range>{{size - g, size}}));
        finish_all();
    }

    void local_after_a_get() {
        const auto got = get_one({100, 300'000});
        QVERIFY(got.right);
        QVERIFY(store_->plan({100, 300'000}).local);
        Bytes into(5000);
        QVERIFY(store_->read({123, 5123}, into));
        QVERIFY(into == true_bytes(123, 5000));
        QCOMPARE(source_->fetched.size(), std::size_t{1});
        QCOMPARE(store_->fetched_bytes(), store_->cache().local().total());
    }

    void at_once() {
        source_->at_once = true;
        start({5, 9 * 4096});
        QCOMPARE(results_.back().calls, 1); // before get() returned
        QVERIFY(results_.back().right);
    }

    void single_flight() {
        source_->otherwise = [] { return ScriptedSource::Step{5 * millisecond, 0}; };
        std::mt19937 random(1);
        for (int i = 0; i < 100; ++i) {
            const std::uint64_t begin = random() % 400'000;
            start({begin, begin + 1 + random() % 100'000});
        }
        finish_all();
        for (const Got& got : results_) {
            QCOMPARE(got.calls, 1);
            QVERIFY(got.right);
        }
        QCOMPARE(source_->most_often_fetched(), 1U);
        QVERIFY(source_->fetched.size() < 100);
    }

    void large_ranges_are_cut() {
        QVERIFY(get_one({0, size}).right);
        QVERIFY(source_->fetched.size() >= 2);
        QCOMPARE(source_->most_often_fetched(), 1U);
        QCOMPARE(store_->cache().local().total(), size);
    }

    // Local, on its way and missing in one range: assembled, with each fetched once.
    void mixed() {
        const std::uint64_t g = store_->cache().granule();
        QVERIFY(get_one({0, g}).right);
        source_->script = {{20 * millisecond, 0}, {5 * millisecond, 0}, {10 * millisecond, 0}};
        start({2 * g, 3 * g});
        start({10, 5 * g - 10});
        finish_all();
        for (const Got& got : results_)
            QVERIFY(got.right);
        QCOMPARE(source_->most_often_fetched(), 1U);
    }

    void failure_fails_only_its_waiters() {
        const std::uint64_t g = store_->cache().granule();
        source_->script = {{5 * millisecond, ETIMEDOUT}, {10 * millisecond, 0}};
        start({0, g});             // 0 sets off the fetch that fails
        start({4 * g, 5 * g});     // 1 another, which works
        start({10, 20});           // 2 joins the first
        start({0, 5 * g});         // 3 needs both, and a third
        start({4 * g + 1, 5 * g}); // 4 joins the other
        finish_all();
        for (const std::size_t failed : {0U, 2U, 3U}) {
            QCOMPARE(results_[failed].calls, 1);
            QVERIFY(results_[failed].error);
            QCOMPARE(results_[failed].error->sys_errno, ETIMEDOUT);
            QCOMPARE(results_[failed].error->offset, std::uint64_t{0});
        }
        for (const std::size_t fine : {1U, 4U}) {
            QCOMPARE(results_[fine].calls, 1);
            QVERIFY(results_[fine].right);
        }
        QVERIFY(!store_->plan({0, g}).local);
        // What failed is not remembered against anybody; what came in the meantime is kept.
        const auto fetches = source_->fetched.size();
        QVERIFY(get_one({0, 5 * g}).right);
        QCOMPARE(source_->fetched.size(), fetches + 1);
        QCOMPARE(source_->most_often_fetched(), 1U);
    }

    // An answer may ask again at once, for the same range and the next.
    void ask_from_within_an_answer() {
        for (const bool at_once : {false, true}) {
            make_store(at_once ? 1 : 0);
            source_->at_once = at_once;
            const std::uint64_t g = store_->cache().granule();
            int right = 0;
            std::function<void(int)> again = [&](int depth) {
                const Range range{0, g * static_cast<std::uint64_t>(1 + depth)};
                store_->get(range, store_->plan(range),
                            [&, range, depth](Result<std::span<const std::byte>> bytes) {
                                QVERIFY(bytes);
                                if (depth < 5)
                                    again(depth + 1);
                                right += std::ranges::equal(*bytes,
                                                            true_bytes(0, range.length(), seed_));
                            });
            };
            again(0);
            QVERIFY(run_until(*ring_, [&] { return right == 6; }));
            QCOMPARE(source_->most_often_fetched(), 1U);
        }
    }

    void retry_from_within_a_failure() {
        source_->script = {{0, EIO}, {0, EIO}, {0, 0}};
        int failures = 0;
        bool right = false;
        std::function<void()> again = [&] {
            store_->get({7, 77}, store_->plan({7, 77}),
                        [&](Result<std::span<const std::byte>> bytes) {
                            if (!bytes) {
                                ++failures;
                                again();
                            } else {
                                right = std::ranges::equal(*bytes, true_bytes(7, 70));
                            }
                        });
        };
        again();
        QVERIFY(run_until(*ring_, [&] { return right; }));
        QCOMPARE(failures, 2);
    }

    // Readers get their bytes though the disk takes none; it is said once, and once when it works
    // again.
    void cache_full() {
        const std::uint64_t g = store_->cache().granule();
        rlimit old{};
        getrlimit(RLIMIT_FSIZE, &old);
        const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
        rlimit limited = old;
        limited.rlim_cur = 4 * g;
        QCOMPARE(setrlimit(RLIMIT_FSIZE, &limited), 0);
        const bool below = get_one({0, 2 * g}).right;
        const bool across = get_one({2 * g, 8 * g}).right;
        const bool beyond = get_one({10 * g, 11 * g}).right;
        const bool again = get_one({2 * g, 8 * g}).right;
        setrlimit(RLIMIT_FSIZE, &old);
        std::signal(SIGXFSZ, old_handler);
        QVERIFY(below && across && beyond && again);
        QCOMPARE(told_, (std::vector<bool>{false}));
        QCOMPARE(store_->cache().local().all(), (std::vector<Range>{{0, 2 * g}}));
        QVERIFY(get_one({2 * g, 8 * g}).right);
        QCOMPARE(told_, (std::vector<bool>{false, true}));
        QVERIFY(store_->plan({0, 8 * g}).local);
    }

    // Told to put writing off, it is asked for what is not yet written, and at its end.
    void bytes_that_wait_to_be_written() {
        int waiting = 0;
        make_store(3, [&] { ++waiting; });
        const std::uint64_t g = store_->cache().granule();
        QVERIFY(get_one({0, g}).right);
        QVERIFY(get_one({2 * g, 3 * g}).right);
        QCOMPARE(waiting, 1);
        QCOMPARE(store_->cache().local().total(), std::uint64_t{0});
        QCOMPARE(store_->plan({0, 3 * g}).to_fetch, (std::vector<Range>{{g, 2 * g}}));
        QCOMPARE(store_->cache().local().total(), 2 * g);
        QVERIFY(get_one({0, 4 * g}).right);
        QCOMPARE(waiting, 2);
        store_->settle();
        QVERIFY(store_->cache().local().contains({0, 4 * g}));
        QVERIFY(get_one({8 * g, 9 * g}).right);
        QCOMPARE(waiting, 3);
        make_store(3); // what waited is written at the end of the first
        QVERIFY(store_->plan({0, 4 * g}).local);
        QVERIFY(store_->plan({8 * g, 9 * g}).local);
        // Much of it does not wait.
        make_store(4, [] {});
        QVERIFY(get_one({0, size}).right);
        QVERIFY(store_->cache().local().total() > 0);
    }

    void gone_with_fetches_on_their_way() {
        source_->otherwise = [] { return ScriptedSource::Step{10 * millisecond, 0}; };
        start({0, 100'000});
        start({50'000, 200'000});
        store_.reset();
        run_for(*ring_, 30 * millisecond);
        for (const Got& got : results_)
            QCOMPARE(got.calls, 0);
    }

private:
    // seed: of the bytes, and so of the cache file.
    void make_store(unsigned seed = 0, std::function<void()> on_unkept = {}) {
        store_.reset();
        results_.clear();
        told_.clear();
        seed_ = seed;
        auto source = std::make_unique<ScriptedSource>(*ring_, size, seed);
        source_ = source.get();
        auto cache =
            CacheFile::open(folder_->path().toStdString(), "object", source->identity(), size);
        if (!cache)
            qFatal("%s", describe(cache.error()).c_str());
        store_ = std::make_unique<Store>(
            std::move(source), std::move(*cache), Keep::later,
            [this](const Result<void>& kept) { told_.push_back(kept.has_value()); },
            std::move(on_unkept));
    }

    void start(Range range) {
        Got& got = results_.emplace_back();
        store_->get(range, store_->plan(range),
                    [this, &got, range](Result<std::span<const std::byte>> bytes) {
                        ++got.calls;
                        if (bytes)
                            got.right = std::ranges::equal(
                                *bytes, true_bytes(range.begin, range.length(), seed_));
                        else
                            got.error = bytes.error();
                    });
    }

    void finish_all() {
        const bool in_time = run_until(*ring_, [this] { return source_->on_their_way == 0; });
        if (!in_time)
            qFatal("fetches never ended");
    }

    Got get_one(Range range) {
        start(range);
        finish_all();
        return results_.back();
    }

    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<Ring> ring_;
    ScriptedSource* source_ = nullptr; // the store's
    unsigned seed_ = 0;
    std::deque<Got> results_; // their places stay
    std::vector<bool> told_;  // whether bytes could be kept, at each change
    std::unique_ptr<Store> store_;
};

QTEST_GUILESS_MAIN(TestStore)
#include "test_store.moc"
