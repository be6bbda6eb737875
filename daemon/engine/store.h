// One object's bytes: its cache file, its source, and the fetches on their way. A range is
// fetched once, however many ask for it at the same time. Belongs to the ring thread.
#pragma once

#include "core/base/origins.h"
#include "daemon/engine/local_copy.h"
#include "daemon/source/source.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace coldscope {

// Whether readers wait until their bytes are in the cache file.
enum class Keep : std::uint8_t {
    later, // they get the bytes at once, and whether they can be kept or not
    first, // the file is what they read: without the bytes in it they get the error
};

class Store {
public:
    // Bytes live until the call returns.
    using Done = std::move_only_function<void(Result<std::span<const std::byte>>)>;

    struct Plan {
        std::vector<Range> to_fetch; // not local and not on their way: what this would set off
        bool local = false;          // nothing is missing
        [[nodiscard]] std::uint64_t bytes() const;
    };

    // on_cache_error: called with the error when fetched bytes can't be kept, and with no error
    // when they can be again.
    // on_unkept: called when fetched bytes first wait to be written, which Keep::later lets them;
    // settle() soon. Without it they are written at once.
    Store(std::unique_ptr<Source> source, std::unique_ptr<LocalCopy> cache, Keep keep,
          std::function<void(const Result<void>&)> on_cache_error,
          std::function<void()> on_unkept = {});
    ~Store(); // settles

    [[nodiscard]] std::uint64_t size() const { return cache_->size(); }
    [[nodiscard]] const LocalCopy& cache() const { return *cache_; }
    // Bytes that came from the source in this run, however often; and those for an origin.
    [[nodiscard]] std::uint64_t fetched_bytes() const { return fetched_bytes_; }
    [[nodiscard]] std::uint64_t fetched_bytes(Origin origin) const {
        return fetched_by_[static_cast<std::size_t>(origin)];
    }
    // What brought each byte in this run, and whether it was asked for.
    [[nodiscard]] const Origins& origins() const { return origins_; }
    // A reader asks for it.
    void asked(Range range) { origins_.asked(range); }

    // Keeps bytes that came from elsewhere, whole granules of the cache.
    [[nodiscard]] Result<void> put(std::uint64_t offset, std::span<const std::byte> bytes) {
        return cache_->fill(offset, bytes);
    }
    void access_by(Fd other) { cache_->access_by(std::move(other)); }
    // range: within size(). Writes what is fetched of it first.
    [[nodiscard]] Plan plan(Range range);
    // range: local, by plan().
    [[nodiscard]] Result<void> read(Range range, std::span<std::byte> into);
    // Gets what is missing, then calls done once; perhaps before it returns. What this sets off is
    // brought by `origin`. wants_bytes: false to have it local, and done with bytes that mean
    // nothing; for Keep::first.
    void get(Range range, const Plan& plan, Done done, Origin origin = Origin::miss,
             bool wants_bytes = true);
    // Writes what was fetched to the cache file. Readers do not wait for that, so that it is done
    // in few, larger turns; a killed process fetches it again.
    void settle();

private:
    using Buffer = std::vector<std::byte>;
    using WaitId = std::uint64_t;
    struct Wait {
        Range range;
        Done done;
        std::size_t pending = 0; // fetches it still needs
        bool wants_bytes = true;
        Buffer assembled; // where the range is wider than any one fetch
    };
    struct Fetch {
        Range range;
        std::shared_ptr<Buffer> bytes; // the source's, too, while it may write there
        std::vector<WaitId> waits;
        Origin origin = Origin::miss;
    };

    void start(Range range);
    void finish(std::uint64_t begin, Result<void> outcome);
    void kept_first(std::uint64_t begin, const Result<void>& kept);
    void note_brought(std::uint64_t begin);
    void serve(WaitId id, const Fetch& fetch);
    void refuse(WaitId id, const Error& error);
    void tell_cache_error(const Result<void>& kept);
    void serve_all(std::uint64_t begin);
    void fail_all(std::uint64_t begin, const Error& error);
    [[nodiscard]] bool touches_unkept(Range range) const;
    [[nodiscard]] Buffer take_buffer(std::size_t size);
    void give_back(Buffer buffer);

    std::unique_ptr<LocalCopy> cache_;
    Keep keep_;
    std::function<void(const Result<void>&)> on_cache_error_;
    std::function<void()> on_unkept_;
    std::map<std::uint64_t, Fetch> fetches_; // by begin; disjoint
    std::map<std::uint64_t, Buffer> unkept_; // fetched and not yet written, by begin; disjoint
    std::size_t unkept_bytes_ = 0;
    std::unordered_map<WaitId, Wait> waits_;
    std::vector<Buffer> spare_;
    std::size_t spare_bytes_ = 0;
    WaitId next_wait_ = 1;
    std::uint64_t fetched_bytes_ = 0;
    std::array<std::uint64_t, origin_count> fetched_by_{};
    Origins origins_;
    bool cache_failing_ = false;
    // Last, so that it goes first: after it nothing completes into the rest.
    std::unique_ptr<Source> source_;
};

} // namespace coldscope
