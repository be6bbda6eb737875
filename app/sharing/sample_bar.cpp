#include "app/sharing/sample_bar.h"

#include "app/style/text.h"
#include "app/tables/image_facts.h"
#include "core/base/clock.h"

#include <QComboBox>
#include <QDateTime>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSlider>
#include <QToolButton>
#include <algorithm>
#include <array>

namespace coldscope::app {

namespace {

constexpr std::array intervals{0, 1'000, 5'000, 10'000}; // ms
constexpr int slider_width = 160;                        // logical pixels

// Of a moment of CLOCK_MONOTONIC by the clock on the wall.
QString time_text(std::uint64_t taken) {
    const std::uint64_t now = monotonic_now();
    const auto ago = static_cast<qint64>((now > taken ? now - taken : 0) / millisecond);
    return QLocale().toString(QDateTime::currentDateTime().addMSecs(-ago).time(),
                              QStringLiteral("HH:mm:ss"));
}

} // namespace

SampleBar::SampleBar(SharingState& state, QWidget* parent)
    : QWidget(parent), state_(state), look_(new QPushButton(tr("&Look now"), this)),
      interval_(new QComboBox(this)), slider_(new QSlider(Qt::Horizontal, this)),
      latest_(new QToolButton(this)), text_(new ElidedLabel(Qt::ElideRight, this)),
      ask_(new QPushButton(tr("Ask for the right…"), this)) {
    look_->setAutoDefault(false);
    look_->setToolTip(tr("Look which pages of the files are in memory. Nothing is read by it."));
    ask_->setAutoDefault(false);
    ask_->setToolTip(guard_will(RootFor::observing));
    interval_->setAccessibleName(tr("How often to look"));
    interval_->setToolTip(interval_->accessibleName());
    for (const int milliseconds : intervals)
        interval_->addItem(
            milliseconds == 0
                ? tr("once")
                : tr("every %1")
                      .arg(duration_text(static_cast<Nanoseconds>(milliseconds) * millisecond)),
            milliseconds);
    slider_->setAccessibleName(tr("Samples"));
    slider_->setToolTip(tr("Samples, from the oldest to the latest"));
    slider_->setFixedWidth(slider_width);
    slider_->setPageStep(1);
    latest_->setText(tr("latest"));
    latest_->setCheckable(true);
    latest_->setAutoRaise(true);
    latest_->setToolTip(tr("Show the latest sample whenever one comes"));
    auto* line = new QHBoxLayout(this);
    line->setContentsMargins(6, 2, 6, 2);
    line->setSpacing(6);
    line->addWidget(look_);
    line->addWidget(interval_);
    line->addWidget(slider_);
    line->addWidget(latest_);
    line->addWidget(text_, 1);
    line->addWidget(ask_);

    connect(look_, &QPushButton::clicked, &state_.samples(), &Samples::look);
    connect(ask_, &QPushButton::clicked, &state_.samples(), &Samples::ask_right);
    connect(interval_, &QComboBox::activated, this,
            [this](int at) { state_.samples().set_interval(interval_->itemData(at).toInt()); });
    connect(slider_, &QSlider::valueChanged, this,
            [this](int value) { state_.choose_sample(static_cast<std::size_t>(value)); });
    connect(latest_, &QToolButton::clicked, this, [this](bool on) {
        const std::size_t count = state_.samples().taken().size();
        state_.choose_sample(on || count < 2 ? count : count - 2);
    });
    connect(&state_, &SharingState::changed, this, &SampleBar::show_state);
    connect(&state_.set(), &SharingSet::entries_changed, this, &SampleBar::show_state);
    show_state();
}

QString SampleBar::text() const {
    const Samples& samples = state_.samples();
    if (!samples.possible())
        return tr("No image is known to be mounted: what is in memory is unknown. Say where one "
                  "is under Images.");
    if (samples.refused())
        return tr("What is in memory is unknown: the kernel tells root alone. %1")
            .arg(samples.error());
    if (!samples.error().isEmpty())
        return tr("What is in memory is unknown. %1").arg(samples.error());
    const std::optional<std::size_t> at = state_.sample();
    if (!at)
        return samples.looking() ? tr("Looking…")
                                 : tr("Not looked yet: what is in memory is unknown.");
    const sharing::Sample& sample = samples.taken()[*at]->sample;
    const auto seen = static_cast<std::size_t>(
        std::ranges::count(sample.files, 0, &sharing::SeenFile::sys_errno));
    const QString files =
        seen == sample.files.size()
            ? count_text(seen)
            : tr("%1 of %2").arg(count_text(seen), count_text(sample.files.size()));
    QString text = tr("%1 · looked at %2 files in %3")
                       .arg(time_text(sample.taken), files, duration_text(sample.cost));
    if (const std::uint64_t twice = state_.twice().value_or(0); twice != 0)
        text += tr(" · %1 in memory twice").arg(size_text(twice));
    if (sample.gone != 0)
        text += tr(" · %1 pages went meanwhile").arg(count_text(sample.gone));
    return text;
}

void SampleBar::show_state() {
    const Samples& samples = state_.samples();
    const std::size_t count = samples.taken().size();
    look_->setEnabled(samples.possible() && !samples.looking());
    interval_->setEnabled(samples.possible());
    interval_->setCurrentIndex(interval_->findData(samples.interval()));
    const QSignalBlocker quiet(slider_);
    slider_->setRange(0, count == 0 ? 0 : static_cast<int>(count) - 1);
    slider_->setValue(static_cast<int>(state_.sample().value_or(0)));
    slider_->setVisible(count > 1);
    latest_->setVisible(count > 1);
    latest_->setChecked(state_.follows());
    ask_->setVisible(samples.refused());
    text_->set_whole(text());
    text_->setAccessibleDescription(text());
}

} // namespace coldscope::app
