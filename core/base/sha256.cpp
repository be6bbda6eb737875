#include "core/base/sha256.h"

#include <openssl/evp.h>

namespace coldscope {

struct Sha256::State {
    // Fetched once: looking it up takes longer than a block's digest.
    EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_MD_CTX* context = EVP_MD_CTX_new();

    ~State() {
        EVP_MD_CTX_free(context);
        EVP_MD_free(algorithm);
    }
    [[nodiscard]] bool begin() const {
        return EVP_DigestInit_ex2(context, algorithm, nullptr) == 1;
    }
};

Result<Sha256> Sha256::begin() {
    auto state = std::make_unique<State>();
    if (state->algorithm == nullptr || state->context == nullptr || !state->begin())
        return failure(Code::io, "libcrypto can't compute SHA-256");
    return Sha256(std::move(state));
}

Sha256::Sha256(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

Digest Sha256::take() {
    Digest digest{};
    EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()), nullptr);
    static_cast<void>(state_->begin()); // the same algorithm again allocates nothing
    return digest;
}

} // namespace coldscope
