#include "daemon/guard/lookout.h"

#include "core/base/cursor.h"
#include "daemon/guard/erofs_mounts.h"
#include "daemon/guard/waiting.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

void put(std::vector<std::byte>& bytes, std::uint64_t number) {
    const auto raw = std::as_bytes(std::span(&number, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
}

void put(std::vector<std::byte>& bytes, const std::string& text) {
    put(bytes, text.size());
    const auto raw = std::as_bytes(std::span(text));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
}

std::string text_from(Cursor& cursor) {
    const auto bytes = cursor.bytes(cursor.u64());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Linked {
    dev_t device = 0;
    std::uint64_t size = 0; // bytes
    std::string path;
};

// link: in /proc, to an open or mapped file.
std::optional<Linked> follow(const std::string& link) {
    const auto status = known_status(link);
    std::error_code error;
    if (!status || !S_ISREG(status->stx_mode))
        return std::nullopt;
    Linked linked{makedev(status->stx_dev_major, status->stx_dev_minor), status->stx_size,
                  std::filesystem::read_symlink(link, error).string()};
    return error ? std::nullopt : std::optional(std::move(linked));
}

std::vector<ErofsMount> sharing_mounts() {
    std::vector<ErofsMount> mounts = erofs_mounts();
    std::erase_if(mounts, [](const ErofsMount& mount) { return !mount.inode_share; });
    return mounts;
}

// Of an image that is mounted more than once, the first mount.
void add(const std::optional<Linked>& linked, const std::vector<ErofsMount>& mounts,
         std::vector<WaitingIn>& files) {
    if (!linked)
        return;
    const auto mount = std::ranges::find(mounts, linked->device, &ErofsMount::device);
    if (mount != mounts.end())
        files.push_back({linked->size, linked->path, mount->folder});
}

} // namespace

std::vector<std::byte> encode(const LookoutAnswer& answer) {
    std::vector<std::byte> bytes;
    put(bytes, answer.request);
    put(bytes, answer.seen);
    for (std::size_t i = 0; i < answer.files.size() && i < most_waiting_in; ++i) {
        const WaitingIn& file = answer.files[i];
        if (bytes.size() + 24 + file.file.size() + file.mount.size() > longest_answer)
            break;
        put(bytes, file.size);
        put(bytes, file.file);
        put(bytes, file.mount);
    }
    return bytes;
}

Result<LookoutAnswer> decode_answer(std::span<const std::byte> bytes) {
    Cursor cursor(bytes);
    LookoutAnswer answer{cursor.u64(), cursor.u64(), {}};
    while (cursor.ok() && cursor.left() != 0) {
        if (answer.files.size() == most_waiting_in)
            return failure(Code::corrupt, "more files than a thread may be told to wait in",
                           cursor.offset());
        WaitingIn file{cursor.u64(), {}, {}};
        file.file = text_from(cursor);
        file.mount = text_from(cursor);
        answer.files.push_back(std::move(file));
    }
    if (!cursor.ok())
        return cursor.error("where a thread waits");
    return answer;
}

// The sooner it has seen, the more requests are still open: what is known of the mounts comes last.
LookoutAnswer look_for(const LookoutQuestion& question) {
    LookoutAnswer answer{question.request, 0, {}};
    const auto thread = static_cast<pid_t>(question.thread);
    const InCall call = call_of(thread);
    if (call.number > in_no_call) {
        const auto linked = follow(fmt::format("/proc/{}/fd/{}", thread, call.file()));
        answer.seen = monotonic_now();
        add(linked, sharing_mounts(), answer.files);
    } else if (call.number == in_no_call) {
        const std::vector<ErofsMount> mounts = sharing_mounts();
        std::set<std::string> devices;
        for (const ErofsMount& mount : mounts)
            devices.insert(fmt::format("{}:{}", major(mount.device), minor(mount.device)));
        for (const MappedFile& mapped : mapped_files(thread, devices, most_waiting_in))
            add(follow(fmt::format("/proc/{}/map_files/{}", thread, mapped.range)), mounts,
                answer.files);
        answer.seen = monotonic_now();
    } else {
        answer.seen = monotonic_now();
    }
    return answer;
}

void look_out(const Fd& socket) {
    // What else the guard has open would keep readers waiting, or its end from being seen.
    dup2(socket.get(), STDIN_FILENO);
    close_range(STDERR_FILENO + 1, UINT_MAX, 0);
    for (;;) {
        LookoutQuestion question;
        const ssize_t got = ::recv(STDIN_FILENO, &question, sizeof question, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != sizeof question)
            _exit(0);
        const auto bytes = encode(look_for(question));
        if (::send(STDIN_FILENO, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0)
            _exit(0);
    }
}

} // namespace coldscope::guard
