#include "daemon/trace/perf_ring.h"

#include "core/base/cursor.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include <linux/perf_event.h>
#include <sys/mman.h>

namespace coldscope {

namespace {

constexpr std::size_t control_page = 4096;
constexpr std::size_t data_bytes = 16 * control_page; // more than come in one turn
constexpr std::size_t header_bytes = 8;

} // namespace

Result<PerfRing> PerfRing::map(Fd event) {
    void* memory = mmap(nullptr, control_page + data_bytes, PROT_READ, MAP_SHARED, event.get(), 0);
    if (memory == MAP_FAILED)
        return system_error("cannot map the samples of a tracepoint");
    return PerfRing(std::move(event), memory);
}

PerfRing::PerfRing(PerfRing&& other) noexcept
    : event_(std::move(other.event_)), memory_(std::exchange(other.memory_, nullptr)),
      seen_(other.seen_), copy_(std::move(other.copy_)) {}

PerfRing::~PerfRing() {
    if (memory_ != nullptr)
        munmap(memory_, control_page + data_bytes);
}

bool PerfRing::take(const std::function<void(const Sample&)>& sample) {
    auto& described = *static_cast<perf_event_mmap_page*>(memory_);
    const auto head_now = [&] {
        return std::atomic_ref(described.data_head).load(std::memory_order_acquire);
    };
    // Written backwards: the head counts down from 0, and what follows it is older.
    const std::uint64_t head = head_now();
    const std::uint64_t came = seen_ - head;
    const std::uint64_t fresh = std::min<std::uint64_t>(came, data_bytes);
    if (fresh == 0)
        return true;
    seen_ = head;
    copy_.resize(fresh);
    const std::byte* data = static_cast<const std::byte*>(memory_) + control_page;
    const std::size_t at = head % data_bytes;
    const std::size_t first = std::min<std::size_t>(fresh, data_bytes - at);
    std::memcpy(copy_.data(), data + at, first);
    std::memcpy(copy_.data() + first, data, fresh - first);
    // Newer samples took the place of the oldest while they were copied.
    const std::uint64_t meanwhile = head - head_now();
    if (meanwhile >= data_bytes)
        return false;
    copy_.resize(std::min<std::size_t>(fresh, data_bytes - meanwhile));
    parse_samples(copy_, sample);
    return copy_.size() == came;
}

void parse_samples(std::span<const std::byte> records,
                   const std::function<void(const PerfRing::Sample&)>& sample) {
    while (records.size() >= header_bytes) {
        Cursor header(records);
        const std::uint32_t type = header.u32();
        header.skip(2);
        const std::size_t size = header.u16();
        if (size < header_bytes || size > records.size())
            return;
        Cursor body(records.subspan(header_bytes, size - header_bytes));
        records = records.subspan(size);
        if (type != PERF_RECORD_SAMPLE)
            continue;
        PerfRing::Sample one;
        body.skip(4); // the process
        one.thread = body.u32();
        one.time = body.u64();
        one.bytes = body.bytes(body.u32());
        if (body.ok())
            sample(one);
    }
}

} // namespace coldscope
