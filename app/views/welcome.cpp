#include "app/views/welcome.h"

#include "app/run/launcher.h"
#include "app/style/faint.h"
#include "app/style/marks.h"
#include "daemon/transport/probe.h"

#include <QCommandLinkButton>
#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QScrollArea>
#include <QSettings>
#include <QTimer>
#include <QVBoxLayout>

namespace coldscope::app {

namespace {

constexpr int most_recent = 8;
constexpr int column_width = 380; // logical pixels

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
    grid->setVerticalSpacing(18);

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
    grid->addWidget(title, 0, 0, 1, 2);
    grid->addWidget(what, 1, 0, 1, 2);

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
    auto* right = new QVBoxLayout;
    transports_ = new QVBoxLayout;
    transports_->setSpacing(10);
    right->addWidget(heading(tr("Transports on this machine"), page));
    right->addSpacing(8);
    right->addLayout(transports_);
    right->addStretch();
    grid->addLayout(left, 2, 0);
    grid->addLayout(right, 2, 1);
    grid->setColumnMinimumWidth(0, column_width);
    grid->setColumnMinimumWidth(1, column_width);
    grid->setRowStretch(3, 1);
    page->setMaximumWidth(1000);

    auto* scroll = new QScrollArea(this);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setAlignment(Qt::AlignHCenter | Qt::AlignTop);
    scroll->setWidget(page);
    auto* whole = new QVBoxLayout(this);
    whole->setContentsMargins(0, 0, 0, 0);
    whole->addWidget(scroll);
}

void Welcome::showEvent(QShowEvent* event) {
    fill();
    // Probing looks into the system: after the window is there.
    QTimer::singleShot(0, this, &Welcome::fill_transports);
    QWidget::showEvent(event);
}

void Welcome::fill() {
    clear(acts_);
    clear(recent_);
    auto* open = act("document-open", tr("Open an image…"),
                     tr("Browse its tree, maps and findings. Or drop a file here."), this);
    connect(open, &QAbstractButton::clicked, this, &Welcome::open_wanted);
    acts_->addWidget(open);
    auto* start = act("media-playback-start", tr("Start a run…"),
                      tr("Mount an image on demand and watch every miss."), this);
    connect(start, &QAbstractButton::clicked, this, &Welcome::start_wanted);
    acts_->addWidget(start);
    auto* attach = act("attach", tr("Attach to a run…"),
                       tr("Watch and steer coldscoped, here or on another machine."), this);
    connect(attach, &QAbstractButton::clicked, this, &Welcome::attach_wanted);
    acts_->addWidget(attach);
    const bool demo_there = !demo_image().isEmpty();
    auto* demo = act("coldscope", tr("Run the demo"),
                     demo_there ? tr("An image of this machine's files on the simulated kernel.")
                                : tr("packaging/run makes the demo's image first."),
                     this);
    demo->setEnabled(demo_there);
    connect(demo, &QAbstractButton::clicked, this, &Welcome::demo_wanted);
    acts_->addWidget(demo);

    if (const QStringList images = recent(); !images.isEmpty()) {
        recent_->addWidget(heading(tr("Recent images"), this));
        for (const QString& image : images) {
            auto* button = act("text-x-generic", QFileInfo(image).fileName(),
                               QFileInfo(image).absolutePath(), this);
            connect(button, &QAbstractButton::clicked, this,
                    [this, image] { Q_EMIT image_wanted(image); });
            recent_->addWidget(button);
        }
    }
}

void Welcome::fill_transports() {
    clear(transports_);
    for (const Probe& probe : probe_transports()) {
        auto* label = new QLabel(this);
        label->setWordWrap(true);
        label->setTextFormat(Qt::RichText);
        label->setText(QStringLiteral("<b>%1 %2</b><br>%3")
                           .arg(probe.works ? tr("✓") : tr("–"),
                                QString::fromUtf8(name(probe.kind).data(),
                                                  static_cast<qsizetype>(name(probe.kind).size())),
                                QString::fromStdString(probe.reason).toHtmlEscaped()));
        label->setAccessibleName((probe.works ? tr("works: %1") : tr("does not work: %1"))
                                     .arg(QString::fromStdString(probe.reason)));
        if (!probe.works)
            make_faint(label);
        transports_->addWidget(label);
    }
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
