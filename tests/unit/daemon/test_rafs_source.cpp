// A RAFS blob as a source: each chunk is fetched and decoded once, off the ring thread, however
// many want parts of it; what is wrong fails those that need it, and names it.
#include "daemon/source/rafs.h"
#include "tests/support/rafs_builder.h"
#include "tests/unit/daemon/scripted_source.h"

#include <QTest>
#include <algorithm>
#include <cerrno>
#include <optional>
#include <random>
#include <thread>

using namespace coldscope;
using namespace coldscope::test;

namespace {

constexpr std::uint32_t chunk_size = 64U << 10;

// A blob in memory, which takes its time.
class Kept final : public Source {
public:
    Kept(Ring& ring, Bytes bytes) : ring_(ring), bytes_(std::move(bytes)) {}
    std::vector<Range> fetched;
    std::function<int(std::uint64_t offset)> error = [](std::uint64_t) { return 0; };

    [[nodiscard]] std::string name() const override { return "kept"; }
    [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
    [[nodiscard]] std::string identity() const override { return "kept"; }
    bool try_fetch(std::uint64_t, std::span<std::byte>) override { return false; }
    void fetch(std::uint64_t offset, std::span<std::byte> into, Done done) override {
        fetched.push_back({offset, offset + into.size()});
        ring_.after(millisecond, [this, alive = std::weak_ptr(alive_), offset, into,
                                  done = std::move(done)]() mutable {
            if (alive.expired())
                return;
            if (const int number = error(offset); number != 0) {
                done(system_error(number, "the test says so", offset));
                return;
            }
            std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(),
                        into.begin());
            done({});
        });
    }

private:
    Ring& ring_;
    Bytes bytes_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

} // namespace

class TestRafsSource : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void every_byte();
    void once_for_all();
    void what_fails();
    void blob_too_short();
    void ends_while_chunks_are_on_their_way();
    void other_tables_are_another_identity();

private:
    void make(BuiltRafs built);
    struct Answer {
        Bytes bytes;
        std::optional<Result<void>> result;
        std::thread::id thread;
    };
    [[nodiscard]] std::shared_ptr<Answer> ask(std::uint64_t offset, std::uint64_t length);
    [[nodiscard]] BuiltRafs sample() const;

    std::unique_ptr<Ring> ring_;
    std::unique_ptr<Workers> workers_;
    std::shared_ptr<const rafs::Bootstrap> tables_;
    Bytes decoded_; // blob 1
    std::unique_ptr<RafsSource> source_;
    Kept* kept_ = nullptr;
};

BuiltRafs TestRafsSource::sample() const {
    RafsSpec spec;
    spec.chunk_size = chunk_size;
    return sample_rafs(spec);
}

void TestRafsSource::make(BuiltRafs built) {
    const auto image = erofs::Image::open(built.image.primary());
    QVERIFY(image.has_value());
    auto tables = rafs::read_bootstrap(**image);
    QVERIFY(tables.has_value());
    tables_ = std::move(*tables);
    decoded_ = built.image.blobs[0];
    auto kept = std::make_unique<Kept>(*ring_, built.stored[0]);
    kept_ = kept.get();
    auto source = RafsSource::make(*ring_, *workers_, tables_, 0, std::move(kept));
    QVERIFY(source.has_value());
    source_ = std::move(*source);
}

void TestRafsSource::init() {
    ring_ = make_ring();
    workers_ = std::make_unique<Workers>(*ring_);
    make(sample());
}

void TestRafsSource::cleanup() {
    source_.reset();
    workers_.reset();
    ring_.reset();
}

std::shared_ptr<TestRafsSource::Answer> TestRafsSource::ask(std::uint64_t offset,
                                                            std::uint64_t length) {
    auto answer = std::make_shared<Answer>();
    answer->bytes.assign(length, std::byte{0xEE});
    if (source_->try_fetch(offset, answer->bytes)) {
        answer->result = Result<void>{};
        answer->thread = std::this_thread::get_id();
        return answer;
    }
    source_->fetch(offset, answer->bytes, [answer](Result<void> result) {
        if (answer->result)
            qFatal("answered twice");
        answer->result = std::move(result);
        answer->thread = std::this_thread::get_id();
    });
    if (answer->result)
        qFatal("answered from within");
    return answer;
}

void TestRafsSource::every_byte() {
    QCOMPARE(source_->size(), decoded_.size());
    std::minstd_rand random(5);
    for (int round = 0; round < 60; ++round) {
        std::vector<std::pair<std::uint64_t, std::shared_ptr<Answer>>> asked;
        for (int i = 0; i < 8; ++i) {
            const std::uint64_t at = random() % decoded_.size();
            const std::uint64_t length =
                random() % std::min<std::uint64_t>(decoded_.size() - at, 3 * chunk_size) + 1;
            asked.emplace_back(at, ask(at, length));
        }
        QVERIFY(run_until(*ring_, [&] {
            return std::ranges::all_of(
                asked, [](const auto& one) { return one.second->result.has_value(); });
        }));
        for (const auto& [at, answer] : asked) {
            QVERIFY(answer->result->has_value());
            QVERIFY(answer->thread == std::this_thread::get_id());
            QVERIFY(std::ranges::equal(answer->bytes,
                                       std::span(decoded_).subspan(at, answer->bytes.size())));
        }
    }
}

void TestRafsSource::once_for_all() {
    std::vector<std::shared_ptr<Answer>> asked;
    for (std::uint64_t i = 0; i < 16; ++i)
        asked.push_back(ask(i * 4096, 4096)); // all of chunk 0
    QVERIFY(run_until(*ring_, [&] {
        return std::ranges::all_of(asked, [](const auto& one) { return one->result.has_value(); });
    }));
    const rafs::Chunk& chunk = tables_->chunks_of(0)[0];
    QVERIFY((kept_->fetched == std::vector<Range>{{chunk.stored_offset, chunk.stored_end()}}));
    // Decoded still.
    Bytes again(chunk_size);
    QVERIFY(source_->try_fetch(0, again));
    QVERIFY(std::ranges::equal(again, std::span(decoded_).first(chunk_size)));
    QCOMPARE(kept_->fetched.size(), std::size_t{1});
}

void TestRafsSource::what_fails() {
    BuiltRafs built = sample();
    built.image.bytes[built.entry_of(2)] ^= std::byte{1};
    source_.reset();
    make(built);
    const rafs::Chunk& broken = tables_->chunks_of(0)[2];
    const rafs::Chunk& unread = tables_->chunks_of(0)[4];
    kept_->error = [&](std::uint64_t offset) { return offset == unread.stored_offset ? EIO : 0; };
    const auto wrong = ask(broken.offset, 100);
    const auto touches = ask(broken.offset - 4096, chunk_size);
    const auto right = ask(0, chunk_size);
    const auto failing = ask(unread.offset + 5, 5);
    QVERIFY(run_until(*ring_, [&] {
        return wrong->result && touches->result && right->result && failing->result;
    }));
    for (const auto& answer : {wrong, touches}) {
        QVERIFY(!answer->result->has_value());
        QCOMPARE(answer->result->error().code, Code::mismatch);
        QVERIFY(answer->result->error().context.starts_with("blob 1 (" + built.ids[0] +
                                                            "), chunk 2: wrong digest"));
    }
    QVERIFY(right->result->has_value());
    QCOMPARE(failing->result->error().sys_errno, EIO);
    QVERIFY(failing->result->error().context.contains("chunk 4: the test says so"));
    // Nothing of a failure is kept: it is tried again.
    kept_->error = [](std::uint64_t) { return 0; };
    const auto again = ask(unread.offset + 5, 5);
    QVERIFY(run_until(*ring_, [&] { return again->result.has_value(); }));
    QVERIFY(again->result->has_value());
}

void TestRafsSource::blob_too_short() {
    const BuiltRafs built = sample();
    Bytes cut = built.stored[0];
    cut.pop_back();
    const auto source =
        RafsSource::make(*ring_, *workers_, tables_, 0, std::make_unique<Kept>(*ring_, cut));
    QVERIFY(!source);
    QCOMPARE(source.error().code, Code::truncated);
}

// At whatever moment.
void TestRafsSource::ends_while_chunks_are_on_their_way() {
    for (Nanoseconds time = 0; time < 4 * millisecond; time += 150 * microsecond) {
        std::vector<std::shared_ptr<Answer>> asked;
        for (const rafs::Chunk& chunk : tables_->chunks_of(0))
            asked.push_back(ask(chunk.offset, chunk.size));
        run_for(*ring_, time);
        source_.reset();
        std::vector<bool> answered;
        for (const auto& one : asked)
            answered.push_back(one->result.has_value());
        run_for(*ring_, 2 * millisecond);
        for (std::size_t i = 0; i < asked.size(); ++i)
            QCOMPARE(asked[i]->result.has_value(), static_cast<bool>(answered[i]));
        make(sample());
    }
}

void TestRafsSource::other_tables_are_another_identity() {
    const std::string before = source_->identity();
    source_.reset();
    make(sample());
    QCOMPARE(source_->identity(), before);
    BuiltRafs built = sample();
    built.image.bytes[built.entry_of(2)] ^= std::byte{1};
    source_.reset();
    make(built);
    QVERIFY(source_->identity() != before);
    QVERIFY(source_->identity().size() < 300);
}

QTEST_GUILESS_MAIN(TestRafsSource)
#include "test_rafs_source.moc"
