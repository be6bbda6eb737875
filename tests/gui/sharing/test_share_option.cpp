// coldscope IMAGE --share IMAGE=DIR: the images are in the Sharing dock, with the folders that were
// given, while the first one is still being read.
#include "app/sharing/sharing_view.h"
#include "tests/gui/live/window_fixture.h"
#include "tests/models/sharing_images.h"

#include <QDockWidget>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestShareOption : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void folders() {
        ImagePair pair;
        QVERIFY(pair.write());
        WindowFixture it;
        it.window->open_image(pair.path(false));
        it.window->share_with(pair.path(false), pair.folder() + "/one");
        it.window->share_with(pair.path(true), pair.folder() + "/two");
        const auto view = [&it] {
            return qobject_cast<SharingView*>(it.window->view(QStringLiteral("sharing")));
        };
        QTRY_VERIFY_WITH_TIMEOUT(view() != nullptr && view()->state().predicted() != nullptr,
                                 20'000);
        const auto& entries = view()->state().set().entries();
        QCOMPARE(entries.size(), std::size_t{2});
        QCOMPARE(entries[0].path, pair.path(false));
        QCOMPARE(entries[0].folder, pair.folder() + "/one");
        QCOMPARE(entries[1].path, pair.path(true));
        QCOMPARE(entries[1].folder, pair.folder() + "/two");
        QVERIFY(view()->isVisible());
    }
};

QTEST_MAIN(TestShareOption)
#include "test_share_option.moc"
