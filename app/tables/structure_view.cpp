#include "app/tables/structure_view.h"

#include "app/detail/hex_view.h"
#include "app/style/text.h"
#include "app/tables/cells.h"

#include <QHeaderView>
#include <QLabel>
#include <QSplitter>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>
#include <span>

namespace coldscope::app {

namespace {

constexpr std::uint64_t around = 16;   // bytes on both sides of a structure
constexpr std::uint64_t unknown = 128; // and of a byte that is in none

} // namespace

StructureView::StructureView(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), model_(new FieldsModel(this)),
      title_(new QLabel(this)), hex_(new HexView(this)), table_(new QTableView(this)) {
    set_up_table(table_);
    table_->setModel(model_);
    table_->setAccessibleName(tr("Fields of the structure"));
    table_->horizontalHeader()->setStretchLastSection(false);
    table_->horizontalHeader()->setSectionResizeMode(FieldsModel::value, QHeaderView::Stretch);
    hex_->setFrameShape(QFrame::NoFrame);
    title_->setContentsMargins(6, 3, 6, 3);
    title_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* parts = new QSplitter(Qt::Horizontal, this);
    parts->addWidget(hex_);
    parts->addWidget(table_);
    parts->setStretchFactor(0, 4);
    parts->setStretchFactor(1, 5);
    parts->setSizes({400, 500});
    parts->setChildrenCollapsible(false);
    auto* lines = new QVBoxLayout(this);
    lines->setContentsMargins({});
    lines->setSpacing(0);
    lines->addWidget(title_);
    lines->addWidget(parts, 1);

    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            &StructureView::select_field);
    connect(hex_, &HexView::byte_chosen, this, &StructureView::select_row);
    show_finding(nullptr);
}

void StructureView::show_finding(const erofs::Finding* finding) {
    model_->set_fields({}, {});
    table_->setVisible(false);
    title_->setVisible(false);
    if (finding == nullptr || !workspace_.image()) {
        hex_->show_sentence(tr("Select a finding to see its bytes."));
        return;
    }
    if (finding->place.structure == erofs::Structure::none) {
        show_around(*finding);
        return;
    }
    auto bytes = erofs::place_bytes(*workspace_.image()->image, finding->place);
    if (!bytes)
        hex_->show_sentence(tr("These bytes can't be read: %1").arg(error_text(bytes.error())));
    else
        show_place(*finding, std::move(*bytes));
}

// No structure is known there: the bytes alone, as far as the image goes.
void StructureView::show_around(const erofs::Finding& finding) {
    const std::uint64_t size = workspace_.image()->image->size();
    if (finding.offset == no_offset || finding.in_metabox || size == 0) {
        hex_->show_sentence(tr("This finding is about no bytes of the image."));
        return;
    }
    const std::uint64_t at = std::min(finding.offset, size - 1);
    const Range range{at - std::min(at, unknown), std::min(size, at + unknown)};
    const std::shared_ptr<ReadAt> file = workspace_.image()->devices[0];
    hex_->set_source(
        range, [file](std::uint64_t offset, std::uint64_t length) -> Result<QByteArray> {
            QByteArray bytes(static_cast<qsizetype>(length), Qt::Uninitialized);
            COLDSCOPE_CHECK(
                file->read(offset, std::as_writable_bytes(std::span(bytes.data(), length))));
            return bytes;
        });
    hex_->set_highlight(Range{at, at + 1});
    hex_->bring_into_view({at, at + 1});
    title_->setText(finding.offset < size
                        ? tr("Bytes around %1").arg(offset_text(at))
                        : tr("The image's last bytes: it ends at %1").arg(offset_text(size)));
    title_->setVisible(true);
}

void StructureView::show_place(const erofs::Finding& finding, std::vector<std::byte> bytes) {
    erofs::Image& image = *workspace_.image()->image;
    const erofs::Place& place = finding.place;
    std::vector<erofs::Field> fields = erofs::fields_of(image.superblock(), place, bytes);
    erofs::Finding sought = finding;
    if (place.in_metabox != finding.in_metabox)
        sought.offset = no_offset;
    const auto wrong = erofs::field_of(sought, fields);
    // What lies on both sides tells where the structure begins and ends.
    Range range{place.offset, place.offset + bytes.size()};
    if (!place.in_metabox) {
        range.begin -= std::min(range.begin, around);
        range.end = std::min(image.size(), range.end + around);
        erofs::Place wider = place;
        wider.offset = range.begin;
        wider.length = range.length();
        if (auto more = erofs::place_bytes(image, wider); more && more->size() == wider.length)
            bytes = std::move(*more);
        else
            range = {place.offset, place.offset + bytes.size()};
    }
    hex_->set_bytes(range.begin, QByteArray(reinterpret_cast<const char*>(bytes.data()),
                                            static_cast<qsizetype>(bytes.size())));
    std::vector<HexView::Field> marks;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const erofs::Field& field = fields[i];
        marks.push_back({{field.offset, field.offset + field.width},
                         QString::fromStdString(field.name),
                         QString::fromStdString(field.value),
                         wrong == i,
                         field.name == "reserved"});
    }
    hex_->set_fields(std::move(marks));
    const QString where = place.in_metabox ? tr("in the metabox") : tr("in the image");
    title_->setText(tr("%1, %2 bytes at %3 %4")
                        .arg(QString::fromLatin1(erofs::name(place.structure)),
                             count_text(place.length), offset_text(place.offset), where));
    title_->setVisible(true);
    model_->set_fields(std::move(fields), wrong);
    table_->setVisible(model_->rowCount() > 0);
    table_->resizeColumnToContents(FieldsModel::name);
    table_->resizeColumnToContents(FieldsModel::at);
    if (wrong) {
        const QModelIndex index = model_->index(static_cast<int>(*wrong), FieldsModel::name);
        table_->setCurrentIndex(index);
        table_->scrollTo(index, QAbstractItemView::PositionAtCenter);
    }
}

void StructureView::select_field() {
    const int row = table_->currentIndex().row();
    if (row < 0)
        return;
    const erofs::Field& field = model_->fields()[static_cast<std::size_t>(row)];
    hex_->bring_into_view({field.offset, field.offset + field.width});
    hex_->set_chosen_field(static_cast<std::size_t>(row));
}

void StructureView::select_row(std::uint64_t offset) {
    if (const int row = model_->row_at(offset); row >= 0)
        table_->setCurrentIndex(model_->index(row, FieldsModel::name));
}

} // namespace coldscope::app
