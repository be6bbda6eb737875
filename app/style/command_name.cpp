#include "app/style/command_name.h"

#include "core/base/shell_word.h"

#include <QFileInfo>

namespace coldscope::app {

QString command_name(const QString& program) {
    QString file = QFileInfo(qEnvironmentVariable("APPIMAGE")).fileName();
    if (file.isEmpty())
        return program;
    file = QString::fromStdString(shell_word(file.toStdString()));
    return program == QStringLiteral("coldscope") ? file : file + u' ' + program;
}

} // namespace coldscope::app
