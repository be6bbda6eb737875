// The detail of a request that was held: its steps, acts, files and bytes.
#include "app/detail/hex_view.h"
#include "app/detail/phases.h"
#include "app/detail/request_detail.h"
#include "tests/gui/maps/simulated_world.h"

#include <QInputDialog>
#include <QLabel>
#include <QPushButton>
#include <QTableWidget>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestRequestDetail final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void says_what_to_do();
    void a_held_request_and_its_release();
    void the_fail_button_fails_it();
    void bytes_are_those_asked_for();
    void files_are_links();

private:
    [[nodiscard]] QString text(const char* name) const {
        return detail_->findChild<QLabel*>(QString::fromLatin1(name))->text();
    }
    [[nodiscard]] QStringList steps() const {
        const auto* table = detail_->findChild<QTableWidget*>("steps");
        QStringList names;
        for (int row = 0; row < table->rowCount(); ++row)
            names.push_back(table->item(row, 0)->text());
        return names;
    }
    [[nodiscard]] QPushButton* button(const char* name) const {
        return detail_->findChild<QPushButton*>(QString::fromLatin1(name));
    }
    Row hold() {
        if (!world_->start(*workspace_) || !workspace_->host().command("hold file=/bin/held") ||
            !SimulatedWorld::read(*workspace_, "/bin/held", RequestState::held))
            qFatal("nothing was held");
        const Row row = *SimulatedWorld::row_in(*workspace_, "/bin/held", RequestState::held);
        workspace_->choose_request(row);
        detail_->refresh_now();
        return row;
    }

    std::unique_ptr<SimulatedWorld> world_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<RequestDetail> detail_;
};

void TestRequestDetail::init() {
    world_ = std::make_unique<SimulatedWorld>();
    workspace_ = std::make_unique<Workspace>();
    detail_ = std::make_unique<RequestDetail>(*workspace_);
    QVERIFY(world_->open(*workspace_));
    detail_->resize(360, 700);
    detail_->show();
    QVERIFY(QTest::qWaitForWindowExposed(detail_.get()));
}

void TestRequestDetail::cleanup() {
    detail_.reset();
    SimulatedWorld::stop(*workspace_);
    workspace_.reset();
    world_.reset();
}

void TestRequestDetail::says_what_to_do() {
    detail_->refresh_now();
    QVERIFY(!detail_->row().has_value());
    QVERIFY(detail_->findChild<QLabel*>("title")->isHidden() ||
            !detail_->findChild<QLabel*>("title")->isVisible());
}

void TestRequestDetail::a_held_request_and_its_release() {
    const Row row = hold();
    QVERIFY(text("title").contains(QString::number(workspace_->host().store()[row].id)));
    QVERIFY(text("state").startsWith("held for"));
    QVERIFY(text("who").startsWith("for "));
    QVERIFY(text("flags").contains("rule"));
    QVERIFY(steps().contains("held"));
    QVERIFY(!steps().contains("answered"));
    for (const char* name : {"release", "delay", "fail"})
        QVERIFY(button(name)->isVisible());
    QVERIFY(text("consequence").contains("EIO"));
    const QString before = text("state");
    QTRY_VERIFY(text("state") != before); // it counts up by itself

    QTest::mouseClick(button("release"), Qt::LeftButton);
    QTRY_VERIFY(steps().contains("answered"));
    const QStringList all = steps();
    QCOMPARE(all.first(), "arrived");
    QCOMPARE(all.last(), "answered");
    QVERIFY(all.indexOf("held") < all.indexOf("fetching"));
    QVERIFY(!button("release")->isVisible());
    QVERIFY(text("state").contains("it was held"));

    const auto phases = phases_of(workspace_->host().store(), row, workspace_->host().now());
    const RequestRow& request = workspace_->host().store()[row];
    Nanoseconds total = 0;
    for (const Phase& phase : phases)
        total += phase.end - phase.begin;
    QCOMPARE(total, request.end() - request.start); // no time is missing, none counts twice
}

void TestRequestDetail::the_fail_button_fails_it() {
    const Row row = hold();
    QTimer::singleShot(0, detail_.get(), [&] {
        auto* dialog = qobject_cast<QInputDialog*>(QApplication::activeModalWidget());
        QVERIFY(dialog != nullptr);
        QVERIFY(dialog->comboBoxItems().first().contains("EIO"));
        dialog->accept();
    });
    QTest::mouseClick(button("fail"), Qt::LeftButton);
    QTRY_COMPARE(workspace_->host().store().state(row), RequestState::failed);
    QTRY_VERIFY(text("result").contains("EIO"));
    QCOMPARE(steps().last(), "failed");
    QVERIFY(text("flags").contains("hand"));
}

void TestRequestDetail::bytes_are_those_asked_for() {
    const Row row = hold();
    const RequestRow& request = workspace_->host().store()[row];
    HexView& hex = detail_->hex();
    QCOMPARE(hex.range(), (Range{request.offset, request.offset + request.length}));
    for (const std::uint64_t offset :
         {request.offset, request.offset + 17, request.offset + request.length - 1}) {
        const auto byte = hex.byte_at(offset);
        QVERIFY(byte.has_value());
        if (request.object == 1)
            QCOMPARE(*byte, static_cast<unsigned char>(world_->blob()[offset]));
    }
    QVERIFY(text("caption").contains("not through the mount"));
}

void TestRequestDetail::files_are_links() {
    hold();
    auto* files = detail_->findChild<QLabel*>("files");
    QVERIFY(files->text().contains("/bin/held"));
    const auto cold = SimulatedWorld::node(*workspace_, "/bin/cold");
    Q_EMIT files->linkActivated(QString::number(cold));
    QCOMPARE(workspace_->selection().current().node, std::optional(cold));
    QCOMPARE(workspace_->selection().current().by, Chosen::By::node);
}

QTEST_MAIN(TestRequestDetail)
#include "test_request_detail.moc"
