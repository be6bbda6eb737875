// A thread's cgroup, and the container that it names.
#include "core/request/facts.h"

#include <QTest>

using namespace coldscope;

Q_DECLARE_METATYPE(std::string)

class TestFacts : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void path_data() {
        QTest::addColumn<std::string>("text");
        QTest::addColumn<std::string>("path");
        const auto row = [](const char* name, std::string text, std::string path) {
            QTest::newRow(name) << std::move(text) << std::move(path);
        };
        row("unified", "0::/user.slice/a.scope\n", "/user.slice/a.scope");
        row("unified among others", "12:memory:/m\n1:name=systemd:/s\n0::/u\n", "/u");
        row("only others", "12:memory:/m:1\n1:name=systemd:/s\n", "/m:1");
        row("the root", "0::/\n", "/");
        row("without an end", "0::/x", "/x");
        row("nothing", "", "");
        row("no cgroup's line", "what\n:\n", "");
    }
    void path() {
        QFETCH(std::string, text);
        QFETCH(std::string, path);
        QCOMPARE(std::string(cgroup_path(text)), path);
    }

    void container_data() {
        QTest::addColumn<std::string>("cgroup");
        QTest::addColumn<std::string>("id");
        const std::string one(64, 'a');
        const std::string other = std::string(12, '1') + std::string(52, 'b');
        const auto row = [](const char* name, std::string cgroup, std::string id) {
            QTest::newRow(name) << std::move(cgroup) << std::move(id);
        };
        row("docker, systemd", "/system.slice/docker-" + other + ".scope", "111111111111");
        row("docker, cgroupfs", "/docker/" + other, "111111111111");
        row("podman", "/machine.slice/libpod-" + one + ".scope/container", "aaaaaaaaaaaa");
        row("one in another", "/docker/" + one + "/kubepods/cri-containerd-" + other + ".scope",
            "111111111111");
        row("too short", "/docker/" + one.substr(1), "");
        row("too long", "/docker/" + one + "c", "");
        row("none", "/user.slice/user-0.slice/session-1.scope", "");
        row("empty", "", "");
    }
    void container() {
        QFETCH(std::string, cgroup);
        QFETCH(std::string, id);
        QCOMPARE(std::string(container_id(cgroup)), id);
    }
};

QTEST_GUILESS_MAIN(TestFacts)
#include "test_facts.moc"
