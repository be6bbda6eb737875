// The files of two images as one tree: paths of both, filtered and sorted, and their strips.
#include "app/sharing/holders_model.h"
#include "app/sharing/images_model.h"
#include "app/sharing/sharing_model.h"
#include "app/sharing/sharing_text.h"
#include "app/sharing/strip_columns.h"
#include "app/sharing/usage_model.h"
#include "app/style/text.h"
#include "tests/models/sharing_images.h"

#include <QAbstractItemModelTester>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;
using namespace coldscope::test;

class TestSharingModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void union_of_paths();
    void strips_and_figures();
    void filters();
    void orders();
    void while_it_changes();
    void open_folders_stay();
    void holders();
    void images();
    void options_change_marks();
    void usage();
    void usage_by_fingerprint();
    void columns_of_strips();

private:
    [[nodiscard]] static bool picked(const SharingModel& model) {
        return QTest::qWaitFor([&] { return !model.picking(); }, 20'000);
    }
    [[nodiscard]] static QStringList paths(const SharingModel& model,
                                           const QModelIndex& parent = {}) {
        QStringList all;
        for (int row = 0; row < model.rowCount(parent); ++row) {
            const QModelIndex index = model.index(row, 0, parent);
            all << QString::fromStdString(model.predicted()->files.path(*model.line_of(index)));
            if (all.last() != "/many")
                all << paths(model, index);
        }
        return all;
    }
    [[nodiscard]] Line line(const char* path, std::size_t image = 0) const {
        const erofs::NodeId node = predicted()->indices[image]->find(path).value_or(erofs::no_node);
        return predicted()->files.line_of(image, node);
    }
    [[nodiscard]] const std::shared_ptr<const Predicted>& predicted() const {
        return state_->predicted();
    }

    OpenedWorkspace opened_;
    ImagePair pair_;
    std::unique_ptr<SharingState> state_;
};

void TestSharingModel::initTestCase() {
    QVERIFY(pair_.write());
    QVERIFY(pair_.open(opened_.workspace));
    state_ = std::make_unique<SharingState>(opened_.workspace);
    QVERIFY(predicted() == nullptr);
    state_->set().add(pair_.path(true));
    QVERIFY(settled(*state_));
    QVERIFY2(predicted() != nullptr, qPrintable(state_->set().error()));
}

void TestSharingModel::union_of_paths() {
    const FileUnion& files = predicted()->files;
    // Each node of each image is one line's, which has its name.
    for (std::size_t image = 0; image < 2; ++image) {
        const erofs::Index& index = *predicted()->indices[image];
        for (erofs::NodeId node = 0; node < index.size(); ++node) {
            const Line at = files.line_of(image, node);
            QCOMPARE(files.node(at, image), node);
            QCOMPARE(files.path(at), index.path(node));
        }
    }
    for (Line at = 1; at < files.size(); ++at) {
        QVERIFY(files.parent(at) < at);
        const auto siblings = files.children(files.parent(at));
        QVERIFY(at >= siblings.first && at < siblings.first + siblings.count);
    }
    QCOMPARE(files.node(line("/moved", 1), 0), erofs::no_node);
    QCOMPARE(files.node(line("/old", 0), 1), erofs::no_node);
}

void TestSharingModel::strips_and_figures() {
    SharingModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QCOMPARE(model.rowCount(), 0);
    model.show(predicted(), nullptr);
    QVERIFY(picked(model));
    QCOMPARE(model.columnCount(), 6);
    QCOMPARE(paths(model), (QStringList{"/both", "/both/one", "/both/tail", "/both/two", "/empty",
                                        "/link", "/many", "/moved", "/new", "/old"}));
    QCOMPARE(model.rowCount(model.index_of(line("/many"))), 300);
    QCOMPARE(model.headerData(1, Qt::Horizontal, Qt::DisplayRole).toString(), "first.erofs");
    const QModelIndex one = model.index_of(line("/both/one"), model.size_column());
    QCOMPARE(one.data().toString(), size_text(64 << 10));

    const FileStrip strip = model.strip(line("/both/one"), 0);
    QVERIFY(strip.kind == FileStrip::Kind::file);
    QCOMPARE(strip.pieces.size(), std::size_t{1});
    QVERIFY(strip.pieces[0].piece.mark == sharing::Mark::by_blob);
    QVERIFY(strip.pieces[0].residency == sharing::Presence::unknown);
    QVERIFY(strip.piece_at(0.5) != nullptr);
    QVERIFY(model.strip(line("/old"), 1).kind == FileStrip::Kind::missing);
    QVERIFY(model.strip(line("/link"), 0).kind == FileStrip::Kind::other);
    // A folder's sum is that of what is in it.
    const FileStrip both = model.strip(line("/both"), 0);
    QVERIFY(both.kind == FileStrip::Kind::folder && both.part != nullptr);
    QCOMPARE(both.part->by_mark[std::size_t(sharing::Mark::by_blob)], std::uint64_t{224 << 10});
    QCOMPARE(both.part->unknown, both.part->bytes());
    const auto totals = predicted()->prediction.totals(0);
    QCOMPARE(totals.by_mark[std::size_t(sharing::Mark::by_blob)], std::uint64_t{240 << 10});
    QVERIFY(model.index_of(line("/both/one"), 1)
                .data(Qt::AccessibleTextRole)
                .toString()
                .contains("shareable by blob"));
    model.show(nullptr, nullptr);
    QCOMPARE(model.rowCount(), 0);
}

void TestSharingModel::filters() {
    SharingModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.show(predicted(), nullptr);
    model.set_filter(QStringLiteral("BOTH/T"), FilesWith::any);
    QVERIFY(picked(model));
    QCOMPARE(paths(model), (QStringList{"/both", "/both/tail", "/both/two"}));
    QCOMPARE(model.files_shown(), std::uint64_t{2});
    model.set_filter({}, FilesWith::shared);
    QVERIFY(picked(model));
    QCOMPARE(paths(model), (QStringList{"/both", "/both/one", "/both/tail", "/both/two", "/moved",
                                        "/new", "/old"}));
    model.set_filter(QStringLiteral("nothing"), FilesWith::any);
    QVERIFY(picked(model));
    QCOMPARE(model.rowCount(), 0);
    model.set_filter({}, FilesWith::any);
    QVERIFY(picked(model));
    QVERIFY(model.rowCount() > 0);
}

void TestSharingModel::orders() {
    SharingModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.show(predicted(), nullptr);
    model.sort(model.size_column(), Qt::DescendingOrder);
    QVERIFY(picked(model));
    const QStringList by_size = paths(model);
    QCOMPARE(by_size.first(4), (QStringList{"/both", "/both/two", "/both/one", "/both/tail"}));
    model.sort(SharingModel::name, Qt::DescendingOrder);
    QVERIFY(picked(model));
    QCOMPARE(paths(model).first(), "/old");
}

void TestSharingModel::while_it_changes() {
    SharingModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    for (int i = 0; i < 60; ++i) {
        model.show(i % 7 == 0 ? nullptr : predicted(), nullptr);
        model.set_filter(i % 2 == 0 ? QString() : QString::number(i % 10),
                         static_cast<FilesWith>(i % 3));
        model.sort(i % 6, i % 4 < 2 ? Qt::AscendingOrder : Qt::DescendingOrder);
        if (i % 3 == 0)
            QTest::qWait(1);
    }
    model.show(predicted(), nullptr);
    model.sort(SharingModel::name, Qt::AscendingOrder);
    model.set_filter(QStringLiteral("/new"), FilesWith::any);
    QVERIFY(picked(model));
    QCOMPARE(paths(model), QStringList{"/new"});
}

// What a view keeps of a line goes with it through filters.
void TestSharingModel::open_folders_stay() {
    SharingModel model;
    model.show(predicted(), nullptr);
    QVERIFY(picked(model));
    const QPersistentModelIndex two = model.index_of(line("/both/two"));
    const QPersistentModelIndex old = model.index_of(line("/old"));
    model.set_filter(QStringLiteral("two"), FilesWith::any);
    QVERIFY(picked(model));
    QCOMPARE(two.data().toString(), "two");
    QCOMPARE(two.row(), 0);
    QVERIFY(!old.isValid());
}

void TestSharingModel::holders() {
    HoldersModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    const erofs::NodeId two = *predicted()->indices[0]->find("/both/two");
    model.show(predicted(), nullptr, ChosenPiece{0, two, {0, 128 << 10}});
    QCOMPARE(model.rowCount(), 1);
    QCOMPARE(model.index(0, HoldersModel::path).data().toString(), "/moved");
    QCOMPARE(model.index(0, HoldersModel::image).data().toString(), "second.erofs");
    QCOMPARE(model.index(0, HoldersModel::how).data().toString(), "shareable by blob");
    QCOMPARE(model.piece_at(0)->image, std::size_t{1});
    QCOMPARE(model.piece_at(0)->node, *predicted()->indices[1]->find("/moved"));
    QVERIFY(!model.piece_at(1));
    model.show(predicted(), nullptr, {});
    QCOMPARE(model.rowCount(), 0);
}

void TestSharingModel::images() {
    ImagesModel model(*state_);
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QCOMPARE(model.rowCount(), 2);
    QCOMPARE(model.index(1, ImagesModel::image).data().toString(), "second.erofs");
    const int by_blob = ImagesModel::first_mark + int(sharing::Mark::by_blob);
    QCOMPARE(model.index(0, by_blob).data().toString(), size_text(240 << 10));
    QVERIFY(model.flags(model.index(0, ImagesModel::domain)).testFlag(Qt::ItemIsEditable));
    QVERIFY(!model.setData(model.index(0, ImagesModel::image), "x", Qt::EditRole));
    // A sample touches nothing that is being typed.
    QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
    Q_EMIT state_->changed();
    QCOMPARE(changed.count(), 1);
    QCOMPARE(changed[0][0].toModelIndex().column(), int(ImagesModel::first_mark));
}

// Another domain keeps both from sharing, and one domain would lift that.
void TestSharingModel::options_change_marks() {
    ImagesModel images(*state_);
    QVERIFY(images.setData(images.index(1, ImagesModel::domain), "elsewhere", Qt::EditRole));
    QTRY_COMPARE(predicted()->mounted[1].domain, std::string("elsewhere"));
    QVERIFY(settled(*state_));
    SharingModel model;
    model.show(predicted(), nullptr);
    model.set_filter({}, FilesWith::blocked);
    QVERIFY(picked(model));
    const Line one = line("/both/one");
    QCOMPARE(paths(model).first(2), (QStringList{"/both", "/both/one"}));
    const FileStrip strip = model.strip(one, 0);
    QVERIFY(strip.pieces[0].piece.reason == sharing::Reason::other_domain);
    QVERIFY(model.index_of(one, model.lift_column()).data().toString().contains("domain_id"));
    QCOMPARE(model.index_of(one, model.saves_column()).data().toString(), size_text(64 << 10));
    QVERIFY(images.setData(images.index(1, ImagesModel::domain), "", Qt::EditRole));
    QTRY_COMPARE(predicted()->mounted[1].domain, std::string());
    QVERIFY(settled(*state_));
}

void TestSharingModel::usage() {
    UsageModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.show({"a,b", "second"}, predicted()->usage, false);
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(model.index(1, UsageModel::observed).data().toString(), "unknown");
    // The first one's pages are all new, of the second's only those that are not on the blob.
    const auto& usage = predicted()->usage;
    QCOMPARE(usage.size(), std::size_t{2});
    QCOMPARE(usage[1].off - usage[1].by_rfc, std::uint64_t{240 << 10});
    QCOMPARE(model.csv(),
             QStringLiteral("image,files,off_bytes,by_fingerprint_bytes,by_blob_bytes\n"
                            "\"a,b\",%1,%2,%3,%4\nsecond,%5,%6,%7,%8\n")
                 .arg(usage[0].files)
                 .arg(usage[0].off)
                 .arg(usage[0].by_fingerprint)
                 .arg(usage[0].by_rfc)
                 .arg(usage[1].files)
                 .arg(usage[1].off)
                 .arg(usage[1].by_fingerprint)
                 .arg(usage[1].by_rfc));
    sharing::Usage one;
    one.observed = 8192;
    one.unknown = 4096;
    QCOMPARE(usage_csv({"a\rb"}, std::span(&one, 1), true),
             "image,files,off_bytes,by_fingerprint_bytes,by_blob_bytes,observed_bytes,"
             "unknown_bytes\n\"a\rb\",0,0,0,0,8192,4096\n");
}

// As if inode_share were on, however the images are mounted.
void TestSharingModel::usage_by_fingerprint() {
    QTemporaryDir folder;
    const auto path = [&](bool second) {
        return folder.filePath(second ? QStringLiteral("b.erofs") : QStringLiteral("a.erofs"));
    };
    for (const bool second : {false, true}) {
        ImageBuilder builder;
        builder.add_prefix(4, "erofs.fingerprint.v1").set_fingerprints(0);
        FileSpec same;
        same.path = second ? "/there" : "/here";
        same.data = pattern(64 << 10, 1);
        same.xattrs.emplace_back("trusted.erofs.fingerprint.v1", "sha256:" + std::string(32, '1'));
        builder.add(same);
        FileSpec own;
        own.path = "/own";
        own.data = pattern(8 << 10, second ? 2 : 3);
        builder.add(own);
        FileSpec link;
        link.path = "/own too";
        link.link_to = "/own";
        builder.add(link);
        QVERIFY(write_file(path(second), builder.build().bytes));
    }
    OpenedWorkspace opened;
    opened.workspace.open(path(false));
    QTRY_VERIFY(!opened.workspace.opening() && opened.workspace.image() != nullptr);
    SharingState state(opened.workspace);
    state.set().add(path(true));
    QVERIFY(settled(state));
    QVERIFY2(state.predicted() != nullptr, qPrintable(state.set().error()));
    QVERIFY(!state.predicted()->mounted[0].inode_share);
    const auto& usage = state.predicted()->usage;
    QCOMPARE(usage[0].off, std::uint64_t{72 << 10});
    QCOMPARE(usage[0].by_fingerprint, usage[0].off);
    QCOMPARE(usage[1].off - usage[1].by_fingerprint, std::uint64_t{64 << 10});
    // A folder's sum has an inode once: /here, /there and /own.
    QCOMPARE(state.predicted()->tally.size(FileUnion::root), std::uint64_t{136 << 10});
}

// Of pieces that fall together the weightiest is seen, however small.
void TestSharingModel::columns_of_strips() {
    FileStrip strip;
    strip.kind = FileStrip::Kind::file;
    strip.size = 1'000 * sharing::page_size;
    using sharing::Mark;
    using sharing::Presence;
    const auto add = [&](std::uint64_t begin, std::uint64_t end, Mark mark, Presence residency) {
        strip.pieces.push_back(
            {{begin * sharing::page_size, end * sharing::page_size, mark, sharing::Reason::none},
             residency});
    };
    add(0, 500, Mark::alone, Presence::absent);
    add(500, 501, Mark::blocked, Presence::resident);
    add(501, 1000, Mark::by_blob, Presence::absent);
    const auto columns = strip_columns(strip, 100);
    QCOMPARE(columns.size(), std::size_t{100});
    QVERIFY(columns[49].mark == Mark::alone);
    QVERIFY(columns[50].mark == Mark::blocked);
    QVERIFY(columns[50].residency == Presence::resident);
    QVERIFY(columns[51].mark == Mark::by_blob);
    QVERIFY(strip_columns(strip, 0).empty());
    FileStrip empty;
    empty.kind = FileStrip::Kind::file;
    QVERIFY(strip_columns(empty, 10).empty());
}

QTEST_MAIN(TestSharingModel)
#include "test_sharing_model.moc"
