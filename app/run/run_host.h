// Hosts a live run: starts and ends it beside the main thread, or is attached to one of coldscoped;
// takes its events in at frame rate within a time budget, and beats for it. Belongs to the main
// thread.
#pragma once

#include "app/run/attachment.h"
#include "app/run/root_asker.h"
#include "core/request/event_store.h"
#include "core/rules/command.h"
#include "daemon/run/run.h"

#include <QFutureWatcher>
#include <QObject>
#include <QString>
#include <QTimer>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace coldscope::app {

class RunHost final : public QObject {
    Q_OBJECT

public:
    enum class Phase {
        none,     // no run yet
        starting, // opens, mounts
        live,
        stopping, // lets go, unmounts
        ended,    // its requests stay to be looked at
    };
    Q_ENUM(Phase)

    explicit RunHost(QObject* parent = nullptr);
    ~RunHost() override; // ends the run and waits for that

    // In phase none or ended. The phase is live then, or failed() follows. asked: the rights that
    // somebody is asked for, for its guard; own: nobody is.
    void start(const RunOptions& options, guard::Rights asked = guard::Rights::own);
    // In phase live; while starting, as soon as it stands, and nobody is asked any more.
    // For a run that the window is attached to, that ends it for everybody.
    void stop();

    // In phase none or ended. greeted() or failed() follows; the phase is starting until follow().
    void attach(const attach::Address& address);
    // After greeted(): the primary device's bytes, into an empty file; image_fetched() follows.
    [[nodiscard]] bool fetch_image(Fd file);
    // After greeted(): its events from now on. began() comes before this returns.
    void follow();
    // The run goes on without the window.
    void detach();
    [[nodiscard]] RootAsker& asker() { return asker_; } // for the run that is starting
    // Null for a run in this process, and after detach().
    [[nodiscard]] const Attachment* attachment() const { return attachment_.get(); }
    // As an attached run has told; empty where it hasn't.
    [[nodiscard]] std::string told_name(ObjectId object) const;

    [[nodiscard]] Phase phase() const { return phase_; }
    [[nodiscard]] bool live() const { return phase_ == Phase::live; }
    // It stands: something may be mounted.
    [[nodiscard]] bool standing() const {
        return phase_ == Phase::live || phase_ == Phase::stopping;
    }
    // Of the run that is, or was last.
    [[nodiscard]] const RunOptions& options() const { return options_; }
    [[nodiscard]] TransportKind transport() const { return transport_; }
    [[nodiscard]] QString transport_name() const;
    // False: it serves whatever the kernel opens, and names no image.
    [[nodiscard]] bool has_image() const { return began_at_ == 0 || !options_.image.empty(); }
    [[nodiscard]] bool simulated() const { return transport_ == TransportKind::simulated; }
    // The simulated kernel's readers have read all.
    [[nodiscard]] bool finished() const { return run_ && run_->finished(); }
    [[nodiscard]] const std::vector<std::vector<Range>>& local_at_start() const {
        return local_at_start_;
    }

    // Requests of the run that is, or was last. Another object after began().
    [[nodiscard]] EventStore& store() { return *store_; }
    [[nodiscard]] const EventStore& store() const { return *store_; }
    [[nodiscard]] std::uint64_t lost_events() const { return lost_; }
    // Fetched bytes can't be kept now: the cache's disk refuses them.
    [[nodiscard]] bool cache_full() const { return cache_full_; }
    [[nodiscard]] bool unguarded() const { return unguarded_; }
    // CLOCK_MONOTONIC while the run lives; the end of one that ended.
    [[nodiscard]] Nanoseconds now() const;
    // The beginning of the timeline: when the run was asked for, before its mount. 0 without one.
    [[nodiscard]] Nanoseconds began_at() const { return began_at_; }
    // Open requests that are held or delayed, ascending.
    [[nodiscard]] std::vector<Row> waiting();

    // Of the reader of a request; null when nothing is known but its record. For one request always
    // the same.
    [[nodiscard]] const ReaderFacts* facts_of(const RequestRow& request) const;
    // Its control group among those of this run's readers, from 1; 0: not known. And its path.
    [[nodiscard]] std::uint64_t cgroup_of(const RequestRow& request) const;
    [[nodiscard]] const std::string& cgroup(std::uint64_t number) const {
        return cgroups_[number - 1];
    }
    // Which read of EROFS a request came from, where the kernel's tracepoints told. O(log).
    [[nodiscard]] const ReadFor* origin_of(RequestId request) const;
    // Why it failed, where the run told; null where not.
    [[nodiscard]] const std::string* failure_of(RequestId request) const;
    // Through which other mount, where that is known; null where not.
    [[nodiscard]] const AskedThrough* asked_through(RequestId request) const;
    struct KernelTimes {
        RequestId request = 0;
        Nanoseconds asked = 0;   // the reader began to ask
        Nanoseconds resumed = 0; // it went on; 0: not yet, or not known
    };
    // Where its tracepoints told; null where not. O(log).
    [[nodiscard]] const KernelTimes* kernel_times_of(RequestId request) const;
    // What a thread waits for, asked of the guard; waiting_told() follows, unless nobody knows.
    void ask_waiting(std::uint32_t thread);

    // Steers the run: a line as in core/rules/command.h. Errors are the caller's to show.
    Result<std::uint32_t> command(const std::string& line);
    [[nodiscard]] const std::vector<Run::RuleText>& rules() const;
    void release_all();
    // Simulated runs: reads this file now, as if somebody had.
    Result<void> read(const std::string& path);

Q_SIGNALS:
    void phase_changed();
    // A new run takes the place of the old one: store() is another and empty.
    void began();
    // Records came; views bring in what changed since they last looked.
    void advanced();
    // Time went on: at frame rate while something is open or came, else ten times a second.
    void ticked();
    void rules_changed();
    // text: as guard::waiting_thread() tells it; empty where the thread waits in no mount.
    void waiting_told(std::uint32_t thread, const QString& text);
    // Of an attached run.
    void greeted();
    void image_fetched(const QString& error); // empty: all of it came
    void link_changed();
    void link_lost(const QString& why, const QStringList& undone); // it is tried again
    void noticed(coldscope::Notice notice, coldscope::RequestId request);
    // What happened, as a sentence with the next step in it.
    void failed(const QString& title, const QString& text);

private:
    void finish_start();
    void finish_stop();
    void set_phase(Phase phase);
    void pump();
    // Takes records for as long as the budget lasts; true when there were any.
    bool drain(Nanoseconds budget);
    void take(const StepRecord& record);
    void take(const Fact& fact);
    void take(const KernelTime& kernel);
    void hear_of_waiting();
    void end_open_requests();
    void lose(Row row);
    void forget(); // a new run begins
    void tick(bool came, std::uint64_t lost);
    void pump_attached();
    void leave(const std::optional<Error>& error);
    void take_told(attach::Greeted&& told);
    void take_told(attach::Unlinked&& told);
    void take_told(attach::Local&& told);
    void take_told(attach::ObjectName&& told);
    void take_told(attach::Steps&& told);
    void take_told(attach::OpenSteps&& told);
    void take_told(attach::Lost&& told);
    void take_told(attach::Rules&& told);
    void take_told(attach::Done&& told);
    void take_told(attach::ImageFetched&& told);
    void take_told(attach::Bye&& told);
    void take_told(attach::Facts&& told);

    RunOptions options_;
    TransportKind transport_ = TransportKind::fuse_tree;
    Phase phase_ = Phase::none;
    bool stop_when_started_ = false;
    RootAsker asker_;
    std::unique_ptr<Run> run_;
    std::unique_ptr<Attachment> attachment_;
    std::unordered_map<ObjectId, std::string> object_names_;
    bool came_ = false; // records, in this frame
    std::unique_ptr<EventStore> store_;
    std::unordered_map<std::uint32_t, std::vector<ReaderFacts>> facts_; // by thread, times ascend
    std::vector<std::string> cgroups_;
    std::unordered_map<std::string, std::uint64_t> cgroup_numbers_; // from 1
    std::vector<ReadFor> origins_;                                  // requests ascend
    std::vector<KernelTimes> kernel_times_;                         // requests ascend
    std::unordered_map<RequestId, std::string> failures_;
    std::unordered_map<RequestId, AskedThrough> through_;
    std::uint32_t asked_of_ = 0; // the thread of ask_waiting()
    std::vector<std::vector<Range>> local_at_start_;
    std::uint64_t lost_ = 0;
    bool cache_full_ = false;
    bool unguarded_ = false;
    Nanoseconds starting_at_ = 0;
    Nanoseconds began_at_ = 0;
    unsigned idle_frames_ = 0;
    Nanoseconds ended_at_ = 0;
    QTimer frame_;
    using Started = std::shared_ptr<Result<std::unique_ptr<Run>>>;
    QFutureWatcher<Started> starting_;
    using Stopped = std::shared_ptr<Result<void>>;
    QFutureWatcher<Stopped> stopping_;
};

} // namespace coldscope::app
