#include "daemon/guard/frame_names.h"

#include <bit>

#include <sys/random.h>

namespace coldscope::guard {

namespace {

// SipHash-2-4 of the four bytes of a number.
std::uint32_t sip_hash(const std::array<std::uint64_t, 2>& key, std::uint32_t number) {
    std::uint64_t v0 = key[0] ^ 0x736f6d6570736575, v1 = key[1] ^ 0x646f72616e646f6d;
    std::uint64_t v2 = key[0] ^ 0x6c7967656e657261, v3 = key[1] ^ 0x7465646279746573;
    const auto rounds = [&](int count) {
        for (int i = 0; i < count; ++i) {
            v0 += v1;
            v2 += v3;
            v1 = std::rotl(v1, 13) ^ v0;
            v3 = std::rotl(v3, 16) ^ v2;
            v0 = std::rotl(v0, 32) + v3;
            v2 += v1;
            v3 = std::rotl(v3, 21) ^ v0;
            v1 = std::rotl(v1, 17) ^ v2;
            v2 = std::rotl(v2, 32);
        }
    };
    const std::uint64_t block = std::uint64_t{4} << 56 | number; // the length is its last byte
    v3 ^= block;
    rounds(2);
    v0 ^= block;
    v2 ^= 0xff;
    rounds(4);
    return static_cast<std::uint32_t>(v0 ^ v1 ^ v2 ^ v3);
}

} // namespace

Result<FrameNames> FrameNames::make() {
    FrameNames names;
    if (getrandom(names.keys_.data(), sizeof names.keys_, 0) != sizeof names.keys_)
        return system_error("no random bytes");
    return names;
}

std::uint64_t FrameNames::permuted(std::uint64_t number) const {
    auto left = static_cast<std::uint32_t>(number >> 32),
         right = static_cast<std::uint32_t>(number);
    for (const Key& key : keys_) {
        const std::uint32_t next = left ^ sip_hash(key, right);
        left = right;
        right = next;
    }
    return std::uint64_t{left} << 32 | right;
}

// What would become 0 goes on to what 0 would become.
std::uint64_t FrameNames::operator()(std::uint64_t frame) const {
    if (frame == 0)
        return 0;
    const std::uint64_t name = permuted(frame);
    return name != 0 ? name : permuted(0);
}

} // namespace coldscope::guard
