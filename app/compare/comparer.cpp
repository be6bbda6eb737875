#include "app/compare/comparer.h"

#include "app/run/work_pool.h"
#include "app/style/text.h"

#include <QtConcurrentRun>

namespace coldscope::app {

namespace {

constexpr int telling_ms = 50;

// An image of the worker's own over the same files.
struct Reading {
    std::unique_ptr<erofs::Image> image;
    std::shared_ptr<const rafs::Bootstrap> bootstrap; // null: it is no RAFS that can be read
};

Result<Reading> reading_of(const OpenedImage& opened) {
    Reading reading;
    erofs::Findings listed_already;
    COLDSCOPE_TRY(reading.image, erofs::Image::open(opened.devices[0], &listed_already));
    if (auto tables = rafs::read_bootstrap(*reading.image))
        reading.bootstrap = std::move(*tables);
    return reading;
}

} // namespace

std::string Compared::path(const compare::Change& change) const {
    return change.new_node != erofs::no_node ? after->index.path(change.new_node)
                                             : before->index.path(change.old_node);
}

Comparer::Comparer(Workspace& workspace, QObject* parent)
    : QObject(parent), workspace_(workspace), opened_(workspace.image()) {
    telling_.setInterval(telling_ms);
    connect(&telling_, &QTimer::timeout, this, &Comparer::progressed);
    connect(&workspace_, &Workspace::image_changed, this, &Comparer::image_changed);
}

Comparer::~Comparer() {
    give_up();
}

compare::Progress Comparer::progress() const {
    if (!work_)
        return {};
    return {work_->phase, work_->done, work_->total};
}

void Comparer::start(const QString& other) {
    if (!workspace_.image())
        return;
    other_ = other;
    other_image_.reset();
    begin();
}

void Comparer::swap() {
    if (!workspace_.image() || other_.isEmpty())
        return;
    open_is_before_ = !open_is_before_;
    begin();
}

void Comparer::cancel() {
    if (!work_)
        return;
    give_up();
    Q_EMIT changed();
}

void Comparer::give_up() {
    if (work_)
        work_->cancelled = true;
    work_.reset();
    telling_.stop();
}

std::shared_ptr<Comparer::Outcome> Comparer::run(Work& work,
                                                 const std::shared_ptr<OpenedImage>& open,
                                                 std::shared_ptr<OpenedImage> other,
                                                 const std::string& path, bool open_is_before) {
    auto outcome = std::make_shared<Outcome>();
    const auto compared = std::make_shared<Compared>();
    const auto done = [&]() -> Result<void> {
        if (!other) {
            COLDSCOPE_TRY(other, open_image(path, {}));
        }
        outcome->other = other;
        compared->before = open_is_before ? open : other;
        compared->after = open_is_before ? other : open;
        compared->open_is_before = open_is_before;
        COLDSCOPE_TRY(const Reading before, reading_of(*compared->before));
        COLDSCOPE_TRY(const Reading after, reading_of(*compared->after));
        compare::Options options;
        options.report = [&work](const compare::Progress& progress) {
            work.phase = progress.phase;
            work.done = progress.done;
            work.total = progress.total;
            return !work.cancelled;
        };
        COLDSCOPE_TRY(compared->result,
                      compare::compare({*before.image, compared->before->index,
                                        compared->before->devices, before.bootstrap.get()},
                                       {*after.image, compared->after->index,
                                        compared->after->devices, after.bootstrap.get()},
                                       options));
        return {};
    }();
    if (done)
        outcome->compared = compared;
    else
        outcome->error = done.error();
    return outcome;
}

void Comparer::begin() {
    give_up();
    compared_.reset();
    error_.clear();
    work_ = std::make_shared<Work>();
    auto* watcher = new Watcher(this);
    connect(watcher, &Watcher::finished, this, [this, watcher, work = work_] {
        finish(*watcher, work);
        watcher->deleteLater();
    });
    watcher->setFuture(QtConcurrent::run(
        &work_pool(), [work = work_, open = opened_, other = other_image_,
                       path = other_.toStdString(), open_is_before = open_is_before_] {
            return run(*work, open, other, path, open_is_before);
        }));
    telling_.start();
    Q_EMIT changed();
}

void Comparer::finish(const Watcher& watcher, const std::shared_ptr<Work>& work) {
    if (work != work_)
        return; // given up
    const Outcome& outcome = *watcher.result();
    give_up();
    other_image_ = outcome.other;
    compared_ = outcome.compared;
    if (outcome.error)
        error_ = error_text(*outcome.error, other_);
    Q_EMIT changed();
}

void Comparer::image_changed() {
    if (workspace_.image() == opened_)
        return;
    opened_ = workspace_.image();
    give_up();
    compared_.reset();
    other_image_.reset();
    other_.clear();
    error_.clear();
    open_is_before_ = true;
    Q_EMIT changed();
}

} // namespace coldscope::app
