#include "daemon/source/file.h"
#include "tests/unit/daemon/scripted_source.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

namespace {

constexpr std::uint64_t size = 1 << 20;

// A shape that does next to nothing, so that every fetch goes the slow way.
constexpr Shape slightly{1 * microsecond, 0, 0};

} // namespace

class TestFileSource : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() {
        // /tmp may be a tmpfs, of which nothing can be read without waiting (RWF_NOWAIT).
        folder_ = std::make_unique<QTemporaryDir>("/var/tmp/coldscope-XXXXXX");
        path_ = folder_->filePath("blob").toStdString();
        const Bytes bytes = true_bytes(0, size);
        QFile file(QString::fromStdString(path_));
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(file.write(reinterpret_cast<const char*>(bytes.data()), size), qint64(size));
        file.close();
        // Written a while ago, so that the next write can't have the same time.
        const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
        QCOMPARE(utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
        ring_ = make_ring();
    }
    void cleanup() {
        ring_.reset();
        folder_.reset();
    }

    void fields() {
        const auto source = open({});
        QCOMPARE(source->name(), path_);
        QCOMPARE(source->size(), size);
        QVERIFY(!source->identity().empty());
        QVERIFY(source->identity().size() < 300);
        QCOMPARE(open({})->identity(), source->identity());
        QCOMPARE(utimensat(AT_FDCWD, path_.c_str(), nullptr, 0), 0);
        QVERIFY(open({})->identity() != source->identity());
    }

    void what_is_no_file() {
        const auto missing = FileSource::open(*ring_, path_ + "x", {});
        QCOMPARE(missing.error().code, Code::not_found);
        QVERIFY(missing.error().context.contains(path_ + "x"));
        const auto folder = FileSource::open(*ring_, folder_->path().toStdString(), {});
        QCOMPARE(folder.error().code, Code::invalid);
    }

    void bytes_at_once() {
        const auto source = open({});
        Bytes into(5000);
        // The page cache may have lost it, but not ten times.
        bool got = false;
        for (int i = 0; i < 10 && !got; ++i) {
            QVERIFY(fetch(*source, 777, into));
            got = source->try_fetch(777, into);
        }
        QVERIFY(got);
        QVERIFY(into == true_bytes(777, 5000));
        Bytes beyond(10);
        QVERIFY(!source->try_fetch(size - 9, beyond));
    }

    void bytes_by_the_ring() {
        for (const Shape& shape : {Shape{}, slightly}) {
            const auto source = open(shape);
            for (const std::uint64_t offset :
                 {std::uint64_t{0}, std::uint64_t{4097}, size - 3000}) {
                Bytes into(3000);
                QVERIFY(fetch(*source, offset, into));
                QVERIFY(into == true_bytes(offset, 3000));
            }
        }
    }

    void a_shape_needs_waiting() {
        const auto source = open(slightly);
        Bytes into(10);
        QVERIFY(!source->try_fetch(0, into));
    }

    void done_is_never_called_from_within() {
        for (const Shape& shape : {Shape{}, slightly}) {
            const auto source = open(shape);
            Bytes into(10);
            bool done = false;
            source->fetch(0, into, [&](Result<void>) { done = true; });
            QVERIFY(!done);
            QVERIFY(run_until(*ring_, [&] { return done; }));
        }
    }

    // Latencies overlap: eight at the same time take as long as one, not as eight.
    void latency() {
        constexpr Nanoseconds latency = 1 * second;
        const auto source = open({latency, 0, 0});
        const std::vector<Nanoseconds> took = fetch_many(*source, 8, 4096);
        for (const Nanoseconds time : took) {
            QVERIFY(time >= latency);
            QVERIFY(time < 8 * latency); // far more than it needs
        }
    }

    void jitter() {
        constexpr Nanoseconds jitter = 100 * millisecond;
        constexpr Nanoseconds latency = 20 * millisecond;
        const auto source = open({latency, jitter, 0});
        // Spread over the range: a constant, or a jitter that is not added, would show. A machine
        // that is busy may see all of them end at once.
        bool spread = false;
        for (int tries = 0; tries < 10 && !spread; ++tries) {
            std::vector<Nanoseconds> took = fetch_many(*source, 40, 512);
            std::sort(took.begin(), took.end());
            QVERIFY(took.front() >= latency);
            QVERIFY(took.back() >= latency + jitter / 2);
            spread = took.back() - took.front() >= jitter / 4;
        }
        QVERIFY(spread);
    }

    // Bandwidth is shared by all: the last of ten waits for the bytes of the nine before it.
    void bandwidth() {
        constexpr std::uint64_t rate = 1 << 20; // bytes a second
        const auto source = open({0, 0, rate});
        const std::vector<Nanoseconds> took = fetch_many(*source, 10, rate / 50);
        for (std::size_t i = 0; i < took.size(); ++i)
            QVERIFY(took[i] + microsecond >= (i + 1) * (second / 50));
        // An idle link saves nothing up for later.
        run_for(*ring_, 50 * millisecond);
        const std::vector<Nanoseconds> again = fetch_many(*source, 1, rate / 50);
        QVERIFY(again[0] + microsecond >= second / 50);
    }

    void changed_while_in_use() {
        for (const Shape& shape : {Shape{}, slightly}) {
            init();
            const auto source = open(shape);
            QFile file(QString::fromStdString(path_));
            QVERIFY(file.open(QIODevice::ReadWrite));
            QVERIFY(file.seek(100) && file.write("!") == 1);
            file.close();
            Bytes into(4096);
            QVERIFY(!source->try_fetch(8192, into));
            const auto got = fetch(*source, 8192, into);
            QVERIFY(!got);
            QCOMPARE(got.error().code, Code::mismatch);
            QCOMPARE(got.error().offset, std::uint64_t{8192});
            QVERIFY(got.error().context.contains(path_));
            QCOMPARE(to_errno(got.error()), EIO);
        }
    }

    void truncated_while_in_use() {
        for (const Shape& shape : {Shape{}, slightly}) {
            init();
            const auto source = open(shape);
            QCOMPARE(truncate(path_.c_str(), 10'000), 0);
            for (const std::uint64_t offset : {8192U, 65536U}) {
                Bytes into(4096);
                QVERIFY(!source->try_fetch(offset, into));
                const auto got = fetch(*source, offset, into);
                QVERIFY(!got);
                QCOMPARE(got.error().code, Code::truncated);
                QCOMPARE(got.error().offset, std::max<std::uint64_t>(10'000, offset));
            }
        }
    }

    // A source may go while its fetches are on their way: they are told nothing, and their bytes
    // and descriptor stay until the kernel is through with them.
    void gone_with_fetches_on_their_way() {
        for (const Shape& shape : {Shape{}, slightly, Shape{20 * millisecond, 0, 0}}) {
            auto source = open(shape);
            int calls = 0;
            std::weak_ptr<Bytes> bytes;
            for (int i = 0; i < 8; ++i) {
                auto into = std::make_shared<Bytes>(65536);
                bytes = into;
                const std::span<std::byte> span = *into;
                source->fetch(0, span, [&calls, into = std::move(into)](Result<void>) { ++calls; });
            }
            source.reset();
            QVERIFY(!bytes.expired());
            QVERIFY(run_until(*ring_, [&] { return bytes.expired(); }));
            run_for(*ring_, 50 * millisecond);
            QCOMPARE(calls, 0);
        }
    }

private:
    std::unique_ptr<FileSource> open(const Shape& shape) {
        auto source = FileSource::open(*ring_, path_, shape);
        if (!source)
            qFatal("%s", describe(source.error()).c_str());
        return std::move(*source);
    }

    Result<void> fetch(Source& source, std::uint64_t offset, Bytes& into) {
        std::optional<Result<void>> outcome;
        source.fetch(offset, into, [&](Result<void> got) { outcome = std::move(got); });
        if (!run_until(*ring_, [&] { return outcome.has_value(); }))
            qFatal("a fetch never ended");
        return *outcome;
    }

    // How long each took; all are asked for at the same time.
    std::vector<Nanoseconds> fetch_many(Source& source, std::size_t count, std::size_t length) {
        std::vector<Bytes> into(count, Bytes(length));
        std::vector<Nanoseconds> took(count);
        std::size_t done = 0;
        const Nanoseconds begin = monotonic_now();
        for (std::size_t i = 0; i < count; ++i)
            source.fetch(i * length, into[i], [&, i](Result<void> got) {
                if (!got)
                    qFatal("%s", describe(got.error()).c_str());
                took[i] = monotonic_now() - begin;
                ++done;
            });
        if (!run_until(*ring_, [&] { return done == count; }))
            qFatal("fetches never ended");
        for (std::size_t i = 0; i < count; ++i) {
            if (into[i] != true_bytes(i * length, length))
                qFatal("wrong bytes");
        }
        return took;
    }

    std::unique_ptr<QTemporaryDir> folder_;
    std::string path_;
    std::unique_ptr<Ring> ring_;
};

QTEST_GUILESS_MAIN(TestFileSource)
#include "test_file_source.moc"
