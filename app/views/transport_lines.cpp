#include "app/views/transport_lines.h"

#include "app/style/command_name.h"
#include "app/style/faint.h"
#include "app/style/marks.h"

#include <QEvent>
#include <QGridLayout>
#include <QLabel>

namespace coldscope::app {

namespace {

constexpr int mark_size = 16; // logical pixels

// What a person gets from it.
QString gain_text(TransportKind kind) {
    switch (kind) {
    case TransportKind::fuse_blob:
        return QObject::tr("the kernel's EROFS; every read, of metadata too");
    case TransportKind::fuse_tree:
        return QObject::tr("Coldscope's own file system; every read of a file");
    case TransportKind::fanotify:
        return QObject::tr("the kernel's EROFS; reads of what is not cached");
    case TransportKind::cachefiles:
        return QObject::tr("mounts that others make: %1 serve")
            .arg(command_name(QStringLiteral("coldscoped")));
    case TransportKind::simulated:
        return QObject::tr("a kernel inside the program; nothing is mounted");
    }
    return {};
}

} // namespace

QString line_text(const Offer& offer) {
    QString text = gain_text(offer.kind);
    if (!offer.works) {
        text = QString::fromStdString(offer.reason);
        text.replace(QStringLiteral("coldscoped"), command_name(QStringLiteral("coldscoped")));
    } else if (offer.asks()) {
        text = QObject::tr("with an administrator: %1").arg(text);
    }
    if (!text.isEmpty())
        text[0] = text[0].toUpper();
    return text;
}

TransportLines::TransportLines(QWidget* parent) : QWidget(parent), grid_(new QGridLayout(this)) {
    grid_->setContentsMargins(0, 0, 0, 0);
    grid_->setHorizontalSpacing(10);
    grid_->setVerticalSpacing(10);
    grid_->setColumnStretch(2, 1);
}

void TransportLines::show_offers(const std::vector<Offer>& offers) {
    lines_.clear();
    while (QLayoutItem* item = grid_->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    int row = 0;
    for (const Offer& offer : offers) {
        const char* picture = !offer.works ? "not-here" : offer.asks() ? "password" : "works";
        const QString state = !offer.works   ? tr("Does not work here")
                              : offer.asks() ? tr("Works with an administrator")
                                             : tr("Works here");
        auto* mark = new QLabel(this);
        lines_.push_back({mark, picture});
        mark->setAccessibleName(state);
        const std::string_view kind = name(offer.kind);
        auto* title = new QLabel(
            QStringLiteral("<b>%1</b>")
                .arg(QString::fromLatin1(kind.data(), static_cast<qsizetype>(kind.size()))),
            this);
        auto* text = new QLabel(line_text(offer), this);
        text->setTextFormat(Qt::PlainText);
        text->setWordWrap(true);
        const QString more =
            offer.asks() ? tr("%1, who is needed when such a run starts.") : QStringLiteral("%1.");
        QString hint = QStringLiteral("<p>%1</p>").arg(more.arg(state).toHtmlEscaped());
        if (offer.works)
            hint += QStringLiteral("<p>%1</p>")
                        .arg(QString::fromStdString(offer.reason).toHtmlEscaped());
        int column = 0;
        for (QLabel* label : {mark, title, text}) {
            label->setToolTip(hint);
            if (!offer.works && label != mark)
                make_faint(label);
            grid_->addWidget(label, row, column++, Qt::AlignTop);
        }
        ++row;
    }
    show_marks();
}

void TransportLines::show_marks() {
    for (const Line& line : lines_)
        line.mark->setPixmap(icon(line.picture).pixmap(mark_size, mark_size));
}

void TransportLines::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        show_marks();
}

} // namespace coldscope::app
