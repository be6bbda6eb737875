// The Findings dock on a broken image: choosing a finding shows its structure with the fields
// marked; hex view and table of fields follow each other.
#include "app/detail/hex_view.h"
#include "app/style/look.h"
#include "app/style/theme.h"
#include "app/tables/findings_view.h"
#include "app/tables/structure_view.h"
#include "tests/models/opened_workspace.h"

#include <QAbstractItemModelTester>
#include <QSplitter>
#include <QTableView>
#include <QtTest>
#include <cstring>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

namespace {

// A link count, a name's type, a chunk's address and the checksum are wrong.
BuiltImage broken_image() {
    BuiltImage broken = small_image();
    const std::uint64_t cat = broken.inode.at("/usr/bin/cat");
    broken.bytes[cat + 6] = std::byte{7};
    const std::uint32_t far = 0x00FF'0000;
    std::memcpy(broken.bytes.data() + cat + 32 + 8 + 4, &far, sizeof far);
    broken.bytes[1024 + 4] ^= std::byte{1};
    return broken;
}

struct Shown {
    explicit Shown(Workspace& workspace) : view(workspace) {
        view.resize(1280, 320);
        view.show();
        tables = view.findChildren<QTableView*>();
        structure = view.findChild<StructureView*>();
    }
    [[nodiscard]] QTableView* table(const char* name) const {
        for (QTableView* each : tables) {
            if (each->accessibleName() == QLatin1String(name))
                return each;
        }
        return nullptr;
    }
    // Chooses the finding of this field by a click.
    [[nodiscard]] bool choose(const char* field) const {
        QTableView* findings = table("Findings");
        for (int row = 0; row < findings->model()->rowCount(); ++row) {
            const QModelIndex index = findings->model()->index(row, FindingsModel::field);
            if (index.data().toString() != QLatin1String(field))
                continue;
            findings->scrollTo(index);
            QTest::mouseClick(findings->viewport(), Qt::LeftButton, {},
                              findings->visualRect(index).center());
            return findings->currentIndex().row() == row;
        }
        return false;
    }

    FindingsView view;
    QList<QTableView*> tables;
    StructureView* structure = nullptr;
};

} // namespace

class TestFindingsView final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        QVERIFY(opened_.open(broken_image()));
        shown_ = std::make_unique<Shown>(opened_.workspace);
        QVERIFY(QTest::qWaitForWindowExposed(&shown_->view));
    }
    void cleanup() { shown_.reset(); }
    void a_finding_shows_its_structure();
    void fields_and_bytes_follow_each_other();
    void a_chunk_table();
    void a_sound_image_shows_none();
    void pictures_data();
    void pictures();

private:
    OpenedWorkspace opened_;
    std::unique_ptr<Shown> shown_;
};

void TestFindingsView::a_finding_shows_its_structure() {
    const FieldsModel& fields = shown_->structure->fields();
    QAbstractItemModelTester tester(const_cast<FieldsModel*>(&fields),
                                    QAbstractItemModelTester::FailureReportingMode::Fatal);
    QVERIFY(shown_->choose("nlink"));
    QVERIFY(fields.wrong().has_value());
    const erofs::Field& wrong = fields.fields()[*fields.wrong()];
    QCOMPARE(wrong.name, std::string("nlink"));
    QCOMPARE(wrong.value, std::string("7"));
    const HexView& hex = shown_->structure->hex();
    QVERIFY(hex.range().begin <= wrong.offset && wrong.offset < hex.range().end);
    QVERIFY(hex.viewport()->rect().contains(hex.byte_rect(wrong.offset).center().toPoint()));
    QVERIFY(shown_->choose("checksum"));
    QCOMPARE(fields.fields()[*fields.wrong()].offset, 1028U);
    QVERIFY(fields.rowCount() > 25);
}

void TestFindingsView::fields_and_bytes_follow_each_other() {
    QVERIFY(shown_->choose("checksum"));
    HexView& hex = shown_->structure->hex();
    QTableView* fields = shown_->table("Fields of the structure");
    QCOMPARE(fields->currentIndex().row(), 1);
    // A byte of "blocks".
    const std::uint64_t blocks = 1024 + 37;
    hex.bring_into_view({blocks, blocks + 1});
    QTest::mouseClick(hex.viewport(), Qt::LeftButton, {}, hex.byte_rect(blocks).center().toPoint());
    QCOMPARE(fields->currentIndex().siblingAtColumn(FieldsModel::name).data().toString(),
             QString("blocks"));
    // By key to the field above, whose bytes come into sight.
    fields->setFocus();
    QTest::keyClick(fields, Qt::Key_Home, Qt::ControlModifier);
    QTest::keyClick(fields, Qt::Key_End, Qt::ControlModifier);
    const int row = fields->currentIndex().row();
    QCOMPARE(row, fields->model()->rowCount() - 1);
    const erofs::Field& last = shown_->structure->fields().fields()[static_cast<std::size_t>(row)];
    QVERIFY(hex.viewport()->rect().contains(hex.byte_rect(last.offset).center().toPoint()));
}

void TestFindingsView::a_chunk_table() {
    QVERIFY(shown_->choose("chunk address"));
    const FieldsModel& fields = shown_->structure->fields();
    QVERIFY(fields.wrong().has_value());
    QVERIFY(fields.fields()[*fields.wrong()].value.starts_with("chunk 1: block"));
}

void TestFindingsView::a_sound_image_shows_none() {
    QVERIFY(opened_.open());
    QCOMPARE(shown_->view.count(), 0);
    QVERIFY(!shown_->structure->isVisible());
}

void TestFindingsView::pictures_data() {
    QTest::addColumn<bool>("dark");
    QTest::addColumn<QString>("field");
    for (const bool dark : {false, true}) {
        for (const char* field : {"checksum", "nlink", "chunk address"})
            QTest::addRow("%s-%s", field, dark ? "dark" : "light") << dark << QString(field);
    }
}

// For people to judge: written to pictures/ in the build tree.
void TestFindingsView::pictures() {
    QFETCH(bool, dark);
    QFETCH(QString, field);
    apply_theme(dark ? ThemeChoice::dark : ThemeChoice::light);
    shown_ = std::make_unique<Shown>(opened_.workspace);
    QVERIFY(QTest::qWaitForWindowExposed(&shown_->view));
    QVERIFY(shown_->choose(field.toUtf8().constData()));
    QTest::qWait(100);
    const QString folder = QCoreApplication::applicationDirPath() + "/../pictures";
    QVERIFY(QDir().mkpath(folder));
    const QPixmap picture = shown_->view.grab();
    const QString scale = picture.devicePixelRatio() > 1 ? "@2x" : "";
    QString name = QTest::currentDataTag();
    QVERIFY(picture.save(folder + "/findings-" + name.replace(' ', '-') + scale + ".png"));
    // What is wrong is framed in a colour of its own.
    const HexView& hex = shown_->structure->hex();
    const FieldsModel& fields = shown_->structure->fields();
    const QRectF wrong = hex.byte_rect(fields.fields()[*fields.wrong()].offset);
    const QImage image = const_cast<HexView&>(hex).viewport()->grab().toImage();
    const QColor frame = look(Mark::failed, dark ? Theme::dark : Theme::light).outline;
    const double ratio = image.devicePixelRatio();
    bool framed = false;
    for (double y = wrong.top() - 1; y < wrong.top() + 4; y += 0.5)
        framed = framed || image.pixelColor(static_cast<int>(wrong.center().x() * ratio),
                                            static_cast<int>(std::max(0.0, y * ratio))) == frame;
    QVERIFY(framed);
}

QTEST_MAIN(TestFindingsView)
#include "test_findings_view.moc"
