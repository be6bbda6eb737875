#include "daemon/control/frames.h"

#include "core/base/cursor.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include <fmt/format.h>

namespace coldscope::attach {

namespace {

// Appends values to a frame that is made.
class Writer {
public:
    explicit Writer(std::vector<std::byte>& bytes) : bytes_(bytes) {}

    template <std::unsigned_integral T>
    void put(T value) {
        std::array<std::byte, sizeof(T)> little{};
        for (std::size_t i = 0; i < sizeof(T); ++i)
            little[i] = static_cast<std::byte>(value >> (8 * i));
        raw(little);
    }
    void truth(bool value) { put(static_cast<std::uint8_t>(value)); }
    void raw(std::span<const std::byte> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    void text(std::string_view text) {
        text = text.substr(0, longest_text);
        put(static_cast<std::uint32_t>(text.size()));
        raw(std::as_bytes(std::span(text)));
    }
    void error(const std::optional<Error>& error) {
        truth(error.has_value());
        if (!error)
            return;
        put(static_cast<std::uint8_t>(error->code));
        put(static_cast<std::uint32_t>(error->sys_errno));
        put(error->offset);
        text(error->context);
    }
    void record(const StepRecord& record) {
        put(record.request);
        put(record.time);
        put(record.offset);
        put(record.length);
        put(record.object);
        put(record.pid);
        put(static_cast<std::uint32_t>(record.result));
        put(static_cast<std::uint8_t>(record.step));
        put(static_cast<std::uint8_t>(record.op));
        put(record.flags);
        raw(std::as_bytes(std::span(record.command)));
    }
    void records(const std::vector<StepRecord>& records) {
        const std::size_t count = std::min(records.size(), most_steps);
        put(static_cast<std::uint32_t>(count));
        for (std::size_t i = 0; i < count; ++i)
            record(records[i]);
    }

private:
    std::vector<std::byte>& bytes_;
};

void put(Writer& to, const Attach& it) {
    to.put(it.version);
    to.put(it.session);
}
void put(Writer& to, const Follow& it) {
    to.put(it.run);
    to.put(it.next);
}
void put(Writer&, const Beat&) {}
void put(Writer& to, const Command& it) {
    to.put(it.tag);
    to.text(it.line);
}
void put(Writer& to, const ReadFile& it) {
    to.put(it.tag);
    to.text(it.path);
}
void put(Writer& to, const ReadImage& it) {
    to.put(it.offset);
    to.put(it.length);
}
void put(Writer& to, const Hello& it) {
    to.put(it.version);
    to.put(it.session);
    to.put(it.run);
    to.put(it.now);
    to.put(it.began);
    to.put(it.first);
    to.text(it.transport);
    to.truth(it.unguarded);
    to.truth(it.cache_full);
    to.text(it.image);
    to.text(it.identity);
    to.put(it.image_size);
    to.text(it.mount);
    to.put(static_cast<std::uint32_t>(it.devices.size()));
    for (const Device& device : it.devices) {
        to.text(device.path);
        to.text(device.name);
    }
}
void put(Writer& to, const Refused& it) {
    to.text(it.reason);
}
void put(Writer& to, const Local& it) {
    to.put(it.object);
    to.put(static_cast<std::uint32_t>(it.ranges.size()));
    for (const Range& range : it.ranges) {
        to.put(range.begin);
        to.put(range.end);
    }
}
void put(Writer& to, const ObjectName& it) {
    to.put(it.object);
    to.text(it.name);
}
void put(Writer& to, const Steps& it) {
    to.put(it.first);
    to.records(it.records);
}
void put(Writer& to, const OpenSteps& it) {
    to.truth(it.last);
    to.put(it.next);
    to.records(it.records);
}
void put(Writer& to, const Lost& it) {
    to.put(it.by_run);
    to.put(it.by_link);
}
void put(Writer& to, const Rules& it) {
    to.truth(it.first);
    to.truth(it.last);
    to.put(static_cast<std::uint32_t>(it.rules.size()));
    for (const RuleText& rule : it.rules) {
        to.put(rule.id);
        to.put(static_cast<std::uint8_t>(rule.action));
        to.text(rule.text);
    }
}
void put(Writer& to, const Done& it) {
    to.put(it.tag);
    to.put(it.rule);
    to.error(it.error);
}
void put(Writer& to, const ImageBytes& it) {
    to.put(it.offset);
    to.error(it.error);
    to.put(static_cast<std::uint32_t>(it.bytes.size()));
    to.raw(it.bytes);
}
void put(Writer& to, const Bye& it) {
    to.error(it.error);
}
void put(Writer& to, const Facts& it) {
    to.put(static_cast<std::uint32_t>(it.readers.size()));
    for (const ReaderFacts& reader : it.readers) {
        to.put(reader.time);
        to.put(reader.thread);
        to.put(reader.process);
        to.text(reader.cgroup);
    }
    to.put(static_cast<std::uint32_t>(it.origins.size()));
    for (const ReadFor& origin : it.origins) {
        to.put(origin.request);
        to.put(origin.nid);
        to.put(origin.offset);
        to.put(origin.length);
    }
    to.put(static_cast<std::uint32_t>(it.times.size()));
    for (const KernelTime& kernel : it.times) {
        to.put(kernel.request);
        to.put(static_cast<std::uint8_t>(kernel.passed));
        to.put(kernel.time);
    }
    to.put(static_cast<std::uint32_t>(it.failures.size()));
    for (const Failure& failure : it.failures) {
        to.put(failure.request);
        to.text(failure.why);
    }
    to.put(static_cast<std::uint32_t>(it.through.size()));
    for (const AskedThrough& through : it.through) {
        to.put(through.request);
        to.text(through.file);
        to.text(through.mount);
    }
}

Type type_of(const Message& message) {
    static constexpr Type types[] = {
        Type::attach,      Type::follow,     Type::beat,    Type::command, Type::read_file,
        Type::read_image,  Type::hello,      Type::refused, Type::local,   Type::object_name,
        Type::steps,       Type::open_steps, Type::lost,    Type::rules,   Type::done,
        Type::image_bytes, Type::bye,        Type::facts};
    static_assert(std::size(types) == std::variant_size_v<Message>);
    return types[message.index()];
}

} // namespace

void encode(const Message& message, std::vector<std::byte>& into) {
    const std::size_t begin = into.size();
    Writer writer(into);
    writer.put(magic);
    writer.put(static_cast<std::uint16_t>(type_of(message)));
    writer.put(std::uint16_t{0});
    writer.put(std::uint32_t{0});
    std::visit([&](const auto& it) { put(writer, it); }, message);
    const std::size_t length = into.size() - begin - header_size;
    for (std::size_t i = 0; i < 4; ++i)
        into[begin + 8 + i] = static_cast<std::byte>(length >> (8 * i));
}

std::vector<std::byte> encode(const Message& message) {
    std::vector<std::byte> bytes;
    encode(message, bytes);
    return bytes;
}

std::uint64_t random_number() {
    std::random_device random;
    return std::uint64_t{random()} << 32 | random();
}

} // namespace coldscope::attach
