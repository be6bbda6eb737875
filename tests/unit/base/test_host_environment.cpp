// What programs of the host are started with, where the environment is an AppImage's.
#include "core/base/host_environment.h"

#include <QTest>
#include <map>

using namespace coldscope;

namespace {

using Variables = std::map<std::string, std::string>;

// Not this process's environment, which other threads read.
Variables host(std::vector<std::string> own) {
    own.emplace_back("PATH=/usr/bin");
    Variables variables;
    for (const std::string& entry : host_environment(exec_list(own).data())) {
        const std::size_t equals = entry.find('=');
        const bool fresh =
            variables.emplace(entry.substr(0, equals), entry.substr(equals + 1)).second;
        if (!fresh)
            qFatal("%s is there twice", entry.c_str());
    }
    return variables;
}

} // namespace

class TestHostEnvironment : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void outside_of_an_appimage() {
        QCOMPARE(host({"EMPTY=", "APPDIRECTORY=kept"}),
                 (Variables{{"PATH", "/usr/bin"}, {"EMPTY", ""}, {"APPDIRECTORY", "kept"}}));
    }

    void this_process() {
        for (const std::string& entry : host_environment()) {
            const std::size_t equals = entry.find('=');
            QCOMPARE(qgetenv(entry.substr(0, equals).c_str()).toStdString(),
                     entry.substr(equals + 1));
        }
        QVERIFY(!host_environment().empty());
    }

    void what_the_runtime_sets_is_gone() {
        QCOMPARE(host({"APPIMAGE=/somewhere", "APPDIR=/somewhere", "OWD=/somewhere", "ARGV0=x"}),
                 (Variables{{"PATH", "/usr/bin"}}));
    }

    // Of another AppImage's terminal, or set by AppRun, or taken away by it.
    void what_was_before_is_back() {
        QCOMPARE(
            host({"APPDIR=/ours", "COLDSCOPE_HOST_APPDIR=/another's", "QT_PLUGIN_PATH=/ours",
                  "COLDSCOPE_HOST_QT_PLUGIN_PATH=/host=1", "COLDSCOPE_HOST_QML2_IMPORT_PATH="}),
            (Variables{{"PATH", "/usr/bin"},
                       {"APPDIR", "/another's"},
                       {"QT_PLUGIN_PATH", "/host=1"},
                       {"QML2_IMPORT_PATH", ""}}));
    }

    void as_exec_takes_it() {
        std::vector<std::string> words{"a", ""};
        const std::vector<char*> list = exec_list(words);
        QCOMPARE(list.size(), std::size_t{3});
        QCOMPARE(list[0], words[0].data());
        QCOMPARE(list[1], words[1].data());
        QVERIFY(list[2] == nullptr);
    }
};

QTEST_GUILESS_MAIN(TestHostEnvironment)
#include "test_host_environment.moc"
