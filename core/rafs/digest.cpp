#include "core/rafs/digest.h"

#include "core/rafs/blake3.h"

#include <fmt/format.h>
#include <openssl/evp.h>

namespace coldscope::rafs {

Result<Digest> digest_of(Digester digester, std::span<const std::byte> bytes) {
    if (digester == Digester::blake3)
        return blake3(bytes);
    Digest digest;
    if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()),
                   nullptr, EVP_sha256(), nullptr) != 1)
        return failure(Code::io, "libcrypto can't compute a sha256 digest");
    return digest;
}

const char* name(Digester digester) {
    return digester == Digester::blake3 ? "blake3" : "sha256";
}

std::string hex(const Digest& digest) {
    std::string text;
    for (const std::byte byte : digest)
        text += fmt::format("{:02x}", static_cast<unsigned>(byte));
    return text;
}

} // namespace coldscope::rafs
