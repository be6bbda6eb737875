// Page cache that mounts share by inode_share, on Debian's stock 7.3 kernel: what Coldscope
// observes is what it predicted, live runs ask less, and say who asked. One boot for all of it:
// sharing.guest acts, and the functions here judge what it said.
#include "tests/kernel/live_run.h"
#include "tests/vm/virtual_machine.h"

#include <QDir>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRandomGenerator>
#include <QtTest>
#include <cstdio>

using namespace coldscope::test;

namespace {

constexpr int files = 190;
constexpr qint64 largest = 3 << 20; // bytes of a file of this machine's
constexpr int large_files = 28;     // so that both trees have 60 MB, whatever this machine has
constexpr qint64 large = 2 << 20;   // bytes
constexpr int changed_files = 3;
constexpr int added_files = 5;

bool write(const QString& path, const QByteArray& bytes) {
    QFile file(path);
    return file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size();
}

QByteArray read(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QMap<QString, QByteArray> digests_of(const QString& tree, const QStringList& paths) {
    QMap<QString, QByteArray> digests;
    for (const QString& path : paths)
        digests[path] = sha256_of(tree + '/' + path);
    return digests;
}

// As `find . | xargs sha256sum | sort` would write it.
QByteArray as_sums(const QMap<QString, QByteArray>& digests) {
    QByteArrayList lines;
    for (auto at = digests.begin(); at != digests.end(); ++at)
        lines << at.value().toHex() + "  ./" + at.key().toUtf8() + '\n';
    std::sort(lines.begin(), lines.end());
    return lines.join();
}

} // namespace

class TestVmSharing : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void second_image_takes_little();
    void observed_is_predicted_data();
    void observed_is_predicted();
    void forged_digest_is_found();
    void first_reader_wins();
    void probe_says_so();
    void second_run_asks_little_data() { transports(); }
    void second_run_asks_little();
    void asked_through_the_other_data() { transports(); }
    void asked_through_the_other();
    void killed_while_it_serves_data() { transports(); }
    void killed_while_it_serves();
    void without_fingerprints();

private:
    static void transports();
    void make_trees(QString* error);
    bool make_images(const QString& name, const QString& tree, QString* error);
    bool forge(QString* error);
    [[nodiscard]] bool is_shared(const QByteArray& how, int image, const QString& path) const;
    [[nodiscard]] QJsonObject summary(const QString& transport, const char* name) const;

    QTemporaryDir folder_;
    QTemporaryDir data_; // what the machine sees
    QString base_;
    QString v1_;
    QStringList base_files_;
    QStringList v1_files_;
    QStringList changed_;
    QMap<QString, QByteArray> digests_[2]; // base's and v1's, by path
    QString forged_;                       // a path
    VirtualMachine machine_{"7.3"};
};

void TestVmSharing::transports() {
    QTest::addColumn<QString>("transport");
    QTest::newRow("fanotify") << "fanotify";
    QTest::newRow("fuse-blob") << "fuse-blob";
}

// v1 is base with some files changed, at their old sizes, and some more.
void TestVmSharing::make_trees(QString* error) {
    const TreeImage image = make_tree_image(folder_.path(), files, error, largest);
    if (image.tree.isEmpty())
        return;
    base_ = data_.filePath("tree");
    v1_ = folder_.filePath("v1");
    if (!QDir().rename(image.tree, base_)) // over file systems: a copy
        QProcess::execute("cp", {"-a", image.tree, base_});
    base_files_ = image.files;
    QRandomGenerator random(7);
    for (int i = 0; i < large_files; ++i) {
        QByteArray bytes(large, Qt::Uninitialized);
        random.fillRange(reinterpret_cast<quint32*>(bytes.data()), bytes.size() / 4);
        base_files_ << QString("usr/bin/large%1").arg(i);
        (void)write(base_ + '/' + base_files_.back(), bytes);
    }
    QProcess::execute("cp", {"-a", base_, v1_});
    // Empty ones have no pages.
    base_files_.removeIf([&](const QString& path) {
        return QFileInfo(base_ + '/' + path).size() == 0 && QFile::remove(base_ + '/' + path) &&
               QFile::remove(v1_ + '/' + path);
    });
    v1_files_ = base_files_;
    for (const QString& path : base_files_) {
        QByteArray bytes = read(base_ + '/' + path);
        if (changed_.size() == changed_files || bytes.size() < 9000 || bytes.size() > 60000)
            continue;
        bytes[5000] = static_cast<char>(bytes[5000] + 1);
        QFile::remove(v1_ + '/' + path);
        if (write(v1_ + '/' + path, bytes))
            changed_ << path;
    }
    for (int i = 0; i < added_files; ++i) {
        v1_files_ << QString("usr/added%1").arg(i);
        (void)write(v1_ + '/' + v1_files_.back(), QByteArray(9000 + i, static_cast<char>('a' + i)));
    }
    if (changed_.size() < changed_files)
        *error = "no files of the right size to change";
}

bool TestVmSharing::make_images(const QString& name, const QString& tree, QString* error) {
    const QString stem = data_.filePath(name);
    // Under this name the merged image keeps them; "erofs.fingerprint.v1" gets lost there.
    const QStringList own{"-T0", "--xattr-inode-digest=trusted.digest"};
    const QStringList usual{"-T0", "--xattr-inode-digest"};
    const QStringList first{"-Enoinline_data", "--exclude-path=usr/lib"};
    const QStringList second{"-Enoinline_data", "--exclude-path=usr/bin",
                             "--exclude-path=usr/include", "--exclude-path=usr/share",
                             "--exclude-regex=usr/added.*"};
    return run_mkfs(usual + QStringList{stem + "-plain.erofs", tree}, error) &&
           run_mkfs(usual + QStringList{"-zlz4", stem + "-lz4.erofs", tree}, error) &&
           run_mkfs(usual + QStringList{"--chunksize=65536", "--blobdev=" + stem + "-chunk.blob",
                                        stem + "-chunk.erofs", tree},
                    error) &&
           run_mkfs(own + first + QStringList{stem + "-two-1.erofs", tree}, error) &&
           run_mkfs(own + second + QStringList{stem + "-two-2.erofs", tree}, error) &&
           run_mkfs(
               own + QStringList{stem + "-two.erofs", stem + "-two-1.erofs", stem + "-two-2.erofs"},
               error);
}

// v1's plain image, in which one changed file has the digest of base's: right size, other bytes.
bool TestVmSharing::forge(QString* error) {
    QByteArray image = read(data_.filePath("v1-plain.erofs"));
    for (const QString& path : changed_) {
        const QByteArray real = sha256_of(v1_ + '/' + path);
        const auto at = image.indexOf(real);
        // The first block has a checksum.
        if (at < 4096 || image.indexOf(real, at + 1) >= 0)
            continue;
        image.replace(at, real.size(), sha256_of(base_ + '/' + path));
        forged_ = path;
        return write(data_.filePath("forged.erofs"), image) &&
               write(data_.filePath("changed"), path.toUtf8() + '\n');
    }
    *error = "no digest could be replaced";
    return false;
}

void TestVmSharing::initTestCase() {
    NEEDS_MACHINE(machine_);
    QString error;
    make_trees(&error);
    QVERIFY2(error.isEmpty(), qPrintable(error));
    QVERIFY(base_files_.size() >= 200);
    QVERIFY2(make_images("base", base_, &error), qPrintable(error));
    QVERIFY2(make_images("v1", v1_, &error), qPrintable(error));
    QVERIFY2(run_mkfs({"-T0", data_.filePath("unprinted.erofs"), v1_ + "/usr/bin"}, &error),
             qPrintable(error));
    QVERIFY2(forge(&error), qPrintable(error));
    digests_[0] = digests_of(base_, base_files_);
    digests_[1] = digests_of(v1_, v1_files_);
    QVERIFY(write(data_.filePath("base.sums"), as_sums(digests_[0])));
    QVERIFY(write(data_.filePath("v1.sums"), as_sums(digests_[1])));
    machine_.programs << program("coldscoped") << program("coldscope-guard")
                      << program("coldscope-test-reader") << program("coldscope-test-sharing");
    machine_.data = data_.path();
    machine_.script = guest_script("sharing");
    QVERIFY(machine_.run());
    QCOMPARE(machine_.said("trouble").join('\n'), QByteArray());
}

// The table of what the first and the second image take of the page cache. A buffered mount reads
// through the cache of the image's file, whose readahead brings what was not asked for, more of it
// where inodes and data lie together.
void TestVmSharing::second_image_takes_little() {
    QMap<QByteArray, std::pair<double, double>> table;
    for (const QByteArray& line : machine_.said("table")) {
        const QByteArrayList words = line.split(' '); // name, KiB, KiB
        QCOMPARE(words.size(), 3);
        table[words[0]] = {words[1].toDouble() / 1024, words[2].toDouble() / 1024};
    }
    std::printf("table: growth of Cached in MiB, first image and second (Linux 7.3)\n");
    for (const char* kind : {"plain", "chunk", "lz4", "two"}) {
        for (const char* directio : {"-", "directio"}) {
            const QByteArray row = QByteArray(kind) + ',' + directio;
            QVERIFY2(table.contains(row + ",off") && table.contains(row + ",on"), row.constData());
            const auto off = table[row + ",off"];
            const auto on = table[row + ",on"];
            std::printf("table: %-6s %-9s off %5.1f %5.1f   on %5.1f %5.1f (%.1f %%)\n", kind,
                        *directio == '-' ? "buffered" : directio, off.first, off.second, on.first,
                        on.second, 100 * on.second / on.first);
            QVERIFY2(off.second > 0.9 * off.first, row.constData());
            QVERIFY2(on.first > 0.9 * off.first, row.constData());
            QVERIFY2(on.second <= 0.05 * on.first, row.constData());
        }
    }
}

void TestVmSharing::observed_is_predicted_data() {
    QTest::addColumn<QByteArray>("how");
    for (const char* kind : {"plain", "chunk", "lz4", "two"}) {
        for (const char* directio : {"-", "directio"}) {
            for (const char* share : {"off", "on"})
                QTest::addRow("%s,%s,%s", kind, directio, share) << QByteArray(share);
        }
    }
    // Each in one of its own; the second without any.
    QTest::newRow("chunk,directio,domains") << QByteArray("domains");
    QTest::newRow("chunk,directio,side") << QByteArray("side");
}

// By the files' own digests: another one has the same bytes, in the same image or, in one domain,
// in the other.
bool TestVmSharing::is_shared(const QByteArray& how, int image, const QString& path) const {
    const QByteArray digest = digests_[image][path];
    if (how == "off" || (how == "side" && image == 1))
        return false;
    qsizetype alike = digests_[image].keys(digest).size() - 1;
    if (how == "on")
        alike += digests_[1 - image].keys(digest).size();
    return alike > 0;
}

// For each file of both images: by page frames.
void TestVmSharing::observed_is_predicted() {
    QFETCH(QByteArray, how);
    QSet<QString> seen[2];
    qint64 shared = 0, resident = 0;
    for (const QByteArray& line : machine_.said(QByteArray("file ") + QTest::currentDataTag())) {
        if (line.startsWith("samples ")) {
            if (line != "samples 1")
                qInfo("%s", line.constData());
            continue;
        }
        const QByteArrayList words = line.split(' ');
        QVERIFY2(words.size() >= 6, line.constData());
        const int image = words[0].toInt();
        const qint64 pages = words[1].toLongLong();
        const qint64 predicted = words[3].toLongLong();
        const QString path = QString::fromUtf8(words.mid(5).join(' ')).mid(1);
        QVERIFY(image == 0 || image == 1);
        seen[image].insert(path);
        // All was read, so that all of it is there.
        QVERIFY2(words[2].toLongLong() == pages && pages > 0, line.constData());
        QVERIFY2(words[4].toLongLong() == predicted, line.constData());
        QVERIFY2(predicted == (is_shared(how, image, path) ? pages : 0), line.constData());
        shared += predicted;
        resident += pages;
    }
    QCOMPARE(shared > resident / 2, how == "on");
    QCOMPARE(seen[0], QSet<QString>(base_files_.begin(), base_files_.end()));
    QCOMPARE(seen[1], QSet<QString>(v1_files_.begin(), v1_files_.end()));
    qInfo("%lld files; %lld of %lld bytes of pages are shared",
          static_cast<long long>(seen[0].size() + seen[1].size()), static_cast<long long>(shared),
          static_cast<long long>(resident));
}

void TestVmSharing::forged_digest_is_found() {
    QProcess check;
    check.setProcessChannelMode(QProcess::MergedChannels);
    check.start(program("coldscoped"), {"check", "--digests", data_.filePath("forged.erofs")});
    QVERIFY(check.waitForFinished(60000));
    const QByteArray said = check.readAll();
    QVERIFY2(check.exitCode() != 0, said.constData());
    QVERIFY2(said.contains("fingerprint") && said.contains(forged_.toUtf8()), said.constData());
    check.start(program("coldscoped"), {"check", "--digests", data_.filePath("v1-plain.erofs")});
    QVERIFY(check.waitForFinished(60000));
    QCOMPARE(check.exitCode(), 0);
}

// Why it matters: the kernel does not look at the bytes.
void TestVmSharing::first_reader_wins() {
    const QByteArray base = sha256_of(base_ + '/' + forged_).toHex();
    const QByteArray v1 = sha256_of(v1_ + '/' + forged_).toHex();
    QVERIFY(base != v1);
    QCOMPARE(machine_.said("forged"),
             (QByteArrayList{"a " + base + ' ' + base, "b " + v1 + ' ' + v1}));
}

void TestVmSharing::probe_says_so() {
    const auto probe = QJsonDocument::fromJson(machine_.said("probe").value(0)).object();
    QVERIFY(probe["inode_share"].toObject()["works"].toBool());
}

QJsonObject TestVmSharing::summary(const QString& transport, const char* name) const {
    const QByteArrayList lines =
        machine_.said("summary " + transport.toUtf8() + ' ' + QByteArray(name));
    return QJsonDocument::fromJson(lines.value(0)).object();
}

// Both read all of their files, right ones; what the second asked is what is not in the first.
void TestVmSharing::second_run_asks_little() {
    QFETCH(QString, transport);
    const QByteArray by = transport.toUtf8() + ' ';
    QVERIFY(machine_.said("first").contains(by + QByteArray::number(base_files_.size()) + " 0"));
    QVERIFY(machine_.said("second").contains(by + QByteArray::number(v1_files_.size()) + " 0"));
    const auto first = summary(transport, "first");
    const auto second = summary(transport, "second");
    const int asked = second["requests"].toInt();
    QVERIFY(asked > 0);
    QVERIFY(asked < first["requests"].toInt() / 4);
    QVERIFY(second["bytes_fetched"].toInteger() < first["bytes_fetched"].toInteger() / 10);
    // What it says that it saved is what it did not fetch.
    const qint64 not_fetched =
        first["bytes_fetched"].toInteger() - second["bytes_fetched"].toInteger();
    QVERIFY(second["saved_files"].toInteger() > 200);
    QVERIFY(second["saved_bytes"].toInteger() > not_fetched * 95 / 100);
    QVERIFY(second["saved_bytes"].toInteger() < not_fetched * 105 / 100);
    QCOMPARE(first["saved_bytes"].toInteger(), 0);
    qInfo("%lld bytes of %lld files were saved by sharing, it says",
          static_cast<long long>(second["saved_bytes"].toInteger()),
          static_cast<long long>(second["saved_files"].toInteger()));
    qInfo("%d requests in place of %d, %lld bytes in place of %lld", asked,
          first["requests"].toInt(), static_cast<long long>(second["bytes_fetched"].toInteger()),
          static_cast<long long>(first["bytes_fetched"].toInteger()));
}

void TestVmSharing::asked_through_the_other() {
    QFETCH(QString, transport);
    const QByteArrayList facts = machine_.said("asked " + transport.toUtf8());
    QVERIFY(!facts.isEmpty());
    for (const QByteArray& line : facts) {
        const auto fact = QJsonDocument::fromJson(line).object();
        QCOMPARE(fact["mount"].toString(), "/a");
        const QString file = fact["file"].toString();
        QVERIFY2(file.startsWith("/a/") && base_files_.contains(file.mid(3)), line.constData());
        QVERIFY2(!changed_.contains(file.mid(3)), line.constData());
    }
    const auto serves = summary(transport, "serves");
    QCOMPARE(serves["asked_through"].toInteger(), facts.size());
    QCOMPARE(summary(transport, "through")["asked_through"].toInteger(), 0);
    qInfo("%lld requests came through the other mount; of %lld it was not seen",
          static_cast<long long>(facts.size()),
          static_cast<long long>(serves["askers_unseen"].toInteger()));
}

// Readers of the mount whose run lives have right bytes as far as they have any, and an error
// where they end early; and what is read later is right.
void TestVmSharing::killed_while_it_serves() {
    QFETCH(QString, transport);
    for (const char* when : {"killed ", "after "}) {
        int failed = 0;
        const QByteArrayList lines = machine_.said(when + transport.toUtf8());
        QCOMPARE(lines.size(), 8);
        for (const QByteArray& line : lines) {
            const QByteArrayList words = line.split(' '); // result, read, in all, verdict
            QCOMPARE(words.size(), 4);
            QVERIFY2(words[3] == "right", line.constData());
            QVERIFY2(words[0] != "0" || words[1] == words[2], line.constData());
            failed += words[0] != "0";
        }
        if (QByteArray(when) == "killed ")
            QVERIFY(failed > 0);
        qInfo("%s: %d of %lld readers got an error", when, failed,
              static_cast<long long>(lines.size()));
    }
}

void TestVmSharing::without_fingerprints() {
    const QByteArrayList notices = machine_.said("bare");
    QCOMPARE(notices.size(), 1);
    QVERIFY(notices[0].contains("no fingerprints"));
    const QByteArrayList mounts = machine_.said("bare_mount");
    QCOMPARE(mounts.size(), 1);
    QVERIFY(!mounts[0].contains("inode_share"));
}

QTEST_GUILESS_MAIN(TestVmSharing)
#include "test_vm_sharing.moc"
