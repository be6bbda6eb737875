// What programs of the host are started with, where the environment is an AppImage's.
#include "core/base/host_environment.h"

#include <QTest>
#include <cstdlib>
#include <map>

using namespace coldscope;

namespace {

std::map<std::string, std::string> host() {
    std::map<std::string, std::string> variables;
    for (const std::string& entry : host_environment()) {
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
    void init() {
        ::clearenv();
        ::setenv("PATH", "/usr/bin", 1);
    }

    void outside_of_an_appimage() {
        ::setenv("EMPTY", "", 1);
        ::setenv("APPDIRECTORY", "kept", 1);
        QCOMPARE(host(), (std::map<std::string, std::string>{
                             {"PATH", "/usr/bin"}, {"EMPTY", ""}, {"APPDIRECTORY", "kept"}}));
    }

    void what_the_runtime_sets_is_gone() {
        for (const char* name : {"APPIMAGE", "APPDIR", "OWD", "ARGV0"})
            ::setenv(name, "/somewhere", 1);
        QCOMPARE(host(), (std::map<std::string, std::string>{{"PATH", "/usr/bin"}}));
    }

    // Of another AppImage's terminal, or set by AppRun, or taken away by it.
    void what_was_before_is_back() {
        ::setenv("APPDIR", "/ours", 1);
        ::setenv("COLDSCOPE_HOST_APPDIR", "/another's", 1);
        ::setenv("QT_PLUGIN_PATH", "/ours", 1);
        ::setenv("COLDSCOPE_HOST_QT_PLUGIN_PATH", "/host=1", 1);
        ::setenv("COLDSCOPE_HOST_QML2_IMPORT_PATH", "", 1);
        QCOMPARE(host(), (std::map<std::string, std::string>{{"PATH", "/usr/bin"},
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
