// The timeline over a live run of the simulated kernel: it follows the present until the user
// looks elsewhere.
#include "app/run/workspace.h"
#include "app/timeline/timeline_canvas.h"
#include "app/timeline/timeline_view.h"
#include "tests/support/image_builder.h"

#include <QFile>
#include <QLabel>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

using namespace coldscope;
using namespace coldscope::app;

class TestTimelineLive : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void follows_until_the_user_looks_elsewhere();
    void a_held_request_grows();
    void the_end_of_a_run();
    void another_run_starts_afresh();
    void files_have_lanes();

private:
    void start();
    void stop();
    [[nodiscard]] QToolButton* follow() const {
        return view_->findChild<QToolButton*>(QStringLiteral("follow"));
    }

    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<TimelineView> view_;
};

namespace {
void write(const QString& path, const test::Bytes& bytes) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<qint64>(bytes.size()));
}
} // namespace

void TestTimelineLive::init() {
    folder_ = std::make_unique<QTemporaryDir>();
    test::ImageBuilder builder;
    builder.add_device("blob");
    for (unsigned i = 0; i < 4; ++i) {
        test::FileSpec file;
        file.path = "/file" + std::to_string(i);
        file.layout = erofs::Layout::chunk_based;
        file.device = 1;
        file.data = test::pattern(64 * 1024, i);
        builder.add(file);
    }
    const test::BuiltImage image = builder.build();
    write(folder_->filePath(QStringLiteral("image.erofs")), image.bytes);
    write(folder_->filePath(QStringLiteral("blob")), image.blobs[0]);
    workspace_ = std::make_unique<Workspace>();
    connect(workspace_.get(), &Workspace::failed, this,
            [](const QString& title, const QString& text) { qWarning() << title << text; });
    workspace_->open(folder_->filePath(QStringLiteral("image.erofs")),
                     {folder_->filePath(QStringLiteral("blob"))});
    QTRY_VERIFY_WITH_TIMEOUT(workspace_->image() != nullptr, 20000);
    view_ = std::make_unique<TimelineView>(*workspace_);
    view_->resize(900, 400);
    view_->show();
    QVERIFY(QTest::qWaitForWindowExposed(view_.get()));
}

void TestTimelineLive::cleanup() {
    if (workspace_)
        stop();
    view_.reset();
    workspace_.reset();
    folder_.reset();
}

void TestTimelineLive::start() {
    RunOptions options;
    options.image = folder_->filePath(QStringLiteral("image.erofs")).toStdString();
    options.devices = {folder_->filePath(QStringLiteral("blob")).toStdString()};
    static int caches = 0;
    options.cache = folder_->filePath(QStringLiteral("cache%1").arg(++caches)).toStdString();
    options.transport = TransportKind::simulated;
    options.shape.latency = 2 * millisecond;
    options.engine.listener_silence = 3600 * second; // what is held stays so
    options.reads = {{0, "first", "/file0", 0, ~std::uint64_t{0}}};
    workspace_->host().start(options);
    QTRY_VERIFY_WITH_TIMEOUT(workspace_->host().live(), 20000);
    QTRY_VERIFY_WITH_TIMEOUT(workspace_->host().store().size() > 0, 20000);
}

void TestTimelineLive::stop() {
    workspace_->host().stop();
    QTRY_VERIFY_WITH_TIMEOUT(workspace_->host().phase() == RunHost::Phase::ended ||
                                 workspace_->host().phase() == RunHost::Phase::none,
                             20000);
}

void TestTimelineLive::follows_until_the_user_looks_elsewhere() {
    TimelineCanvas& canvas = view_->canvas();
    auto* simulated = view_->findChild<QLabel*>(QStringLiteral("simulated"));
    QVERIFY(!simulated->isVisible());
    QVERIFY(!follow()->isEnabled());
    start();
    QVERIFY(simulated->isVisible());
    QVERIFY(follow()->isEnabled() && follow()->isChecked());
    // Each read that comes is in the window, and the window's end is no earlier.
    QVERIFY(workspace_->host().read("/file1"));
    const Nanoseconds before = canvas.scale().end();
    const Row rows = workspace_->host().store().size();
    QTRY_VERIFY(workspace_->host().store().size() > rows);
    QTRY_VERIFY(canvas.scale().end() > before);
    QVERIFY(canvas.scale().end() > workspace_->host().store()[rows].start);
    // A pan leaves the present.
    canvas.pan(-100);
    QVERIFY(!canvas.following() && !follow()->isChecked());
    const TimeScale left = canvas.scale();
    const Row more = workspace_->host().store().size();
    QVERIFY(workspace_->host().read("/file2"));
    QTRY_VERIFY(workspace_->host().store().size() > more);
    QCoreApplication::processEvents();
    QCOMPARE(canvas.scale(), left);
    // The button brings it back; so does End.
    QTest::mouseClick(follow(), Qt::LeftButton);
    QVERIFY(canvas.following() && follow()->isChecked());
    QVERIFY(canvas.scale().end() >= workspace_->host().store().latest());
    QTest::keyClick(&canvas, Qt::Key_Home);
    QVERIFY(!canvas.following());
    QTest::keyClick(&canvas, Qt::Key_End);
    QVERIFY(canvas.following());
    // Closer to now is still now; closer elsewhere is not.
    QTest::keyClick(&canvas, Qt::Key_Plus);
    QVERIFY(canvas.following());
    workspace_->choose_request(0);
    if (canvas.following()) { // it was in sight
        QVERIFY(canvas.rect_of(0));
        QTest::keyClick(&canvas, Qt::Key_Return);
    }
    QVERIFY(!canvas.following());
}

void TestTimelineLive::a_held_request_grows() {
    start();
    TimelineCanvas& canvas = view_->canvas();
    QVERIFY(workspace_->host().command("hold next"));
    QVERIFY(workspace_->host().read("/file3"));
    QTRY_VERIFY(!workspace_->host().waiting().empty());
    const Row row = workspace_->host().waiting().front();
    QTRY_VERIFY(canvas.model().row_of(workspace_->host().store(), row));
    const auto before = canvas.rect_of(row);
    QVERIFY(before);
    QTRY_VERIFY(canvas.rect_of(row)->width() > before->width() + 5);
    // At the right edge, as its end is now.
    QVERIFY(canvas.rect_of(row)->right() >= canvas.plot().right() - 2);
    workspace_->host().release_all();
    QTRY_VERIFY(workspace_->host().waiting().empty());
}

void TestTimelineLive::the_end_of_a_run() {
    start();
    QVERIFY(view_->canvas().following());
    stop();
    QVERIFY(!view_->canvas().following());
    QVERIFY(!follow()->isChecked() && !follow()->isEnabled());
    QVERIFY(view_->canvas().scale().end() >= workspace_->host().store().latest());
    const TimeScale scale = view_->canvas().scale();
    QCoreApplication::processEvents();
    QCOMPARE(view_->canvas().scale(), scale);
    view_->show_all();
    QVERIFY(view_->canvas().rect_of(0));
}

void TestTimelineLive::another_run_starts_afresh() {
    start();
    workspace_->choose_request(0);
    view_->canvas().zoom_to(0);
    stop();
    start();
    QVERIFY(view_->canvas().following());
    QVERIFY(view_->canvas().origin() == workspace_->host().began_at());
    QTRY_VERIFY(view_->canvas().rect_of(0));
    (void)view_->grab();
}

void TestTimelineLive::files_have_lanes() {
    view_->canvas().set_grouping(Grouping::file);
    start();
    QTRY_VERIFY(!view_->canvas().model().groups().empty());
    const auto named = [this] {
        for (const auto& group : view_->canvas().model().groups()) {
            if (group.label == QStringLiteral("/file0"))
                return true;
        }
        return false;
    };
    QTRY_VERIFY(named());
}

QTEST_MAIN(TestTimelineLive)
#include "test_timeline_live.moc"
