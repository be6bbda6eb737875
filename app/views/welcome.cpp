#include "app/views/welcome.h"

#include "app/run/demo.h"
#include "app/style/command_name.h"
#include "app/style/faint.h"
#include "app/style/marks.h"
#include "app/views/transport_lines.h"

#include <QCommandLinkButton>
#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QScrollArea>
#include <QSettings>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>

namespace coldscope::app {

namespace {

constexpr int most_recent = 8;
// Logical pixels.
constexpr int picture_size = 56;
constexpr int left_width = 400;
constexpr int right_width = 480;
constexpr int page_width = 1100;

QLabel* heading(const QString& text, QWidget* parent) {
    auto* label = new QLabel(text, parent);
    QFont font = label->font();
    font.setPointSizeF(font.pointSizeF() * 1.15);
    font.setBold(true);
    label->setFont(font);
    return label;
}

QCommandLinkButton* act(const char* picture, const QString& text, const QString& what,
                        QWidget* parent) {
    auto* button = new QCommandLinkButton(text, what, parent);
    button->setIcon(icon(picture));
    button->setIconSize({20, 20});
    return button;
}

void clear(QVBoxLayout* layout) {
    while (QLayoutItem* item = layout->takeAt(0)) {
        delete item->widget();
        delete item;
    }
}

} // namespace

Welcome::Welcome(QWidget* parent) : QWidget(parent) {
    setAccessibleName(tr("Welcome"));
    auto* page = new QWidget(this);
    auto* grid = new QGridLayout(page);
    grid->setContentsMargins(40, 32, 40, 32);
    grid->setHorizontalSpacing(48);
    grid->setVerticalSpacing(20);

    auto* picture = new QLabel(page);
    picture->setPixmap(
        icon("coldscope").pixmap(QSize(picture_size, picture_size), devicePixelRatioF()));
    auto* title = new QLabel(tr("Coldscope"), page);
    QFont font = title->font();
    font.setPointSizeF(font.pointSizeF() * 2);
    font.setBold(true);
    title->setFont(font);
    auto* what =
        new QLabel(tr("See each cold read of an on-demand EROFS image: who waits for what, "
                      "since when, and why. Hold it, delay it, fail it."),
                   page);
    what->setWordWrap(true);
    auto* head = new QGridLayout;
    head->setHorizontalSpacing(16);
    head->addWidget(picture, 0, 0, 2, 1, Qt::AlignTop);
    head->addWidget(title, 0, 1);
    head->addWidget(what, 1, 1);
    head->setColumnStretch(1, 1);
    grid->addLayout(head, 0, 0, 1, 2);

    auto* left = new QVBoxLayout;
    acts_ = new QVBoxLayout;
    recent_ = new QVBoxLayout;
    acts_->setSpacing(4);
    recent_->setSpacing(2);
    left->addWidget(heading(tr("What to do"), page));
    left->addSpacing(4);
    left->addLayout(acts_);
    left->addSpacing(16);
    left->addLayout(recent_);
    left->addStretch();
    add_act("document-open", tr("Open an image…"),
            // No file manager knows an AppImage by itself.
            qEnvironmentVariableIsSet("APPIMAGE")
                ? tr("Its tree, maps and findings. You can also drop it here.")
                : tr("Its tree, maps and findings. You can also drop it here, or double-click it "
                     "in the file manager."),
            &Welcome::open_wanted)
        ->setFocus();
    demo_ = add_act("coldscope", tr("Run the demo"),
                    tr("A small image of Coldscope's own sources."), &Welcome::demo_wanted);
    add_act("media-playback-start", tr("Start a run…"),
            tr("Mount an image of yours on demand and watch it."), &Welcome::start_wanted);
    add_act("attach", tr("Attach to a machine…"),
            tr("Watch and steer a run of coldscoped, here or elsewhere."), &Welcome::attach_wanted);

    auto* right = new QVBoxLayout;
    transports_ = new TransportLines(page);
    more_ = new QLabel(page);
    more_->setWordWrap(true);
    more_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    make_faint(more_);
    right->addWidget(heading(tr("How this machine can run an image"), page));
    right->addSpacing(10);
    right->addWidget(transports_);
    right->addSpacing(8);
    right->addWidget(more_);
    right->addStretch();
    grid->addLayout(left, 1, 0);
    grid->addLayout(right, 1, 1);
    grid->setColumnMinimumWidth(0, left_width);
    grid->setColumnMinimumWidth(1, right_width);
    grid->setColumnStretch(0, left_width);
    grid->setColumnStretch(1, right_width);
    grid->setRowStretch(2, 1);
    page->setMaximumWidth(page_width);

    auto* scroll = new QScrollArea(this);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setAlignment(Qt::AlignHCenter | Qt::AlignTop);
    scroll->setWidget(page);
    auto* whole = new QVBoxLayout(this);
    whole->setContentsMargins(0, 0, 0, 0);
    whole->addWidget(scroll);
}

QCommandLinkButton* Welcome::add_act(const char* picture, const QString& text, const QString& what,
                                     void (Welcome::*wanted)()) {
    QCommandLinkButton* button = act(picture, text, what, this);
    connect(button, &QAbstractButton::clicked, this, wanted);
    acts_->addWidget(button);
    return button;
}

void Welcome::showEvent(QShowEvent* event) {
    fill_recent();
    // Looking into the system takes a moment: after the window is there.
    QTimer::singleShot(0, this, [this] { show_offers(offers()); });
    QWidget::showEvent(event);
}

void Welcome::fill_recent() {
    clear(recent_);
    const QStringList images = recent();
    if (!images.isEmpty())
        recent_->addWidget(heading(tr("Recent images"), this));
    for (const QString& image : images) {
        auto* button = act("text-x-generic", QFileInfo(image).fileName(),
                           QFileInfo(image).absolutePath(), this);
        connect(button, &QAbstractButton::clicked, this,
                [this, image] { Q_EMIT image_wanted(image); });
        recent_->addWidget(button);
    }
}

void Welcome::show_offers(const std::vector<Offer>& offers) {
    transports_->show_offers(offers);
    const bool any = std::ranges::any_of(offers, &Offer::asks);
    const QString probe =
        tr("The same in a terminal: %1 probe").arg(command_name(QStringLiteral("coldscoped")));
    more_->setText(any ? tr("An administrator is needed when such a run starts.") + u'\n' + probe
                       : probe);
    const Choice demo = demo_choice(offers);
    const bool nothing_works = best_alone(offers) == nullptr;
    demo_->setEnabled(!demo.image.isEmpty() && !nothing_works);
    demo_->setDescription(
        demo.image.isEmpty() ? tr("Its image is missing: this Coldscope was installed in part.")
        : nothing_works      ? tr("It can't be run: no transport works here.")
        : demo.command.isEmpty()
            ? tr("A small image of Coldscope's own sources, on a simulated kernel: nothing is "
                 "mounted.")
            : tr("Mounts a small image of Coldscope's own sources with %1 and reads from it. "
                 "It needs no administrator.")
                  .arg(demo.transport));
}

QStringList Welcome::recent() {
    return QSettings().value(QStringLiteral("recent")).toStringList();
}

void Welcome::add_recent(const QString& image) {
    QStringList images = recent();
    images.removeAll(image);
    images.prepend(image);
    QSettings().setValue(QStringLiteral("recent"), images.mid(0, most_recent));
}

} // namespace coldscope::app
