#include "app/tables/image_facts.h"

#include "app/style/look.h"
#include "app/style/text.h"
#include "core/erofs/features.h"

#include <QVBoxLayout>

namespace coldscope::app {

void ElidedLabel::set_whole(const QString& text) {
    whole_ = text;
    setToolTip(text);
    setAccessibleName(text);
    elide();
}

QSize ElidedLabel::minimumSizeHint() const {
    return {fontMetrics().averageCharWidth() * 8, QLabel::minimumSizeHint().height()};
}

void ElidedLabel::resizeEvent(QResizeEvent* event) {
    QLabel::resizeEvent(event);
    elide();
}

void ElidedLabel::elide() {
    setText(fontMetrics().elidedText(whole_, mode_, width()));
}

ImageFacts::ImageFacts(Workspace& workspace, QWidget* parent)
    : QWidget(parent), workspace_(workspace), path_(new ElidedLabel(Qt::ElideMiddle, this)),
      facts_(new QLabel(this)), devices_(new QLabel(this)),
      features_(new ElidedLabel(Qt::ElideRight, this)), local_(new QLabel(this)) {
    QFont bold = path_->font();
    bold.setBold(true);
    path_->setFont(bold);
    facts_->setWordWrap(true);
    devices_->setWordWrap(true);
    devices_->setTextFormat(Qt::PlainText);
    local_->setWordWrap(true);
    auto* lines = new QVBoxLayout(this);
    lines->setContentsMargins(6, 6, 6, 2);
    lines->setSpacing(2);
    for (QLabel* label :
         std::initializer_list<QLabel*>{path_, facts_, devices_, features_, local_}) {
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
        lines->addWidget(label);
    }
    setAccessibleName(tr("Facts of the image"));
    connect(&workspace_, &Workspace::image_changed, this, &ImageFacts::show_image);
    connect(&workspace_.residency(), &Residency::changed, this, [this] {
        if (isVisible())
            show_local();
    });
    show_image();
}

void ImageFacts::show_image() {
    const auto& image = workspace_.shown();
    setVisible(image != nullptr);
    if (!image)
        return;
    const erofs::Superblock& super = image->image->superblock();
    path_->set_whole(QString::fromStdString(image->path));
    facts_->setText(tr("%1 · blocks of %2 · %3")
                        .arg(size_text(image->device_size(0)), size_text(super.block_size()),
                             workspace_.image()
                                 ? tr("%1 files").arg(count_text(image->files))
                                 : tr("reading %1 inodes…").arg(count_text(super.inodes))));
    QStringList devices;
    for (std::size_t device = 1; device < image->device_count(); ++device) {
        const auto number = static_cast<std::uint16_t>(device);
        const QString name = QString::fromStdString(image->device_name(number));
        devices.push_back(image->devices[device]
                              ? tr("%1, %2").arg(name, size_text(image->device_size(number)))
                              : tr("✕ %1: its file was not found").arg(name));
    }
    if (image->image->flattened()) {
        const auto count = static_cast<int>(image->image->devices().size());
        devices.push_back(count == 1 ? tr("one device, within this file")
                                     : tr("%1 devices, all within this file").arg(count));
    }
    devices_->setText(devices.join(QLatin1Char('\n')));
    devices_->setVisible(!devices.isEmpty());
    QStringList features;
    for (const std::string& name : erofs::incompatible_feature_names(super.feature_incompat))
        features.push_back(QString::fromStdString(name));
    for (const std::string& name : erofs::compatible_feature_names(super.feature_compat))
        features.push_back(QString::fromStdString(name));
    features_->set_whole(features.join(QStringLiteral(", ")));
    features_->setVisible(!features.isEmpty());
    show_local();
}

void ImageFacts::show_local() {
    const Residency& residency = workspace_.residency();
    const std::uint64_t all = residency.total_stored();
    local_->setVisible(residency.known() && all > 0);
    if (residency.known() && all > 0)
        local_->setText(tr("%1 of %2 local (%3)")
                            .arg(size_text(residency.total_local()), size_text(all),
                                 share_text(static_cast<double>(residency.total_local()) /
                                            static_cast<double>(all))));
}

} // namespace coldscope::app
