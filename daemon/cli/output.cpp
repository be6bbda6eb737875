#include "daemon/cli/output.h"

#include "core/base/hex.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace coldscope::cli {

namespace {

constexpr std::size_t buffer_limit = 64 * 1024; // bytes

const char* next_step(const Error& error) {
    if (error.sys_errno == EACCES || error.sys_errno == EPERM)
        return "Check who may read the file.";
    switch (error.code) {
    case Code::not_erofs:
        return "Give an EROFS image; of a container image, its bootstrap.";
    case Code::truncated:
    case Code::checksum:
    case Code::corrupt:
        return "\"coldscoped check\" lists what is wrong; take a fresh copy of the file.";
    case Code::unsupported:
        return "\"coldscoped stat\" shows what the image uses.";
    default:
        return nullptr;
    }
}

} // namespace

Output::Output(int fd) : fd_(fd) {
    // A write to a closed pipe must return EPIPE, whatever the caller set.
    std::signal(SIGPIPE, SIG_IGN);
}

Output::~Output() {
    flush();
}

bool Output::write(std::string_view text) {
    if (error_ != 0)
        return false;
    buffer_ += text;
    return !waits_ || buffer_.size() < buffer_limit || flush();
}

bool Output::write(std::span<const std::byte> bytes) {
    return write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

bool Output::line(std::string_view text) {
    return write(text) && write(std::string_view("\n"));
}

bool Output::json(const nlohmann::json& value) {
    return line(value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

bool Output::flush() {
    std::string_view left = buffer_;
    while (error_ == 0 && !left.empty()) {
        const ssize_t count = ::write(fd_, left.data(), left.size());
        if (count >= 0)
            left.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR)
            error_ = errno;
    }
    buffer_.clear();
    return error_ == 0;
}

bool Output::flush_ready() {
    std::size_t done = 0;
    while (error_ == 0 && done < buffer_.size()) {
        pollfd entry{fd_, POLLOUT, 0};
        if (poll(&entry, 1, 0) <= 0)
            break;
        // A pipe that can be written takes at least PIPE_BUF bytes.
        const std::size_t part = std::min<std::size_t>(buffer_.size() - done, PIPE_BUF);
        const ssize_t count = ::write(fd_, buffer_.data() + done, part);
        if (count >= 0)
            done += static_cast<std::size_t>(count);
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            error_ = errno;
    }
    buffer_.erase(0, done);
    return error_ == 0;
}

int Output::finish(int exit_code) {
    flush();
    if (error_ == 0 || error_ == EPIPE)
        return exit_code;
    print_warning(fmt::format("cannot write the output: {}", std::strerror(error_)));
    return 1;
}

int print_error(const Error& error, std::string_view file) {
    print_warning(describe(error, file));
    // The next steps are about a file; errors without one say theirs themselves.
    if (const char* step = next_step(error); step != nullptr && !file.empty())
        std::fprintf(stderr, "  %s\n", step);
    return 1;
}

void print_warning(std::string_view text) {
    // Not by fmt, which throws when standard error can't be written.
    std::fprintf(stderr, "coldscoped: %.*s\n", static_cast<int>(text.size()), text.data());
}

std::string printable(std::string_view bytes) {
    std::string text;
    for (const char c : json_text(bytes)) {
        const auto byte = static_cast<unsigned char>(c);
        text += byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02X}", byte) : std::string(1, c);
    }
    return text;
}

void set_text(nlohmann::json& object, const std::string& key, std::string_view bytes) {
    object[key] = json_text(bytes);
    if (!valid_utf8(bytes))
        object[key + "_hex"] = hex(bytes);
}

} // namespace coldscope::cli
