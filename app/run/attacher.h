// Attaches the window to a run of coldscoped: finds the run's image here, or fetches the primary
// device's bytes through the link, so that all views know what the requests are about.
#pragma once

#include "app/run/workspace.h"

#include <QFutureWatcher>
#include <QObject>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>
#include <memory>

namespace coldscope::app {

class Attacher final : public QObject {
    Q_OBJECT

public:
    explicit Attacher(Workspace& workspace);
    ~Attacher() override;

    // where: as in daemon/control/address.h. copy: the image as a file of this machine; may be
    // empty. What goes wrong comes through Workspace::failed().
    void attach(const QString& where, const QString& copy = {});

    // Addresses of runs that were attached to, the newest first; kept in QSettings.
    [[nodiscard]] static QStringList recent();

Q_SIGNALS:
    // Without an image there are no files, and no maps; why that is so.
    void without_image(const QString& why);

private:
    void find_image();
    void image_found();
    void fetch_image();
    void image_fetched(const QString& error);
    void open(const QString& path, const QStringList& devices);
    void go_on_without(const QString& why);
    void go_on();
    void add_recent();

    Workspace& workspace_;
    QString copy_;
    enum class Step { idle, greeting, finding, fetching, opening } step_ = Step::idle;
    QFutureWatcher<QString> finding_;           // a path, or nothing
    std::unique_ptr<QTemporaryDir> folder_;     // with what was fetched
    std::unique_ptr<QTemporaryDir> old_folder_; // until another image is open
};

} // namespace coldscope::app
