// What the observer sees of the page cache is what a small probe of its own sees, on real mounts.
#include "tests/kernel/live_run.h"
#include "tests/kernel/observed_files.h"

#include <QtTest>
#include <algorithm>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::test;

class TestObserve : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void agrees_with_a_probe_data();
    void agrees_with_a_probe();
    void a_bind_mount_is_the_same_memory();
    void two_mounts_of_an_image_are_not();
    void the_image_beside_data();
    void the_image_beside();
    void nothing_is_left_after_eviction();
    void a_mapped_file();
    void a_half_read_file_stays_half();
    void an_overlay_shows_the_same_memory();
    void names_of_one_inode_and_holes();

private:
    std::unique_ptr<Mounted> mount(const TreeImage& image, const QString& name,
                                   const QString& options = {});

    [[nodiscard]] QString largest_file() const;

    QTemporaryDir folder_;
    TreeImage tree_;
};

std::unique_ptr<Mounted> TestObserve::mount(const TreeImage& image, const QString& name,
                                            const QString& options) {
    QStringList all;
    if (!options.isEmpty())
        all << options;
    if (!image.blob.isEmpty())
        all << "device=" + image.blob;
    auto mounted = std::make_unique<Mounted>(image.bootstrap, folder_.filePath(name), "erofs",
                                             MS_RDONLY, all.join(','));
    if (!*mounted)
        qFatal("cannot mount: %s", strerror(mounted->error()));
    return mounted;
}

QString TestObserve::largest_file() const {
    return std::ranges::max(tree_.files, {}, [this](const QString& file) {
        return QFileInfo(tree_.tree + '/' + file).size();
    });
}

void TestObserve::initTestCase() {
    NEEDS_TRANSPORT(QString("fanotify")); // root, and EROFS over files
    QString error;
    tree_ = make_tree_image(folder_.path(), 200, &error);
    QVERIFY2(!tree_.tree.isEmpty(), qPrintable(error));
}

void TestObserve::agrees_with_a_probe_data() {
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("options");
    for (const char* kind : {"plain", "4K", "64K", "lz4"}) {
        for (const char* options : {"", "directio"})
            QTest::addRow("%s %s", kind, options) << kind << options;
    }
}

void TestObserve::agrees_with_a_probe() {
    QFETCH(QString, kind);
    QFETCH(QString, options);
    QString error;
    const TreeImage image = make_image_of(tree_, kind, &error);
    QVERIFY2(!image.bootstrap.isEmpty(), qPrintable(error));
    const auto mounted = mount(image, "mount", options);
    Watched watched{mounted->folder(), {}};
    for (const QString& file : image.files)
        watched.paths.push_back(file.toStdString());
    // A third all, a third the first half, a third not at all.
    for (qsizetype i = 0; i < image.files.size(); ++i) {
        const QString file = mounted->path(image.files[i]);
        if (i % 3 == 0)
            QVERIFY(read_all(file));
        else if (i % 3 == 1)
            QVERIFY(read_range(file, 0, QFileInfo(file).size() / 2));
    }
    const sharing::Sample first = seen({watched});
    QVERIFY(first.taken != 0 && first.cost != 0);
    QCOMPARE(first.files.size(), watched.paths.size());
    for (qsizetype i = 0; i < image.files.size(); ++i) {
        const sharing::SeenFile& file = first.files[static_cast<std::size_t>(i)];
        struct stat status {};
        QVERIFY(::stat(mounted->path(image.files[i]).toUtf8(), &status) == 0);
        QCOMPARE(file.sys_errno, 0);
        QCOMPARE(file.device, std::uint64_t{status.st_dev});
        QCOMPARE(file.inode, std::uint64_t{status.st_ino});
        QCOMPARE(file.size, static_cast<std::uint64_t>(status.st_size));
    }
    // The kernel may move pages or drop them meanwhile, but hardly each time.
    qsizetype differ = 0;
    for (int tries = 0; tries == 0 || (differ != 0 && tries < 5); ++tries) {
        differ = 0;
        const sharing::Sample one = seen({watched});
        const sharing::Sample two = seen({watched});
        QVERIFY(one.taken > first.taken && two.taken > one.taken);
        std::size_t pages = 0;
        for (qsizetype i = 0; i < image.files.size(); ++i) {
            const Frames frames = frames_of(one, static_cast<std::size_t>(i));
            // Looking brings nothing.
            const bool same = frames == frames_of(two, static_cast<std::size_t>(i));
            const bool agrees = frames == probed(mounted->path(image.files[i]));
            const bool known =
                std::ranges::none_of(frames, [](const auto& page) { return page.second == 0; });
            differ += same && agrees && known && (i % 3 != 2 || frames.empty()) ? 0 : 1;
            pages += frames.size();
        }
        QVERIFY(pages > 1000);
    }
    QCOMPARE(differ, 0);
}

void TestObserve::a_bind_mount_is_the_same_memory() {
    const auto mounted = mount(tree_, "one");
    const Mounted bound(folder_.filePath("one"), folder_.filePath("bound"), "", MS_BIND);
    QVERIFY(bound);
    const QString file = tree_.files[0];
    QVERIFY(read_all(mounted->path(file)));
    const auto sample =
        seen({{mounted->folder(), {file.toStdString()}}, {bound.folder(), {file.toStdString()}}});
    QVERIFY(!frames_of(sample, 0).empty());
    QCOMPARE(frames_of(sample, 1), frames_of(sample, 0));
    QCOMPARE(sample.files[1].inode, sample.files[0].inode);
    QCOMPARE(sample.files[1].device, sample.files[0].device);
}

void TestObserve::two_mounts_of_an_image_are_not() {
    const auto one = mount(tree_, "one");
    const auto two = mount(tree_, "two");
    const QString file = tree_.files[0];
    QVERIFY(read_all(one->path(file)));
    const std::vector<Watched> both{{one->folder(), {file.toStdString()}},
                                    {two->folder(), {file.toStdString()}}};
    QVERIFY(frames_of(seen(both), 1).empty());
    QVERIFY(read_all(two->path(file)));
    const auto sample = seen(both);
    const Frames first = frames_of(sample, 0), second = frames_of(sample, 1);
    QVERIFY(!first.empty());
    QCOMPARE(second.size(), first.size());
    for (const auto& [page, frame] : second)
        QVERIFY(first.at(page) != frame);
    QVERIFY(sample.files[1].device != sample.files[0].device);
}

// Double caching: what the kernel reads of the image's file, it keeps there as well, but with
// directio.
void TestObserve::the_image_beside_data() {
    QTest::addColumn<QString>("options");
    QTest::addColumn<bool>("twice");
    QTest::newRow("buffered") << QString() << true;
    QTest::newRow("directio") << "directio" << false;
}

void TestObserve::the_image_beside() {
    QFETCH(QString, options);
    QFETCH(bool, twice);
    const auto mounted = mount(tree_, "one", options);
    const QString file = largest_file();
    QVERIFY(QFile::exists(mounted->path(file)));
    QVERIFY(evict(tree_.blob));
    const std::vector<Watched> both{
        {mounted->folder(), {file.toStdString()}},
        {folder_.path().toStdString(), {QFileInfo(tree_.blob).fileName().toStdString()}}};
    QVERIFY(frames_of(seen(both), 1).empty());
    QVERIFY(read_all(mounted->path(file)));
    const auto sample = seen(both);
    const Frames above = frames_of(sample, 0), beside = frames_of(sample, 1);
    QCOMPARE(beside, probed(tree_.blob));
    QCOMPARE(above.size(), (sample.files[0].size + 4095) / 4096);
    if (twice)
        QVERIFY(beside.size() >= above.size());
    else
        QVERIFY(beside.empty());
    for (const auto& [page, frame] : beside) {
        for (const auto& one : above)
            QVERIFY(one.second != frame);
    }
    QCOMPARE(frames_of(seen(both), 1), beside);
}

void TestObserve::nothing_is_left_after_eviction() {
    const auto mounted = mount(tree_, "one");
    Watched watched{mounted->folder(), {}};
    for (const QString& file : tree_.files) {
        QVERIFY(read_all(mounted->path(file)));
        QVERIFY(evict(mounted->path(file)));
        watched.paths.push_back(file.toStdString());
    }
    const auto sample = seen({watched});
    for (const sharing::SeenFile& file : sample.files) {
        QCOMPARE(file.sys_errno, 0);
        QCOMPARE(file.runs, 0u);
    }
    QVERIFY(sample.runs.empty() && sample.frames.empty());
}

// Pages that somebody has mapped, in parts of the file that are not read ahead.
void TestObserve::a_mapped_file() {
    const auto mounted = mount(tree_, "one");
    const QString file = largest_file();
    const Fd fd(::open(mounted->path(file).toUtf8(), O_RDONLY | O_CLOEXEC));
    const auto size = static_cast<std::size_t>(QFileInfo(mounted->path(file)).size());
    void* at = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    QVERIFY(at != MAP_FAILED);
    const auto unmap = qScopeGuard([&] { munmap(at, size); });
    QVERIFY(madvise(at, size, MADV_RANDOM) == 0);
    const std::size_t last = (size - 1) / 4096;
    int sum = 0;
    for (const std::size_t page : {std::size_t{0}, std::size_t{7}, last})
        sum += static_cast<volatile char*>(at)[page * 4096];
    QVERIFY(sum != 1 << 30);
    const Watched watched{mounted->folder(), {file.toStdString()}};
    const Frames frames = frames_of(seen({watched}), 0);
    QVERIFY(frames.contains(0) && frames.contains(7) && frames.contains(last));
    QVERIFY(frames.size() <= last / 2);
    QCOMPARE(frames, probed(mounted->path(file)));
    QVERIFY(evict(mounted->path(file))); // which what is mapped survives
    QCOMPARE(frames_of(seen({watched}), 0), probed(mounted->path(file)));
    QVERIFY(!probed(mounted->path(file)).empty());
}

void TestObserve::a_half_read_file_stays_half() {
    for (const char* options : {"", "directio"}) {
        const auto mounted = mount(tree_, "one", options);
        const QString file = largest_file();
        const std::int64_t half = QFileInfo(mounted->path(file)).size() / 2 & ~4095;
        // With readahead, whose mark at a page would bring the next ones when that is mapped.
        QFile read(mounted->path(file));
        QVERIFY(read.open(QIODevice::ReadOnly | QIODevice::Unbuffered));
        QCOMPARE(read.read(half).size(), half);
        const Watched watched{mounted->folder(), {file.toStdString()}};
        const Frames first = frames_of(seen({watched}), 0);
        QVERIFY(static_cast<std::int64_t>(first.size()) * 4096 >= half);
        QVERIFY(static_cast<std::int64_t>(first.size()) * 4096 <= half + (1 << 20));
        for (int i = 0; i < 5; ++i)
            QCOMPARE(frames_of(seen({watched}), 0), first);
        QCOMPARE(probed(mounted->path(file)), first);
    }
}

void TestObserve::an_overlay_shows_the_same_memory() {
    const auto mounted = mount(tree_, "one");
    QVERIFY(QDir(folder_.path()).mkpath("empty"));
    const Mounted over("overlay", folder_.filePath("over"), "overlay", MS_RDONLY,
                       "lowerdir=" + folder_.filePath("one") + ':' + folder_.filePath("empty"));
    QVERIFY(over);
    const QString file = largest_file();
    QVERIFY(read_all(over.path(file)));
    const auto sample =
        seen({{mounted->folder(), {file.toStdString()}}, {over.folder(), {file.toStdString()}}});
    QVERIFY(!frames_of(sample, 0).empty());
    QCOMPARE(frames_of(sample, 1), frames_of(sample, 0));
    QVERIFY(!sample.files[0].stacked && sample.files[1].stacked);
}

void TestObserve::names_of_one_inode_and_holes() {
    TreeImage special{folder_.filePath("special"), folder_.filePath("special.erofs"), {}, {}, {}};
    QVERIFY(QDir(folder_.path()).mkpath("special"));
    const auto write = [&](const char* name, std::int64_t holes, const QByteArray& bytes) {
        QFile file(special.tree + '/' + name);
        return file.open(QIODevice::WriteOnly) && file.resize(holes) && file.seek(holes) &&
               file.write(bytes) == bytes.size();
    };
    QVERIFY(write("first", 0, QByteArray(50000, 'a')));
    QVERIFY(QFile(special.tree + "/first").exists() &&
            ::link((special.tree + "/first").toUtf8(), (special.tree + "/second").toUtf8()) == 0);
    QVERIFY(write("hole", 1 << 20, QByteArray(5000, 'b')));
    QVERIFY(write("empty", 0, {}));
    QString error;
    const TreeImage image = make_image_of(special, "4K", &error);
    QVERIFY2(!image.bootstrap.isEmpty(), qPrintable(error));
    const auto mounted = mount(image, "one");
    QVERIFY(read_all(mounted->path("first")));
    QVERIFY(read_range(mounted->path("hole"), 8192, 4096));
    QVERIFY(read_range(mounted->path("hole"), 1 << 20, 4096));
    const auto sample = seen({{mounted->folder(), {"first", "second", "hole", "empty"}}});
    QVERIFY(frames_of(sample, 0).size() == 13);
    QCOMPARE(frames_of(sample, 1), frames_of(sample, 0));
    QCOMPARE(sample.files[1].inode, sample.files[0].inode);
    const Frames hole = frames_of(sample, 2);
    QCOMPARE(hole, probed(mounted->path("hole")));
    QVERIFY(hole.contains(2) && hole.contains(256) && !hole.contains(128));
    QCOMPARE(sample.files[3].sys_errno, 0);
    QCOMPARE(sample.files[3].size, 0u);
    QCOMPARE(sample.files[3].runs, 0u);
}

QTEST_GUILESS_MAIN(TestObserve)
#include "test_observe.moc"
