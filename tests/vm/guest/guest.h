// What tests in the virtual machine are made of: coldscoped serve, mounts by fsid and readers, each
// a process of its own, so that one that hangs is seen and not waited for.
#pragma once

#include "core/base/fd.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

namespace coldscope::guest {

inline constexpr auto data = "/data"; // originals in tree, objects, sums
inline constexpr int patience_ms = 30'000;

// A check that failed; the text says what was seen.
[[noreturn]] void fail(const std::string& text);
inline void check(bool holds, const std::string& text) {
    if (!holds)
        fail(text);
}

// A forked process; killed with its owner.
class Child {
public:
    Child() = default;
    // what: its exit code, 0 to 255.
    explicit Child(const std::function<int()>& what);
    explicit Child(const std::vector<std::string>& command, int input = -1, int output = -1);
    Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)), code_(other.code_) {}
    Child& operator=(Child&& other) noexcept;
    ~Child();

    // The exit code, 1000 + the signal's number, or nothing while it goes on.
    std::optional<int> ended(int timeout_ms);
    // Fails when it goes on for longer.
    int code(const std::string& what, int timeout_ms = patience_ms);
    void kill(int signal) const;
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_ = 0;
    std::optional<int> code_;
};

// mount(2) of an object; the exit code is its errno.
Child mount_fsid(const std::string& fsid, const std::string& target,
                 const std::string& options = {});
void unmount(const std::string& target);
void unmount_all();
std::string make_folder(const std::string& path);

inline constexpr int wrong_bytes = 200; // a reader's exit code
// Reads a range of a file below `mount` and compares it with the original; the exit code is the
// errno it got, or wrong_bytes. name: of its process, at most 15 characters.
Child read_range(const std::string& mount, const std::string& file, std::uint64_t offset,
                 std::uint64_t length, const std::string& name = {});
// The same in a process of one's own.
int read_and_compare(const std::string& mount, const std::string& file, std::uint64_t offset,
                     std::uint64_t length);
// All files below the mount by sha256, as the host has listed them. How many were right; fails at
// the first that is not.
int right_files(const std::string& mount);
// The kernel's pages go, so that what is read next is asked for, or read from the cache.
void drop_caches();
// Names of regular files in the originals, sorted; at least so large.
std::vector<std::string> originals(std::uint64_t least = 1);
// Mounts the object of plain files, and reads its metadata.
void mount_plain(const std::string& target);
std::uint64_t size_of(const std::string& path);
bool waits_in_kernel(pid_t process);

// coldscoped serve.
class Serve {
public:
    explicit Serve(std::string cache, std::vector<std::string> extra = {},
                   std::string from = std::string(data) + "/objects");
    ~Serve();
    void start();
    // Of the next start().
    void serve_from(const std::string& folder) { from_ = folder; }
    void command(const std::string& line) const;
    // A rule, which stands when this returns.
    void rule(const std::string& line);
    // The next event, among those not yet seen, that is wanted; nothing after a time.
    std::optional<nlohmann::json> wait_for(const std::function<bool(const nlohmann::json&)>& wanted,
                                           int timeout_ms = patience_ms);
    // A step of a request with this op, of an object that ends so.
    nlohmann::json step(const std::string& event, const std::string& op = "read",
                        const std::string& object = {});
    // Reads what has come until nothing comes for so long.
    void settle(int quiet_ms = 300);
    // How many were seen since the start, of this event and op.
    int count(const std::string& event, const std::string& op) const;
    // Reads until so many were seen; fails when they don't come, or were more.
    void settle_at(int wanted, const std::string& event, const std::string& op);
    // Reads until all that has arrived, of this op, was answered or lost. How many were answered.
    int settle_answered(const std::string& op);
    void forget() { seen_.clear(); }
    // SIGKILL, and the guard is left.
    void kill();
    // SIGSTOP; returns when all of its threads have stopped.
    void suspend();
    // SIGTERM; its exit code.
    int stop();
    [[nodiscard]] pid_t guard() const { return guard_; }
    [[nodiscard]] pid_t pid() const { return process_.pid(); }
    [[nodiscard]] const std::string& cache() const { return cache_; }

private:
    bool read_more(int timeout_ms);

    std::string cache_;
    std::string from_;
    std::vector<std::string> extra_;
    Child process_;
    Fd input_;
    Fd output_;
    pid_t guard_ = 0;
    std::string partial_;
    std::vector<nlohmann::json> seen_;
    std::size_t looked_at_ = 0;
};

std::vector<pid_t> processes_called(const std::string& name);

struct Test {
    std::string name;
    std::function<std::string()> run; // throws, or says what was seen
};
std::vector<Test> layout_tests();
std::vector<Test> failure_tests();
std::vector<Test> death_tests();
std::vector<Test> bare_tests();
std::vector<Test> ahead_tests();
std::vector<Test> load_tests();
std::vector<Test> trace_tests();
std::vector<Test> attach_tests();

} // namespace coldscope::guest
