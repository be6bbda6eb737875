#include "app/maps/blob_map.h"

#include "app/maps/legend.h"
#include "app/style/marks.h"
#include "app/style/text.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace coldscope::app {

BlobMap::BlobMap(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), device_(new QComboBox), overlay_(new QComboBox),
      closer_(new QToolButton), wider_(new QToolButton), whole_(new QToolButton),
      grid_(new BlobGrid(workspace, this)), legend_(new Legend) {
    setAccessibleName(tr("Blob map"));
    device_->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    device_->setAccessibleName(tr("Device"));
    overlay_->setAccessibleName(tr("What the colours show"));
    overlay_->addItem(tr("state"), static_cast<int>(Overlay::state));
    overlay_->addItem(tr("first access order"), static_cast<int>(Overlay::first_access));
    overlay_->addItem(tr("heat"), static_cast<int>(Overlay::heat));
    overlay_->addItem(tr("sharing"), static_cast<int>(Overlay::sharing));
    const auto button = [](QToolButton* which, const char* picture, const QString& text) {
        which->setIcon(icon(picture));
        which->setToolTip(text);
        which->setAccessibleName(text);
        which->setAutoRaise(true);
    };
    button(closer_, "zoom-in", tr("Fewer blocks a cell (+)"));
    button(wider_, "zoom-out", tr("More blocks a cell (−)"));
    button(whole_, "zoom-fit-best", tr("The whole device (0)"));

    bar_ = new QWidget;
    auto* top = new QHBoxLayout(bar_);
    auto* device_label = new QLabel(tr("&Device"));
    device_label->setBuddy(device_);
    auto* overlay_label = new QLabel(tr("&Show"));
    overlay_label->setBuddy(overlay_);
    top->addWidget(device_label);
    top->addWidget(device_);
    top->addSpacing(12);
    top->addWidget(overlay_label);
    top->addWidget(overlay_);
    top->addStretch();
    top->addWidget(wider_);
    top->addWidget(closer_);
    top->addWidget(whole_);
    top->setContentsMargins(6, 4, 6, 0);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->setSpacing(4);
    all->addWidget(bar_);
    all->addWidget(grid_, 1);
    auto* bottom = new QHBoxLayout;
    bottom->setContentsMargins(6, 0, 6, 4);
    bottom->addWidget(legend_);
    all->addLayout(bottom);

    connect(device_, &QComboBox::activated, this,
            [this](int at) { grid_->set_device(static_cast<std::uint16_t>(at)); });
    connect(overlay_, &QComboBox::currentIndexChanged, this, [this](int at) {
        grid_->set_overlay(static_cast<Overlay>(overlay_->itemData(at).toInt()));
        show_view();
    });
    const auto zoom = [this](int by) {
        grid_->set_zoom(grid_->zoom() + by, QPointF(grid_->viewport()->width() / 2.0,
                                                    grid_->viewport()->height() / 2.0));
    };
    connect(closer_, &QToolButton::clicked, this, [zoom] { zoom(-1); });
    connect(wider_, &QToolButton::clicked, this, [zoom] { zoom(1); });
    connect(whole_, &QToolButton::clicked, grid_, &BlobGrid::fit);
    connect(grid_, &BlobGrid::device_changed, this,
            [this] { device_->setCurrentIndex(grid_->device()); });
    connect(grid_, &BlobGrid::view_changed, this, &BlobMap::show_view);
    connect(&workspace_, &Workspace::sharing_changed, this, &BlobMap::show_view);
    connect(&workspace_, &Workspace::image_changed, this, &BlobMap::list_devices);
    list_devices();
    show_legend();
}

void BlobMap::list_devices() {
    device_->clear();
    const auto& image = workspace_.image();
    for (std::uint16_t i = 0; image && i < image->device_count(); ++i)
        device_->addItem(tr("%1 — %2").arg(QString::fromStdString(image->device_name(i)),
                                           size_text(image->device_size(i))));
    device_->setEnabled(device_->count() != 0);
    device_->setCurrentIndex(image ? grid_->device() : -1);
    bar_->setVisible(image != nullptr);
    legend_->setVisible(image != nullptr);
    show_view();
}

void BlobMap::show_legend() {
    switch (grid_->overlay()) {
    case Overlay::state:
        legend_->show_marks(state_marks(workspace_.residency().fetched_ahead()));
        break;
    case Overlay::first_access:
        legend_->show_scale(tr("asked for first"), tr("last"));
        break;
    case Overlay::heat:
        legend_->show_scale(tr("one request"), tr("most requests"));
        break;
    case Overlay::sharing:
        legend_->show_marks(sharing_marks());
        break;
    }
}

void BlobMap::show_view() {
    show_legend();
    closer_->setEnabled(grid_->space().size != 0 && grid_->zoom() > BlobGrid::least_zoom);
    wider_->setEnabled(grid_->space().size != 0 && grid_->zoom() < grid_->most_zoom());
    whole_->setEnabled(grid_->space().size != 0 && !grid_->fits());
    if (grid_->space().size == 0) {
        legend_->set_note({});
        return;
    }
    const QString scale = tr("a cell is %1").arg(size_text(grid_->space().cell_bytes));
    if (grid_->overlay() == Overlay::sharing) {
        if (workspace_.shared_pieces())
            legend_->set_note(tr("%1 · bar: in memory").arg(scale), tr("bar: in memory"));
        else
            legend_->set_note(tr("nothing to compare with: add an image under Sharing"),
                              tr("add an image under Sharing"));
        return;
    }
    if (!workspace_.residency().known()) {
        legend_->set_note(tr("%1 · no run has begun: what is local is not known").arg(scale),
                          tr("no run has begun"));
        return;
    }
    const std::uint64_t local = workspace_.residency().local(grid_->device()).total();
    const QString part = tr("%1 of %2 local").arg(size_text(local), size_text(grid_->space().size));
    legend_->set_note(QStringLiteral("%1 · %2").arg(scale, part), part);
}

} // namespace coldscope::app
