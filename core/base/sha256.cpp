#include "core/base/sha256.h"

// OpenSSL 3 would have EVP used.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace coldscope {

Sha256::Sha256() {
    SHA256_Init(&state_);
}

void Sha256::add(std::span<const std::byte> bytes) {
    SHA256_Update(&state_, bytes.data(), bytes.size());
}

Digest Sha256::take() {
    Digest digest{};
    SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &state_);
    SHA256_Init(&state_);
    return digest;
}

} // namespace coldscope

#pragma GCC diagnostic pop
