// A window's side of the link, on a thread of its own: makes the link, makes it again when it is
// lost, and hands over what the run tells. No call here waits but the destructor, which ends the
// thread. All other calls belong to one thread, the window's.
#pragma once

#include "core/base/spsc.h"
#include "daemon/control/address.h"
#include "daemon/control/connect.h"
#include "daemon/control/frames.h"

#include <atomic>
#include <optional>
#include <thread>
#include <variant>

namespace coldscope::attach {

// The run is there. Its local ranges follow, then its rules; those end its greeting.
struct Greeted {
    Hello hello;           // times are of this machine's clock, as in all that is told
    bool same_run = false; // as before the link was lost: its events go on where they ended
};
// There is no link. trying: another one is tried for every second.
struct Unlinked {
    Error error;
    bool trying = false;
};
struct ImageFetched {
    std::optional<Error> error;
};
// In the order of the link.
using Told = std::variant<Greeted, Unlinked, Local, ObjectName, Steps, OpenSteps, Lost, Rules, Done,
                          ImageFetched, Bye, Facts>;

// Events from now on, after Greeted with another run than before.
struct StartFollowing {
    std::uint64_t run = 0; // that was greeted
};
// The primary device's bytes, into a file that is empty; ImageFetched follows.
struct FetchImage {
    Fd file;
};
// What was asked of a run is dropped when another has taken its place.
using Asked = std::variant<StartFollowing, FetchImage, Command, ReadFile>;

class Client {
public:
    explicit Client(Address address);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    [[nodiscard]] const Address& address() const { return address_; }
    // Hands over what was told, at most `most` of it; returns how much.
    template <typename Take>
    std::size_t drain(Take&& take, std::size_t most) {
        return told_.drain(take, most);
    }
    // False when too much is asked at once.
    [[nodiscard]] bool ask(Asked asked);
    // The window is alive: call it at least every second, or the run takes it for gone.
    void beat() { beaten_.store(monotonic_now(), std::memory_order_relaxed); }

private:
    enum class After { retry, end };
    void run();
    void wake();
    [[nodiscard]] bool alive() const; // the window beats
    After speak();
    [[nodiscard]] After lost(Error error);
    void wait(int timeout_ms);
    [[nodiscard]] Result<void> greet_again(Nanoseconds now);
    [[nodiscard]] Result<void> take_messages();
    [[nodiscard]] Result<void> take(Message message);
    [[nodiscard]] Result<void> take_hello(Hello hello);
    [[nodiscard]] Result<void> take_bytes(const ImageBytes& bytes);
    void take_asked();
    void fetch_more();
    void end_fetch(std::optional<Error> error);
    void translate(std::vector<StepRecord>& records) const;
    void tell(Told told);
    bool tell_waiting();

    Address address_;
    SpscRing<Told> told_{256};
    SpscRing<Asked> asked_{1024};
    Fd wake_;
    std::atomic<bool> stopping_{false};
    std::atomic<Nanoseconds> beaten_;

    // The link's thread.
    std::optional<Connection> connection_;
    std::vector<Told> waiting_; // for room in told_
    std::optional<std::uint64_t> run_;
    std::uint64_t session_ = 0;
    bool greeted_ = false;   // in this session
    bool following_ = false; // the run's events were asked for, in any session
    bool over_ = false;      // the run has ended
    Nanoseconds began_ = 0;  // this session
    Nanoseconds asked_at_ = 0;
    Nanoseconds heard_ = 0;
    Nanoseconds beat_at_ = 0;
    Nanoseconds shift_ = 0;  // from the run's clock to this machine's, modulo 2^64
    std::uint64_t next_ = 0; // record
    struct Fetch {
        Fd file;
        std::uint64_t size = 0;
        std::uint64_t wanted = 0;   // asked for up to here
        std::uint64_t received = 0; // written up to here
    };
    std::optional<Fetch> fetch_;
    std::uint64_t image_size_ = 0;

    std::thread thread_;
};

} // namespace coldscope::attach
