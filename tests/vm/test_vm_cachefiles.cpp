// cachefiles on demand on real kernels: coldscope-test-guest runs in a machine, one for each
// kernel, both at once, and says how each of its tests went.
#include "tests/kernel/live_run.h"
#include "tests/vm/virtual_machine.h"

#include <QDir>
#include <QFile>
#include <QtEndian>
#include <QtTest>
#include <map>
#include <memory>

using namespace coldscope::test;

namespace {

constexpr std::array names{
    // Every file by sha256.
    "layout_inline",
    "layout_plain",
    "layout_chunks",
    "layout_two",
    "layout_tagged",
    "layout_lz4",
    "several_mounts_at_once",
    "shared_domain",
    "remount_with_kept_cache",
    "prefetched_by_one_answer",
    "changed_source",
    "prefetched_behind_readers",
    // What goes wrong with one request.
    "open_failed",
    "open_held",
    "open_with_wrong_size",
    "read_failed",
    "read_held_and_late",
    "read_answered_partly",
    "reader_killed",
    "low_space",
    "disk_stalls",
    "daemon_stopped",
    // Deaths.
    "killed_with_reads_in_flight",
    "killed_with_an_open_in_flight",
    "killed_again_and_again",
    "restarted_without_the_source",
    "killed_and_nobody_takes_over",
    "killed_with_its_guard",
    "guard_killed",
    // Who asks, by the kernel's tracepoints.
    "readers_each_named",
    "thread_of_a_process_named",
    "readers_of_one_range_at_once",
    "readers_after_a_restart",
    // What the kernel does with a wrong daemon.
    "wrong_answers",
    "descriptor_closed_too_early",
    "descriptor_closed_before_copen",
    "device_closed_before_descriptors",
    "close_not_read",
    "second_daemon",
    "inuse_and_cull",
};
constexpr std::array all_series{"6.12", "6.1"};
// On one kernel alone: it takes more than a minute.
constexpr std::array slow_names{"many_objects_and_readers"};

QByteArrayList names_for(const QString& series) {
    QByteArrayList list(names.begin(), names.end());
    if (series == "6.12")
        list.append(QByteArrayList(slow_names.begin(), slow_names.end()));
    return list;
}

struct Outcome {
    bool passed = false;
    QByteArray text;
};
using Outcomes = std::map<QByteArray, Outcome>;

bool copy(const QString& from, const QString& to) {
    return QFile::copy(from, to);
}

// Writes a name into the first slot of the device table: mkfs.erofs leaves it empty. The checksum
// goes, since it would be wrong.
bool name_device(const QString& image, const QByteArray& name) {
    constexpr int superblock = 1024, compatible = 8, table = 0x58, slot_size = 128;
    QFile file(image);
    if (!file.open(QIODevice::ReadWrite))
        return false;
    file.seek(superblock);
    const QByteArray super = file.read(128);
    const auto features = qFromLittleEndian<quint32>(super.constData() + compatible);
    const auto first = qFromLittleEndian<quint16>(super.constData() + table);
    const quint32 without = qToLittleEndian(features & ~1u);
    file.seek(superblock + compatible);
    file.write(reinterpret_cast<const char*>(&without), sizeof without);
    file.seek(qint64{first} * slot_size);
    return file.write(name) == name.size();
}

} // namespace

class TestVmCachefiles : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void guest_data();
    void guest();

private:
    [[nodiscard]] QString make_data();
    void boot();

    QTemporaryDir folder_;
    QString data_;
    QString obstacle_;
    std::map<QString, Outcomes> outcomes_; // by series; after boot()
};

// Empty, or what could not be made.
QString TestVmCachefiles::make_data() {
    QString error;
    TreeImage tree = make_tree_image(folder_.path(), 500, &error, 200'000);
    if (tree.tree.isEmpty())
        return error;
    data_ = folder_.filePath("data");
    const QString objects = data_ + "/objects/";
    QDir().mkpath(objects);
    // A large file, and a few of which there is an image of their own.
    const QString small = tree.tree + "/usr/bin/small";
    QDir().mkpath(small);
    bool done = copy(program("coldscope-guard"), tree.tree + "/usr/bin/large");
    for (int i = 0; i < 12; ++i)
        done = done && copy(tree.tree + '/' + tree.files[i * 10], small + QString("/%1").arg(i));
    const auto made = [&](const QString& kind, const QString& bootstrap, const QString& first = {},
                          const QString& second = {}) {
        const TreeImage image = make_image_of(tree, kind, &error);
        return !image.bootstrap.isEmpty() && copy(image.bootstrap, objects + bootstrap) &&
               (first.isEmpty() || copy(image.blob, objects + first)) &&
               (second.isEmpty() || copy(image.second_blob, objects + second));
    };
    done = done && made("plain", "inline") && made("flat", "plain") &&
           made("64K", "chunks", "chunks.blob") &&
           made("two blobs", "two", "two.first", "two.second") && made("lz4", "lz4") &&
           copy(objects + "chunks", objects + "chunks.again") &&
           copy(objects + "chunks", objects + "tagged") &&
           name_device(objects + "tagged", "chunks.blob");
    QFile sums(data_ + "/sums");
    done = done && sums.open(QIODevice::WriteOnly);
    QDirIterator all(tree.tree, QDir::Files, QDirIterator::Subdirectories);
    while (done && all.hasNext()) {
        const QString path = all.next();
        sums.write(sha256_of(path).toHex() + "  ./" + path.mid(tree.tree.size() + 1).toUtf8() +
                   '\n');
    }
    const TreeImage parts{small, folder_.filePath("small.erofs"), {}, {}, {}};
    const TreeImage image = make_image_of(parts, "flat", &error);
    done = done && !image.bootstrap.isEmpty() && copy(image.bootstrap, objects + "small") &&
           QDir().rename(tree.tree, data_ + "/tree");
    return done ? QString() : "the images can't be made: " + error;
}

void TestVmCachefiles::initTestCase() {
    obstacle_ = make_data();
}

void TestVmCachefiles::guest_data() {
    QTest::addColumn<QString>("series");
    QTest::addColumn<QByteArray>("name");
    for (const char* const series : all_series) {
        for (const QByteArray& name : names_for(series))
            QTest::addRow("%s: %s", series, name.constData()) << QString(series) << name;
    }
}

void TestVmCachefiles::boot() {
    std::map<QString, VirtualMachine> machines;
    for (const char* const series : all_series) {
        VirtualMachine& machine = machines.try_emplace(series, series).first->second;
        outcomes_[series] = {};
        if (!machine.obstacle().isEmpty())
            continue;
        machine.programs << program("coldscoped") << program("coldscope-guard")
                         << program("coldscope-test-guest");
        machine.data = data_;
        machine.timeout_s = 1200;
        machine.options << "--silence"
                        << "400"
                        << "--memory-mb"
                        << "2048";
        machine.script = "coldscope-test-guest " + names_for(series).join(' ') + "; true\n";
        if (!machine.start())
            qWarning("the machine %s did not start", series);
    }
    for (auto& [series, machine] : machines) {
        if (!machine.finish())
            qWarning("the machine %s did not end as it should", qPrintable(series));
        for (const QByteArray& line : machine.said("RESULT")) {
            const QByteArrayList words = line.split(' ');
            if (words.size() < 3)
                continue;
            const QByteArray text = line.mid(words[0].size() + words[1].size() + 2);
            outcomes_[series][words[1]] = {words[0] == "pass", text};
            qInfo("%s %s", qPrintable(series), line.constData());
        }
    }
}

void TestVmCachefiles::guest() {
    QFETCH(QString, series);
    QFETCH(QByteArray, name);
    QVERIFY2(obstacle_.isEmpty(), qPrintable(obstacle_));
    NEEDS_MACHINE(VirtualMachine(series));
    if (outcomes_.empty())
        boot();
    const auto outcome = outcomes_[series].find(name);
    QVERIFY2(outcome != outcomes_[series].end(), "the machine did not say how it went");
    QVERIFY2(outcome->second.passed, outcome->second.text.constData());
}

QTEST_GUILESS_MAIN(TestVmCachefiles)
#include "test_vm_cachefiles.moc"
