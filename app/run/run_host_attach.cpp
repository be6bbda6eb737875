// The host of a run that the window is attached to.
#include "app/run/drain.h"
#include "app/run/run_host.h"
#include "app/style/text.h"

#include <algorithm>
#include <unordered_set>

namespace coldscope::app {

namespace {

// When the request was last heard of.
Nanoseconds latest_of(const EventStore& store, Row at) {
    const RequestRow& row = store[at];
    const Steering steering = store.steering(row);
    return std::max({row.start, row.matched, row.fetching, row.filling, row.ended, steering.held,
                     steering.delayed});
}

} // namespace

void RunHost::attach(const attach::Address& address) {
    if (phase_ != Phase::none && phase_ != Phase::ended)
        return;
    attachment_ = std::make_unique<Attachment>(address);
    set_phase(Phase::starting);
    frame_.start();
}

bool RunHost::fetch_image(Fd file) {
    return attachment_ && attachment_->client().ask(attach::FetchImage{std::move(file)});
}

void RunHost::follow() {
    if (!attachment_ || phase_ != Phase::starting)
        return;
    const attach::Hello& hello = attachment_->hello();
    transport_ = transport_by_name(hello.transport).value_or(TransportKind::fuse_blob);
    options_ = {};
    options_.image = hello.image;
    options_.transport = transport_;
    // What is in the mount of a run of this machine is not for the window's dialogs.
    if (attachment_->client().address().kind == attach::Address::Kind::socket)
        options_.mount_point = hello.mount;
    object_names_.clear();
    for (ObjectId object = 0; object < hello.devices.size(); ++object)
        object_names_[object] = hello.devices[object].name;
    local_at_start_ = attachment_->local_at_start();
    forget();
    cache_full_ = hello.cache_full;
    unguarded_ = hello.unguarded;
    began_at_ = hello.began;
    Q_EMIT began();
    Q_EMIT rules_changed();
    set_phase(Phase::live);
    if (!attachment_->client().ask(attach::StartFollowing{hello.run}))
        leave(Error{Code::busy, 0, no_offset, "the link takes nothing"});
}

void RunHost::detach() {
    if (attachment_)
        leave({});
}

// The attachment ends, by whomever.
void RunHost::leave(const std::optional<Error>& error) {
    const QString where = attachment_->where();
    const bool was_live = phase_ == Phase::live || phase_ == Phase::stopping;
    frame_.stop();
    // What is being handed over is the link's.
    QTimer::singleShot(0, this, [left = std::shared_ptr<Attachment>(std::move(attachment_))] {});
    if (was_live) {
        ended_at_ = monotonic_now();
        end_open_requests();
        Q_EMIT advanced();
    }
    set_phase(began_at_ == 0 ? Phase::none : Phase::ended);
    Q_EMIT rules_changed();
    Q_EMIT link_changed();
    if (error)
        Q_EMIT failed(was_live ? tr("The run at %1 has ended").arg(where)
                               : tr("Not attached to %1").arg(where),
                      error_text(*error));
}

void RunHost::pump_attached() {
    constexpr std::size_t batch = 8; // of what is told, each at most 1024 records
    attachment_->client().beat();
    const Nanoseconds end = monotonic_now() + drain_budget;
    std::size_t taken = 0;
    came_ = false;
    do {
        taken = attachment_->client().drain(
            [this](attach::Told& told) {
                if (attachment_) // not what comes behind its end
                    std::visit([this](auto& it) { take_told(std::move(it)); }, told);
            },
            batch);
    } while (attachment_ && taken == batch && monotonic_now() < end);
    if (!attachment_)
        return;
    const std::uint64_t lost = attachment_->lost_events();
    tick(came_, lost);
}

void RunHost::take_told(attach::Greeted&& told) {
    const bool again = told.same_run;
    attachment_->take(std::move(told));
    if (!again && phase_ != Phase::starting) {
        // Another run has taken that one's place.
        ended_at_ = monotonic_now();
        end_open_requests();
        Q_EMIT advanced();
        set_phase(Phase::starting);
    }
    cache_full_ = attachment_->hello().cache_full;
    unguarded_ = attachment_->hello().unguarded;
    Q_EMIT link_changed();
}

void RunHost::take_told(attach::Local&& told) {
    attachment_->take(std::move(told));
}

void RunHost::take_told(attach::Rules&& told) {
    const bool last = told.last;
    if (attachment_->take(std::move(told)))
        Q_EMIT greeted();
    if (last)
        Q_EMIT rules_changed();
}

void RunHost::take_told(attach::ObjectName&& told) {
    object_names_[told.object] = std::move(told.name);
}

void RunHost::take_told(attach::Steps&& told) {
    came_ = came_ || !told.records.empty();
    for (const StepRecord& record : told.records)
        take(record);
}

// Records are missing. What is open at the other end is told whole; the rest has ended, and how is
// not known.
void RunHost::take_told(attach::OpenSteps&& told) {
    const auto steps = attachment_->take(std::move(told));
    if (!steps)
        return;
    came_ = true;
    std::unordered_set<RequestId> open;
    for (const StepRecord& record : *steps)
        open.insert(record.request);
    const auto rows = store_->open_rows();
    for (const Row row : std::vector<Row>(rows.begin(), rows.end())) {
        if (!open.contains((*store_)[row].id))
            lose(row);
    }
    for (const StepRecord& record : *steps) {
        const auto known = store_->find(record.request);
        if (!known || record.time > latest_of(*store_, *known))
            take(record);
    }
}

void RunHost::take_told(attach::Lost&& told) {
    attachment_->take(told);
}

void RunHost::take_told(attach::Done&& told) {
    const QString what = attachment_->take(told);
    if (told.error)
        Q_EMIT failed(tr("Not done: %1").arg(what), error_text(*told.error));
}

void RunHost::take_told(attach::Unlinked&& told) {
    const bool was_linked = attachment_->linked();
    const QStringList undone = attachment_->unlinked();
    if (!told.trying) {
        leave(told.error);
        return;
    }
    Q_EMIT link_changed();
    if (was_linked)
        Q_EMIT link_lost(error_text(told.error), undone);
}

void RunHost::take_told(attach::ImageFetched&& told) {
    Q_EMIT image_fetched(told.error ? error_text(*told.error) : QString());
}

void RunHost::take_told(attach::Facts&& told) {
    for (ReaderFacts& reader : told.readers)
        take(Fact(std::move(reader)));
    for (const ReadFor& origin : told.origins)
        take(Fact(origin));
    for (const KernelTime& kernel : told.times)
        take(Fact(kernel));
    for (Failure& failure : told.failures)
        take(Fact(std::move(failure)));
    for (AskedThrough& through : told.through)
        take(Fact(std::move(through)));
}

void RunHost::take_told(attach::Bye&& told) {
    leave(told.error);
}

} // namespace coldscope::app
