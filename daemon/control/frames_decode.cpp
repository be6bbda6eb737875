#include "core/base/cursor.h"
#include "daemon/control/frames.h"

#include <cstring>

#include <fmt/format.h>

namespace coldscope::attach {

namespace {

// Takes values out of a payload. What can't be right is remembered, the first of them.
class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) : cursor_(bytes) {}

    template <std::unsigned_integral T>
    void get(T& into) {
        into = cursor_.get<T>();
    }
    void truth(bool& into) {
        const std::size_t at = cursor_.at();
        const std::uint8_t value = cursor_.u8();
        require(value <= 1, at, "a truth value is 0 or 1");
        into = value != 0;
    }
    void text(std::string& into) {
        const std::size_t at = cursor_.at();
        const std::uint32_t length = cursor_.u32();
        require(length <= longest_text, at, "a text is too long");
        if (wrong_)
            return;
        const auto bytes = cursor_.bytes(length);
        into.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    // How many things of at least `size` bytes follow.
    std::uint32_t count(std::size_t size, std::size_t most) {
        const std::size_t at = cursor_.at();
        const std::uint32_t count = cursor_.u32();
        require(count <= most && count <= cursor_.left() / size, at,
                "a list is longer than its frame");
        return wrong_ ? 0 : count;
    }
    void error(std::optional<Error>& into) {
        bool any = false;
        truth(any);
        if (!any)
            return;
        into.emplace();
        const std::size_t at = cursor_.at();
        into->code = static_cast<Code>(cursor_.u8());
        require(into->code <= Code::cancelled, at, "an unknown kind of error");
        into->sys_errno = static_cast<int>(cursor_.u32());
        get(into->offset);
        text(into->context);
    }
    void record(StepRecord& into) {
        get(into.request);
        get(into.time);
        get(into.offset);
        get(into.length);
        get(into.object);
        get(into.pid);
        into.result = static_cast<std::int32_t>(cursor_.u32());
        const std::size_t at = cursor_.at();
        into.step = static_cast<Step>(cursor_.u8());
        into.op = static_cast<Op>(cursor_.u8());
        require(name(into.step) != "unknown" && name(into.op) != "unknown", at,
                "an unknown step or operation");
        get(into.flags);
        const auto command = cursor_.bytes(into.command.size());
        if (!command.empty())
            std::memcpy(into.command.data(), command.data(), command.size());
    }
    void records(std::vector<StepRecord>& into) {
        into.resize(count(record_size, most_steps));
        for (StepRecord& one : into)
            record(one);
    }
    void range(Range& into) {
        const std::size_t at = cursor_.at();
        get(into.begin);
        get(into.end);
        require(into.begin < into.end, at, "a range ends before it begins");
    }
    void raw(std::vector<std::byte>& into) {
        const auto bytes = cursor_.bytes(count(1, largest_piece));
        into.assign(bytes.begin(), bytes.end());
    }
    void require(bool right, std::size_t at, const char* what) {
        if (!right && !wrong_)
            wrong_ = Error{Code::corrupt, 0, at, what};
    }
    [[nodiscard]] std::size_t at() const { return cursor_.at(); }
    void skip_rest() { cursor_.skip(cursor_.left()); }

    [[nodiscard]] Result<void> finish() {
        if (wrong_)
            return std::unexpected(*wrong_);
        if (!cursor_.ok())
            return cursor_.error("a frame");
        if (cursor_.left() != 0)
            return failure(Code::corrupt, "a frame has bytes behind its end", cursor_.at());
        return {};
    }

private:
    Cursor cursor_;
    std::optional<Error> wrong_;
};

void get(Reader& from, Attach& it) {
    from.get(it.version);
    from.get(it.session);
    if (it.version != version)
        from.skip_rest();
}
void get(Reader& from, Follow& it) {
    from.get(it.run);
    from.get(it.next);
}
void get(Reader&, Beat&) {}
void get(Reader& from, Command& it) {
    from.get(it.tag);
    from.text(it.line);
}
void get(Reader& from, ReadFile& it) {
    from.get(it.tag);
    from.text(it.path);
}
void get(Reader& from, ReadImage& it) {
    from.get(it.offset);
    const std::size_t at = from.at();
    from.get(it.length);
    from.require(it.length <= largest_piece, at, "too many bytes at once");
}
void get(Reader& from, Hello& it) {
    from.get(it.version);
    from.require(it.version == version, 0, "another version");
    from.get(it.session);
    from.get(it.run);
    from.get(it.now);
    from.get(it.began);
    from.get(it.first);
    from.text(it.transport);
    from.truth(it.unguarded);
    from.truth(it.cache_full);
    from.text(it.image);
    from.text(it.identity);
    from.get(it.image_size);
    from.text(it.mount);
    it.devices.resize(from.count(8, largest_payload));
    for (Device& device : it.devices) {
        from.text(device.path);
        from.text(device.name);
    }
}
void get(Reader& from, Refused& it) {
    from.text(it.reason);
}
void get(Reader& from, Local& it) {
    from.get(it.object);
    it.ranges.resize(from.count(16, largest_payload));
    for (Range& range : it.ranges)
        from.range(range);
}
void get(Reader& from, ObjectName& it) {
    from.get(it.object);
    from.text(it.name);
}
void get(Reader& from, Steps& it) {
    from.get(it.first);
    from.records(it.records);
    from.require(it.first <= ~std::uint64_t{0} - it.records.size(), 0,
                 "a number that is too large");
}
void get(Reader& from, OpenSteps& it) {
    from.truth(it.last);
    from.get(it.next);
    from.records(it.records);
}
void get(Reader& from, Lost& it) {
    from.get(it.by_run);
    from.get(it.by_link);
}
void get(Reader& from, Rules& it) {
    from.truth(it.first);
    from.truth(it.last);
    it.rules.resize(from.count(9, largest_payload));
    for (RuleText& rule : it.rules) {
        from.get(rule.id);
        const std::size_t at = from.at();
        std::uint8_t action = 0;
        from.get(action);
        rule.action = static_cast<Action>(action);
        from.require(rule.action <= Action::fail, at, "an unknown action");
        from.text(rule.text);
    }
}
void get(Reader& from, Done& it) {
    from.get(it.tag);
    from.get(it.rule);
    from.error(it.error);
}
void get(Reader& from, ImageBytes& it) {
    from.get(it.offset);
    from.error(it.error);
    from.raw(it.bytes);
}
void get(Reader& from, Bye& it) {
    from.error(it.error);
}
void get(Reader& from, Facts& it) {
    it.readers.resize(from.count(20, largest_payload));
    for (ReaderFacts& reader : it.readers) {
        from.get(reader.time);
        from.get(reader.thread);
        from.get(reader.process);
        from.text(reader.cgroup);
    }
    it.origins.resize(from.count(32, largest_payload));
    for (ReadFor& origin : it.origins) {
        from.get(origin.request);
        from.get(origin.nid);
        from.get(origin.offset);
        from.get(origin.length);
        const std::size_t at = from.at();
        from.require(origin.length <= ~std::uint64_t{0} - origin.offset, at - 8,
                     "a read that ends behind all bytes");
    }
    it.times.resize(from.count(17, largest_payload));
    for (KernelTime& kernel : it.times) {
        from.get(kernel.request);
        const std::size_t at = from.at();
        std::uint8_t passed = 0;
        from.get(passed);
        from.require(passed <= static_cast<std::uint8_t>(KernelTime::Passed::resumed), at,
                     "a time of what the kernel does not do");
        kernel.passed = static_cast<KernelTime::Passed>(passed);
        from.get(kernel.time);
    }
    it.failures.resize(from.count(12, largest_payload));
    for (Failure& failure : it.failures) {
        from.get(failure.request);
        from.text(failure.why);
    }
    it.through.resize(from.count(16, largest_payload));
    for (AskedThrough& through : it.through) {
        from.get(through.request);
        from.text(through.file);
        from.text(through.mount);
    }
}

template <typename T>
Result<Message> decode_as(std::span<const std::byte> payload) {
    Reader reader(payload);
    T it;
    get(reader, it);
    COLDSCOPE_CHECK(reader.finish());
    return Message(std::move(it));
}

} // namespace

Result<Header> decode_header(std::span<const std::byte> bytes) {
    Cursor cursor(bytes.first(std::min(bytes.size(), header_size)));
    const std::uint32_t start = cursor.u32();
    const std::uint16_t type = cursor.u16();
    const std::uint16_t zero = cursor.u16();
    const Header header{static_cast<Type>(type), cursor.u32()};
    if (!cursor.ok())
        return cursor.error("a frame's header");
    if (start != magic)
        return failure(Code::corrupt, "no frame begins here", 0);
    if (zero != 0)
        return failure(Code::corrupt, "a frame's header has other bytes than 0 where they belong",
                       6);
    if (header.length > largest_payload)
        return failure(Code::corrupt, fmt::format("a frame of {} bytes is too long", header.length),
                       8);
    return header;
}

Result<Message> decode(Type type, std::span<const std::byte> payload) {
    switch (type) {
    case Type::attach:
        return decode_as<Attach>(payload);
    case Type::follow:
        return decode_as<Follow>(payload);
    case Type::beat:
        return decode_as<Beat>(payload);
    case Type::command:
        return decode_as<Command>(payload);
    case Type::read_file:
        return decode_as<ReadFile>(payload);
    case Type::read_image:
        return decode_as<ReadImage>(payload);
    case Type::hello:
        return decode_as<Hello>(payload);
    case Type::refused:
        return decode_as<Refused>(payload);
    case Type::local:
        return decode_as<Local>(payload);
    case Type::object_name:
        return decode_as<ObjectName>(payload);
    case Type::steps:
        return decode_as<Steps>(payload);
    case Type::open_steps:
        return decode_as<OpenSteps>(payload);
    case Type::lost:
        return decode_as<Lost>(payload);
    case Type::rules:
        return decode_as<Rules>(payload);
    case Type::done:
        return decode_as<Done>(payload);
    case Type::image_bytes:
        return decode_as<ImageBytes>(payload);
    case Type::bye:
        return decode_as<Bye>(payload);
    case Type::facts:
        return decode_as<Facts>(payload);
    }
    return failure(Code::corrupt, fmt::format("a frame of unknown type {}", static_cast<int>(type)),
                   0);
}

} // namespace coldscope::attach
