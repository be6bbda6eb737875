// What was seen of the images' files in memory, one sample after the other: on demand, and at an
// interval. Taken beside the main thread.
#pragma once

#include "app/run/root_asker.h"
#include "app/sharing/sharing_data.h"

#include <QObject>
#include <QString>
#include <QStringList>
#include <QTimer>
#include <memory>
#include <vector>

namespace coldscope::app {

class Samples final : public QObject {
    Q_OBJECT

public:
    static constexpr std::size_t most = 200;
    static constexpr std::size_t most_bytes = 128 << 20; // the newest one is kept in any case

    explicit Samples(QObject* parent = nullptr);
    ~Samples() override;

    // Where the images are mounted, in their order; empty: nowhere. What was taken of the same
    // images in the same folders stays. Rights that somebody was asked for end with it.
    void set_images(const Images& images, const QStringList& folders);
    [[nodiscard]] bool possible() const { return any_folder_; }

    // Now, with the rights that were allowed.
    void look();
    // Somebody is asked, as asker() says; then looks. Later samples are taken with what was
    // allowed.
    void ask_right();
    [[nodiscard]] RootAsker& asker() { return asker_; }
    void set_interval(int milliseconds); // 0: off
    [[nodiscard]] int interval() const { return interval_.isActive() ? interval_.interval() : 0; }

    [[nodiscard]] bool looking() const { return looking_; } // one at a time
    // Only root is told what is in memory; this process is not root, or nobody allowed it.
    [[nodiscard]] bool refused() const { return refused_; }
    [[nodiscard]] const QString& error() const { return error_; } // of the last look
    [[nodiscard]] const std::vector<std::shared_ptr<const Taken>>& taken() const { return taken_; }

Q_SIGNALS:
    void changed(); // a look began or ended, a sample came or went

private:
    struct Look;
    void begin(guard::Rights rights);
    void take(const Look& look, bool unanswered); // nobody has allowed what was asked for
    void release(std::shared_ptr<Observer> observer);
    void trim();

    Images images_;
    QStringList folders_;
    bool any_folder_ = false;
    std::shared_ptr<const WatchList> list_; // null: to be made
    std::shared_ptr<Observer> observer_;    // null: to be started; one look at a time has it
    guard::Rights rights_ = guard::Rights::own;
    RootAsker asker_;
    bool looking_ = false;
    bool refused_ = false;
    QString error_;
    std::vector<std::shared_ptr<const Taken>> taken_; // by time
    std::size_t bytes_ = 0;                           // of all
    std::uint64_t generation_ = 0;                    // of images and folders
    QTimer interval_;
};

// Regular files of the images that are mounted, one name of each, and the files with their bytes,
// where these are known to be what is mounted.
[[nodiscard]] WatchList watch_list(const Images& images, const QStringList& folders);

} // namespace coldscope::app
