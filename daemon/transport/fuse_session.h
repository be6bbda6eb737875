// What both FUSE modes share: a libfuse low-level session whose descriptor the ring watches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#define FUSE_USE_VERSION 314
#include "core/base/error.h"
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

class FuseSession : public Transport, protected Asker {
public:
    ~FuseSession() override; // takes the mount away if it is still there

    // Any thread, before start(): opens /dev/fuse and mounts. The kernel's questions wait until
    // start().
    [[nodiscard]] Result<void> mount(const FuseOptions& options);
    [[nodiscard]] const std::string& device() const { return device_; }
    void start() override;
    void stop() override;

protected:
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
    void receive();
    void end();

    Ring& ring_;
    Engine& engine_;
    fuse_session* session_ = nullptr; // owned
    std::string mount_point_;
    std::string device_; // as mount_on() says; empty before
    bool listening_ = false;
    Ring::WatchId watch_ = 0;
    fuse_buf buffer_{};
};

} // namespace coldscope
