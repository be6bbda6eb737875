#include "tests/vm/guest/guest.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coldscope::guest {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

void fail(const std::string& text) {
    throw std::runtime_error(text);
}

Child::Child(const std::function<int()>& what) : pid_(fork()) {
    if (pid_ == 0) {
        // A mount that holds the device would wait for itself.
        close_range(3, ~0U, 0);
        _exit(what());
    }
}

Child::Child(const std::vector<std::string>& command, int input, int output) : pid_(fork()) {
    if (pid_ != 0)
        return;
    if (input >= 0)
        dup2(input, 0);
    if (output >= 0)
        dup2(output, 1);
    std::vector<char*> arguments;
    for (const std::string& word : command)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
}

Child& Child::operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(code_, other.code_);
    return *this;
}

Child::~Child() {
    if (pid_ > 0 && !code_) {
        ::kill(pid_, SIGKILL);
        (void)ended(2000); // one that can't be killed is left
    }
}

std::optional<int> Child::ended(int timeout_ms) {
    const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
    while (!code_ && pid_ > 0) {
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) == pid_)
            code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
        else if (Clock::now() >= end)
            break;
        else
            usleep(2000);
    }
    return code_;
}

int Child::code(const std::string& what, int timeout_ms) {
    const auto got = ended(timeout_ms);
    check(got.has_value(), what + " hangs");
    return *got;
}

void Child::kill(int signal) const {
    ::kill(pid_, signal);
}

Child mount_fsid(const std::string& fsid, const std::string& target, const std::string& options) {
    make_folder(target);
    return Child([=] {
        const std::string all = "fsid=" + fsid + (options.empty() ? "" : "," + options);
        return ::mount("none", target.c_str(), "erofs", MS_RDONLY, all.c_str()) == 0 ? 0 : errno;
    });
}

void unmount(const std::string& target) {
    check(umount2(target.c_str(), 0) == 0, "cannot unmount " + target + ": " + strerror(errno));
}

void unmount_all() {
    std::ifstream list("/proc/mounts");
    std::vector<std::string> targets;
    for (std::string source, target, type, rest;
         list >> source >> target >> type && std::getline(list, rest);) {
        if (type == "erofs")
            targets.push_back(target);
    }
    for (const std::string& target : targets)
        umount2(target.c_str(), MNT_DETACH);
}

std::string make_folder(const std::string& path) {
    fs::create_directories(path);
    return path;
}

int read_and_compare(const std::string& mount, const std::string& file, std::uint64_t offset,
                     std::uint64_t length) {
    const auto read = [&](const std::string& path, std::vector<char>& into) {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return errno;
        std::size_t done = 0;
        while (done < into.size()) {
            const ssize_t got = pread(fd, into.data() + done, into.size() - done,
                                      static_cast<off_t>(offset + done));
            if (got < 0)
                return errno;
            if (got == 0)
                break;
            done += static_cast<std::size_t>(got);
        }
        into.resize(done);
        return 0;
    };
    std::vector<char> got(length), right(length);
    if (const int error = read(mount + '/' + file, got))
        return error;
    (void)read(std::string(data) + "/tree/" + file, right);
    return got == right && !right.empty() ? 0 : wrong_bytes;
}

Child read_range(const std::string& mount, const std::string& file, std::uint64_t offset,
                 std::uint64_t length, const std::string& name) {
    return Child([=] {
        if (!name.empty())
            prctl(PR_SET_NAME, name.c_str());
        return read_and_compare(mount, file, offset, length);
    });
}

int right_files(const std::string& mount) {
    Child sums(std::vector<std::string>{"/bin/sh", "-c",
                                        "cd " + mount + " && sha256sum -c " + data +
                                            "/sums > /tmp/sums.log 2>&1"});
    const int code = sums.code("reading all files", 300'000);
    std::ifstream log("/tmp/sums.log");
    int right = 0;
    std::string wrong;
    for (std::string line; std::getline(log, line);) {
        if (line.ends_with(": OK"))
            ++right;
        else if (wrong.empty())
            wrong = line;
    }
    check(code == 0 && wrong.empty(), "not right: " + wrong);
    return right;
}

void drop_caches() {
    std::ofstream("/proc/sys/vm/drop_caches") << "3";
}

std::vector<std::string> originals(std::uint64_t least) {
    const fs::path top = std::string(data) + "/tree";
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(top)) {
        if (entry.is_regular_file() && entry.file_size() >= least)
            names.push_back(fs::relative(entry.path(), top));
    }
    std::ranges::sort(names);
    return names;
}

void mount_plain(const std::string& target) {
    check(mount_fsid("plain", target).code("the mount") == 0, "no mount");
    for (const std::string& name : originals())
        (void)size_of(target + '/' + name);
}

std::uint64_t size_of(const std::string& path) {
    return fs::file_size(path);
}

bool waits_in_kernel(pid_t process) {
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    std::getline(stat, line);
    const std::size_t end = line.rfind(')');
    return end != std::string::npos && end + 2 < line.size() &&
           (line[end + 2] == 'D' || line[end + 2] == 'S');
}

std::vector<pid_t> processes_called(const std::string& name) {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const std::string number = entry.path().filename();
        std::ifstream comm(entry.path() / "comm");
        std::string called;
        if (std::isdigit(static_cast<unsigned char>(number[0])) && std::getline(comm, called) &&
            called == name.substr(0, 15))
            found.push_back(static_cast<pid_t>(std::stol(number)));
    }
    return found;
}

Serve::Serve(std::string cache, std::vector<std::string> extra, std::string from)
    : cache_(std::move(cache)), from_(std::move(from)), extra_(std::move(extra)) {
    start();
}

Serve::~Serve() {
    process_.kill(SIGKILL);
    if (guard_ > 0)
        ::kill(guard_, SIGKILL);
}

void Serve::start() {
    std::array<int, 2> in{}, out{};
    check(pipe2(in.data(), O_CLOEXEC) == 0 && pipe2(out.data(), O_CLOEXEC) == 0, "no pipes");
    std::vector<std::string> words{"/bin/coldscoped", "serve", "--cache", cache_,
                                   "--from",          from_,   "--json"};
    words.insert(words.end(), extra_.begin(), extra_.end());
    process_ = Child(words, in[0], out[1]);
    ::close(in[0]);
    ::close(out[1]);
    input_.reset(in[1]);
    output_.reset(out[0]);
    partial_.clear();
    seen_.clear();
    looked_at_ = 0;
    const auto ready =
        wait_for([](const nlohmann::json& event) { return event["event"] == "ready"; });
    check(ready.has_value(), "coldscoped serve is not ready");
    const auto guards = processes_called("coldscope-guard");
    guard_ = guards.empty() ? 0 : guards.front();
}

void Serve::command(const std::string& line) const {
    const std::string text = line + '\n';
    check(::write(input_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
          "coldscoped takes no commands");
}

void Serve::rule(const std::string& line) {
    command(line);
    const auto added =
        wait_for([](const nlohmann::json& event) { return event["event"] == "rule"; });
    check(added.has_value(), "no rule '" + line + "'");
    usleep(20'000); // it is on its way to the thread that asks for it
}

bool Serve::read_more(int timeout_ms) {
    pollfd entry{output_.get(), POLLIN, 0};
    if (poll(&entry, 1, timeout_ms) <= 0)
        return false;
    std::array<char, 65536> bytes{};
    const ssize_t got = ::read(output_.get(), bytes.data(), bytes.size());
    if (got <= 0)
        return false;
    partial_.append(bytes.data(), static_cast<std::size_t>(got));
    for (std::size_t end; (end = partial_.find('\n')) != std::string::npos;
         partial_.erase(0, end + 1))
        seen_.push_back(nlohmann::json::parse(partial_.substr(0, end)));
    return true;
}

std::optional<nlohmann::json>
Serve::wait_for(const std::function<bool(const nlohmann::json&)>& wanted, int timeout_ms) {
    const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
    while (true) {
        for (; looked_at_ < seen_.size(); ++looked_at_) {
            if (wanted(seen_[looked_at_]))
                return seen_[looked_at_++];
        }
        if (Clock::now() >= end)
            return std::nullopt;
        if (!read_more(100) && process_.ended(0))
            return std::nullopt;
    }
}

nlohmann::json Serve::step(const std::string& event, const std::string& op,
                           const std::string& object) {
    const auto found = wait_for([&](const nlohmann::json& one) {
        return one["event"] == event && one.value("op", "") == op &&
               one.value("object_name", "").ends_with(object);
    });
    check(found.has_value(), "no " + event + " of " + op + " " + object);
    return *found;
}

void Serve::settle(int quiet_ms) {
    while (read_more(quiet_ms)) {
    }
    looked_at_ = seen_.size();
}

int Serve::count(const std::string& event, const std::string& op) const {
    return static_cast<int>(std::ranges::count_if(seen_, [&](const nlohmann::json& one) {
        return one["event"] == event && one.value("op", "") == op;
    }));
}

void Serve::settle_at(int wanted, const std::string& event, const std::string& op) {
    const auto end = Clock::now() + std::chrono::milliseconds(patience_ms);
    settle();
    while (count(event, op) < wanted && Clock::now() < end)
        settle();
    check(count(event, op) == wanted,
          fmt::format("{} of {} {}, in place of {}", event, op, count(event, op), wanted));
}

int Serve::settle_answered(const std::string& op) {
    const auto end = Clock::now() + std::chrono::milliseconds(patience_ms);
    const auto open = [&] {
        return count("arrived", op) - count("answered", op) - count("lost", op);
    };
    settle();
    while (open() > 0 && Clock::now() < end)
        settle();
    check(open() == 0, fmt::format("{} of {} arrived, {} answered, {} lost", op,
                                   count("arrived", op), count("answered", op), count("lost", op)));
    return count("answered", op);
}

void Serve::kill() {
    process_.kill(SIGKILL);
    check(process_.ended(5000).has_value(), "coldscoped can't be killed");
}

void Serve::suspend() {
    process_.kill(SIGSTOP);
    const std::string threads = "/proc/" + std::to_string(pid()) + "/task";
    const auto stopped = [&] {
        return std::ranges::all_of(fs::directory_iterator(threads), [](const auto& thread) {
            std::ifstream stat(thread.path() / "stat");
            const std::string text{std::istreambuf_iterator<char>(stat), {}};
            return text.find(") T ") != std::string::npos;
        });
    };
    const auto end = Clock::now() + std::chrono::milliseconds(patience_ms);
    while (!stopped() && Clock::now() < end)
        usleep(1000);
    check(stopped(), "coldscoped does not stop");
}

int Serve::stop() {
    process_.kill(SIGTERM);
    const auto end = Clock::now() + std::chrono::milliseconds(patience_ms);
    while (!process_.ended(0) && Clock::now() < end)
        (void)read_more(50);
    const int code = process_.code("coldscoped at its end", 1000);
    while (guard_ > 0 && ::kill(guard_, 0) == 0 && Clock::now() < end)
        usleep(5000);
    guard_ = 0;
    return code;
}

} // namespace coldscope::guest
