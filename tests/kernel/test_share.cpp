// coldscoped share on real mounts: what is resident, what could be shared, and who may know it.
#include "tests/kernel/pkexec_relay.h"
#include "tests/kernel/share_run.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QtTest>
#include <csignal>

using namespace coldscope::test;

namespace {

constexpr qint64 page = 4096;

qint64 pages_of(qint64 size) {
    return (size + page - 1) / page * page;
}

} // namespace

class TestShare : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    TreeImage image_;
    QString one_;  // where it is mounted
    QString two_;  // and again
    QString copy_; // of the image: the same, and mounted nowhere
    QString why_;  // it is mounted nowhere

    [[nodiscard]] qint64 bytes_of(const QStringList& files) const {
        qint64 bytes = 0;
        for (const QString& file : files)
            bytes += pages_of(QFileInfo(image_.tree + '/' + file).size());
        return bytes;
    }
    [[nodiscard]] QStringList copies() const {
        return {copy_, copy_, "--device", "1=" + image_.blob, "--device", "2=" + image_.blob};
    }
    [[nodiscard]] QStringList everything() const {
        return {image_.bootstrap,   image_.bootstrap, "--device", "1=" + image_.blob, "--device",
                "2=" + image_.blob, "--mounts",       one_,       "--mounts",         two_};
    }

    // Programs and options before those of share.
    [[nodiscard]] QStringList as_user() const {
        const QString bin = folder_.filePath("bin");
        QDir().mkpath(bin);
        for (const QString& name :
             {QStringLiteral("coldscoped"), QStringLiteral("coldscope-guard")})
            QFile::copy(program(name), bin + '/' + name);
        QFile::setPermissions(folder_.path(), QFile::Permissions(0x7755));
        return {"--reuid",           "65534", "--regid", "65534", "--clear-groups",
                bin + "/coldscoped", "share"};
    }

    // share --privileged, whose pkexec is a stand-in.
    void start_as_user(QProcess& process, PkexecRelay& relay, const QStringList& more) const {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert("PATH", relay.path() + ":/usr/bin:/bin");
        environment.insert("COLDSCOPE_TEST_PKEXEC", relay.socket_path());
        process.setProcessEnvironment(environment);
        process.start("setpriv", as_user() + everything() + QStringList("--privileged") + more);
    }

private Q_SLOTS:
    void initTestCase();
    void cleanupTestCase();
    void predicted();
    void csv_says_the_same();
    void what_is_resident();
    void again_and_again();
    void a_sample_is_saved();
    void an_ordinary_user_is_told_no_more();
    void root_s_guard_tells_a_user();
    void a_guard_that_dies();
    void wrong_words();
};

void TestShare::initTestCase() {
    QString error;
    image_ = make_tree_image(folder_.path(), 120, &error, 1 << 20);
    QVERIFY2(!image_.tree.isEmpty(), qPrintable(error));
    copy_ = folder_.filePath("copy.erofs");
    QVERIFY(QFile::copy(image_.bootstrap, copy_));
    one_ = folder_.filePath("one");
    two_ = folder_.filePath("two");
    why_ = mount_image(image_, one_, {});
    if (why_.isEmpty())
        why_ = mount_image(image_, two_, ",directio");
}

void TestShare::cleanupTestCase() {
    unmount_all(folder_.path());
}

// The same image twice: all that the second has, the first has too, in the same blob.
void TestShare::predicted() {
    const Said said = share({copy_, copy_, "--blob", image_.blob});
    // The blob's name is no tag.
    QCOMPARE(said.code, 1);
    QVERIFY2(said.err.contains("--device N=BLOB"), said.err);

    const QJsonObject json = share(copies() << "--json"
                                            << "--files")
                                 .json();
    const QJsonArray all = json["all"].toArray();
    QCOMPARE(all.size(), 2);
    for (const QJsonValue& row : all) {
        QCOMPARE(number(row["off"]), bytes_of(image_.files));
        QVERIFY(number(row["by_rfc"]) <= number(row["off"]));
    }
    QVERIFY(number(all[0]["by_rfc"]) > 0);
    QCOMPARE(number(all[1]["by_rfc"]), 0);
    QVERIFY(json["resident"].isNull());
    QVERIFY(!json["resident_unknown"].toString().isEmpty());
    // The sums are those of the files' pieces.
    for (int image = 1; image <= 2; ++image) {
        QMap<QString, qint64> marks;
        qint64 files = 0;
        for (const QJsonValue& file : json["files"].toArray()) {
            if (file["image"].toInt() != image)
                continue;
            ++files;
            qint64 at = 0;
            for (const QJsonValue& piece : file["pieces"].toArray()) {
                QCOMPARE(number(piece["begin"]), at);
                at = number(piece["end"]);
                marks[piece["mark"].toString()] += pages_of(at) - number(piece["begin"]);
                QCOMPARE(piece["residency"].toString(), QString("unknown"));
            }
            QCOMPARE(at, number(file["size"]));
        }
        const QJsonObject sums = json["images"][image - 1]["marks"].toObject();
        for (const QString& mark : sums.keys())
            QCOMPARE(marks.value(mark), number(sums[mark]));
        QCOMPARE(number(json["images"][image - 1]["files"]), files);
    }
}

void TestShare::csv_says_the_same() {
    const QJsonArray all = share(copies() << "--json").json()["all"].toArray();
    const Said said = share(copies() << "--csv");
    QCOMPARE(said.code, 0);
    const QList<QByteArray> lines = said.out.trimmed().split('\n');
    QCOMPARE(lines.size(), 3);
    const QList<QByteArray> names = lines[0].split(',');
    for (int row = 0; row < 2; ++row) {
        const QList<QByteArray> fields = lines[row + 1].split(',');
        QCOMPARE(fields.size(), names.size());
        for (const char* name : {"off", "by_fingerprint", "by_rfc", "files"})
            QCOMPARE(fields[names.indexOf(name)].toLongLong(), number(all[row][name]));
        QCOMPARE(fields[names.indexOf("observed")], QByteArray());
    }
}

// Some files are read through one mount, some through both.
void TestShare::what_is_resident() {
    NEEDS_MOUNTS();
    QVERIFY(drop_caches());
    const QStringList of_one = image_.files.mid(10, 30);
    const QStringList of_two = image_.files.mid(30, 40);
    for (const QString& file : of_two)
        QVERIFY(!original(two_ + '/' + file, 0, 1 << 20).isNull());
    const QStringList question = everything() << "--json"
                                              << "--files";
    // The second mount reads around the page cache of its file.
    QCOMPARE(number(share(question).json()["images"][1]["seen"]["cached_twice"]), 0);
    for (const QString& file : of_one)
        QVERIFY(!original(one_ + '/' + file, 0, 1 << 20).isNull());
    const Said said = share(question);
    QCOMPARE(said.code, 0);
    const QJsonObject json = said.json();
    const QJsonArray resident = json["resident"].toArray();
    QCOMPARE(number(resident[0]["off"]), bytes_of(of_one));
    QCOMPARE(number(resident[1]["off"]), bytes_of(of_two));
    // No kernel shares by blob: each mount has pages of its own.
    QCOMPARE(number(resident[0]["observed"]), bytes_of(of_one));
    QCOMPARE(number(resident[1]["observed"]), bytes_of(of_two));
    QCOMPARE(number(resident[1]["unknown"]), 0);
    // The rule of the RFC would have spared the ones that both have.
    QVERIFY(number(resident[1]["by_rfc"]) <= bytes_of(image_.files.mid(40, 30)));
    QVERIFY(number(resident[1]["by_rfc"]) > 0);
    for (const QJsonValue& file : json["files"].toArray()) {
        const QStringList& read = file["image"].toInt() == 1 ? of_one : of_two;
        const bool wanted = read.contains(file["path"].toString().mid(1));
        for (const QJsonValue& piece : file["pieces"].toArray())
            QCOMPARE(piece["residency"].toString(), QString(wanted ? "resident" : "not resident"));
    }
    // The first mount reads through it, and its readahead brings what the second has, too.
    QCOMPARE(number(json["images"][0]["seen"]["cached_twice"]), bytes_of(of_one));
    const Said text = share(everything());
    QCOMPARE(text.code, 0);
    QVERIFY2(text.out.contains("resident now\n"), text.out);
}

void TestShare::again_and_again() {
    NEEDS_MOUNTS();
    const Said said = share(everything() << "--json"
                                         << "--interval"
                                         << "10ms"
                                         << "--samples"
                                         << "3");
    QCOMPARE(said.code, 0);
    const QList<QByteArray> lines = said.out.trimmed().split('\n');
    QCOMPARE(lines.size(), 3);
    for (const QByteArray& line : lines)
        QVERIFY(QJsonDocument::fromJson(line).object()["resident"].isArray());
    // Without a number of samples, until a signal.
    QProcess process;
    process.start(program("coldscoped"), QStringList("share") + everything() << "--csv"
                                                                             << "--interval"
                                                                             << "20ms");
    QByteArray out;
    QTRY_VERIFY_WITH_TIMEOUT(
        (process.waitForReadyRead(100), out += process.readAll(), out.count("resident,1,") >= 3),
        60000);
    kill(static_cast<pid_t>(process.processId()), SIGINT);
    QVERIFY(process.waitForFinished(30000));
    QCOMPARE(process.exitStatus(), QProcess::NormalExit);
    QCOMPARE(process.exitCode(), 0);
    QCOMPARE(out.count("all,1,"), 1);
}

// The file holds what was printed, and each file's ranges.
void TestShare::a_sample_is_saved() {
    NEEDS_MOUNTS();
    QVERIFY(!original(one_ + '/' + image_.files[0], 0, 1 << 20).isNull());
    const QString path = folder_.filePath("saved.json");
    const QStringList save{"--save", path};
    const Said said = share(everything() << "--csv" << save);
    QVERIFY2(said.code == 0, said.err);
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QJsonObject json = QJsonDocument::fromJson(file.readAll()).object();
    QVERIFY(number(json["resident"][0]["off"]) > 0);
    QVERIFY(!json["files"].toArray().isEmpty());
    for (int i = 0; i < 2; ++i) {
        const QByteArray begin = "resident," + QByteArray::number(i + 1) + ',';
        QVERIFY2(said.out.contains(begin), said.out);
        const QByteArray row = said.out.mid(said.out.indexOf(begin)).split('\n').first();
        QCOMPARE(row.split(',').value(3).toLongLong(), number(json["resident"][i]["off"]));
    }
    // One a line, of several.
    const QStringList twice{"--interval", "10ms", "--samples", "2"};
    QCOMPARE(share(everything() << "--json" << twice << save).code, 0);
    QVERIFY(file.seek(0));
    const QList<QByteArray> lines = file.readAll().trimmed().split('\n');
    QCOMPARE(lines.size(), 2);
    for (const QByteArray& line : lines)
        QVERIFY(QJsonDocument::fromJson(line).object()["files"].isArray());
    const Said none = share(everything() << "--save" << folder_.filePath("no/such"));
    QCOMPARE(none.code, 1);
    QVERIFY2(none.err.contains("/no/such"), none.err);
    // What can't be compared leaves the file as it is; an image is never written to.
    QVERIFY(file.seek(0));
    const QByteArray before = file.readAll();
    QCOMPARE(share({image_.bootstrap, image_.tree, "--save", path}).code, 1);
    QVERIFY(file.seek(0));
    QCOMPARE(file.readAll(), before);
    const qint64 size = QFileInfo(image_.blob).size();
    QCOMPARE(share(everything() << "--save" << image_.blob).code, 1);
    QCOMPARE(QFileInfo(image_.blob).size(), size);
    QVERIFY(size > 0);
}

void TestShare::an_ordinary_user_is_told_no_more() {
    NEEDS_MOUNTS();
    const QStringList user = as_user();
    const Said said = run_program("setpriv", user + everything() + QStringList("--json"));
    QVERIFY2(said.code == 0, said.err);
    const QJsonObject json = said.json();
    QVERIFY(json["resident"].isNull());
    QVERIFY(!json["resident_unknown"].toString().isEmpty());
    QCOMPARE(number(json["all"][0]["off"]), bytes_of(image_.files));
    const Said text = run_program("setpriv", user + everything());
    QVERIFY2(text.out.contains("resident now: unknown"), text.out);
}

// pkexec is a stand-in here, whose order root's side takes.
void TestShare::root_s_guard_tells_a_user() {
    NEEDS_MOUNTS();
    QVERIFY(drop_caches());
    const QStringList read = image_.files.mid(10, 30);
    for (const QString& file : read)
        QVERIFY(!original(one_ + '/' + file, 0, 1 << 20).isNull());
    PkexecRelay relay;
    QProcess process;
    start_as_user(process, relay, {"--json"});
    QVERIFY(process.waitForFinished(60000));
    QVERIFY2(process.exitCode() == 0, process.readAllStandardError());
    const QJsonObject json = QJsonDocument::fromJson(process.readAllStandardOutput()).object();
    QVERIFY2(json["resident"].isArray(), qPrintable(json["resident_unknown"].toString()));
    QCOMPARE(number(json["resident"][0]["off"]), bytes_of(read));
    QCOMPARE(number(json["resident"][1]["off"]), 0);
    QVERIFY2(relay.asked().value(0).endsWith("/coldscope-guard"),
             qPrintable(relay.asked().join(' ')));
}

// The samples end then, which is an error.
void TestShare::a_guard_that_dies() {
    NEEDS_MOUNTS();
    PkexecRelay relay;
    QProcess process;
    start_as_user(process, relay, {"--csv", "--interval", "20ms"});
    QByteArray out;
    QTRY_VERIFY_WITH_TIMEOUT(
        (process.waitForReadyRead(100), out += process.readAll(), out.contains("resident,1,")),
        60000);
    QTRY_VERIFY_WITH_TIMEOUT(relay.started() > 0, 20000); // it may have begun before that is noted
    QCOMPARE(kill(relay.started(), SIGKILL), 0);
    QVERIFY(process.waitForFinished(60000));
    QCOMPARE(process.exitCode(), 1);
    QVERIFY(!process.readAllStandardError().isEmpty());
}

void TestShare::wrong_words() {
    const QString& image = image_.bootstrap;
    QCOMPARE(share({}).code, 2);
    QCOMPARE(share({image, "--device", image_.blob}).code, 2);
    QCOMPARE(share({image, "--device", "2=" + image_.blob}).code, 2);
    QCOMPARE(share({image, "--mounts", "/", "--mounts", "/"}).code, 2);
    QCOMPARE(share({image, "--interval", "soon"}).code, 2);
    QCOMPARE(share({image, "--json", "--csv"}).code, 2);
    const Said none = share({image, "--mounts", folder_.path()});
    QCOMPARE(none.code, 1);
    QVERIFY2(none.err.contains("no EROFS image is mounted on"), none.err);
    QCOMPARE(share({image_.tree}).code, 1);
}

QTEST_GUILESS_MAIN(TestShare)
#include "test_share.moc"
