// coldscoped share, run by tests, and image mounts for it.
#pragma once

#include "tests/kernel/live_run.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QJsonValue>

namespace coldscope::test {

struct Said {
    int code = -1;
    QByteArray out;
    QByteArray err;
    [[nodiscard]] QJsonObject json() const { return QJsonDocument::fromJson(out).object(); }
};

[[nodiscard]] Said run_program(const QString& name, const QStringList& arguments);
[[nodiscard]] Said share(QStringList arguments);

[[nodiscard]] qint64 number(const QJsonValue& value);

// From its files; more: options behind ",". Returns why it can't be had, or nothing.
[[nodiscard]] QString mount_image(const TreeImage& image, const QString& folder,
                                  const QByteArray& more);
// Whatever stands on the folders in this one.
void unmount_all(const QString& folder);

} // namespace coldscope::test

#define NEEDS_MOUNTS()                                                                             \
    do {                                                                                           \
        if (!why_.isEmpty()) {                                                                     \
            QVERIFY2(!must_not_skip(), qPrintable(why_));                                          \
            QSKIP(qPrintable(why_));                                                               \
        }                                                                                          \
    } while (false)
