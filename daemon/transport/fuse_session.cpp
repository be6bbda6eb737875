#include "daemon/transport/fuse_session.h"

#include "daemon/guard/mounts.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <unistd.h>

namespace coldscope {

namespace {

// More questions than this are not in the kernel's queue at once. FUSE's own 12 would starve a
// slow source that many readers wait for.
constexpr unsigned most_background = 1024;
constexpr int questions_a_turn = 64;
constexpr int notify_resend = 7; // FUSE_NOTIFY_RESEND, Linux 6.9

// libfuse unmounts by path, unless poll says of its descriptor that the connection is gone. Where
// somebody else's mount stands, a pipe without a reader says so in its place.
void sever(int fd) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return;
    ::close(ends[0]);
    dup3(ends[1], fd, O_CLOEXEC);
    ::close(ends[1]);
}

void quiet(fuse_log_level, const char*, va_list) {}

// As libfuse reads a value among options: a comma of its own would begin the next option.
std::string escaped(const std::string& value) {
    std::string text;
    for (const char c : value) {
        if (c == ',' || c == '\\')
            text += '\\';
        text += c;
    }
    return text;
}

} // namespace

FuseSession::~FuseSession() {
    if (session_ == nullptr)
        return;
    if (attached_) {
        // A guard that does not go on would keep readers waiting. Only root may.
        if (!device_.empty() && mount_on(mount_point_) == device_)
            umount2(mount_point_.c_str(), MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW);
    } else if (!device_.empty()) {
        if (mount_on(mount_point_) != device_)
            sever(fuse_session_fd(session_));
        fuse_session_unmount(session_);
    }
    fuse_session_destroy(session_);
    std::free(buffer_.mem);
}

Result<void> FuseSession::make_session(std::vector<std::string> words) {
    std::vector<char*> pointers;
    for (std::string& word : words)
        pointers.push_back(word.data());
    fuse_args arguments = FUSE_ARGS_INIT(static_cast<int>(pointers.size()), pointers.data());
    fuse_set_log_func(quiet);
    session_ = fuse_session_new(&arguments, &operations(), sizeof(fuse_lowlevel_ops), this);
    fuse_opt_free_args(&arguments);
    if (session_ == nullptr)
        return failure(Code::io, "libfuse refused to make a session");
    return {};
}

Result<void> FuseSession::mount(const FuseOptions& options) {
    const std::string mount_options =
        fmt::format("ro,nosuid,nodev,default_permissions,subtype=coldscope,fsname={}{}",
                    escaped(options.source_name), options.allow_other ? ",allow_other" : "");
    const int probe = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (probe < 0)
        return system_error("cannot open /dev/fuse");
    ::close(probe);
    COLDSCOPE_CHECK(make_session({"coldscope", "-o", mount_options}));
    errno = 0;
    if (fuse_session_mount(session_, options.mount_point.c_str()) != 0)
        return system_error(errno != 0 ? errno : EIO,
                            fmt::format("cannot mount FUSE on {}", options.mount_point));
    mount_point_ = options.mount_point;
    device_ = mount_on(mount_point_);
    const int fd = fuse_session_fd(session_);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return system_error("cannot set up the FUSE descriptor");
    return {};
}

// As writev(2). The answer to INIT comes first.
ssize_t FuseSession::write_parts(int fd, iovec* parts, int count, void* self) {
    FuseSession& session = *static_cast<FuseSession*>(self);
    session.init_answered_ = true;
    if (!session.swallow_)
        return ::writev(fd, parts, count);
    ssize_t size = 0;
    for (int i = 0; i < count; ++i)
        size += static_cast<ssize_t>(parts[i].iov_len);
    return size;
}

Result<void> FuseSession::attach(FuseHandle handle) {
    fuse_in_header header{};
    if (handle.init.size() >= sizeof header + sizeof(fuse_init_in))
        std::memcpy(&header, handle.init.data(), sizeof header);
    if (header.opcode != FUSE_INIT || header.len != handle.init.size())
        return failure(Code::mismatch, "the kernel does not begin with FUSE's INIT");
    COLDSCOPE_CHECK(make_session({"coldscope"}));
    fuse_custom_io io{};
    io.writev = &FuseSession::write_parts;
    io.read = [](int fd, void* into, std::size_t size, void*) { return ::read(fd, into, size); };
    const int device = handle.device.get();
    if (const int status = fuse_session_custom_io(session_, &io, device); status != 0)
        return system_error(-status, "libfuse refused the FUSE descriptor");
    (void)handle.device.release(); // the session's from here
    attached_ = true;
    mount_point_ = std::move(handle.mount_point);
    device_ = mount_on(mount_point_);
    fuse_buf message{};
    message.mem = handle.init.data();
    message.size = handle.init.size();
    swallow_ = handle.again;
    fuse_session_process_buf(session_, &message);
    swallow_ = false;
    if (!init_answered_)
        return failure(Code::unsupported, "libfuse does not answer the kernel's INIT");
    const fuse_out_header resend{sizeof resend, notify_resend, 0};
    if (handle.again && ::write(device, &resend, sizeof resend) < 0)
        return system_error("the kernel can't ask again for what another process had read");
    return {};
}

void FuseSession::init(void*, fuse_conn_info* connection) {
    connection->max_background = most_background;
    connection->congestion_threshold = most_background;
    // Answers are small enough to copy; splicing costs more system calls than it saves.
    connection->want &=
        ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

void FuseSession::start() {
    listening_ = true;
    watch_ = ring_.watch(fuse_session_fd(session_), POLLIN, [this](int result) {
        if (result >= 0)
            receive();
        else
            end(); // the ring watches no more: better an end than silence
    });
}

void FuseSession::stop() {
    if (!listening_)
        return;
    listening_ = false;
    ring_.unwatch(watch_);
}

// Nobody waits for answers any more.
void FuseSession::end() {
    listening_ = false;
    engine_.notice(Notice::transport_stopped);
    engine_.fail_all(ENOTCONN);
}

void FuseSession::receive() {
    for (int i = 0; i < questions_a_turn && listening_; ++i) {
        const int got = fuse_session_receive_buf(session_, &buffer_);
        if (got == -EINTR)
            continue;
        if (got == -EAGAIN)
            return;
        if (got <= 0) {
            ring_.unwatch(watch_);
            end(); // unmounted by somebody, or aborted
            return;
        }
        fuse_session_process_buf(session_, &buffer_);
    }
    // The watch is edge-triggered: what is left would go unseen. Timers and others come first.
    if (listening_)
        ring_.after(0, [this] { receive(); });
}

void FuseSession::ask(fuse_req_t request, Ask question) {
    question.pid = static_cast<std::uint32_t>(fuse_req_ctx(request)->pid);
    engine_.ask(std::move(question), *this, reinterpret_cast<std::uintptr_t>(request));
}

bool FuseSession::answer(std::uint64_t token, std::span<const std::byte> bytes) {
    fuse_reply_buf(reinterpret_cast<fuse_req_t>(token), reinterpret_cast<const char*>(bytes.data()),
                   bytes.size());
    return true;
}

bool FuseSession::fail(std::uint64_t token, int error) {
    fuse_reply_err(reinterpret_cast<fuse_req_t>(token), error);
    return true;
}

} // namespace coldscope
