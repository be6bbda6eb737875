// A live run of the daemon core on one image: opens it, mounts it on demand, and runs the ring
// thread. Methods belong to the thread that started it, except where they say otherwise.
#pragma once

#include "core/base/error.h"
#include "core/erofs/image.h"
#include "core/erofs/index.h"
#include "core/rafs/bootstrap.h"
#include "core/rules/command.h"
#include "daemon/engine/engine.h"
#include "daemon/guard/client.h"
#include "daemon/source/file.h"
#include "daemon/transport/object_names.h"
#include "daemon/transport/probe.h"
#include "daemon/transport/read_list.h"
#include "daemon/transport/transport.h"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace coldscope {

class SimulatedTransport;

struct RunOptions {
    std::string image; // the bootstrap
    // The blobs, in the order of the device table; where none is given, those that find_blobs()
    // finds. Of RAFS images they are as Nydus keeps them.
    std::vector<std::string> devices;
    // cachefiles without an image: whatever object the kernel opens is a file of this folder.
    std::string from;
    std::string tag;                        // cachefiles: of the cache
    std::string limits;                     // cachefiles: as guard::Cachefiles::bind() takes them
    std::string mount_point;                // an existing folder; not used by simulated and `from`
    std::string cache;                      // made when it is missing
    std::optional<TransportKind> transport; // unset: the best that works here
    Shape shape;
    bool buffered = false; // blob mode: without directio, misses hide behind FUSE's own cache
    bool directio = false; // fanotify: EROFS reads the cache around its page cache: memory is held
                           // once, but each fill waits for the disk
    // fuse_blob, fanotify: the mount shares page cache with those of this domain, by fingerprint
    // (guard::is_domain(); Linux 7.0). Empty: with none.
    std::string share_domain;
    Nanoseconds grace = second; // fuse_blob, fanotify, cachefiles: for another run that takes over,
                                // when this one dies
    int guard_socket = -1;   // of a guard that was started elsewhere, with rights that this process
                             // lacks; owned from then on
    bool privileged = false; // where this process is not root: the guard is started as root, by
                             // pkexec or sudo, for the transports that need it
    std::shared_ptr<guard::ByHand> by_hand; // as guard::ClientOptions::by_hand
    std::vector<SimulatedRead> reads; // for simulated; empty for an example made from the image
    // Of Verb::prefetch: begun at once; with `from`, whenever the object is opened.
    std::vector<Command> prefetch;
    std::uint64_t amplify = 0; // as control::Amplify::size
    EngineOptions engine;
    std::size_t event_capacity = 1u << 18; // records
};

class Run {
public:
    // The mount stands when this returns.
    [[nodiscard]] static Result<std::unique_ptr<Run>> start(const RunOptions& options);
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run(); // stops

    [[nodiscard]] TransportKind transport() const { return kind_; }
    [[nodiscard]] const RunOptions& options() const { return options_; }
    [[nodiscard]] EventQueue& events() { return *events_; }
    [[nodiscard]] const erofs::Index& index() const { return index_; }
    // False: if this process dies, its mounts stay.
    [[nodiscard]] bool guarded() const { return guard_ != nullptr && !guard_->gone(); }
    [[nodiscard]] bool simulated() const { return kind_ == TransportKind::simulated; }
    // False: it serves whatever object is asked for.
    [[nodiscard]] bool has_image() const { return options_.from.empty(); }
    // The simulated kernel's readers have read all. Any thread.
    [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_relaxed); }

    // "bootstrap", "blob 1: layer.blob", or the path of a file in tree mode.
    [[nodiscard]] std::string object_name(ObjectId object) const;
    // Paths of the files that a range belongs to, at most `most` of them; directories and other
    // metadata belong to none.
    [[nodiscard]] std::vector<std::string> files_at(ObjectId object, std::uint64_t offset,
                                                    std::uint64_t length,
                                                    std::size_t most = 4) const;

    // As image_identity() gives it.
    [[nodiscard]] std::string identity() const;
    // Bytes of the primary device, not through the mount.
    [[nodiscard]] std::uint64_t image_size() const { return primary_->size(); }
    [[nodiscard]] Result<void> read_image(std::uint64_t offset, std::span<std::byte> into) const {
        return primary_->read(offset, into);
    }

    // What of each object's cache was local when the run began; by device.
    [[nodiscard]] const std::vector<std::vector<Range>>& local_at_start() const {
        return local_at_start_;
    }

    // One more read for the simulated kernel, `at` from now. Code::invalid for other transports.
    [[nodiscard]] Result<void> read(SimulatedRead read);
    // Asks what the thread of a waiting request does; told_who() has the answer of the guard once
    // it is there, as guard::waiting_thread() tells it. Neither waits. False without a guard.
    bool ask_who(std::uint32_t thread);
    [[nodiscard]] std::optional<Result<std::string>> told_who();
    // The kernel's tracepoints say which file a request is for; on cachefiles, whose it is.
    [[nodiscard]] bool traced() const { return traced_; }
    // The mount shares page cache: options().share_domain, and the image has fingerprints.
    [[nodiscard]] bool shares() const { return shares_; }
    // Requests of which it is not known through which mount they were asked. Any thread.
    [[nodiscard]] std::uint64_t askers_unseen() const {
        return askers_unseen_.load(std::memory_order_relaxed);
    }
    // The file that the kernel was reading, by what a tracepoint told; empty where it can't be for
    // this range of a device, which is then read for something else, as metadata is.
    [[nodiscard]] std::string file_of(const ReadFor& origin, ObjectId object, std::uint64_t offset,
                                      std::uint64_t length) const;
    // Carries out a command, but for stop and rules, which are the caller's. Returns the id of a
    // new rule, or 0. Errors: not_found (no such file or object), busy (too many at once).
    [[nodiscard]] Result<std::uint32_t> command(const Command& command);
    using RuleText = coldscope::RuleText;
    // As commanded; rules that have had their count are still listed.
    [[nodiscard]] const std::vector<RuleText>& rules() const { return rules_; }

    // The listener is alive: call it at least every second while requests may be held. Starts a
    // new guard when the old one is gone.
    void beat();
    // Bytes that came, and why. Once stopped.
    [[nodiscard]] const Engine::Traffic& traffic() const { return traffic_; }
    // What other mounts of the domain had brought: files with bytes in memory that this run's
    // caches never had, and these bytes, as devices store them.
    struct Saved {
        std::uint64_t files = 0;
        std::uint64_t bytes = 0;
    };
    // Once stopped; nothing where the mount shares nothing, the guard may not observe, or there are
    // too many files to look at in two seconds.
    [[nodiscard]] const std::optional<Saved>& saved() const { return saved_; }
    // Lets go what is held, unmounts, ends. Events stay readable.
    [[nodiscard]] Result<void> stop();

private:
    struct Life {
        enum What : unsigned char { mounted, wind_down, stop } what;
    };
    // What is local of each device.
    using Locals = std::vector<RangeSet>;
    struct TellLocals {
        std::shared_ptr<std::promise<Locals>> told;
    };
    using Post = std::variant<Control, Life, SimulatedRead, TellLocals>;

    explicit Run(const RunOptions& options) : options_(options), posts_(1024) {}
    [[nodiscard]] Result<void> open_image();
    [[nodiscard]] Result<std::unique_ptr<erofs::Image>> image_of_transport() const;
    [[nodiscard]] Result<void> start_guard();
    [[nodiscard]] Result<void> open_stores();
    // device: 0 for the image itself.
    [[nodiscard]] Result<std::unique_ptr<Source>> open_source(std::size_t device,
                                                              const std::string& path);
    [[nodiscard]] Result<void> mount();
    [[nodiscard]] Result<void> mount_blobs();
    [[nodiscard]] Result<guard::FuseConnection> mount_fuse();
    [[nodiscard]] Result<guard::FuseConnection> take_fuse();
    [[nodiscard]] std::string fuse_note() const;
    [[nodiscard]] Result<void> mount_tree();
    [[nodiscard]] Result<void> mount_fanotify();
    [[nodiscard]] Result<void> bind_cachefiles();
    [[nodiscard]] Result<bool> kernel_asks_for_metadata(int group);
    [[nodiscard]] Result<void> bring_metadata();
    [[nodiscard]] Result<void> mount_devices(const std::vector<std::string>& sources,
                                             bool directio);
    [[nodiscard]] Result<void> refuse_unshared() const;
    [[nodiscard]] Result<void> start_simulated();
    [[nodiscard]] bool open_tracepoints(
        std::span<const std::string_view> names,
        const std::function<Result<void>(std::string_view, guard::Client::Trace)>& add);
    void open_trace();
    [[nodiscard]] Result<void> prepare_sharing();
    void open_lookout();
    // Given up at `end`, as what follows.
    [[nodiscard]] Result<Locals> locals(Nanoseconds end);
    [[nodiscard]] Result<std::vector<erofs::NodeId>> files_to_observe(const Locals& local,
                                                                      Nanoseconds end) const;
    [[nodiscard]] Result<Saved> observe_saved();
    [[nodiscard]] Result<void> unmount_erofs();
    [[nodiscard]] Result<Match> resolve(const Command& command) const;
    [[nodiscard]] Result<std::vector<Place>> places_of_file(const std::string& path,
                                                            Range range) const;
    [[nodiscard]] Result<std::vector<Place>> places_of_objects(const std::string& name,
                                                               Range range) const;
    // Where a file's bytes lie on the devices, appended.
    [[nodiscard]] Result<void> add_extents(erofs::NodeId node, Range range,
                                           std::vector<Place>& places) const;
    // Appends what a command of Verb::prefetch is about.
    [[nodiscard]] Result<void> add_prefetch(const Command& command,
                                            std::vector<Place>& places) const;
    [[nodiscard]] Result<void> post(Post post);
    void ring_thread();
    void beat_guard(bool guarded);
    void take_posts();
    void end_ring();

    RunOptions options_;
    TransportKind kind_ = TransportKind::fuse_tree;
    std::shared_ptr<ReadAt> primary_;
    std::unique_ptr<erofs::Image> image_;
    erofs::Index index_;
    std::shared_ptr<const rafs::Bootstrap> rafs_; // null: the image is no RAFS
    std::unique_ptr<guard::Client> guard_;
    std::vector<std::vector<Range>> local_at_start_;
    std::vector<bool> marked_; // by store: before this run began
    ObjectNames names_;        // where objects come and go
    std::unique_ptr<EventQueue> events_;
    std::unique_ptr<Ring> ring_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<Transport> transport_;
    SimulatedTransport* simulated_ = nullptr; // transport_, if it is that
    ErofsTrace* trace_ = nullptr;             // the engine's; null where there is none
    bool traced_ = false;
    bool shares_ = false;
    std::atomic<std::uint64_t> askers_unseen_{0};
    std::optional<Saved> saved_;
    std::atomic<bool> finished_{false};
    SpscRing<Post> posts_;
    std::vector<RuleText> rules_;
    std::uint32_t next_rule_ = 1;
    std::string blob_folder_; // where blob mode's FUSE is mounted, in the cache folder
    std::string fuse_device_; // as in guard::Client::keep(); empty while not mounted
    std::string erofs_device_;
    Nanoseconds next_guard_ =
        0; // not before, so that a guard that can't live is not tried for ever
    std::vector<Place> prefetch_; // to be begun once the mount stands
    Engine::Traffic traffic_;
    std::thread thread_;
};

} // namespace coldscope
