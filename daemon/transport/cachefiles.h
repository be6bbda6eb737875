// cachefiles in on-demand mode (Linux 5.19 to 7.1): the kernel keeps the cache, asks for each
// object when it is first used and for each range that the cache lacks, and takes the bytes through
// an object's descriptor. It fails closed: when the device's last descriptor is closed, readers get
// an error; while the guard holds one, they wait for whoever serves it next.
#pragma once

#include "daemon/engine/engine.h"
#include "daemon/ring/ring.h"
#include "daemon/trace/cachefiles_trace.h"
#include "daemon/transport/cachefiles_message.h"
#include "daemon/transport/kernel_object.h"
#include "daemon/transport/object_names.h"
#include "daemon/transport/source_notes.h"
#include "daemon/transport/transport.h"

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace coldscope {

class CachefilesTransport final : public Transport, private Asker {
public:
    // The source of an object, by its name in the volume.
    using Find = std::function<Result<std::unique_ptr<Source>>(const std::string& cookie)>;

    // To be prefetched of an object whenever it is opened.
    struct Ahead {
        std::string object; // as is_called() takes it
        Range range;
    };

    // device: bound; not owned. names: outlives it. The engine's stores are those that the kernel
    // has open, by their number in `names`.
    CachefilesTransport(Ring& ring, Engine& engine, int device, Find find, SourceNotes notes,
                        ObjectNames& names, std::vector<Ahead> ahead)
        : ring_(ring), engine_(engine), device_(device), find_(std::move(find)),
          notes_(std::move(notes)), names_(names), ahead_(std::move(ahead)) {}

    [[nodiscard]] std::string_view name() const override { return "cachefiles"; }
    // Before start(): what the one before has read and not answered is asked again.
    [[nodiscard]] Result<void> restore();
    // Who reads is then told, where it is certain. Before start().
    void trace_by(std::unique_ptr<CachefilesTrace> trace) { trace_ = std::move(trace); }
    void start() override;
    void stop() override;

private:
    // A question that the engine has.
    struct Pending {
        Op op = Op::read;
        std::uint32_t message = 0;
        std::uint32_t kernel_object = 0;
        ObjectId object = 0;
        // Of an OPEN.
        Fd fd;
        std::unique_ptr<Source> source;
        bool partial = false;
    };
    struct Object { // that the kernel has open
        std::uint32_t kernel_object = 0;
        KernelObject* copy = nullptr; // the store's
    };

    bool answer(std::uint64_t token, std::span<const std::byte> bytes) override;
    bool fail(std::uint64_t token, int error) override;
    void answer_partial(std::uint64_t token) override { pending_.at(token).partial = true; }

    void receive();
    void end();
    [[nodiscard]] bool receive_failed(int error); // false: no more is to be expected
    void take(std::span<const std::byte> bytes);
    void take_open(const CachefilesMessage& message, const CachefilesMessage::Open& open);
    void take_read(const CachefilesMessage& message, const CachefilesMessage::Read& read);
    void take_close(const CachefilesMessage& message);
    void ask(Ask question, Pending pending);
    void look_at_trace();
    [[nodiscard]] ObjectId number_of(const CachefilesMessage::Open& open);
    [[nodiscard]] bool open_object(Pending& pending);
    [[nodiscard]] bool fail_open(Pending& pending, int error);
    [[nodiscard]] const Fd* dead(std::uint32_t kernel_object) const;
    void look_after(Nanoseconds delay, ObjectId object);
    void prefetch(ObjectId object);
    void forget(ObjectId object);
    [[nodiscard]] bool say_opened(std::uint32_t message, long long size_or_error) const;
    [[nodiscard]] bool say_read(const Pending& pending);

    Ring& ring_;
    Engine& engine_;
    int device_;
    Find find_;
    SourceNotes notes_;
    ObjectNames& names_;
    std::vector<Ahead> ahead_;
    std::shared_ptr<PageBuffers> buffers_ = std::make_shared<PageBuffers>();
    std::unordered_map<std::string, ObjectId> numbers_; // by volume and cookie
    std::unordered_map<std::uint32_t, ObjectId> by_kernel_object_;
    std::unordered_map<ObjectId, Object> objects_;
    std::unordered_map<ObjectId, Nanoseconds> failed_;   // when an OPEN of it failed last
    std::unordered_map<std::uint32_t, Fd> dead_;         // by the kernel's number: every read fails
    std::unordered_map<std::uint64_t, Pending> pending_; // by token
    std::uint64_t next_token_ = 1;
    std::array<std::byte, largest_cachefiles_message> buffer_{};
    Nanoseconds read_began_ = 0; // of the newest message
    std::unique_ptr<CachefilesTrace> trace_;
    int trace_looks_ = 0; // to come; more than 0: a timer is set
    int errors_in_a_row_ = 0;
    bool listening_ = false;
    Ring::WatchId watch_ = 0;
};

} // namespace coldscope
