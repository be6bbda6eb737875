#include "daemon/guard/protocol.h"

#include <cstring>

namespace coldscope::guard {

namespace {

struct Header {
    std::uint32_t version;
    std::uint32_t type;
    std::uint32_t number;
    std::uint32_t texts; // how many strings follow
    std::uint32_t sequence;
};
static_assert(sizeof(Header) == 20);

// How many strings a message of this type has, at least and at most; at most 0 and at least 1 for
// an unknown type.
struct Count {
    std::size_t least = 1;
    std::size_t most = 0;
};

Count texts_of(std::uint32_t type) {
    switch (static_cast<Type>(type)) {
    case Type::beat:
    case Type::hello:
    case Type::group:
    case Type::who:
    case Type::bye:
    case Type::connection:
    case Type::adopt_cachefiles:
    case Type::lookout:
    case Type::observe:
        return {0, 0};
    case Type::adopt:
    case Type::forget:
    case Type::reply:
    case Type::mark:
    case Type::object:
    case Type::unmark:
    case Type::trace:
    case Type::adopt_connection:
        return {1, 1};
    case Type::unmount:
    case Type::keep:
    case Type::bind_cachefiles:
        return {2, 2};
    case Type::fuse:
        return {3, 3};
    case Type::mount:
        return {3, most_texts};
    }
    return {};
}

} // namespace

Result<Message> decode(std::span<const std::byte> bytes) {
    Header header{};
    if (bytes.size() < sizeof header || bytes.size() > largest_message)
        return failure(Code::invalid, "a message of a wrong length", bytes.size());
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.version != version)
        return failure(Code::invalid, "a message of another version", 0);
    const Count texts = texts_of(header.type);
    if (texts.least > texts.most)
        return failure(Code::invalid, "a message of an unknown type", 4);
    if (header.texts < texts.least || header.texts > texts.most)
        return failure(Code::invalid, "a message with a wrong number of strings", 12);
    if (header.type == static_cast<std::uint32_t>(Type::keep) &&
        (header.number < static_cast<std::uint32_t>(Kind::erofs) ||
         header.number > static_cast<std::uint32_t>(Kind::folder)))
        return failure(Code::invalid, "a message about an unknown kind of thing", 8);
    Message message{static_cast<Type>(header.type), header.number, {}, header.sequence};
    std::string_view left(reinterpret_cast<const char*>(bytes.data()) + sizeof header,
                          bytes.size() - sizeof header);
    for (std::uint32_t i = 0; i < header.texts; ++i) {
        const std::size_t end = left.find('\0');
        if (end == std::string_view::npos)
            return failure(Code::invalid, "a message whose string is not closed",
                           bytes.size() - left.size());
        message.texts.emplace_back(left.substr(0, end));
        left.remove_prefix(end + 1);
    }
    if (!left.empty())
        return failure(Code::invalid, "a message with bytes behind its end",
                       bytes.size() - left.size());
    return message;
}

std::vector<std::byte> encode(const Message& message) {
    const Header header{version, static_cast<std::uint32_t>(message.type), message.number,
                        static_cast<std::uint32_t>(message.texts.size()), message.sequence};
    std::vector<std::byte> bytes(sizeof header);
    std::memcpy(bytes.data(), &header, sizeof header);
    for (const std::string& text : message.texts) {
        const auto* begin = reinterpret_cast<const std::byte*>(text.c_str());
        bytes.insert(bytes.end(), begin, begin + text.size() + 1);
    }
    return bytes;
}

} // namespace coldscope::guard
