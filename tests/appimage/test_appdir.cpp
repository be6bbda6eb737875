// What the AppImage that packaging/appimage/build made holds: that it needs nothing of a machine
// but what packaging/appimage/host-libraries names, and says whose all of it is.
#include "tests/appimage/outcome.h"

#include <QLibraryInfo>
#include <QtTest>

using namespace Qt::StringLiterals;
using namespace coldscope::test;

namespace {

constexpr int patience_ms = 120'000;

const QString source = QStringLiteral(COLDSCOPE_SOURCE_DIR);
const QString id = QStringLiteral("io.github.coldscope.Coldscope");

// `variables` (NAME=VALUE) are set besides the test's own; APPDIR and the like are never inherited.
Outcome run(const QString& program, const QStringList& arguments, const QStringList& variables = {},
            const QString& folder = {}) {
    QProcess process;
    auto environment = QProcessEnvironment::systemEnvironment();
    for (const char* name : {"APPIMAGE", "APPDIR", "OWD", "ARGV0", "LD_LIBRARY_PATH"})
        environment.remove(QString::fromLatin1(name));
    for (const QString& variable : variables)
        environment.insert(variable.section('=', 0, 0), variable.section('=', 1));
    process.setProcessEnvironment(environment);
    if (!folder.isEmpty())
        process.setWorkingDirectory(folder);
    process.start(program, arguments);
    return outcome_of(process, patience_ms);
}

QStringList lines_of(const QString& path) {
    QFile file(path);
    if (!file.open(QFile::ReadOnly))
        return {};
    return QString::fromUtf8(file.readAll()).split('\n', Qt::SkipEmptyParts);
}

bool is_elf(const QString& path) {
    QFile file(path);
    return file.open(QFile::ReadOnly) && file.read(4) == "\177ELF";
}

} // namespace

class TestAppDir : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void is_roots_and_for_everyone();
    void every_library_is_found();
    void what_is_loaded_by_name_is_there();
    void names_no_folder_of_the_build();
    void everything_has_a_licence();
    void has_what_desktops_look_for();
    void the_name_chooses_the_program_data();
    void the_name_chooses_the_program();
    void runs_from_anywhere();
    void variables_are_passed_on();
    void plugins_of_the_host_are_ignored();
    void the_demo_image_is_sound();

private:
    [[nodiscard]] QString path(const QString& name) const { return root_ + '/' + name; }
    // Regular files, as paths beneath the AppDir.
    [[nodiscard]] QStringList files(const QString& below) const;

    QTemporaryDir folder_;
    QString root_; // the AppDir, extracted
};

void TestAppDir::initTestCase() {
    if (!QFile::exists(appimage_file()))
        QSKIP("no AppImage: packaging/appimage/build makes it");
    const Outcome extracted = run(appimage_file(), {"--appimage-extract"}, {}, folder_.path());
    QVERIFY2(extracted.status == 0, extracted.err.constData());
    root_ = folder_.filePath("squashfs-root");
    QVERIFY(QFileInfo(path("AppRun")).isExecutable());
}

QStringList TestAppDir::files(const QString& below) const {
    QStringList found;
    QDirIterator walk(path(below), QDir::Files | QDir::Hidden | QDir::System,
                      QDirIterator::Subdirectories);
    while (walk.hasNext()) {
        const QFileInfo file(walk.next());
        if (!file.isSymLink())
            found << QDir(root_).relativeFilePath(file.filePath());
    }
    found.sort();
    return found;
}

// As the payload says it, before extraction makes the files the user's.
void TestAppDir::is_roots_and_for_everyone() {
    const Outcome offset = run(appimage_file(), {"--appimage-offset"});
    QCOMPARE(offset.status, 0);
    const Outcome listed =
        run("unsquashfs", {"-o", QString::fromUtf8(offset.out.trimmed()), "-lln", appimage_file()});
    QVERIFY2(listed.status == 0, listed.err.constData());
    QSet<QString> times;
    qsizetype entries = 0;
    for (const QString& line : QString::fromUtf8(listed.out).split('\n', Qt::SkipEmptyParts)) {
        static const QRegularExpression entry(
            R"(^([-dl])(\S{9}) (\S+) +\d+ (\d{4}-\d\d-\d\d \d\d:\d\d) squashfs-root)");
        const auto match = entry.match(line);
        if (!match.hasMatch())
            continue;
        ++entries;
        times << match.captured(4);
        const QString type = match.captured(1), mode = match.captured(2);
        QVERIFY2(match.captured(3) == "0/0"_L1, qPrintable(line));
        QVERIFY2(type == 'l' || mode == "rwxr-xr-x"_L1 || (type == '-' && mode == "rw-r--r--"_L1),
                 qPrintable(line));
    }
    QVERIFY(entries > 200);
    QCOMPARE(times.size(), 1);
}

// What each program and library needs is inside, or of every host; and is found inside whatever a
// host has: by DT_RPATH of the programs, which DT_RUNPATH anywhere would override.
void TestAppDir::every_library_is_found() {
    QSet<QString> known;
    for (const QString& line : lines_of(source + "/packaging/appimage/host-libraries"_L1))
        if (!line.startsWith('#'))
            known << line;
    QVERIFY(known.contains("libc.so.6"));
    for (const QString& name : QDir(path("usr/lib")).entryList(QDir::Files))
        known << name;

    QStringList problems, searching;
    qsizetype needed = 0;
    for (const QString& file : files("usr")) {
        if (!is_elf(path(file)))
            continue;
        const Outcome dynamic = run("readelf", {"-dW", path(file)});
        QCOMPARE(dynamic.status, 0);
        for (const QString& line : QString::fromUtf8(dynamic.out).split('\n')) {
            const QString value = line.section('[', 1).section(']', 0, 0);
            if (line.contains("(NEEDED)"_L1)) {
                ++needed;
                if (!known.contains(value))
                    problems << file + " needs "_L1 + value;
            } else if (line.contains("(RUNPATH)"_L1)) {
                problems << file + " has RUNPATH "_L1 + value;
            } else if (line.contains("(RPATH)"_L1)) {
                searching << file + ' ' + value;
            }
        }
    }
    QCOMPARE(problems, QStringList());
    QCOMPARE(searching, QStringList({"usr/bin/coldscope $ORIGIN/../lib",
                                     "usr/bin/coldscoped $ORIGIN/../lib"}));
    QVERIFY(needed > 200);
}

void TestAppDir::what_is_loaded_by_name_is_there() {
    for (const char* name :
         {"lib/libssl.so.3", "lib/libcrypto.so.3", "plugins/tls/libqopensslbackend.so",
          "plugins/platforms/libqxcb.so", "plugins/platforms/libqwayland-generic.so",
          "plugins/platforms/libqoffscreen.so", "plugins/wayland-shell-integration/libxdg-shell.so",
          "plugins/wayland-decoration-client/libbradient.so", "plugins/imageformats/libqsvg.so",
          "plugins/iconengines/libqsvgicon.so", "bin/coldscope-guard"})
        QVERIFY2(QFile::exists(path("usr/"_L1 + QString::fromLatin1(name))), name);
}

void TestAppDir::names_no_folder_of_the_build() {
    const QByteArray folder = QFile::encodeName(source + '/');
    for (const QString& name : files({})) {
        QFile file(path(name));
        QVERIFY(file.open(QFile::ReadOnly));
        QVERIFY2(!file.readAll().contains(folder), qPrintable(name));
    }
}

void TestAppDir::everything_has_a_licence() {
    const QString licenses = "usr/share/doc/coldscope/licenses/"_L1;
    QHash<QString, QString> package_of; // by file
    for (const QString& line : lines_of(path(licenses + "CONTENTS"_L1))) {
        static const QRegularExpression entry(R"(^(\S.*\S) +(\S+) (\S+) (\S+)$)");
        const auto match = entry.match(line);
        QVERIFY2(match.hasMatch(), qPrintable(line));
        const QString terms = licenses + match.captured(2);
        QVERIFY2(!files(terms).isEmpty(), qPrintable(line));
        for (const QString& file : files(terms))
            QVERIFY2(QFileInfo(path(file)).size() > 0, qPrintable(file));
        package_of.insert(match.captured(1), match.captured(2));
    }
    QStringList unknown;
    for (const QString& file : files("usr/lib") + files("usr/plugins"))
        if (!package_of.contains(file))
            unknown << file;
    QCOMPARE(unknown, QStringList());
    QCOMPARE(package_of.value("usr/bin"), "coldscope");
    for (const char* linked :
         {"AppImage runtime: libsquashfuse_ll.a", "AppImage runtime: libfuse3.a",
          "AppImage runtime: libzstd.a", "AppImage runtime: libc.a",
          "usr/bin/coldscope-guard: libcrypto.a", "usr/bin/coldscope-guard: libstdc++.a",
          "usr/bin/coldscope-guard: libgcc_eh.a", "usr/bin/coldscope-guard: libc.a",
          "usr/bin: fmt/format.h", "usr/bin: CLI/CLI.hpp", "usr/bin: nlohmann/json.hpp"})
        QVERIFY2(package_of.contains(QString::fromLatin1(linked)), linked);
    for (const char* text : {"GPL-3", "GPL-2", "LGPL-2.1", "LGPL-3"})
        QVERIFY2(QFile::exists(path(licenses + "common-licenses/"_L1 + QLatin1String(text))), text);
}

void TestAppDir::has_what_desktops_look_for() {
    QCOMPARE(QDir(root_).entryList({"*.desktop"}, QDir::Files), QStringList(id + ".desktop"_L1));
    for (const QString& name : {id + ".desktop"_L1, id + ".svg"_L1, QString(".DirIcon")})
        QVERIFY2(QFileInfo(path(name)).isFile() && QFileInfo(path(name)).size() > 0,
                 qPrintable(name));
    QVERIFY(lines_of(path(id + ".desktop"_L1)).contains("Icon="_L1 + id));
}

void TestAppDir::the_name_chooses_the_program_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QStringList>("variables");
    QTest::addColumn<QByteArray>("said");
    const QStringList none;
    QTest::newRow("the window") << QStringList{"--version"} << none << QByteArray("coldscope ");
    QTest::newRow("the first argument")
        << QStringList{"coldscoped", "--version"} << none << QByteArray("coldscoped ");
    QTest::newRow("the name it is called by")
        << QStringList{"--version"} << QStringList{"ARGV0=/home/me/bin/coldscoped"}
        << QByteArray("coldscoped ");
    QTest::newRow("a name, and an argument")
        << QStringList{"coldscoped", "--version"} << QStringList{"ARGV0=coldscoped"}
        << QByteArray("coldscoped ");
    QTest::newRow("another name") << QStringList{"--version"}
                                  << QStringList{"ARGV0=/opt/coldscoped/Coldscope.AppImage"}
                                  << QByteArray("coldscope ");
}

void TestAppDir::the_name_chooses_the_program() {
    QFETCH(QStringList, arguments);
    QFETCH(QStringList, variables);
    QFETCH(QByteArray, said);
    const Outcome outcome = run(path("AppRun"), arguments, variables);
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    QVERIFY2(outcome.out.startsWith(said), outcome.out.constData());
}

void TestAppDir::runs_from_anywhere() {
    const QString odd = folder_.filePath("a folder's $name");
    QVERIFY(QDir().mkpath(odd));
    QVERIFY(QFile::link(path("AppRun"), odd + "/coldscope"_L1));
    const Outcome linked = run(odd + "/coldscope"_L1, {"coldscoped", "--version"}, {}, odd);
    QVERIFY2(linked.status == 0, linked.err.constData());

    // Moved to a name that is hard on scripts, called by a relative path.
    QVERIFY(QDir().rename(root_, odd + "/App Dir"_L1));
    const Outcome moved =
        run("sh", {"-c", "CDPATH=/ && export CDPATH && App\\ Dir/AppRun --version"}, {}, odd);
    QVERIFY(QDir().rename(odd + "/App Dir"_L1, root_));
    QVERIFY2(moved.status == 0, moved.err.constData());
    QVERIFY(moved.out.startsWith("coldscope "));
}

// Shells drop some of these.
void TestAppDir::variables_are_passed_on() {
    const QString app_dir = folder_.filePath("prints its environment");
    QVERIFY(QDir().mkpath(app_dir + "/usr/bin"_L1));
    QVERIFY(QFile::copy(path("AppRun"), app_dir + "/AppRun"_L1));
    QVERIFY(QFile::link("/usr/bin/env", app_dir + "/usr/bin/coldscope"_L1));
    const Outcome outcome =
        run("env", {"-i", "BASH_FUNC_m%%=() {  :; }", "a.b=1", "QT_PLUGIN_PATH=/of the host",
                    "COLDSCOPE_HOST_QT_QPA_PLATFORM_PLUGIN_PATH=of another AppImage",
                    app_dir + "/AppRun"_L1});
    QVERIFY2(outcome.status == 0, outcome.err.constData());
    QCOMPARE(outcome.out, "BASH_FUNC_m%%=() {  :; }\na.b=1\n"
                          "COLDSCOPE_HOST_QT_PLUGIN_PATH=/of the host\n");
}

// Qt names the platforms that it found when it is asked for one that isn't there.
void TestAppDir::plugins_of_the_host_are_ignored() {
    const QString plugins = QLibraryInfo::path(QLibraryInfo::PluginsPath);
    if (!QFile::exists(plugins + "/platforms/libqminimal.so"_L1))
        QSKIP("this host's Qt has no plugin that the AppImage lacks");
    const Outcome outcome =
        run(path("AppRun"), {},
            {"QT_QPA_PLATFORM=nosuch", "QT_PLUGIN_PATH="_L1 + plugins,
             "QT_QPA_PLATFORM_PLUGIN_PATH="_L1 + plugins + "/platforms"_L1, "QT_LOGGING_RULES="});
    QVERIFY(outcome.status > 0);
    QVERIFY2(outcome.err.contains("offscreen") && outcome.err.contains("wayland") &&
                 outcome.err.contains("xcb"),
             outcome.err.constData());
    QVERIFY2(!outcome.err.contains("minimal"), outcome.err.constData());
}

void TestAppDir::the_demo_image_is_sound() {
    const QString demo = path("usr/share/coldscope/demo/demo");
    const Outcome checked = run(
        path("AppRun"), {"coldscoped", "check", demo + ".erofs"_L1, "--device", demo + ".blob"_L1});
    QVERIFY2(checked.status == 0, checked.err.constData());
    const Outcome read = run(path("AppRun"), {"coldscoped", "cat", demo + ".erofs"_L1, "LICENSE",
                                              "--device", demo + ".blob"_L1});
    QVERIFY2(read.status == 0, read.err.constData());
    QFile licence(source + "/LICENSE"_L1);
    QVERIFY(licence.open(QFile::ReadOnly));
    QCOMPARE(read.out, licence.readAll());
}

QTEST_GUILESS_MAIN(TestAppDir)
#include "test_appdir.moc"
