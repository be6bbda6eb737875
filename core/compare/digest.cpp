#include "core/compare/digest.h"

#include <new>

#include <openssl/evp.h>

namespace coldscope::compare {

struct Digester::State {
    EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_MD_CTX* context = EVP_MD_CTX_new();

    ~State() {
        EVP_MD_CTX_free(context);
        EVP_MD_free(algorithm);
    }
    void begin() const {
        // Nothing but memory can be lacking.
        if (algorithm == nullptr || context == nullptr ||
            EVP_DigestInit_ex2(context, algorithm, nullptr) != 1)
            throw std::bad_alloc();
    }
};

Digester::Digester() : state_(std::make_unique<State>()) {
    state_->begin();
}

Digester::~Digester() = default;

void Digester::add(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

Digest Digester::take() {
    Digest digest{};
    EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()), nullptr);
    state_->begin();
    return digest;
}

} // namespace coldscope::compare
