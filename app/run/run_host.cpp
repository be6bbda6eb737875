#include "app/run/run_host.h"

#include "app/run/drain.h"
#include "app/run/work_pool.h"
#include "app/style/text.h"

#include <QtConcurrentRun>
#include <algorithm>
#include <cerrno>
#include <iterator>

namespace coldscope::app {

namespace {
constexpr unsigned idle_pace = 6; // frames
} // namespace

RunHost::RunHost(QObject* parent) : QObject(parent), store_(std::make_unique<EventStore>()) {
    frame_.setTimerType(Qt::PreciseTimer);
    frame_.setInterval(frame_ms);
    connect(&frame_, &QTimer::timeout, this, &RunHost::pump);
    connect(&starting_, &QFutureWatcher<Started>::finished, this, &RunHost::finish_start);
    connect(&stopping_, &QFutureWatcher<Stopped>::finished, this, &RunHost::finish_stop);
}

RunHost::~RunHost() {
    starting_.disconnect(this);
    stopping_.disconnect(this);
    asker_.give_up();
    starting_.waitForFinished();
    stopping_.waitForFinished();
}

void RunHost::start(const RunOptions& options, guard::Rights asked) {
    if (phase_ != Phase::none && phase_ != Phase::ended)
        return;
    options_ = options;
    options_.privileged = asked != guard::Rights::own;
    options_.by_hand =
        options_.privileged ? asker_.begin(RootFor::run, asked) : std::shared_ptr<guard::ByHand>();
    stop_when_started_ = false;
    starting_at_ = monotonic_now();
    set_phase(Phase::starting);
    starting_.setFuture(QtConcurrent::run(&work_pool(), [options = options_] {
        return std::make_shared<Result<std::unique_ptr<Run>>>(Run::start(options));
    }));
}

void RunHost::finish_start() {
    Result<std::unique_ptr<Run>>& result = *starting_.result();
    const bool asked = asker_.open();
    asker_.end();
    if (!result) {
        set_phase(began_at_ == 0 ? Phase::none : Phase::ended);
        Q_EMIT failed(tr("The run did not start"), asked && nobody_allowed(result.error())
                                                       ? refused_text()
                                                       : error_text(result.error()));
        return;
    }
    run_ = std::move(*result);
    options_ = run_->options();
    transport_ = run_->transport();
    local_at_start_ = run_->local_at_start();
    object_names_.clear();
    forget();
    began_at_ = starting_at_;
    run_->beat();
    Q_EMIT began();
    Q_EMIT rules_changed();
    set_phase(Phase::live);
    frame_.start();
    if (stop_when_started_)
        stop();
}

void RunHost::forget() {
    store_ = std::make_unique<EventStore>();
    facts_.clear();
    cgroups_.clear();
    cgroup_numbers_.clear();
    origins_.clear();
    failures_.clear();
    through_.clear();
    kernel_times_.clear();
    lost_ = 0;
    cache_full_ = false;
    unguarded_ = false;
    ended_at_ = 0;
}

void RunHost::stop() {
    if (attachment_) {
        if (phase_ == Phase::starting)
            detach();
        else if (const auto sent = attachment_->send("stop"); !sent)
            Q_EMIT failed(tr("The run was not ended"), error_text(sent.error()));
        return;
    }
    if (phase_ == Phase::starting) {
        stop_when_started_ = true;
        asker_.give_up();
    }
    if (phase_ != Phase::live)
        return;
    set_phase(Phase::stopping);
    stopping_.setFuture(QtConcurrent::run(
        &work_pool(), [run = run_.get()] { return std::make_shared<Result<void>>(run->stop()); }));
}

void RunHost::finish_stop() {
    frame_.stop();
    while (drain(second)) {
    }
    ended_at_ = monotonic_now();
    end_open_requests();
    const Result<void> result = *stopping_.result();
    run_.reset();
    Q_EMIT advanced();
    set_phase(Phase::ended);
    Q_EMIT rules_changed();
    if (!result)
        Q_EMIT failed(tr("The run ended, but its mount did not go cleanly"),
                      error_text(result.error()));
}

// What was open when the run ended has no answer any more.
void RunHost::end_open_requests() {
    const auto open = store_->open_rows();
    for (const Row row : std::vector<Row>(open.begin(), open.end()))
        lose(row);
}

void RunHost::lose(Row row) {
    StepRecord record;
    record.request = (*store_)[row].id;
    record.time = now();
    record.step = Step::lost;
    store_->take(record);
}

void RunHost::set_phase(Phase phase) {
    phase_ = phase;
    Q_EMIT phase_changed();
}

QString RunHost::transport_name() const {
    const std::string_view text = name(transport_);
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

Nanoseconds RunHost::now() const {
    return ended_at_ != 0 ? ended_at_ : monotonic_now();
}

void RunHost::pump() {
    if (attachment_) {
        pump_attached();
        return;
    }
    if (phase_ == Phase::live)
        run_->beat();
    hear_of_waiting();
    const bool came = drain(drain_budget);
    tick(came, run_->events().lost());
}

void RunHost::tick(bool came, std::uint64_t lost) {
    if (came || lost != lost_) {
        lost_ = lost;
        Q_EMIT advanced();
    }
    // While nothing happens, time goes on all the same, at a slower pace.
    idle_frames_ = came || !store_->open_rows().empty() ? 0 : idle_frames_ + 1;
    if (idle_frames_ % idle_pace == 0)
        Q_EMIT ticked();
}

bool RunHost::drain(Nanoseconds budget) {
    EventQueue& events = run_->events();
    const auto drain_facts = [this, &events] {
        events.drain_facts([this](const Fact& fact) { take(fact); });
    };
    const bool came = app::drain(events, budget, [&](const StepRecord& record) {
        if (record.step == Step::arrived)
            drain_facts();
        take(record);
    });
    drain_facts(); // of requests that have ended
    return came;
}

void RunHost::take(const StepRecord& record) {
    store_->take(record);
    if (record.step != Step::notice)
        return;
    const auto notice = static_cast<Notice>(record.result);
    if (notice == Notice::cache_full || notice == Notice::cache_writable_again)
        cache_full_ = notice == Notice::cache_full;
    if (notice == Notice::unguarded || notice == Notice::guarded_again)
        unguarded_ = notice == Notice::unguarded;
    Q_EMIT noticed(notice, record.request);
}

void RunHost::take(const Fact& fact) {
    // A run that the window comes back to may tell again what it has told.
    if (const auto* origin = std::get_if<ReadFor>(&fact)) {
        if (origins_.empty() || origins_.back().request < origin->request)
            origins_.push_back(*origin);
        return;
    }
    if (const auto* kernel = std::get_if<KernelTime>(&fact)) {
        take(*kernel);
        return;
    }
    if (const auto* failure = std::get_if<Failure>(&fact)) {
        failures_[failure->request] = failure->why;
        return;
    }
    if (const auto* through = std::get_if<AskedThrough>(&fact)) {
        through_[through->request] = *through;
        return;
    }
    const auto& reader = std::get<ReaderFacts>(fact);
    std::vector<ReaderFacts>& known = facts_[reader.thread];
    if (!known.empty() && (known.back().time >= reader.time || known.back().same_as(reader)))
        return;
    known.push_back(reader);
    if (!reader.cgroup.empty() &&
        cgroup_numbers_.try_emplace(reader.cgroup, cgroups_.size() + 1).second)
        cgroups_.push_back(reader.cgroup);
}

void RunHost::take(const KernelTime& kernel) {
    if (kernel.passed == KernelTime::Passed::asked) {
        if (kernel_times_.empty() || kernel_times_.back().request < kernel.request)
            kernel_times_.push_back({kernel.request, kernel.time, 0});
        return;
    }
    const auto at =
        std::ranges::lower_bound(kernel_times_, kernel.request, {}, &KernelTimes::request);
    if (at != kernel_times_.end() && at->request == kernel.request)
        at->resumed = kernel.time;
}

const ReaderFacts* RunHost::facts_of(const RequestRow& request) const {
    const auto known = facts_.find(store_->reader(request).pid);
    if (known == facts_.end())
        return nullptr;
    const auto after =
        std::ranges::upper_bound(known->second, request.start, {}, &ReaderFacts::time);
    return after == known->second.begin() ? nullptr : &*std::prev(after);
}

std::uint64_t RunHost::cgroup_of(const RequestRow& request) const {
    const ReaderFacts* facts = facts_of(request);
    const auto at = facts ? cgroup_numbers_.find(facts->cgroup) : cgroup_numbers_.end();
    return at == cgroup_numbers_.end() ? 0 : at->second;
}

const ReadFor* RunHost::origin_of(RequestId request) const {
    const auto at = std::ranges::lower_bound(origins_, request, {}, &ReadFor::request);
    return at == origins_.end() || at->request != request ? nullptr : &*at;
}

const std::string* RunHost::failure_of(RequestId request) const {
    const auto at = failures_.find(request);
    return at == failures_.end() ? nullptr : &at->second;
}

const AskedThrough* RunHost::asked_through(RequestId request) const {
    const auto at = through_.find(request);
    return at == through_.end() ? nullptr : &at->second;
}

const RunHost::KernelTimes* RunHost::kernel_times_of(RequestId request) const {
    const auto at = std::ranges::lower_bound(kernel_times_, request, {}, &KernelTimes::request);
    return at == kernel_times_.end() || at->request != request ? nullptr : &*at;
}

void RunHost::ask_waiting(std::uint32_t thread) {
    if (live() && run_ && run_->ask_who(thread))
        asked_of_ = thread;
}

void RunHost::hear_of_waiting() {
    if (phase_ != Phase::live)
        return;
    if (const auto told = run_->told_who())
        Q_EMIT waiting_told(asked_of_,
                            told->has_value() ? QString::fromStdString(**told) : QString());
}

std::string RunHost::told_name(ObjectId object) const {
    const auto name = object_names_.find(object);
    return name == object_names_.end() ? std::string() : name->second;
}

std::vector<Row> RunHost::waiting() {
    std::vector<Row> rows;
    for (const Row row : store_->open_rows()) {
        const RequestState state = store_->state(row);
        if (state == RequestState::held || state == RequestState::delayed)
            rows.push_back(row);
    }
    return rows;
}

Result<std::uint32_t> RunHost::command(const std::string& line) {
    COLDSCOPE_TRY(const Command command, parse_command(line));
    if (!live())
        return failure(Code::cancelled, "no run is live");
    if (attachment_) { // its rules come when they have changed
        COLDSCOPE_CHECK(attachment_->send(line));
        return 0u;
    }
    const auto done = run_->command(command);
    Q_EMIT rules_changed();
    return done;
}

const std::vector<Run::RuleText>& RunHost::rules() const {
    static const std::vector<Run::RuleText> none;
    if (!live())
        return none;
    return attachment_ ? attachment_->rules() : run_->rules();
}

void RunHost::release_all() {
    (void)command("release all");
}

Result<void> RunHost::read(const std::string& path) {
    if (!live())
        return failure(Code::cancelled, "no run is live");
    if (attachment_)
        return attachment_->read_file(path);
    SimulatedRead read;
    read.process = "double-click";
    read.path = path;
    return run_->read(std::move(read));
}

} // namespace coldscope::app
