#include "app/style/picture_file.h"

#include <QFileInfo>
#include <QImageWriter>
#include <QObject>
#include <QSaveFile>

namespace coldscope::app {

QString save_picture(const QImage& image, const QString& path) {
    const auto refused = [&path](const QString& why) {
        return QObject::tr("%1 cannot be written: %2").arg(path, why);
    };
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly))
        return refused(file.errorString());
    const QByteArray ending = QFileInfo(path).suffix().toLower().toLatin1();
    const bool known = QImageWriter::supportedImageFormats().contains(ending);
    QImageWriter writer(&file, known ? ending : QByteArrayLiteral("png"));
    if (!writer.write(image))
        return refused(writer.errorString());
    return file.commit() ? QString() : refused(file.errorString());
}

} // namespace coldscope::app
