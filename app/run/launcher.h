// Starts a live run from what somebody chose, in the right order: the image, the folders that the
// run needs, the run, the commands that steer it from its beginning, the program in its mount.
#pragma once

#include "app/run/workspace.h"

#include <QObject>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>
#include <memory>
#include <optional>

namespace coldscope::app {

// As in the start dialog and on the command line; texts as typed.
struct Choice {
    QString image;
    QStringList devices; // empty entries: looked for beside the image
    QString transport;   // its name; empty for the best that works
    QString latency;     // "2ms"
    QString jitter;
    QString bandwidth;       // "10M", bytes a second
    QString mount;           // empty: a folder made for the run, and taken away with it
    QString cache;           // empty: likewise, so that every run starts cold
    bool privileged = false; // somebody may be asked for root's rights, for the guard
    bool buffered = false;   // fuse-blob without directio
    QString share_domain;    // empty: share no page cache with other mounts
    QString reads;           // simulated: a file that lists them
    QStringList command;     // program and arguments, started in the mount
    QStringList steering;    // commands that the run begins with

    bool operator==(const Choice&) const = default;
    // The last one, kept in QSettings, but for the rights that were asked for and how it was
    // steered; the demo is not.
    void save() const;
    [[nodiscard]] static Choice saved();
};

// For which rights starting it asks somebody: own where nobody is asked. image: null while it is
// not known, and what depends on it then asked for.
[[nodiscard]] guard::Rights asked_by(const Choice& choice, const erofs::Superblock* image);

// What a text field asks for; the error says which field and what was expected.
[[nodiscard]] Result<Shape> shape_of(const Choice& choice);

class Launcher final : public QObject {
    Q_OBJECT

public:
    explicit Launcher(Workspace& workspace);
    ~Launcher() override;

    // Opens the image if it is not the open one, or changed on disk since, and starts. What goes
    // wrong comes through Workspace::failed().
    void start(const Choice& choice);
    // Ends the program in the mount and the run.
    void stop();
    [[nodiscard]] const std::optional<Choice>& last() const { return last_; }

    EngineOptions engine; // of the runs to come

private:
    void go_on(); // when the image is open
    void begin_run();
    void run_began();
    void remove_folder();
    void refuse(const QString& text);

    Workspace& workspace_;
    std::optional<Choice> last_;
    enum class Step { idle, opening, starting } step_ = Step::idle;
    std::unique_ptr<QTemporaryDir> folder_; // with the mount and the cache that were not chosen
};

} // namespace coldscope::app
