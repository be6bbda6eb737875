#include "app/style/command_name.h"

#include <QFileInfo>
#include <QRegularExpression>

namespace coldscope::app {

QString command_name(const QString& program) {
    QString file = QFileInfo(qEnvironmentVariable("APPIMAGE")).fileName();
    if (file.isEmpty())
        return program;
    static const QRegularExpression shell_reads(QStringLiteral("[^A-Za-z0-9._+-]"));
    if (file.contains(shell_reads))
        file = QStringLiteral("'%1'").arg(file.replace(u'\'', QStringLiteral("'\\''")));
    return program == QStringLiteral("coldscope") ? file : file + u' ' + program;
}

} // namespace coldscope::app
