#include "core/rafs/digest.h"

#include "core/rafs/blake3.h"

namespace coldscope::rafs {

Digest digest_of(Digester digester, std::span<const std::byte> bytes) {
    if (digester == Digester::blake3)
        return blake3(bytes);
    Sha256 sha256;
    sha256.add(bytes);
    return sha256.take();
}

const char* name(Digester digester) {
    return digester == Digester::blake3 ? "blake3" : "sha256";
}

} // namespace coldscope::rafs
