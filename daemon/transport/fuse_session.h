// What both FUSE modes share: a libfuse low-level session whose descriptor the ring watches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#define FUSE_USE_VERSION 314
#include "core/base/error.h"
#include "core/base/fd.h"
#include "daemon/engine/engine.h"
#include "daemon/ring/ring.h"
#include "daemon/transport/transport.h"

#include <fuse_lowlevel.h>

namespace coldscope {

struct FuseOptions {
    std::string mount_point; // an existing folder
    std::string source_name; // shown in /proc/mounts
    bool allow_other = false;
};

// A connection whose mount somebody else has made.
struct FuseHandle {
    std::string mount_point;
    Fd device;                   // does not wait
    std::vector<std::byte> init; // the kernel's first message
    bool again = false; // it was answered by a process that has died: what that one had read, the
                        // kernel is to ask again
};

class FuseSession : public Transport, protected Asker {
public:
    ~FuseSession() override; // takes the mount away if it is still there

    // Any thread, before start(): opens /dev/fuse and mounts. The kernel's questions wait until
    // start().
    [[nodiscard]] Result<void> mount(const FuseOptions& options);
    // The same for a connection that stands already.
    [[nodiscard]] Result<void> attach(FuseHandle handle);
    [[nodiscard]] const std::string& device() const { return device_; }
    void start() override;
    void stop() override;

protected:
    static constexpr double forever = 86400; // seconds: nothing served here ever changes

    FuseSession(Ring& ring, Engine& engine) : ring_(ring), engine_(engine) {}

    [[nodiscard]] virtual const fuse_lowlevel_ops& operations() const = 0;
    // For the init operation of both modes.
    static void init(void* self, fuse_conn_info* connection);
    // Hands a read to the engine; the answer goes to `request`.
    void ask(fuse_req_t request, Ask question);

    [[nodiscard]] Engine& engine() const { return engine_; }

private:
    bool answer(std::uint64_t token, std::span<const std::byte> bytes) final;
    bool fail(std::uint64_t token, int error) final;
    [[nodiscard]] Result<void> make_session(std::vector<std::string> words);
    static ssize_t write_parts(int fd, iovec* parts, int count, void* self);
    void receive();
    void end();

    Ring& ring_;
    Engine& engine_;
    fuse_session* session_ = nullptr; // owned
    std::string mount_point_;
    std::string device_; // as mount_on() says; empty before
    bool attached_ = false;
    bool init_answered_ = false; // while attaching: the answer to INIT came
    bool swallow_ = false;       // what is written now is not for the kernel
    bool listening_ = false;
    Ring::WatchId watch_ = 0;
    fuse_buf buffer_{};
};

} // namespace coldscope
