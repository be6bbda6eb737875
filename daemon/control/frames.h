// What a run and the window that is attached to it say to each other: frames of a fixed header and
// a payload, little-endian, over anything that carries bytes in order.
//
//   u32 magic   u16 type   u16 0   u32 length of the payload, in bytes
//
// A text is a u32 length and its bytes, a truth value a byte that is 0 or 1. The window speaks
// first: attach; the run answers hello, its local ranges and its rules, or refused. After follow
// the run tells its events, too. ARCHITECTURE.md lists the frames.
#pragma once

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/range_set.h"
#include "core/request/facts.h"
#include "core/request/step.h"
#include "core/rules/rule.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace coldscope::attach {

inline constexpr std::uint16_t version = 4;
inline constexpr std::uint32_t magic = 0x414C4F43;              // "COLA"
inline constexpr Nanoseconds beat_interval = 500 * millisecond; // of both sides
inline constexpr std::size_t header_size = 12;
inline constexpr std::size_t largest_payload = 512 * 1024; // bytes
inline constexpr std::size_t longest_text = 64 * 1024;     // bytes
inline constexpr std::size_t largest_piece = 256 * 1024;   // bytes of an image in one frame
inline constexpr std::size_t most_steps = 1024;            // records in one frame
inline constexpr std::size_t record_size = 64;             // bytes of a record in a frame

enum class Type : std::uint16_t {
    // From the window.
    attach = 1,
    follow,
    beat, // both ways
    command,
    read_file,
    read_image,
    // From the run.
    hello = 64,
    refused,
    local,
    object_name,
    steps,
    open_steps,
    lost,
    rules,
    done,
    image_bytes,
    bye,
    facts,
};

struct Attach {
    std::uint16_t version = attach::version;
    std::uint64_t session = 0; // the window's own; hello repeats it
    bool operator==(const Attach&) const = default;
};
// Events from here on, please.
struct Follow {
    std::uint64_t run = 0;  // of hello
    std::uint64_t next = 0; // the sequence number of the first record that the window lacks
    bool operator==(const Follow&) const = default;
};
struct Beat {
    bool operator==(const Beat&) const = default;
};
struct Command {
    std::uint32_t tag = 0; // done repeats it
    std::string line;      // as in core/rules/command.h
    bool operator==(const Command&) const = default;
};
// Of a simulated run: somebody reads this file.
struct ReadFile {
    std::uint32_t tag = 0;
    std::string path;
    bool operator==(const ReadFile&) const = default;
};
// Bytes of the primary device.
struct ReadImage {
    std::uint64_t offset = 0;
    std::uint32_t length = 0; // at most largest_piece
    bool operator==(const ReadImage&) const = default;
};

struct Device {
    std::string path; // on the run's machine
    std::string name; // as requests show it
    bool operator==(const Device&) const = default;
};
struct Hello {
    std::uint16_t version = attach::version;
    std::uint64_t session = 0;
    std::uint64_t run = 0;   // another number for each run
    Nanoseconds now = 0;     // CLOCK_MONOTONIC of the run's machine, as of all its records
    Nanoseconds began = 0;   // likewise
    std::uint64_t first = 0; // the oldest record that the run still has
    std::string transport;   // its name
    bool unguarded = false;
    bool cache_full = false;
    std::string image;            // a path; empty for a run without an image
    std::string identity;         // as image_identity() gives it
    std::uint64_t image_size = 0; // bytes of the primary device
    std::string mount;
    std::vector<Device> devices; // with the primary one
    bool operator==(const Hello&) const = default;
};
struct Refused {
    std::string reason;
    bool operator==(const Refused&) const = default;
};
// What of an object was local when the run began; an object may have several of these.
struct Local {
    ObjectId object = 0;
    std::vector<Range> ranges;
    bool operator==(const Local&) const = default;
};
// Comes before the first record of an object that hello doesn't name.
struct ObjectName {
    ObjectId object = 0;
    std::string name;
    bool operator==(const ObjectName&) const = default;
};
struct Steps {
    std::uint64_t first = 0; // the sequence number of the first record
    std::vector<StepRecord> records;
};
// What is known beside the records. Comes before the first record that it is about, but for when a
// reader went on and through which mount it asked; a window that comes back may be told again what
// it has.
struct Facts {
    std::vector<ReaderFacts> readers;
    std::vector<ReadFor> origins;
    std::vector<KernelTime> times;
    std::vector<Failure> failures{};
    std::vector<AskedThrough> through{};
    [[nodiscard]] bool empty() const {
        return readers.empty() && origins.empty() && times.empty() && failures.empty() &&
               through.empty();
    }
};
// All steps so far of all requests that are open: records are missing before what comes next.
// In several frames; after the last one the window knows that no other request is open.
struct OpenSteps {
    bool last = false;
    std::uint64_t next = 0; // sequence number of the next record
    std::vector<StepRecord> records;
};
// Records that this window never gets.
struct Lost {
    std::uint64_t by_run = 0;  // the run's own count: it was busy
    std::uint64_t by_link = 0; // more of them since the last of these frames: the link was slow
    bool operator==(const Lost&) const = default;
};
struct Rules {
    bool first = false; // forget those that were told before
    bool last = false;
    std::vector<RuleText> rules;
    bool operator==(const Rules&) const = default;
};
struct Done {
    std::uint32_t tag = 0;
    std::uint32_t rule = 0; // a new rule's number, or 0
    std::optional<Error> error;
    bool operator==(const Done&) const = default;
};
struct ImageBytes {
    std::uint64_t offset = 0;
    std::optional<Error> error;
    std::vector<std::byte> bytes;
    bool operator==(const ImageBytes&) const = default;
};
// The run has ended.
struct Bye {
    std::optional<Error> error;
    bool operator==(const Bye&) const = default;
};

using Message =
    std::variant<Attach, Follow, Beat, Command, ReadFile, ReadImage, Hello, Refused, Local,
                 ObjectName, Steps, OpenSteps, Lost, Rules, Done, ImageBytes, Bye, Facts>;

// Appends the whole frame. Texts longer than longest_text are cut, and so are lists where their
// comments say a limit.
void encode(const Message& message, std::vector<std::byte>& into);
[[nodiscard]] std::vector<std::byte> encode(const Message& message);

struct Header {
    Type type = Type::beat;
    std::uint32_t length = 0; // of the payload
};
// Code::corrupt for what is no header of a frame; offset is the byte in it.
[[nodiscard]] Result<Header> decode_header(std::span<const std::byte> bytes);
// For a run's and a session's number: not to be met twice.
[[nodiscard]] std::uint64_t random_number();

// Code::corrupt or truncated; offset is the byte in the payload. An attach of another version is
// read as far as its version, so that it can be refused.
[[nodiscard]] Result<Message> decode(Type type, std::span<const std::byte> payload);

} // namespace coldscope::attach
