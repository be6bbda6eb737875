#include "daemon/transport/cachefiles_message.h"

#include "core/base/checked.h"
#include "core/base/cursor.h"

#include <bit>

namespace coldscope {

// The kernel writes native integers, Cursor reads little-endian ones.
static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::uint32_t opcode_open = 0;
constexpr std::uint32_t opcode_close = 1;
constexpr std::uint32_t opcode_read = 2;
constexpr std::size_t open_fd_at = 24; // bytes: behind the header and the sizes of both keys

std::string text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<CachefilesMessage::Open> decode_open(Cursor& cursor) {
    const std::uint32_t volume_size = cursor.u32();
    const std::uint32_t cookie_size = cursor.u32();
    CachefilesMessage::Open open;
    open.fd = static_cast<int>(cursor.u32());
    cursor.skip(4); // flags, of which there are none
    open.volume = text(cursor.bytes(volume_size));
    open.cookie = text(cursor.bytes(cookie_size));
    if (!cursor.ok())
        return cursor.error("an OPEN message");
    if (open.fd < 0)
        return failure(Code::invalid, "an OPEN message without a descriptor", open_fd_at);
    // The volume's end is counted in its size, the cookie's is not.
    if (open.volume.ends_with('\0'))
        open.volume.pop_back();
    if (open.volume.empty() || open.volume.find('\0') != std::string::npos)
        return failure(Code::invalid, "a volume key that is no name", open_fd_at + 8);
    if (open.cookie.empty() || open.cookie.find('\0') != std::string::npos)
        return failure(Code::invalid, "a cookie key that is no name", open_fd_at + 8 + volume_size);
    return open;
}

Result<CachefilesMessage::Read> decode_read(Cursor& cursor) {
    const std::size_t at = cursor.at();
    const CachefilesMessage::Read read{cursor.u64(), cursor.u64()};
    if (!cursor.ok())
        return cursor.error("a READ message");
    if (read.length == 0 || !checked_add(read.offset, read.length))
        return failure(Code::invalid, "a READ message of no range", at);
    return read;
}

} // namespace

Result<CachefilesMessage> decode_cachefiles(std::span<const std::byte> bytes) {
    Cursor cursor(bytes);
    CachefilesMessage message;
    message.id = cursor.u32();
    const std::uint32_t opcode = cursor.u32();
    const std::uint32_t length = cursor.u32();
    message.object = cursor.u32();
    if (!cursor.ok())
        return cursor.error("a message");
    if (length != bytes.size())
        return failure(Code::invalid, "a message of a wrong length", 8);
    switch (opcode) {
    case opcode_open: {
        COLDSCOPE_TRY(message.what, decode_open(cursor));
        break;
    }
    case opcode_read: {
        COLDSCOPE_TRY(message.what, decode_read(cursor));
        break;
    }
    case opcode_close:
        break;
    default:
        return failure(Code::invalid, "a message of an unknown kind", 4);
    }
    return message;
}

int descriptor_in(std::span<const std::byte> bytes) {
    Cursor cursor(bytes);
    cursor.skip(4);
    const bool opens = cursor.u32() == opcode_open;
    cursor.seek(open_fd_at);
    const auto fd = static_cast<int>(cursor.u32());
    return cursor.ok() && opens ? fd : -1;
}

} // namespace coldscope
