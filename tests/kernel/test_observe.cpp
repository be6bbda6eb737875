// What the observer sees of the page cache is what a small probe of its own sees, on real mounts.
#include "daemon/observe/observer.h"
#include "tests/kernel/live_run.h"
#include "tests/kernel/observed_files.h"

#include <QtTest>
#include <cerrno>
#include <memory>

#include <sys/mount.h>
#include <sys/stat.h>

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

private:
    // With an observer of its own.
    sharing::Sample seen(const std::vector<Watched>& watched);
    std::unique_ptr<Mounted> mount(const TreeImage& image, const QString& name,
                                   const QString& options = {});

    QTemporaryDir folder_;
    TreeImage tree_;
};

sharing::Sample TestObserve::seen(const std::vector<Watched>& watched) {
    std::vector<std::string> folders;
    for (const Watched& one : watched)
        folders.push_back(one.folder);
    auto observer = Observer::start(folders, guard::Rights::own);
    if (!observer)
        qFatal("%s", describe(observer.error()).c_str());
    auto sample = (*observer)->sample(watched);
    if (!sample)
        qFatal("%s", describe(sample.error()).c_str());
    return std::move(*sample);
}

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
    const sharing::Sample second = seen({watched});
    QVERIFY(first.taken != 0 && first.cost != 0 && second.taken > first.taken);
    QCOMPARE(first.files.size(), watched.paths.size());
    std::size_t pages = 0;
    for (qsizetype i = 0; i < image.files.size(); ++i) {
        const QString file = mounted->path(image.files[i]);
        const auto at = static_cast<std::size_t>(i);
        struct stat status {};
        QVERIFY(::stat(file.toUtf8(), &status) == 0);
        QCOMPARE(first.files[at].sys_errno, 0);
        QCOMPARE(first.files[at].device, std::uint64_t{status.st_dev});
        QCOMPARE(first.files[at].inode, std::uint64_t{status.st_ino});
        QCOMPARE(first.files[at].size, static_cast<std::uint64_t>(status.st_size));
        const Frames frames = frames_of(first, at);
        QCOMPARE(frames, probed(file));
        QVERIFY(std::ranges::none_of(frames, [](const auto& one) { return one.second == 0; }));
        QCOMPARE(frames_of(second, at), frames); // looking brings nothing
        if (i % 3 == 2)
            QVERIFY(frames.empty());
        pages += frames.size();
    }
    QVERIFY(pages > 1000);
    QCOMPARE(first.gone, 0u);
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

QTEST_GUILESS_MAIN(TestObserve)
#include "test_observe.moc"
