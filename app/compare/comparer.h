// The open image compared with another, beside the main thread.
#pragma once

#include "app/run/workspace.h"
#include "core/compare/compare.h"

#include <QFutureWatcher>
#include <QObject>
#include <QTimer>
#include <atomic>
#include <memory>

namespace coldscope::app {

// Never changes once made; any thread may read it, but not the images' Image.
struct Compared {
    std::shared_ptr<OpenedImage> before;
    std::shared_ptr<OpenedImage> after;
    bool open_is_before = true; // which of them is the window's
    compare::Comparison result;

    [[nodiscard]] std::string path(const compare::Change& change) const;
    // Of the open image; no_node: it has none.
    [[nodiscard]] erofs::NodeId open_node(const compare::Change& change) const {
        return open_is_before ? change.old_node : change.new_node;
    }
};

class Comparer final : public QObject {
    Q_OBJECT

public:
    explicit Comparer(Workspace& workspace, QObject* parent = nullptr);
    ~Comparer() override;

    // Compares the open image with this one; one that is under way is given up.
    void start(const QString& other);
    // The same images the other way round.
    void swap();
    void cancel();

    [[nodiscard]] bool running() const { return work_ != nullptr; }
    [[nodiscard]] compare::Progress progress() const;
    [[nodiscard]] const QString& other() const { return other_; } // its path; empty: none yet
    [[nodiscard]] bool open_is_before() const { return open_is_before_; }
    // Null: none yet, given up, or failed, which error() says then.
    [[nodiscard]] const std::shared_ptr<const Compared>& compared() const { return compared_; }
    [[nodiscard]] const QString& error() const { return error_; }

Q_SIGNALS:
    void changed();    // began, ended, or is gone with the image
    void progressed(); // while it runs

private:
    struct Work {
        std::atomic<bool> cancelled = false;
        std::atomic<compare::Phase> phase = compare::Phase::devices;
        std::atomic<std::uint64_t> done = 0;
        std::atomic<std::uint64_t> total = 0;
    };
    struct Outcome {
        std::shared_ptr<OpenedImage> other;
        std::shared_ptr<const Compared> compared;
        std::optional<Error> error;
    };
    using Watcher = QFutureWatcher<std::shared_ptr<Outcome>>;

    static std::shared_ptr<Outcome> run(Work& work, const std::shared_ptr<OpenedImage>& open,
                                        std::shared_ptr<OpenedImage> other, const std::string& path,
                                        bool open_is_before);
    void begin();
    void give_up();
    void finish(const Watcher& watcher, const std::shared_ptr<Work>& work);
    void image_changed();

    Workspace& workspace_;
    QString other_;
    std::shared_ptr<OpenedImage> opened_; // the image that is open; another one ends the comparison
    std::shared_ptr<OpenedImage> other_image_;
    bool open_is_before_ = true;
    std::shared_ptr<Work> work_; // null: none is under way
    std::shared_ptr<const Compared> compared_;
    QString error_;
    QTimer telling_;
};

} // namespace coldscope::app
