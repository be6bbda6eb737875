#include "app/sharing/sharing_set.h"

#include "app/run/work_pool.h"
#include "app/style/text.h"
#include "daemon/guard/erofs_mounts.h"

#include <QFileInfo>
#include <QFutureWatcher>
#include <QtConcurrentRun>
#include <algorithm>

namespace coldscope::app {

namespace {

constexpr int telling_ms = 50;
constexpr int changing_ms = 120;

// The kernel tells no domain: what was said of it stays.
void take_options(const ErofsMount& mount, sharing::Mounted& mounted) {
    mounted.inode_share = mount.inode_share;
    mounted.dax = mount.dax;
    mounted.block_device = mount.block_device;
}

void find_mount(SharingSet::Entry& entry) {
    // Compared by name: a look at the source itself might wait for a dead disk.
    for (const ErofsMount& mount : erofs_mounts()) {
        if (mount.root != "/" || mount.source != entry.path.toStdString())
            continue;
        entry.folder = QString::fromStdString(mount.folder);
        take_options(mount, entry.mounted);
        return;
    }
}

} // namespace

sharing::Report SharingSet::Work::report() {
    return [this, told = std::uint64_t{0}](std::uint64_t now, std::uint64_t all) mutable {
        const double share = all == 0 ? 0 : static_cast<double>(now) / static_cast<double>(all);
        const auto here = static_cast<std::uint64_t>(std::min(share, 1.0) * steps);
        if (here > told) {
            done += here - told;
            told = here;
        }
        return !cancelled;
    };
}

SharingSet::SharingSet(Workspace& workspace, QObject* parent)
    : QObject(parent), workspace_(workspace) {
    telling_.setInterval(telling_ms);
    changing_.setSingleShot(true);
    changing_.setInterval(changing_ms);
    connect(&telling_, &QTimer::timeout, this, &SharingSet::progressed);
    connect(&changing_, &QTimer::timeout, this, &SharingSet::go_on);
    connect(&workspace_, &Workspace::image_changed, this, &SharingSet::image_changed);
    connect(&workspace_.host(), &RunHost::phase_changed, this, &SharingSet::run_changed);
    image_changed();
}

SharingSet::~SharingSet() {
    give_up();
}

void SharingSet::image_changed() {
    if (workspace_.image() == open_)
        return;
    open_ = workspace_.image();
    give_up();
    entries_.clear();
    predicted_.reset();
    error_.clear();
    given_up_ = false;
    if (open_) {
        Entry entry;
        entry.path = QString::fromStdString(open_->path);
        entry.opened = open_;
        find_mount(entry);
        entries_.push_back(std::move(entry));
        run_changed();
    }
    Q_EMIT entries_changed();
    Q_EMIT changed();
}

// The open image is mounted where its run is.
void SharingSet::run_changed() {
    const RunHost& host = workspace_.host();
    if (entries_.empty() || host.simulated() || host.attachment() != nullptr)
        return;
    const QString mount = QString::fromStdString(host.options().mount_point);
    if (host.live() && !mount.isEmpty() && entries_.front().folder != mount) {
        if (!host.options().share_domain.empty())
            entries_.front().mounted.domain = host.options().share_domain;
        set_folder(0, mount);
    } else if (!host.standing() && entries_.front().folder == mount && !mount.isEmpty())
        set_folder(0, {});
}

void SharingSet::add(const QString& path) {
    if (entries_.empty())
        return;
    if (const auto there = std::ranges::find(entries_, path, &Entry::path);
        there != entries_.end()) {
        there->error.clear(); // it is tried again
        given_up_ = false;
        Q_EMIT entries_changed();
        return go_on();
    }
    Entry entry;
    entry.path = path;
    find_mount(entry);
    // What is not said by a mount is as for the first, so that both could share.
    if (entry.folder.isEmpty())
        entry.mounted = entries_.front().mounted;
    entries_.push_back(std::move(entry));
    stale_ = true;
    given_up_ = false;
    Q_EMIT entries_changed();
    go_on();
}

void SharingSet::remove(std::size_t at) {
    if (at == 0 || at >= entries_.size())
        return;
    give_up();
    given_up_ = false;
    if (predicted_ &&
        std::ranges::find(predicted_->images, entries_[at].opened) != predicted_->images.end())
        predicted_.reset();
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
    error_.clear();
    stale_ = true;
    Q_EMIT entries_changed();
    go_on();
}

void SharingSet::set_mounted(std::size_t at, const sharing::Mounted& mounted) {
    if (at >= entries_.size())
        return;
    entries_[at].mounted = mounted;
    given_up_ = false;
    stale_ = true;
    changing_.start();
    Q_EMIT entries_changed();
}

void SharingSet::set_folder(std::size_t at, const QString& folder) {
    if (at >= entries_.size())
        return;
    entries_[at].folder = folder;
    const auto mounts = erofs_mounts();
    if (const auto mount = std::ranges::find(mounts, folder.toStdString(), &ErofsMount::folder);
        mount != mounts.end()) {
        take_options(*mount, entries_[at].mounted);
        given_up_ = false;
        stale_ = true;
        changing_.start();
    }
    Q_EMIT entries_changed();
}

void SharingSet::scan() {
    if (step_ == Step::idle && predicted_ && !predicted_->scanned)
        begin_predicting(true);
}

void SharingSet::cancel() {
    if (step_ == Step::idle)
        return;
    given_up_ = step_ != Step::scanning;
    stale_ = stale_ || given_up_;
    give_up();
    Q_EMIT changed();
}

double SharingSet::progress() const {
    return work_ ? static_cast<double>(work_->done) / static_cast<double>(work_->total) : 0;
}

void SharingSet::give_up() {
    if (work_)
        work_->cancelled = true;
    work_.reset();
    step_ = Step::idle;
    reading_ = 0;
    telling_.stop();
}

void SharingSet::begin(Step step, std::size_t parts) {
    step_ = step;
    work_ = std::make_shared<Work>(parts);
    telling_.start();
}

void SharingSet::go_on() {
    if (given_up_ || entries_.size() < 2) {
        Q_EMIT changed();
        return;
    }
    if (step_ == Step::predicting || step_ == Step::scanning)
        give_up(); // of other images, or of others' options
    const auto unread = [](const Entry& entry) { return !entry.ready() && entry.error.isEmpty(); };
    const std::ptrdiff_t to_read = std::ranges::count_if(entries_, unread);
    if (to_read != 0 && step_ != Step::reading) {
        begin(Step::reading, static_cast<std::size_t>(to_read));
        for (Entry& entry : entries_) {
            if (unread(entry))
                begin_reading(entry);
        }
    } else if (step_ == Step::idle && stale_ &&
               std::ranges::count_if(entries_, &Entry::ready) >= 2) {
        begin_predicting(false);
    }
    Q_EMIT changed();
}

void SharingSet::begin_reading(Entry& entry) {
    ++reading_;
    auto* watcher = new QFutureWatcher<std::shared_ptr<Read>>(this);
    connect(watcher, &QFutureWatcherBase::finished, this,
            [this, watcher, path = entry.path, work = work_] {
                watcher->deleteLater();
                if (work == work_)
                    take(path, *watcher->result());
            });
    watcher->setFuture(QtConcurrent::run(
        &work_pool(), [work = work_, opened = entry.opened, path = entry.path.toStdString()] {
            return read(*work, opened, path);
        }));
}

void SharingSet::take(const QString& path, const Read& read) {
    --reading_;
    if (const auto entry = std::ranges::find(entries_, path, &Entry::path);
        entry != entries_.end()) {
        entry->opened = read.opened;
        entry->keys = read.keys;
        if (read.error) {
            entry->error = error_text(*read.error, path);
            if (predicted_) // the others are shown
                Q_EMIT workspace_.failed(tr("The image could not be read"), entry->error);
        }
    }
    Q_EMIT entries_changed();
    if (reading_ > 0)
        return;
    give_up();
    stale_ = true;
    go_on();
}

void SharingSet::begin_predicting(bool scan) {
    std::vector<Entry> ready;
    std::ranges::copy_if(entries_, std::back_inserter(ready), &Entry::ready);
    const auto scans =
        scan ? std::ranges::count_if(ready, [](const Entry& entry) { return !entry.scan; }) : 0;
    begin(scan ? Step::scanning : Step::predicting, static_cast<std::size_t>(scans) + 2);
    stale_ = false;
    error_.clear();
    auto* watcher = new QFutureWatcher<std::shared_ptr<Outcome>>(this);
    connect(watcher, &QFutureWatcherBase::finished, this, [this, watcher, work = work_] {
        watcher->deleteLater();
        if (work == work_)
            take(*watcher->result());
    });
    watcher->setFuture(QtConcurrent::run(
        &work_pool(), [work = work_, ready, scan] { return predict(*work, ready, scan); }));
    Q_EMIT changed();
}

void SharingSet::take(const Outcome& outcome) {
    const bool scanned = step_ == Step::scanning;
    give_up();
    if (outcome.error && scanned) // what was predicted without stays
        Q_EMIT workspace_.failed(tr("The bytes could not be compared"), error_text(*outcome.error));
    else
        predicted_ = outcome.predicted;
    for (const Entry& known : outcome.entries) {
        if (const auto entry = std::ranges::find(entries_, known.path, &Entry::path);
            entry != entries_.end() && known.scan)
            entry->scan = known.scan;
    }
    if (outcome.error && !scanned)
        error_ = error_text(*outcome.error);
    Q_EMIT changed();
}

} // namespace coldscope::app
