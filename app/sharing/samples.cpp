#include "app/sharing/samples.h"

#include "app/run/work_pool.h"
#include "app/style/text.h"
#include "daemon/guard/erofs_mounts.h"

#include <QFutureWatcher>
#include <QtConcurrentRun>
#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <unistd.h>

namespace coldscope::app {

namespace {

std::size_t bytes_of(const sharing::Sample& sample) {
    return sizeof sample + sample.files.capacity() * sizeof(sharing::SeenFile) +
           sample.runs.capacity() * sizeof(sharing::SeenRun) +
           sample.frames.capacity() * sizeof(std::uint64_t);
}

// A path whose folders are no symbolic links. The last name is not looked at: a mount's own folder
// may not answer.
std::filesystem::path without_links(const std::filesystem::path& path) {
    std::error_code failed;
    const auto folder = std::filesystem::canonical(path.parent_path(), failed);
    return failed ? path : folder / path.filename();
}

// The files that a mount's bytes come from. Of a run that keeps copies only the one that it has
// mounted is known.
void add_own_files(const OpenedImage& image, const ErofsMount& mount, std::size_t which,
                   WatchList& list) {
    if (mount.block_device)
        return;
    std::vector<std::string> paths{mount.source};
    if (mount.source == image.path)
        paths.insert(paths.end(), image.device_paths.begin(), image.device_paths.end());
    for (std::size_t device = 0; device < paths.size(); ++device) {
        const std::filesystem::path file(paths[device]);
        if (!file.is_absolute())
            continue;
        list.add_device(static_cast<std::uint32_t>(which), static_cast<std::uint16_t>(device),
                        without_links(file).string());
    }
}

} // namespace

WatchList watch_list(const Images& images, const QStringList& folders) {
    WatchList list;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const QString folder = folders.value(static_cast<qsizetype>(i));
        if (!folder.isEmpty())
            list.add_image(static_cast<std::uint32_t>(i), images[i]->index,
                           without_links(folder.toStdString()).string());
    }
    const std::vector<ErofsMount> mounts = erofs_mounts();
    for (std::size_t i = 0; i < images.size(); ++i) {
        const std::string folder = folders.value(static_cast<qsizetype>(i)).toStdString();
        const auto mount = std::ranges::find(mounts, folder, &ErofsMount::folder);
        if (!folder.empty() && mount != mounts.end())
            add_own_files(*images[i], *mount, i, list);
    }
    return list;
}

struct Samples::Look {
    std::shared_ptr<const WatchList> list;
    std::shared_ptr<Observer> observer;
    std::shared_ptr<const Taken> taken;
    std::optional<Error> error;
};

Samples::Samples(QObject* parent) : QObject(parent) {
    connect(&interval_, &QTimer::timeout, this, &Samples::look);
}

Samples::~Samples() {
    release(std::move(observer_));
}

// Its end may take seconds.
void Samples::release(std::shared_ptr<Observer> observer) {
    if (observer)
        work_pool().start([observer = std::move(observer)]() mutable { observer.reset(); });
}

void Samples::set_images(const Images& images, const QStringList& folders) {
    if (images == images_ && folders == folders_)
        return;
    const bool more = images.size() >= images_.size() && folders.size() >= folders_.size() &&
                      std::equal(images_.begin(), images_.end(), images.begin()) &&
                      std::equal(folders_.begin(), folders_.end(), folders.begin());
    images_ = images;
    folders_ = folders;
    any_folder_ = std::ranges::any_of(folders, [](const QString& one) { return !one.isEmpty(); });
    list_.reset();
    release(std::exchange(observer_, nullptr));
    asker_.give_up();
    ++generation_;
    error_.clear();
    if (rights_ == guard::Rights::root) { // nobody is asked again unless it is wanted
        rights_ = guard::Rights::own;
        interval_.stop();
    }
    if (!more) {
        taken_.clear();
        bytes_ = 0;
    }
    Q_EMIT changed();
}

void Samples::look() {
    begin(rights_);
}

void Samples::ask_right() {
    release(std::exchange(observer_, nullptr));
    refused_ = false;
    begin(guard::Rights::root);
}

void Samples::set_interval(int milliseconds) {
    if (milliseconds == 0) {
        interval_.stop();
    } else {
        interval_.start(milliseconds);
        look();
    }
    Q_EMIT changed();
}

void Samples::begin(guard::Rights rights) {
    if (looking_ || !any_folder_)
        return;
    looking_ = true;
    rights_ = rights;
    std::shared_ptr<guard::ByHand> by_hand;
    if (rights == guard::Rights::root && !observer_ && geteuid() != 0)
        by_hand = asker_.begin(RootFor::observing, rights);
    auto* watcher = new QFutureWatcher<std::shared_ptr<Look>>(this);
    connect(watcher, &QFutureWatcherBase::finished, this,
            [this, watcher, generation = generation_] {
                watcher->deleteLater();
                looking_ = false;
                const bool unanswered = asker_.open();
                asker_.end();
                if (generation == generation_) {
                    take(*watcher->result(), unanswered);
                } else { // of other images
                    release(std::move(watcher->result()->observer));
                    Q_EMIT changed();
                }
            });
    watcher->setFuture(
        QtConcurrent::run(&work_pool(), [images = images_, folders = folders_, list = list_, rights,
                                         by_hand = std::move(by_hand),
                                         observer = std::exchange(observer_, nullptr)]() mutable {
            auto look = std::make_shared<Look>();
            look->list = list ? std::move(list)
                              : std::make_shared<const WatchList>(watch_list(images, folders));
            const auto done = [&]() -> Result<void> {
                if (!observer) {
                    COLDSCOPE_TRY(observer,
                                  Observer::start(look->list->folders(), rights, by_hand));
                }
                auto taken = std::make_shared<Taken>();
                taken->list = look->list;
                COLDSCOPE_TRY(taken->sample, observer->sample(look->list->watched));
                look->taken = std::move(taken);
                return {};
            }();
            if (done)
                look->observer = std::move(observer);
            else
                look->error = done.error();
            return look;
        }));
    Q_EMIT changed();
}

void Samples::take(const Look& look, bool unanswered) {
    list_ = look.list;
    observer_ = look.observer;
    error_.clear();
    if (look.error) {
        refused_ = nobody_allowed(*look.error) || look.error->sys_errno == EACCES;
        rights_ = guard::Rights::own; // nobody is asked again unless it is wanted
        interval_.stop();
        error_ =
            unanswered && nobody_allowed(*look.error) ? nobody_text() : error_text(*look.error);
    } else {
        refused_ = false;
        taken_.push_back(look.taken);
        bytes_ += bytes_of(look.taken->sample);
        trim();
    }
    Q_EMIT changed();
}

void Samples::trim() {
    while (taken_.size() > 1 && (taken_.size() > most || bytes_ > most_bytes)) {
        bytes_ -= bytes_of(taken_.front()->sample);
        taken_.erase(taken_.begin());
    }
}

} // namespace coldscope::app
