#include "app/sharing/sharing_text.h"

#include "app/style/text.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <bit>

namespace coldscope::app {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("Sharing", text);
}

// Quoted where it must be (RFC 4180).
QString csv_field(QString text) {
    if (!text.contains(u',') && !text.contains(u'"') && !text.contains(u'\n') &&
        !text.contains(u'\r'))
        return text;
    text.replace(u'"', QStringLiteral("\"\""));
    return u'"' + text + u'"';
}

} // namespace

QString mark_text(sharing::Mark mark, sharing::Reason reason) {
    const QString text = name(mark_of(mark));
    return reason == sharing::Reason::none
               ? text
               : QStringLiteral("%1: %2").arg(text, QString::fromUtf8(sharing::name(reason)));
}

QString residency_text(sharing::Presence residency) {
    switch (residency) {
    case sharing::Presence::resident:
        return tr("in memory");
    case sharing::Presence::absent:
        return tr("not in memory");
    case sharing::Presence::unknown:
        break;
    }
    return tr("unknown whether in memory");
}

QString lift_text(sharing::Lift lift, std::optional<std::uint64_t> size) {
    switch (lift) {
    case sharing::Lift::none:
        return {};
    case sharing::Lift::share_mount:
        return tr("inode_share");
    case sharing::Lift::one_domain:
        return tr("one domain_id");
    case sharing::Lift::fingerprint:
        return tr("fingerprints");
    case sharing::Lift::chunk_size:
        return size ? tr("chunks of %1").arg(size_text(std::bit_ceil(*size))) : tr("larger chunks");
    case sharing::Lift::no_inline:
        return tr("no inline tail");
    case sharing::Lift::same_layout:
        return tr("one layout");
    case sharing::Lift::plain:
        return tr("no compression");
    }
    return {};
}

QString lift_hint(sharing::Lift lift) {
    QString hint = QString::fromUtf8(sharing::name(lift));
    if (!hint.isEmpty())
        hint[0] = hint[0].toUpper();
    return hint;
}

QString image_name(const OpenedImage& image) {
    return QFileInfo(QString::fromStdString(image.path)).fileName();
}

QString usage_csv(const QStringList& images, std::span<const sharing::Usage> usage, bool seen) {
    QString text = QStringLiteral("image,files,off_bytes,by_fingerprint_bytes,by_blob_bytes");
    text += seen ? QStringLiteral(",observed_bytes,unknown_bytes\n") : QStringLiteral("\n");
    for (std::size_t i = 0; i < usage.size(); ++i) {
        const sharing::Usage& one = usage[i];
        QStringList fields{csv_field(images.value(static_cast<qsizetype>(i)))};
        for (const std::uint64_t figure : {one.files, one.off, one.by_fingerprint, one.by_rfc})
            fields << QString::number(figure);
        if (seen)
            fields << QString::number(one.observed) << QString::number(one.unknown);
        text += fields.join(u',') + u'\n';
    }
    return text;
}

} // namespace coldscope::app
