#include "app/sharing/sharing_state.h"

#include "app/run/work_pool.h"

#include <QFutureWatcher>
#include <QtConcurrentRun>
#include <algorithm>

namespace coldscope::app {

SharingState::SharingState(Workspace& workspace, QObject* parent)
    : QObject(parent), workspace_(workspace), set_(workspace) {
    connect(&set_, &SharingSet::entries_changed, this, &SharingState::follow_set);
    connect(&set_, &SharingSet::changed, this, &SharingState::follow_set);
    connect(&samples_, &Samples::changed, this, &SharingState::refresh);
    follow_set();
}

void SharingState::follow_set() {
    Images images;
    QStringList folders;
    if (predicted()) {
        images = predicted()->images;
        for (const auto& image : images) {
            const auto entry = std::ranges::find(set_.entries(), image, &SharingSet::Entry::opened);
            folders << (entry == set_.entries().end() ? QString() : entry->folder);
        }
    }
    samples_.set_images(images, folders);
    refresh();
}

void SharingState::choose_sample(std::size_t at) {
    const auto& taken = samples_.taken();
    chosen_ = at + 1 < taken.size() ? taken[at] : nullptr;
    refresh();
}

std::optional<std::size_t> SharingState::sample() const {
    const auto& taken = samples_.taken();
    if (taken.empty())
        return {};
    const auto at = std::ranges::find(taken, chosen_);
    return at == taken.end() ? taken.size() - 1 : static_cast<std::size_t>(at - taken.begin());
}

bool SharingState::busy() const {
    return set_.step() != SharingSet::Step::idle || samples_.looking() || wanted_ != nullptr;
}

// Makes of the chosen sample what is to be seen; what was seen stays until then.
void SharingState::refresh() {
    const std::optional<std::size_t> at = sample();
    if (chosen_ && at && samples_.taken()[*at] != chosen_)
        chosen_.reset(); // it is gone
    const std::shared_ptr<const Taken> taken = at && predicted() ? samples_.taken()[*at] : nullptr;
    const bool done = seen_ && seen_->predicted == predicted() && seen_->taken == taken;
    const bool other = shown_ != predicted();
    shown_ = predicted();
    if (taken == nullptr || other)
        seen_.reset();
    wanted_ = done ? nullptr : taken;
    if (wanted_ && !making_)
        make_seen();
    if (other)
        tell_maps();
    Q_EMIT changed();
}

// What is wanted by then follows.
void SharingState::make_seen() {
    making_ = true;
    auto* watcher = new QFutureWatcher<std::shared_ptr<const Seen>>(this);
    connect(watcher, &QFutureWatcherBase::finished, this, [this, watcher] {
        watcher->deleteLater();
        making_ = false;
        const std::shared_ptr<const Seen> made = watcher->result();
        if (wanted_ && (made->taken != wanted_ || made->predicted != predicted()))
            return make_seen();
        if (!wanted_)
            return;
        wanted_.reset();
        seen_ = made;
        tell_maps();
        Q_EMIT changed();
    });
    watcher->setFuture(QtConcurrent::run(&work_pool(), [predicted = predicted(), taken = wanted_] {
        return see(predicted, taken);
    }));
}

std::optional<std::uint64_t> SharingState::twice() const {
    if (!seen_)
        return {};
    const Taken& taken = *seen_->taken;
    const Images& images = seen_->predicted->images;
    std::vector<std::size_t> own(images.size()); // files that were seen
    std::vector<bool> mounted(images.size());
    for (std::size_t i = 0; i < taken.list->files.size(); ++i) {
        const sharing::SampledFile& file = taken.list->files[i];
        if (file.image >= images.size())
            continue;
        if (file.node != erofs::no_node)
            mounted[file.image] = true;
        else if (i < taken.sample.files.size() && taken.sample.files[i].sys_errno == 0)
            ++own[file.image];
    }
    std::uint64_t bytes = 0;
    for (std::size_t image = 0; image < images.size(); ++image) {
        if (mounted[image] && own[image] != 1 + images[image]->device_paths.size())
            return {};
        bytes += seen_->observed.totals(image).twice;
    }
    return bytes;
}

std::optional<std::size_t> SharingState::open_image() const {
    if (!predicted())
        return {};
    const auto at = std::ranges::find(predicted()->images, workspace_.image());
    if (at == predicted()->images.end())
        return {};
    return static_cast<std::size_t>(at - predicted()->images.begin());
}

void SharingState::tell_maps() {
    const std::optional<std::size_t> image = open_image();
    workspace_.set_shared_pieces(
        image ? Workspace::SharedPieces(
                    [predicted = predicted(), seen = seen_, image = *image](erofs::NodeId node) {
                        return pieces_of(*predicted, seen.get(), image, node);
                    })
              : Workspace::SharedPieces());
}

} // namespace coldscope::app
