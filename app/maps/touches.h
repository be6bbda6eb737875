// Which bytes of each device were asked for, how often, when, and where asking failed last. Memory
// is bounded by the devices, whatever the recording's length.
#pragma once

#include "app/run/workspace.h"
#include "core/base/range_set.h"

#include <cstdint>
#include <vector>

namespace coldscope::app {

struct Touch {
    std::uint32_t count = 0; // requests with a byte in the range, exact to a bucket
    Nanoseconds first = 0;   // when its first bytes were asked for; 0: never
    Nanoseconds last = 0;
    Row last_row = 0; // of the newest that touched it; where count > 0
};

class Touches {
public:
    static constexpr std::size_t most_buckets = 65536; // a device
    static constexpr std::size_t most_failed = 4096;   // ranges; more are kept as whole buckets

    // Another image or run: nothing was asked for yet.
    void reset(const Workspace& workspace);
    // Brings in the requests that ended since the last call. True when there were any. Cost follows
    // those alone.
    bool update(Workspace& workspace);

    // O(buckets in the range).
    [[nodiscard]] Touch in(const DeviceRange& place) const;
    // Where the last request failed.
    [[nodiscard]] const RangeSet& failed(std::uint16_t device) const;
    [[nodiscard]] std::uint64_t bucket_size(std::uint16_t device) const; // bytes, a power of two
    // Times that part the touched buckets of a device into equal shares, ascending: a sample.
    [[nodiscard]] std::vector<Nanoseconds> first_quantiles(std::uint16_t device,
                                                           std::size_t shares) const;

private:
    struct Bucket {
        std::uint32_t touches = 0;
        std::uint32_t starts = 0; // of those, the ones that begin here
        Nanoseconds first = 0;
        Nanoseconds last = 0;
        Row last_row = 0;
    };
    struct Device {
        unsigned bucket_bits = 12;
        std::uint64_t size = 0;
        std::vector<Bucket> buckets; // empty until something is asked for
        RangeSet failed;
    };

    void add(const RequestRow& request, Row row, const DeviceRange& place);

    ChangeMark mark_;
    std::vector<Device> devices_;
    std::vector<Row> ended_;
    std::vector<DeviceRange> places_;
};

} // namespace coldscope::app
