// A run's side of the link: tells one window at a time what happens, takes its commands, and says
// when what is held must be let go because no window is there any more. Belongs to one thread,
// which polls for it; nothing waits here.
#pragma once

#include "daemon/control/fact_history.h"
#include "daemon/control/history.h"
#include "daemon/control/listener.h"

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <poll.h>

namespace coldscope::attach {

// What is told of and steered. Its rules' and events' changes are told to the server.
class Served {
public:
    // All but session, run, now and first.
    [[nodiscard]] virtual Hello hello() const = 0;
    // By object; what hello's devices were when the run began.
    [[nodiscard]] virtual const std::vector<std::vector<Range>>& local_at_start() const = 0;
    [[nodiscard]] virtual std::string object_name(ObjectId object) const = 0;
    [[nodiscard]] virtual const std::vector<RuleText>& rules() const = 0;
    // Records that the ring thread found no room for.
    [[nodiscard]] virtual std::uint64_t lost_events() const = 0;
    [[nodiscard]] virtual Result<std::uint32_t> steer(const std::string& line) = 0;
    [[nodiscard]] virtual Result<void> read_file(const std::string& path) = 0;
    [[nodiscard]] virtual Result<void> read_image(std::uint64_t offset,
                                                  std::span<std::byte> into) = 0;

protected:
    ~Served() = default;
};

struct ServerOptions {
    Nanoseconds hold_grace = 10 * second;
    Nanoseconds silence = 3 * second;      // of a window; then its link counts as gone
    std::size_t kept = 1u << 18;           // records, for a window that is slow or comes back
    std::size_t kept_facts = 8u << 20;     // bytes, as FactHistory takes them; likewise
    std::size_t most_waiting = 256 * 1024; // bytes on their way to the window
};

class Server {
public:
    [[nodiscard]] static Result<std::unique_ptr<Server>> listen(const Address& address,
                                                                const ServerOptions& options = {});

    // What poll() shall wait for; turn() comes after it, and at least every 200 ms.
    void poll_for(std::vector<pollfd>& into) const;
    void turn(Served& served);
    void step(const StepRecord& record);
    void fact(const Fact& fact) { facts_.add(fact, history_.end()); }
    void rules_changed() { rules_told_ = false; }

    // A window is there and beats.
    [[nodiscard]] bool attached() const { return following_; }
    // The hold grace is over: once each time. What is held shall be released.
    [[nodiscard]] bool release_due();
    // Nobody can come back: standard input has ended, and the hold grace is over.
    [[nodiscard]] bool over() const;
    // Says that the run has ended; waits a moment for the window to take it.
    void finish(Served& served, const std::optional<Error>& error);

private:
    Server(Listener listener, const ServerOptions& options);
    void take_callers(Served& served);
    void end_session();
    void seek_attach();
    [[nodiscard]] Result<void> take_messages(Served& served);
    [[nodiscard]] Result<void> take(Served& served, const Message& message);
    [[nodiscard]] Result<void> greet(Served& served, const Attach& attach);
    [[nodiscard]] Result<void> follow(const Follow& follow);
    void tell_local(Served& served);
    void tell_rules(Served& served);
    void tell_lost(Served& served);
    void tell_events(Served& served);
    [[nodiscard]] bool tell_facts(); // false while the link takes no more
    void tell_open(Served& served);
    void name_objects(Served& served, std::span<const StepRecord> records);

    Listener listener_;
    ServerOptions options_;
    History history_;
    FactHistory facts_;
    std::uint64_t run_;
    std::optional<Link> link_;
    bool greeted_ = false;
    bool following_ = false;
    bool ended_ = false;   // standard input
    bool steered_ = false; // since the last release
    std::uint64_t hello_session_ = 0;
    Nanoseconds came_ = 0;  // who is at a socket's link
    Nanoseconds heard_ = 0; // a frame of a window
    Nanoseconds beat_at_ = 0;
    std::uint64_t next_ = 0; // record for the window
    FactHistory::Told facts_told_;
    std::uint64_t lost_told_ = 0;
    bool rules_told_ = false;
    bool unguarded_ = false;
    bool cache_full_ = false;
    std::unordered_set<ObjectId> named_;
};

} // namespace coldscope::attach
