// What the engine fetches though no reader asked for it: ranges that are prefetched while no reader
// waits, and what lies around a miss (amplification). Each fetch is a request of its own kind,
//   arrived → fetching → filling → answered | lost
// that no rule sees: so it neither delays a miss nor fails with one. Belongs to the ring thread.
#pragma once

#include "daemon/engine/control.h"
#include "daemon/engine/event_queue.h"
#include "daemon/engine/store.h"
#include "daemon/ring/ring.h"

#include <cerrno>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coldscope {

using StoreId = std::uint32_t; // equals the device's id: 0 the primary device, 1… the blobs

class Background {
public:
    // next_id: of the engine's next request. All must outlive it.
    Background(Ring& ring, EventQueue& events, const std::vector<std::unique_ptr<Store>>& stores,
               RequestId& next_id)
        : ring_(ring), events_(events), stores_(stores), next_id_(next_id) {}
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    ~Background();

    // Bytes on their way for prefetching and amplification together, from which on no more is
    // prefetched; and of one fetch, which is what a miss may have to wait for at most.
    static constexpr std::uint64_t most_in_flight = 1u << 20;
    static constexpr std::uint64_t piece = 128u << 10;
    // Prefetching begins when no miss was on its way for so long, since readers ask in bursts; and
    // until none was for much longer, one piece at a time is on its way.
    static constexpr Nanoseconds quiet = millisecond;
    static constexpr Nanoseconds readers_at_work = 100 * millisecond;
    // Failures without a success between them, after which prefetching stops.
    static constexpr unsigned most_failures = 8;

    // Prefetch, StopPrefetch and Amplify; false for what is not its own.
    bool apply(Control& command);
    // What is on its way comes.
    void stop();
    // Nothing is begun any more, and what is on its way is told as lost.
    void end();

    // A miss that waits for its bytes, as long as this lives.
    struct MissEnds {
        void operator()(Background* background) const { background->miss_ends(); }
    };
    using Miss = std::unique_ptr<Background, MissEnds>;
    [[nodiscard]] Miss miss() {
        ++misses_;
        return Miss(this);
    }
    // A miss has set off a fetch for this range: of what lies around it, the rest.
    void around(StoreId store, Range range);

    // Called when more of a store has become local, or has failed to. Empty: nobody.
    void on_fetched(std::function<void(StoreId)> told) { on_fetched_ = std::move(told); }

private:
    struct Job {
        StoreId store = 0;
        Range range; // what is left
        std::uint64_t rate = 0;
    };

    // A fetch on its way: lost, when it goes before it was told of its end.
    class Flight {
    public:
        Flight(Background& background, RequestId id) : background_(&background), id_(id) {}
        Flight(Flight&& other) noexcept
            : background_(std::exchange(other.background_, nullptr)), id_(other.id_) {}
        Flight& operator=(Flight&&) = delete;
        ~Flight() {
            if (background_ != nullptr)
                background_->finish(id_, Step::lost, EIO);
        }
        void tell(const Error& why) { background_->events_.tell(Failure{id_, describe(why)}); }
        void land(int error) {
            std::exchange(background_, nullptr)->finish(id_, Step::answered, error);
        }

    private:
        Background* background_;
        RequestId id_;
    };

    void prefetch(control::Prefetch what);
    void miss_ends();
    [[nodiscard]] Store* store_of(StoreId id) const {
        return id < stores_.size() ? stores_[id].get() : nullptr;
    }
    void pump();
    void wake_at(Nanoseconds when);
    // The next range of the first job that is neither local nor on its way, at most a piece; empty
    // when the job has none.
    [[nodiscard]] Range next_of(Job& job);
    // True when its end was told before this returned.
    bool begin(StoreId store, Range range, Origin origin);
    void finish(RequestId id, Step step, int error);
    void tell(Notice what);
    void emit(const StepRecord& record, Step step, int result = 0);

    Ring& ring_;
    EventQueue& events_;
    const std::vector<std::unique_ptr<Store>>& stores_;
    RequestId& next_id_;
    std::deque<Job> jobs_;
    std::unordered_map<RequestId, StepRecord> fetches_; // their arrivals
    std::uint64_t in_flight_ = 0;                       // bytes
    std::uint64_t amplify_ = 0;
    std::size_t misses_ = 0;
    Nanoseconds last_miss_ = 0;
    Nanoseconds next_due_ = 0; // by the rate
    unsigned failures_ = 0;    // since the last that came
    bool failed_ = false;      // any of what was to be prefetched
    bool telling_ = false;     // prefetch_done is to come
    bool ended_ = false;
    bool pumping_ = false; // within a call of begin() by pump(), which looks again by itself
    std::optional<StoreId> unsettled_;
    std::optional<Ring::TimerId> timer_;
    std::function<void(StoreId)> on_fetched_;
};

} // namespace coldscope
