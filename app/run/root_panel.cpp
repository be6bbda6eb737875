#include "app/run/root_panel.h"

#include "app/style/marks.h"

#include <QAccessible>
#include <QClipboard>
#include <QEvent>
#include <QFontDatabase>
#include <QGridLayout>
#include <QGuiApplication>
#include <QLabel>
#include <QPushButton>
#include <QResizeEvent>
#include <QTextLayout>
#include <algorithm>

namespace coldscope::app {

namespace {
constexpr int panel_picture = 20; // logical pixels
constexpr int field_padding = 6;  // likewise
} // namespace

CommandField::CommandField(QWidget* parent) : QPlainTextEdit(parent) {
    setReadOnly(true);
    setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setTabChangesFocus(true);
    document()->setDocumentMargin(field_padding);
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

int CommandField::heightForWidth(int width) const {
    const int around = 2 * (frameWidth() + field_padding);
    QTextLayout layout(toPlainText(), font());
    layout.setTextOption(document()->defaultTextOption());
    int lines = 0;
    layout.beginLayout();
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
        line.setLineWidth(std::max(width - around, 1));
        ++lines;
    }
    layout.endLayout();
    return around + std::max(lines, 1) * QFontMetrics(font()).lineSpacing() + 1;
}

// Of one line: only its width says how many it needs.
QSize CommandField::sizeHint() const {
    return {400, 2 * (frameWidth() + field_padding) + QFontMetrics(font()).lineSpacing() + 1};
}

QSize CommandField::minimumSizeHint() const {
    return {200, sizeHint().height()};
}

RootPanel::RootPanel(RootAsker& asker, QWidget* parent)
    : QFrame(parent), asker_(asker), picture_(new QLabel(this)), title_(label()),
      command_(new CommandField(this)), copy_(new QPushButton(this)), what_(label()),
      cancel_(new QPushButton(tr("Cancel"), this)) {
    setFrameShape(QFrame::StyledPanel);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::ToolTipBase);
    setForegroundRole(QPalette::ToolTipText);
    setAccessibleName(tr("Root's rights"));
    command_->setAccessibleName(tr("Command to run as root"));
    for (QPushButton* button : {copy_, cancel_})
        button->setAutoDefault(false);
    auto* grid = new QGridLayout(this);
    grid->setContentsMargins(10, 8, 8, 8);
    grid->setHorizontalSpacing(10);
    grid->setVerticalSpacing(6);
    grid->setColumnStretch(1, 1);
    grid->addWidget(picture_, 0, 0, Qt::AlignTop);
    grid->addWidget(title_, 0, 1);
    grid->addWidget(cancel_, 0, 2, Qt::AlignTop);
    grid->addWidget(command_, 1, 1);
    grid->addWidget(copy_, 1, 2, Qt::AlignTop);
    grid->addWidget(what_, 2, 1);

    connect(cancel_, &QPushButton::clicked, &asker_, &RootAsker::give_up);
    connect(copy_, &QPushButton::clicked, this, [this] {
        QGuiApplication::clipboard()->setText(asker_.command());
        copy_->setText(tr("Copied"));
    });
    connect(&asker_, &RootAsker::changed, this, &RootPanel::show_state);
    show_state();
}

// A toolbar knows no height for a width. Before it is shown it has none of its own, and what it
// asked for then would make the window higher.
QSize RootPanel::sizeHint() const {
    const int room = isVisible() || isWindow() ? width() : window()->width();
    return {400, layout()->totalHeightForWidth(room)};
}

void RootPanel::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    if (event->size().width() != event->oldSize().width())
        updateGeometry();
}

void RootPanel::changeEvent(QEvent* event) {
    QFrame::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        show_picture();
}

void RootPanel::show_picture() {
    picture_->setPixmap(icon("dialog-information").pixmap(panel_picture, panel_picture));
}

QLabel* RootPanel::label() {
    auto* label = new QLabel(this);
    label->setWordWrap(true);
    label->setTextFormat(Qt::RichText);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    label->setForegroundRole(QPalette::ToolTipText);
    label->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    return label;
}

void RootPanel::show_state() {
    const bool open = asker_.open();
    const bool by_hand = asker_.state() == RootAsker::State::by_hand;
    if (open) {
        show_picture();
        const QString title =
            asker_.state() == RootAsker::State::giving_up ? tr("Giving up…")
            : by_hand ? tr("No program here could ask for root's rights (pkexec). To go on, run "
                           "this in a terminal:")
                      : tr("Waiting for an administrator's password…");
        title_->setText(QStringLiteral("<b>%1</b>").arg(title.toHtmlEscaped()));
        QString what = guard_will(asker_.purpose()).toHtmlEscaped();
        if (asker_.trusted())
            what += QStringLiteral("<br><b>%1</b>").arg(trust_sentence().toHtmlEscaped());
        what_->setText(what);
        command_->setPlainText(asker_.command());
        copy_->setText(tr("Copy"));
        cancel_->setEnabled(asker_.state() != RootAsker::State::giving_up);
    }
    command_->setVisible(by_hand);
    copy_->setVisible(by_hand);
    updateGeometry();
    Q_EMIT shown(open);
    if (open) {
        QAccessibleEvent event(this, QAccessible::Alert);
        QAccessible::updateAccessibility(&event);
    }
}

} // namespace coldscope::app
