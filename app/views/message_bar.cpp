#include "app/views/message_bar.h"

#include "app/style/marks.h"

#include <QAccessible>
#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QResizeEvent>
#include <QToolButton>

namespace coldscope::app {

namespace {
constexpr int picture_size = 20;
}

MessageBar::MessageBar(QWidget* parent) : QFrame(parent) {
    setFrameShape(QFrame::StyledPanel);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::ToolTipBase);
    setForegroundRole(QPalette::ToolTipText);
    setAccessibleName(tr("Messages"));
    picture_ = new QLabel(this);
    label_ = new QLabel(this);
    label_->setWordWrap(true);
    label_->setTextFormat(Qt::RichText);
    label_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    label_->setForegroundRole(QPalette::ToolTipText);
    label_->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    more_ = new QLabel(this);
    more_->setForegroundRole(QPalette::ToolTipText);
    const auto button = [this](const char* name, const QString& what) {
        auto* result = new QToolButton(this);
        result->setAutoRaise(true);
        result->setIcon(icon(name));
        result->setToolTip(what);
        result->setAccessibleName(what);
        return result;
    };
    copy_ = button("edit-copy", tr("Copy message"));
    close_ = button("window-close", tr("Close message"));
    connect(close_, &QToolButton::clicked, this, &MessageBar::close_message);
    connect(copy_, &QToolButton::clicked, this,
            [this] { QGuiApplication::clipboard()->setText(text()); });
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(10, 6, 6, 6);
    row->setSpacing(10);
    row->addWidget(picture_);
    row->addWidget(label_, 1);
    row->addWidget(more_);
    row->addWidget(copy_);
    row->addWidget(close_);
}

// A toolbar knows no height for a width.
QSize MessageBar::sizeHint() const {
    return {400, layout()->heightForWidth(width())};
}

void MessageBar::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    if (event->size().width() != event->oldSize().width())
        updateGeometry();
}

void MessageBar::show_message(Weight weight, const QString& title, const QString& text) {
    if (!messages_.empty() && messages_.back().title == title && messages_.back().text == text) {
        ++messages_.back().times;
    } else {
        if (messages_.size() == most)
            messages_.erase(messages_.begin());
        messages_.push_back({weight, title, text});
    }
    show_last();
}

void MessageBar::show_last() {
    Q_EMIT shown(!messages_.empty());
    if (messages_.empty())
        return;
    const Message& message = messages_.back();
    show_picture();
    QString html = QStringLiteral("<b>%1</b>").arg(message.title.toHtmlEscaped());
    if (message.times > 1)
        html += QStringLiteral(" (%1×)").arg(message.times);
    if (!message.text.isEmpty())
        html += QStringLiteral("<br>") +
                message.text.toHtmlEscaped().replace(u'\n', QStringLiteral("<br>"));
    label_->setText(html);
    more_->setVisible(messages_.size() > 1);
    more_->setText(tr("%n more", nullptr, static_cast<int>(messages_.size()) - 1));
    updateGeometry();
    QAccessibleEvent event(this, QAccessible::Alert);
    QAccessible::updateAccessibility(&event);
}

void MessageBar::show_picture() {
    if (messages_.empty())
        return;
    const Weight weight = messages_.back().weight;
    const char* name = weight == Weight::error     ? "dialog-error"
                       : weight == Weight::warning ? "dialog-warning"
                                                   : "dialog-information";
    picture_->setPixmap(icon(name).pixmap(picture_size, picture_size));
}

void MessageBar::changeEvent(QEvent* event) {
    QFrame::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        show_picture();
}

QString MessageBar::text() const {
    if (messages_.empty())
        return {};
    const Message& message = messages_.back();
    return message.text.isEmpty() ? message.title
                                  : message.title + QStringLiteral(": ") + message.text;
}

void MessageBar::close_message() {
    if (!messages_.empty())
        messages_.pop_back();
    show_last();
}

} // namespace coldscope::app
