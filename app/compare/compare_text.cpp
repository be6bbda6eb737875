#include "app/compare/compare_text.h"

#include "app/compare/compare_view.h"

#include <QFileInfo>
#include <QStringList>

namespace coldscope::app {

namespace {

constexpr qsizetype most_named = 4; // blobs; an image may have 65,535

QString missing_text(const Compared& compared) {
    QStringList named;
    qsizetype missing = 0;
    for (const auto& image : {compared.before, compared.after}) {
        for (std::size_t device = 1; device < image->device_count(); ++device) {
            if (image->devices[device] || ++missing > most_named)
                continue;
            named.push_back(CompareView::tr("%1 of %2")
                                .arg(QString::fromStdString(
                                         image->device_name(static_cast<std::uint16_t>(device))),
                                     file_name(*image)));
        }
    }
    if (missing == 0)
        return {};
    QString list = named.join(QStringLiteral(", "));
    if (missing > most_named)
        list = CompareView::tr("%1 and %2 more").arg(list).arg(missing - most_named);
    return CompareView::tr("✕ Not found beside their image: %1. What lies there is not read.")
        .arg(list);
}

} // namespace

QString file_name(const OpenedImage& image) {
    return QFileInfo(QString::fromStdString(image.path)).fileName();
}

QString phase_text(compare::Phase phase) {
    switch (phase) {
    case compare::Phase::devices:
        return CompareView::tr("Comparing blobs… %p %");
    case compare::Phase::paths:
        return CompareView::tr("Comparing paths… %p %");
    case compare::Phase::contents:
        return CompareView::tr("Comparing contents… %p %");
    case compare::Phase::moves:
        return CompareView::tr("Looking for moved files… %p %");
    case compare::Phase::blocks:
        return CompareView::tr("Looking for same blocks… %p %");
    }
    return {};
}

QString notes_text(const Compared& compared) {
    QStringList notes;
    if (const QString missing = missing_text(compared); !missing.isEmpty())
        notes.push_back(missing);
    for (const std::string& warning : compared.result.warnings)
        notes.push_back(QStringLiteral("⚠ ") + QString::fromStdString(warning));
    return notes.join(QLatin1Char('\n'));
}

} // namespace coldscope::app
