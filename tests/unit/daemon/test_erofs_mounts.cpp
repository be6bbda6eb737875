// EROFS mounts as /proc/self/mountinfo tells them.
#include "daemon/guard/erofs_mounts.h"

#include <QtTest>
#include <sstream>
#include <sys/sysmacros.h>

using namespace coldscope;

class TestErofsMounts : public QObject {
    Q_OBJECT

    static std::vector<ErofsMount> mounts_of(const std::string& text) {
        std::istringstream stream(text);
        return erofs_mounts(stream);
    }

private Q_SLOTS:
    void options() {
        const auto mounts =
            mounts_of("22 1 253:0 / / rw,relatime - ext4 /dev/vda rw\n"
                      "40 22 0:39 / /a ro,relatime - erofs /images/a.erofs "
                      "ro,user_xattr,acl,cache_strategy=readaround,inode_share\n"
                      "41 22 0:40 / /b ro,relatime shared:7 master:2 - erofs /dev/loop0 "
                      "ro,cache_strategy=readaround,dax=always,directio\n"
                      "42 22 0:41 / /c ro - erofs /images/c.erofs ro,dax=never,inode_shared\n");
        QCOMPARE(mounts.size(), std::size_t{3});
        QCOMPARE(mounts[0].folder, std::string("/a"));
        QCOMPARE(mounts[0].source, std::string("/images/a.erofs"));
        QCOMPARE(mounts[0].root, std::string("/"));
        QVERIFY(mounts[0].inode_share && !mounts[0].dax && !mounts[0].directio);
        QCOMPARE(mounts[1].source, std::string("/dev/loop0"));
        QVERIFY(!mounts[0].block_device && mounts[1].block_device);
        QCOMPARE(mounts[1].device, makedev(0, 40));
        QVERIFY(!mounts[1].inode_share && mounts[1].dax && mounts[1].directio);
        QVERIFY(!mounts[2].inode_share && !mounts[2].dax && !mounts[2].directio);
    }

    void odd_names() {
        const auto mounts =
            mounts_of("40 22 0:39 /sub\\040dir /a\\040b\\134c ro - erofs /i\\011x\\09 ro\n");
        QCOMPARE(mounts.size(), std::size_t{1});
        QCOMPARE(mounts[0].folder, std::string("/a b\\c"));
        QCOMPARE(mounts[0].root, std::string("/sub dir"));
        QCOMPARE(mounts[0].source, std::string("/i\tx\\09"));
    }

    // What stands on another is what a path leads to.
    void the_topmost() {
        auto mounts = mounts_of("40 22 0:39 / /a ro - erofs /one ro\n"
                                "41 40 0:40 / /a ro - erofs /two ro\n");
        QCOMPARE(mounts.size(), std::size_t{1});
        QCOMPARE(mounts[0].source, std::string("/two"));
        mounts = mounts_of("40 22 0:39 / /a ro - erofs /one ro\n"
                           "41 40 0:40 / /a rw - tmpfs none rw\n");
        QVERIFY(mounts.empty());
    }

    void cut_off() {
        QVERIFY(mounts_of("").empty());
        QVERIFY(mounts_of("40 22 0:39 /").empty());
        QVERIFY(mounts_of("40 22 0:39 / /a ro -\n").empty());
        QVERIFY(mounts_of("40 22 0:39 / /a ro - erofs\n").empty());
        QCOMPARE(mounts_of("40 22 0:39 / /a ro - erofs /one").size(), std::size_t{1});
    }
};

QTEST_APPLESS_MAIN(TestErofsMounts)
#include "test_erofs_mounts.moc"
