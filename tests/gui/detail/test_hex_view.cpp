#include "app/detail/hex_view.h"

#include <QApplication>
#include <QClipboard>
#include <QScrollBar>
#include <QtTest>

using namespace coldscope;
using namespace coldscope::app;

class TestHexView final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void shows_an_array();
    void narrow_views_have_eight_bytes();
    void fetches_only_what_is_seen();
    void selects_and_copies();
    void mouse_finds_bytes();
    void says_what_went_wrong();
};

namespace {
void open(HexView& view, int width = 900, int height = 300) {
    view.resize(width, height);
    view.show();
    QVERIFY(QTest::qWaitForWindowExposed(&view));
}
} // namespace

void TestHexView::shows_an_array() {
    HexView view;
    view.set_bytes(0x1003, QByteArray("\x7f"
                                      "ELF\0x",
                                      6));
    open(view);
    QCOMPARE(view.range(), (Range{0x1003, 0x1009}));
    QCOMPARE(view.byte_at(0x1003), std::optional<unsigned char>(0x7f));
    QCOMPARE(view.byte_at(0x1008), std::optional<unsigned char>('x'));
    QVERIFY(!view.byte_at(0x1009).has_value());
    QVERIFY(!view.byte_at(0x1002).has_value());
    // Rows begin at multiples of their length.
    QVERIFY(view.byte_rect(0x1003).left() > view.byte_rect(0x1003).width() * 3);
}

void TestHexView::narrow_views_have_eight_bytes() {
    HexView view;
    view.set_bytes(0, QByteArray(256, 'a'));
    open(view);
    QCOMPARE(view.per_row(), 16);
    view.resize(360, 300);
    QTRY_COMPARE(view.per_row(), 8);
    QVERIFY(view.byte_rect(8).top() > view.byte_rect(7).top());
}

void TestHexView::fetches_only_what_is_seen() {
    HexView view;
    std::uint64_t fetched = 0;
    const Range whole{0, 1ULL << 40};
    view.set_source(whole, [&](std::uint64_t offset, std::uint64_t length) -> Result<QByteArray> {
        fetched += length;
        return QByteArray(static_cast<qsizetype>(length), static_cast<char>(offset >> 12));
    });
    open(view);
    view.grab();
    QVERIFY(fetched > 0);
    QVERIFY(fetched <= 4 * HexView::page);
    fetched = 0;
    view.verticalScrollBar()->setValue(view.verticalScrollBar()->maximum());
    view.grab();
    QVERIFY(fetched <= 4 * HexView::page);
    QTest::keyClick(&view, Qt::Key_End, Qt::ControlModifier);
    QCOMPARE(view.byte_at(whole.end - 1), std::optional<unsigned char>(0xff));
}

void TestHexView::selects_and_copies() {
    HexView view;
    view.set_bytes(0, QByteArray("\x00\x01\xfe\xff"
                                 "abc",
                                 7));
    open(view);
    QTest::keyClick(&view, Qt::Key_Right);
    QTest::keyClick(&view, Qt::Key_Right, Qt::ShiftModifier);
    QTest::keyClick(&view, Qt::Key_Right, Qt::ShiftModifier);
    QCOMPARE(view.selected(), (Range{1, 4}));
    QTest::keyClick(&view, Qt::Key_C, Qt::ControlModifier);
    QCOMPARE(QApplication::clipboard()->text(), "01 fe ff");
    QTest::keyClick(&view, Qt::Key_A, Qt::ControlModifier);
    QCOMPARE(view.selected_text(), "00 01 fe ff 61 62 63");
}

void TestHexView::mouse_finds_bytes() {
    HexView view;
    view.set_bytes(0x20, QByteArray(100, 'z'));
    open(view);
    for (std::uint64_t offset = 0x20; offset < 0x20 + 100; ++offset)
        QCOMPARE(view.offset_at(view.byte_rect(offset).center()), std::optional(offset));
    QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, view.byte_rect(0x25).center().toPoint());
    QTest::mouseClick(view.viewport(), Qt::LeftButton, Qt::ShiftModifier,
                      view.byte_rect(0x33).center().toPoint());
    QCOMPARE(view.selected(), (Range{0x25, 0x34}));
}

void TestHexView::says_what_went_wrong() {
    HexView view;
    view.set_source({0, 4096}, [](std::uint64_t, std::uint64_t) -> Result<QByteArray> {
        return failure(Code::not_found, "the file of this device is not there");
    });
    open(view);
    view.grab();
    QVERIFY(view.sentence().contains("is not there"));
    view.set_bytes(0, "x");
    QVERIFY(view.sentence().isEmpty());
    view.set_bytes(0, {});
    QVERIFY(!view.sentence().isEmpty());
}

QTEST_MAIN(TestHexView)
#include "test_hex_view.moc"
