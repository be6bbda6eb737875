// An append-only sequence in chunks: what was put in never moves, and growth copies no elements.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace coldscope {

template <typename T, unsigned chunk_bits = 12>
class Chunked {
public:
    static constexpr std::size_t chunk_size = std::size_t{1} << chunk_bits;

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    // References stay good as long as this lives.
    T& push_back(T value) {
        if (size_ == chunks_.size() * chunk_size)
            chunks_.push_back(std::make_unique<T[]>(chunk_size));
        T& place = (*this)[size_];
        place = std::move(value);
        ++size_;
        return place;
    }

    T& operator[](std::size_t at) { return chunks_[at >> chunk_bits][at & (chunk_size - 1)]; }
    const T& operator[](std::size_t at) const {
        return chunks_[at >> chunk_bits][at & (chunk_size - 1)];
    }

private:
    std::vector<std::unique_ptr<T[]>> chunks_;
    std::size_t size_ = 0;
};

} // namespace coldscope
