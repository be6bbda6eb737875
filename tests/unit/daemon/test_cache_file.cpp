#include "daemon/engine/cache_file.h"
#include "tests/unit/daemon/scripted_source.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

namespace {

constexpr std::uint64_t size = 1 << 20;

// No file of this process grows beyond `bytes` while it lives.
class FileLimit {
public:
    explicit FileLimit(rlim_t bytes) {
        old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &old_);
        rlimit limit = old_;
        limit.rlim_cur = bytes;
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            qFatal("cannot set a limit");
    }
    ~FileLimit() {
        setrlimit(RLIMIT_FSIZE, &old_);
        std::signal(SIGXFSZ, old_handler_);
    }
    FileLimit(const FileLimit&) = delete;
    FileLimit& operator=(const FileLimit&) = delete;

private:
    rlimit old_{};
    void (*old_handler_)(int);
};

} // namespace

class TestCacheFile : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void begins_empty() {
        const auto cache = open("a", size);
        QCOMPARE(cache->size(), size);
        QCOMPARE(cache->local().total(), std::uint64_t{0});
        QVERIFY(std::has_single_bit(cache->granule()));
        QVERIFY(cache->granule() >= 4096);
    }

    void whole_granules() {
        const auto cache = open("a", size);
        const std::uint64_t g = cache->granule();
        QCOMPARE(cache->whole({1, 2}), (Range{0, g}));
        QCOMPARE(cache->whole({g, 2 * g}), (Range{g, 2 * g}));
        QCOMPARE(cache->whole({g - 1, g + 1}), (Range{0, 2 * g}));
        QCOMPARE(cache->whole({size - 1, size + 77}), (Range{size - g, size}));
        const auto odd = open("odd", 3 * g + 5);
        QCOMPARE(odd->whole({3 * g, 3 * g + 1}), (Range{3 * g, 3 * g + 5}));
    }

    void persists() {
        auto cache = open("a", size);
        const std::uint64_t g = cache->granule();
        fill(*cache, {2 * g, 5 * g});
        fill(*cache, {9 * g, 10 * g});
        const auto local = cache->local().all();
        cache.reset();
        cache = open("a", size);
        QCOMPARE(cache->local().all(), local);
        QVERIFY(holds(*cache, {2 * g, 5 * g}));
        QVERIFY(holds(*cache, {9 * g, 10 * g}));
        // Also in between, and not only whole granules.
        QVERIFY(holds(*cache, {2 * g + 3, 4 * g + 1}));
    }

    void size_that_ends_within_a_granule_data() {
        QTest::addColumn<quint64>("bytes");
        for (const quint64 bytes : {1U, 4095U, 4097U, 100'001U, 0U})
            QTest::addRow("%llu", static_cast<unsigned long long>(bytes)) << bytes;
    }
    void size_that_ends_within_a_granule() {
        QFETCH(quint64, bytes);
        auto cache = open("a", bytes);
        const Range all{0, bytes};
        QCOMPARE(cache->whole(all), all);
        fill(*cache, all);
        cache.reset();
        cache = open("a", bytes);
        QVERIFY(cache->local().contains(all));
        QCOMPARE(cache->local().total(), bytes);
        QVERIFY(holds(*cache, all));
    }

    void only_the_last_granule() {
        auto cache = open("a", 100'001);
        const std::uint64_t g = cache->granule();
        const Range last = cache->whole({100'000, 100'001});
        QCOMPARE(last.begin % g, std::uint64_t{0});
        fill(*cache, last);
        cache.reset();
        cache = open("a", 100'001);
        QCOMPARE(cache->local().all(), std::vector<Range>{last});
    }

    void other_identity_is_left_alone() {
        std::string first_path;
        {
            const auto first = open("one", size);
            first_path = first->path();
            fill(*first, first->whole({0, 1}));
            const auto second = open("two", size);
            QVERIFY(second->path() != first_path);
            QCOMPARE(second->local().total(), std::uint64_t{0});
            fill(*second, second->whole({0, 1}), 2);
            QVERIFY(holds(*first, {0, 4096}));
        }
        const auto first = open("one", size);
        QCOMPARE(first->path(), first_path);
        QVERIFY(holds(*first, {0, 4096}));
    }

    // The same identity with another size is no cache of this object.
    void other_size_begins_anew() {
        auto cache = open("a", size);
        fill(*cache, cache->whole({0, 1}));
        cache.reset();
        cache = open("a", size / 2);
        QCOMPARE(cache->local().total(), std::uint64_t{0});
        cache.reset();
        QCOMPARE(open("a", size)->local().total(), std::uint64_t{0});
    }

    // A copy's holes may be written out as zeros: a copy is never taken for the cache.
    void copies_begin_anew() {
        auto cache = open("a", size);
        fill(*cache, cache->whole({0, 1}));
        const QString file = QString::fromStdString(cache->path());
        cache.reset();
        QVERIFY(QFile::copy(file, file + ".copy"));
        QVERIFY(QFile::remove(file));
        QVERIFY(QFile::rename(file + ".copy", file));
        cache = open("a", size);
        QCOMPARE(cache->local().total(), std::uint64_t{0});
        fill(*cache, cache->whole({size - 1, size}));
        cache.reset();
        QVERIFY(open("a", size)->local().total() > 0);
    }

    // The note beside the cache file, cut at every byte or changed, gives up the cache at worst.
    void note_that_is_not_whole() {
        auto cache = open("a", size);
        const Range first = cache->whole({0, 1});
        fill(*cache, first);
        const std::string note = cache->path() + ".origin";
        cache.reset();
        const QByteArray whole = read(note);
        QVERIFY(whole.contains("granule"));
        const auto try_with = [&](const QByteArray& text) {
            write(note, text);
            cache = open("a", size);
            QVERIFY(cache->granule() >= 4096);
            QCOMPARE(read(note), whole);
            const bool kept = cache->local().total() != 0;
            QCOMPARE(kept, text == whole);
            fill(*cache, first);
            cache.reset();
        };
        for (int length = 0; length <= whole.size(); ++length)
            try_with(whole.first(length));
        const QByteArray before = whole.first(whole.lastIndexOf(' ') + 1);
        for (const char* number :
             {"0", "1", "2048", "4097", "-4096", "99999999999999999999", "x", ""})
            try_with(before + number + '\n');
    }

    void names_stay_within_the_folder() {
        for (const char* name : {"../../etc/passwd", "", "a b\n\"c", "\xff\xfe"}) {
            const auto cache = CacheFile::open(path(), name, "identity", 4096);
            QVERIFY(cache);
            const QString file = QString::fromStdString((*cache)->path());
            QCOMPARE(QFileInfo(file).path(), folder_->path());
            QVERIFY(QFileInfo::exists(file));
        }
        QVERIFY(CacheFile::open(path(), std::string(5000, 'x'), std::string(5000, 'y'), 1));
    }

    void named_after() {
        const auto named = [](const std::string& name, const std::string& other) {
            return CacheFile::is_named_after(CacheFile::path_of({}, name, "identity").substr(1),
                                             other);
        };
        for (const std::string& name :
             {std::string("base"), std::string("a/b"), std::string(), std::string(200, 'x')})
            QVERIFY(named(name, name));
        QVERIFY(!named("base-2", "base"));
        QVERIFY(!named("base", "base-2"));
        QVERIFY(!CacheFile::is_named_after("base-0123456789abcdef.cache.origin", "base"));
        QVERIFY(!CacheFile::is_named_after("base-0123456789abcdeg.cache", "base"));
        QVERIFY(!CacheFile::is_named_after("base-.cache", "base"));
    }

    void busy() {
        const auto cache = open("a", size);
        const auto second = CacheFile::open(path(), "object", "a", size);
        QVERIFY(!second);
        QCOMPARE(second.error().code, Code::busy);
        QVERIFY(second.error().context.contains(cache->path()));
        // And what it holds was not harmed by the attempt, not even by one of another size.
        fill(*cache, cache->whole({0, 1}));
        QCOMPARE(CacheFile::open(path(), "object", "a", size / 2).error().code, Code::busy);
        QVERIFY(holds(*cache, {0, 4096}));
    }

    void link_in_place_of_the_file() {
        auto cache = open("a", size);
        const QString file = QString::fromStdString(cache->path());
        cache.reset();
        const QString victim = folder_->filePath("victim");
        QVERIFY(QFile::rename(file, victim));
        QVERIFY(QFile::link(victim, file));
        const auto opened = CacheFile::open(path(), "object", "a", 1);
        QCOMPARE(opened.error().sys_errno, ELOOP);
        QCOMPARE(QFileInfo(victim).size(), qint64(size));
    }

    // What a killed run may leave of a write: a part of a granule at the end of its data is no
    // local granule. Told apart where the file system shows it.
    void partial_granules() {
        auto cache = open("a", 8 * 65536);
        const std::uint64_t g = cache->granule();
        const std::string file = cache->path();
        cache.reset();
        const int fd = ::open(file.c_str(), O_RDWR);
        QVERIFY(fd >= 0);
        const Bytes bytes = true_bytes(0, 8 * g);
        // A granule's second half only, then three whole ones after a hole.
        QCOMPARE(pwrite(fd, bytes.data() + g / 2, g / 2, static_cast<off_t>(g / 2)),
                 ssize_t(g / 2));
        QCOMPARE(pwrite(fd, bytes.data() + 3 * g, 3 * g, static_cast<off_t>(3 * g)),
                 ssize_t(3 * g));
        const off_t data = lseek(fd, 0, SEEK_DATA);
        ::close(fd);
        cache = open("a", 8 * 65536);
        QVERIFY(cache->local().contains({3 * g, 6 * g}));
        QVERIFY(!cache->local().contains({2 * g, 3 * g}));
        QVERIFY(holds(*cache, {3 * g, 6 * g}));
        if (data > 0)
            QVERIFY(!cache->local().contains({0, g}));
    }

    void failed_write_leaves_nothing() {
        auto cache = open("a", size);
        const std::uint64_t g = cache->granule();
        fill(*cache, {0, g});
        for (const std::uint64_t limit : {4 * g, 4 * g + 100}) {
            // The first part of it is written, the rest refused.
            const FileLimit limited(limit);
            const auto filled = cache->fill(2 * g, true_bytes(2 * g, 6 * g));
            QVERIFY(!filled);
            QCOMPARE(filled.error().sys_errno, EFBIG);
            QCOMPARE(filled.error().offset, limit);
            QVERIFY(filled.error().context.contains(cache->path()));
            QCOMPARE(cache->local().all(), (std::vector<Range>{{0, g}}));
        }
        cache.reset();
        cache = open("a", size);
        QCOMPARE(cache->local().all(), (std::vector<Range>{{0, g}}));
        fill(*cache, {2 * g, 8 * g}); // and it works again
        QVERIFY(holds(*cache, {2 * g, 8 * g}));
    }

    // The disk no longer has what was local: it stops being local, and is fetched again.
    void failed_read_is_forgotten() {
        const auto cache = open("a", size);
        const std::uint64_t g = cache->granule();
        fill(*cache, {0, 4 * g});
        QCOMPARE(truncate(cache->path().c_str(), static_cast<off_t>(2 * g)), 0);
        Bytes into(2 * g);
        const auto got = cache->read(g, into);
        QVERIFY(!got);
        QCOMPARE(got.error().offset, 2 * g);
        QVERIFY(cache->local().contains({0, g}));
        QVERIFY(!cache->local().contains({2 * g, 3 * g}));
    }

    void folders_that_will_not_do() {
        const auto missing = CacheFile::open(path() + "/none", "object", "a", size);
        QCOMPARE(missing.error().code, Code::not_found);
        QVERIFY(missing.error().context.contains(path() + "/none"));
        // Nobody can write there, root neither.
        const auto unwritable = CacheFile::open("/proc/self", "object", "a", size);
        QVERIFY(!unwritable);
        QVERIFY(unwritable.error().sys_errno != 0);
        QVERIFY(unwritable.error().context.contains("/proc/self"));
        if (geteuid() != 0) {
            QVERIFY(QFile::setPermissions(folder_->path(), QFile::ReadOwner | QFile::ExeOwner));
            QCOMPARE(CacheFile::open(path(), "object", "a", size).error().sys_errno, EACCES);
            QFile::setPermissions(folder_->path(),
                                  QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        }
    }

private:
    [[nodiscard]] std::string path() const { return folder_->path().toStdString(); }

    [[nodiscard]] std::unique_ptr<CacheFile> open(const std::string& identity,
                                                  std::uint64_t bytes) const {
        auto cache = CacheFile::open(path(), "object", identity, bytes);
        if (!cache)
            qFatal("%s", describe(cache.error()).c_str());
        return std::move(*cache);
    }

    static void fill(CacheFile& cache, Range range, unsigned seed = 0) {
        const auto filled = cache.fill(range.begin, true_bytes(range.begin, range.length(), seed));
        if (!filled)
            qFatal("%s", describe(filled.error()).c_str());
        if (!cache.local().contains(range))
            qFatal("filled, but not local");
    }

    static bool holds(CacheFile& cache, Range range) {
        Bytes into(range.length());
        return cache.local().contains(range) && cache.read(range.begin, into) &&
               into == true_bytes(range.begin, range.length());
    }

    static QByteArray read(const std::string& path) {
        QFile file(QString::fromStdString(path));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }
    static void write(const std::string& path, const QByteArray& text) {
        QFile file(QString::fromStdString(path));
        if (!file.open(QIODevice::WriteOnly) || file.write(text) != text.size())
            qFatal("cannot write %s", path.c_str());
    }

    std::unique_ptr<QTemporaryDir> folder_;
};

QTEST_GUILESS_MAIN(TestCacheFile)
#include "test_cache_file.moc"
