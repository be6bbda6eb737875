// The images whose sharing is looked at: the one that is open, and others; each read beside the
// main thread, and all of them together predicted.
#pragma once

#include "app/run/workspace.h"
#include "app/sharing/sharing_data.h"

#include <QObject>
#include <QString>
#include <QTimer>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

namespace coldscope::app {

class SharingSet final : public QObject {
    Q_OBJECT

public:
    enum class Step { idle, reading, predicting, scanning };

    struct Entry {
        QString path;
        std::shared_ptr<OpenedImage> opened; // null: being read, or it failed
        QString error;                       // why it is not there
        sharing::Mounted mounted;
        QString folder;                    // where it is mounted; empty: nowhere that is known
        std::optional<sharing::Keys> keys; // nothing: not read yet
        std::optional<sharing::Scan> scan;
        [[nodiscard]] bool ready() const { return keys.has_value(); }
    };

    explicit SharingSet(Workspace& workspace, QObject* parent = nullptr);
    ~SharingSet() override;

    // The first is the open image; none without one.
    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
    // Where it is found to be mounted. One that is there already is tried again if it failed or was
    // given up.
    void add(const QString& path);
    void remove(std::size_t at); // not the first
    void set_mounted(std::size_t at, const sharing::Mounted& mounted);
    // Where it is mounted, with which options is looked up. Empty: nowhere.
    void set_folder(std::size_t at, const QString& folder);
    // Reads and compares all bytes that nothing else tells to be the same.
    void scan();
    void cancel();

    [[nodiscard]] Step step() const { return step_; }
    [[nodiscard]] double progress() const; // 0..1
    // Null: not yet, less than two images, given up, or failed, which error() says then. While
    // options change the old one stays. What of a scan fails is told by Workspace::failed().
    [[nodiscard]] const std::shared_ptr<const Predicted>& predicted() const { return predicted_; }
    [[nodiscard]] const QString& error() const { return error_; }
    // Cancel was pressed, and nothing was begun since.
    [[nodiscard]] bool given_up() const { return given_up_; }

Q_SIGNALS:
    void entries_changed(); // which there are, or how they are mounted
    void changed();         // a step began or ended, what is predicted is another
    void progressed();

private:
    struct Work {
        static constexpr std::uint64_t steps = 1000; // of each part

        explicit Work(std::uint64_t all) : total(all * steps) {}
        // Of one of the parts. They may go on side by side.
        [[nodiscard]] sharing::Report report();

        std::atomic<bool> cancelled = false;
        std::atomic<std::uint64_t> done = 0;
        const std::uint64_t total;
    };
    struct Read {
        std::shared_ptr<OpenedImage> opened;
        std::optional<sharing::Keys> keys;
        std::optional<Error> error;
    };
    struct Outcome {
        std::vector<Entry> entries; // with their scans
        std::shared_ptr<const Predicted> predicted;
        std::optional<Error> error;
    };

    static std::shared_ptr<Read> read(Work& work, std::shared_ptr<OpenedImage> opened,
                                      const std::string& path);
    static std::shared_ptr<Outcome> predict(Work& work, std::vector<Entry> ready, bool scan);
    void image_changed();
    void run_changed();
    void go_on(); // with what is to be done next
    void begin_reading(Entry& entry);
    void begin_predicting(bool scan);
    void begin(Step step, std::size_t parts);
    void give_up();
    void take(const QString& path, const Read& read);
    void take(const Outcome& outcome);

    Workspace& workspace_;
    std::shared_ptr<OpenedImage> open_;
    std::vector<Entry> entries_;
    Step step_ = Step::idle;
    std::shared_ptr<Work> work_; // of the step
    std::size_t reading_ = 0;    // images
    bool stale_ = false;         // the entries are not those that were predicted
    bool given_up_ = false;
    std::shared_ptr<const Predicted> predicted_;
    QString error_;
    QTimer telling_;
    QTimer changing_; // until options have changed that change together
};

} // namespace coldscope::app
