// The record of one step in the life of a request. One 64-byte record for each step goes from the
// ring thread to whoever shows or stores it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace coldscope {

using RequestId = std::uint64_t; // from 1, in order of arrival in a run
// 0..n: the image's devices; from first_file_object on: files of tree mode, by index node.
using ObjectId = std::uint32_t;
inline constexpr ObjectId first_file_object = 1u << 16;

enum class Step : std::uint8_t {
    arrived,  // the kernel's question was read
    matched,  // the rules were asked
    held,     // kept waiting by a rule or a hand
    delayed,  // kept waiting until a due time
    fetching, // bytes are on their way from the source
    filling,  // bytes came and are put in place
    answered, // the kernel has the answer: result is 0 or an errno
    lost,     // nobody waits for the answer any more
    notice,   // not a request's step: something to tell, see Notice in `result`
};

enum class Op : std::uint8_t { open, read, close };

// Steps of type notice carry one of these in `result`.
enum class Notice : std::int32_t {
    held_released_silent_listener = 1, // the listener was silent for 2 s with requests held
    cache_full,                        // the cache's disk is full; bytes go on to readers
    cache_writable_again,
    transport_stopped, // the kernel's side of the transport went away
    unguarded,         // the guard is gone
    guarded_again,     // a new one was started
    not_held,          // a command named a request that does not wait
    not_asked,         // the kernel could not ask; it gave the reader an error by itself
    prefetch_done,     // nothing is left of what was to be prefetched
    prefetch_stopped,  // not all came: by a command, or the source or the cache's disk fails
    held_released_link_gone,
    no_descriptors,  // it could not be given a descriptor: too many files are open here
    no_fingerprints, // so that the mount shares no memory
};

namespace flag {
inline constexpr std::uint16_t refault = 1;     // every byte was local already
inline constexpr std::uint16_t joined = 2;      // all missing bytes were on their way already
inline constexpr std::uint16_t own = 4;         // asked by Coldscope or by its mount; never held
inline constexpr std::uint16_t by_rule = 8;     // a rule decided
inline constexpr std::uint16_t by_hand = 16;    // a command decided
inline constexpr std::uint16_t simulated = 32;  // no real process asked
inline constexpr std::uint16_t prefetch = 64;   // no reader asked: fetched ahead, in the background
inline constexpr std::uint16_t amplified = 128; // no reader asked: fetched around a miss
// Nobody waits for it, no rule holds it; pid is 0. One of the two.
inline constexpr std::uint16_t background = prefetch | amplified;
inline constexpr std::uint16_t partial = 1024; // answered with less than the truth, on purpose
// Asked by a guard's child that looks at the page cache; no rule sees it.
inline constexpr std::uint16_t observer = 2048;
} // namespace flag

struct StepRecord {
    RequestId request = 0;
    std::uint64_t time = 0;   // CLOCK_MONOTONIC, ns
    std::uint64_t offset = 0; // bytes in the object
    std::uint64_t length = 0; // bytes asked for; in `fetching`: bytes this request set off
    ObjectId object = 0;
    std::uint32_t pid = 0; // the reading thread; 0 when the kernel doesn't say
    std::int32_t result = 0;
    Step step = Step::arrived;
    Op op = Op::read;
    std::uint16_t flags = 0;
    std::array<char, 16> command{}; // the reader's name, NUL-terminated

    [[nodiscard]] std::string_view command_name() const {
        std::size_t length_of_name = 0;
        while (length_of_name < command.size() && command[length_of_name] != '\0')
            ++length_of_name;
        return {command.data(), length_of_name};
    }
};
static_assert(sizeof(StepRecord) == 64);
static_assert(std::is_trivially_copyable_v<StepRecord>);

[[nodiscard]] std::string_view name(Step step);
[[nodiscard]] std::string_view name(Op op);
[[nodiscard]] std::string_view describe(Notice notice);

} // namespace coldscope
