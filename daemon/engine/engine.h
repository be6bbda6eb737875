// The life of a request:
//   arrived → matched → [held | delayed] → fetching → filling → answered | lost
// Belongs to the ring thread, but for beat() and what says otherwise.
#pragma once

#include "core/rules/rule.h"
#include "daemon/engine/background.h"
#include "daemon/engine/control.h"
#include "daemon/engine/event_queue.h"
#include "daemon/engine/readers.h"
#include "daemon/engine/store.h"
#include "daemon/ring/ring.h"
#include "daemon/ring/workers.h"
#include "daemon/trace/erofs_trace.h"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace coldscope {

// A part of an answer, in order.
struct Piece {
    enum class From : std::uint8_t { store, zeros, bytes };
    From from = From::zeros;
    StoreId store = 0;
    std::uint64_t offset = 0; // in the store
    std::uint64_t length = 0;
    std::vector<std::byte> bytes; // for From::bytes, length of them
};

// What the kernel asked. pieces make up the answer; it may be shorter than length at a file's end.
struct Ask {
    ObjectId object = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint32_t pid = 0;
    std::vector<Piece> pieces;
    // The answer is made of the pieces' bytes by this, on another thread. Any number of bytes; an
    // error fails the request.
    std::function<Result<std::vector<std::byte>>(std::span<const std::byte>)> decode{};
    // The asker only wants all of it to be local, in the cache file: it is answered without bytes.
    // One piece, of a store that keeps first.
    bool fill_only = false;
    // A reader that is no process: its pid is not looked up.
    bool simulated = false;
    std::array<char, 16> command{}; // of a simulated reader
    Op op = Op::read;               // the other two have no pieces
    std::string_view object_name{}; // for rules; outlives the request
    Nanoseconds asked = 0;          // when its reader began to ask, where that is known
    int error = 0;                  // what it is to be answered with, whatever the rules say; errno
};

// Who gets the answer: a transport.
class Asker {
public:
    // One of both, exactly once for each ask that the engine took; token is the asker's own. bytes
    // live until the call returns. False: nobody waited for it any more.
    virtual bool answer(std::uint64_t token, std::span<const std::byte> bytes) = 0;
    virtual bool fail(std::uint64_t token, int error) = 0; // errno, 1 to 511
    // The answer to come is to be less than the truth, for what is no read. Only where the
    // transport takes `partial`.
    virtual void answer_partial(std::uint64_t /*token*/) {}

protected:
    ~Asker() = default;
};

// Hears of reads once the mount stands. On the ring thread, which it must not keep.
class Watcher {
public:
    virtual ~Watcher() = default;
    virtual void arrived(RequestId request, const Ask& ask) = 0; // before anything else
    virtual void ending(RequestId request) = 0; // before it is answered; of any request
};

struct EngineOptions {
    Nanoseconds listener_silence = 2 * second; // then what is held is released
};

class Engine {
public:
    Engine(Ring& ring, EventQueue& events, const EngineOptions& options = {});
    ~Engine();

    // In order of StoreId, before the first ask.
    void add_store(std::unique_ptr<Source> source, std::unique_ptr<LocalCopy> cache,
                   Keep keep = Keep::later);
    // An object that comes up, at any time; id: not in use.
    void open_store(StoreId id, std::unique_ptr<Source> source, std::unique_ptr<LocalCopy> cache,
                    Keep keep);
    // It went: what was asked of it is lost.
    void close_store(StoreId id);
    [[nodiscard]] bool has_store(StoreId id) const {
        return id < stores_.size() && stores_[id] != nullptr;
    }
    // Bytes that are known already, whole granules; before the first ask.
    [[nodiscard]] Result<void> put(StoreId id, std::uint64_t offset,
                                   std::span<const std::byte> bytes) {
        return stores_[id]->put(offset, bytes);
    }
    // As CacheFile::access_by().
    void access_by(StoreId id, Fd other) { stores_[id]->access_by(std::move(other)); }
    // Which file a request is for is then told, where the kernel says it. Before the first ask.
    void trace_by(std::unique_ptr<ErofsTrace> trace) { trace_ = std::move(trace); }
    void watch_by(std::unique_ptr<Watcher> watcher) { watcher_ = std::move(watcher); }
    [[nodiscard]] const Store& store(StoreId id) const { return *stores_[id]; }
    [[nodiscard]] std::size_t store_count() const { return stores_.size(); }
    // Of all stores: fetched is the sum of the three, each counted by itself.
    struct Traffic {
        std::uint64_t fetched = 0; // bytes that came from sources
        std::uint64_t missed = 0;
        std::uint64_t amplified = 0;
        std::uint64_t prefetched = 0;
        std::uint64_t unused = 0; // of what was brought: never asked for

        Traffic& operator+=(const Traffic& other);
    };
    [[nodiscard]] Traffic traffic() const;

    // The number of the request; its answer may have been given before this returns.
    RequestId ask(Ask ask, Asker& asker, std::uint64_t token);
    // The reader of a request that may still be open has a fatal signal pending or is gone.
    void reader_lost(RequestId id);
    void apply(Control control);
    // Until then every request is counted as Coldscope's own, since the mount is being made.
    void mounted() { mounted_ = true; }
    // What is held goes on, what comes is neither held nor delayed any more.
    void wind_down();
    // Answers everything that is open with this errno.
    void fail_all(int error);
    void notice(Notice what, RequestId request = 0);
    // The reader of a request that was answered has gone on.
    void resumed(RequestId request, Nanoseconds time);

    // Writes what was fetched to the cache files now.
    void settle();

    // For sources that decode; as long as the engine lives.
    [[nodiscard]] Workers& workers() { return workers_; }

    [[nodiscard]] std::size_t open_requests() const { return requests_.size(); }
    [[nodiscard]] std::size_t held_requests() const { return held_count_; }

    // As Background::on_fetched().
    void on_fetched(std::function<void(StoreId)> told) { background_.on_fetched(std::move(told)); }

    // Any thread: the listener is alive. Held requests are released when it falls silent.
    void beat() { last_beat_.store(monotonic_now(), std::memory_order_relaxed); }

private:
    struct Open {
        Ask ask;
        Asker* asker = nullptr;
        std::uint64_t token = 0;
        std::uint16_t flags = 0;
        std::array<char, 16> command{};
        bool held = false;
        std::optional<Ring::TimerId> timer; // while delayed
        // Where the answer has more than one piece.
        std::vector<std::byte> assembled;
        std::size_t pending = 0;
        bool filling = false; // the step was told
    };

    void emit(RequestId id, const Open& open, Step step, int result = 0, std::uint64_t length = 0);
    void tell_origin(RequestId id, std::uint32_t thread);
    [[nodiscard]] Verdict decide(const Open& open);
    void hold(RequestId id, Open& open);
    void delay(RequestId id, Open& open, Nanoseconds delay);
    void proceed(RequestId id);
    // As Store::get(), of a miss.
    void get(StoreId store, Range range, const Store::Plan& plan, Store::Done done,
             bool wants_bytes = true);
    [[nodiscard]] static Traffic traffic_of(const Store& store);
    void proceed_single(RequestId id, Open& open);
    void proceed_pieces(RequestId id, Open& open);
    void got_piece(RequestId id, std::size_t at, Result<std::span<const std::byte>> bytes);
    void answer_assembled(RequestId id);
    void answer(RequestId id, std::span<const std::byte> bytes);
    void fail(RequestId id, int error, Step step = Step::answered);
    void fail(RequestId id, const Error& error); // and tells why
    void fail_partly(RequestId id);
    void unhold(Open& open);
    void release_all(std::uint16_t why);
    Open* waiting(RequestId id);
    void count_held();
    void watch_held();
    void schedule_watch();
    void schedule_settle();

    Ring& ring_;
    EventQueue& events_;
    EngineOptions options_;
    Readers readers_;
    std::unique_ptr<ErofsTrace> trace_;
    std::unique_ptr<Watcher> watcher_;
    RuleSet rules_;
    bool mounted_ = false;
    bool winding_down_ = false;
    std::optional<Ring::TimerId> watch_;  // while something is held
    std::optional<Ring::TimerId> settle_; // while fetched bytes wait to be written
    std::size_t held_count_ = 0;          // held or delayed
    RequestId next_id_ = 1;
    std::unordered_map<RequestId, Open> requests_;
    std::vector<std::byte> scratch_;
    std::vector<Place> places_;
    std::atomic<Nanoseconds> last_beat_;
    Nanoseconds listening_since_ = 0; // its silence is counted from then on
    Traffic closed_;                  // of stores that have gone
    Background background_{ring_, events_, stores_, next_id_};
    Workers workers_{ring_};                     // before the stores, whose sources use them
    std::vector<std::unique_ptr<Store>> stores_; // null where an object has gone
};

} // namespace coldscope
