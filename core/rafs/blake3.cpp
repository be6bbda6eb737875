#include "core/rafs/blake3.h"

#include "core/base/cursor.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace coldscope::rafs {

namespace {

constexpr std::size_t block_size = 64;   // bytes
constexpr std::size_t chunk_size = 1024; // bytes: a leaf of the tree
constexpr std::size_t lanes = 4;         // whole chunks that are compressed side by side
constexpr std::size_t max_depth = 54;    // of the tree: 2^64 bytes

constexpr std::uint32_t chunk_start = 1;
constexpr std::uint32_t chunk_end = 2;
constexpr std::uint32_t is_parent = 4;
constexpr std::uint32_t is_root = 8;

constexpr std::array<std::uint32_t, 8> initial{0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                               0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
constexpr std::array<std::uint8_t, 16> order{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};

// A number of one hash, or of `lanes` of them at once.
using One = std::uint32_t;
using Many = std::uint32_t __attribute__((vector_size(lanes * sizeof(std::uint32_t))));

template <typename Word>
using State = std::array<Word, 8>;
template <typename Word>
using Block = std::array<Word, 16>;

template <typename Word>
Word rotated(Word word, int right) {
    return (word >> right) | (word << (32 - right));
}

template <typename Word>
void mix(Block<Word>& v, std::size_t a, std::size_t b, std::size_t c, std::size_t d, Word x,
         Word y) {
    v[a] = v[a] + v[b] + x;
    v[d] = rotated(v[d] ^ v[a], 16);
    v[c] = v[c] + v[d];
    v[b] = rotated(v[b] ^ v[c], 12);
    v[a] = v[a] + v[b] + y;
    v[d] = rotated(v[d] ^ v[a], 8);
    v[c] = v[c] + v[d];
    v[b] = rotated(v[b] ^ v[c], 7);
}

template <typename Word>
State<Word> compressed(const State<Word>& key, Block<Word> m, Word count_low, Word count_high,
                       std::uint32_t length, std::uint32_t flags) {
    constexpr int rounds = 7;
    const Word zero{};
    Block<Word> v{key[0],
                  key[1],
                  key[2],
                  key[3],
                  key[4],
                  key[5],
                  key[6],
                  key[7],
                  zero + initial[0],
                  zero + initial[1],
                  zero + initial[2],
                  zero + initial[3],
                  count_low,
                  count_high,
                  zero + length,
                  zero + flags};
    for (int round = 0; round < rounds; ++round) {
        mix(v, 0, 4, 8, 12, m[0], m[1]);
        mix(v, 1, 5, 9, 13, m[2], m[3]);
        mix(v, 2, 6, 10, 14, m[4], m[5]);
        mix(v, 3, 7, 11, 15, m[6], m[7]);
        mix(v, 0, 5, 10, 15, m[8], m[9]);
        mix(v, 1, 6, 11, 12, m[10], m[11]);
        mix(v, 2, 7, 8, 13, m[12], m[13]);
        mix(v, 3, 4, 9, 14, m[14], m[15]);
        const Block<Word> before = m;
        for (std::size_t i = 0; i < m.size(); ++i)
            m[i] = before[order[i]];
    }
    State<Word> out;
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = v[i] ^ v[i + 8];
    return out;
}

// bytes: at most one block; the rest counts as zeros.
Block<One> block_of(std::span<const std::byte> bytes) {
    std::array<std::byte, block_size> whole{};
    std::ranges::copy(bytes, whole.begin());
    Block<One> words;
    for (std::size_t i = 0; i < words.size(); ++i)
        words[i] = load_le<One>(whole.data() + i * sizeof(One));
    return words;
}

// bytes: at most one chunk.
State<One> chunk_state(std::span<const std::byte> bytes, std::uint64_t number, std::uint32_t root) {
    State<One> state = initial;
    std::uint32_t flags = chunk_start;
    do {
        const std::size_t length = std::min(bytes.size(), block_size);
        if (length == bytes.size())
            flags |= chunk_end | root;
        state = compressed<One>(state, block_of(bytes.first(length)), static_cast<One>(number),
                                static_cast<One>(number >> 32), static_cast<One>(length), flags);
        bytes = bytes.subspan(length);
        flags = 0;
    } while (!bytes.empty());
    return state;
}

// bytes: `lanes` whole chunks; none of them is all there is.
std::array<State<One>, lanes> chunk_states(const std::byte* bytes, std::uint64_t number) {
    State<Many> state;
    for (std::size_t i = 0; i < state.size(); ++i)
        state[i] = Many{} + initial[i];
    Many low;
    Many high;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        low[lane] = static_cast<One>(number + lane);
        high[lane] = static_cast<One>((number + lane) >> 32);
    }
    for (std::size_t at = 0; at < chunk_size; at += block_size) {
        Block<Many> words;
        for (std::size_t i = 0; i < words.size(); ++i) {
            for (std::size_t lane = 0; lane < lanes; ++lane)
                words[i][lane] = load_le<One>(bytes + lane * chunk_size + at + i * sizeof(One));
        }
        const std::uint32_t flags =
            (at == 0 ? chunk_start : 0) | (at + block_size == chunk_size ? chunk_end : 0);
        state = compressed<Many>(state, words, low, high, block_size, flags);
    }
    std::array<State<One>, lanes> out;
    for (std::size_t i = 0; i < state.size(); ++i) {
        for (std::size_t lane = 0; lane < lanes; ++lane)
            out[lane][i] = state[i][lane];
    }
    return out;
}

State<One> parent_state(const State<One>& left, const State<One>& right, std::uint32_t root) {
    Block<One> words;
    std::ranges::copy(left, words.begin());
    std::ranges::copy(right, words.begin() + 8);
    return compressed<One>(initial, words, 0, 0, block_size, is_parent | root);
}

// The left edges of what is not joined yet: a tree of 2^n chunks for each bit of their number.
class Tree {
public:
    void add(State<One> state) {
        ++chunks_;
        for (std::uint64_t whole = chunks_; (whole & 1) == 0; whole >>= 1)
            state = parent_state(states_[--depth_], state, 0);
        states_[depth_++] = state;
    }
    // last: the right edge; there is something to the left of it.
    [[nodiscard]] State<One> root(State<One> last) {
        while (depth_ > 0) {
            --depth_;
            last = parent_state(states_[depth_], last, depth_ == 0 ? is_root : 0);
        }
        return last;
    }

private:
    std::array<State<One>, max_depth> states_{};
    std::size_t depth_ = 0;
    std::uint64_t chunks_ = 0;
};

} // namespace

std::array<std::byte, 32> blake3(std::span<const std::byte> bytes) {
    State<One> out;
    if (bytes.size() <= chunk_size) {
        out = chunk_state(bytes, 0, is_root);
    } else {
        Tree tree;
        std::uint64_t number = 0;
        while (bytes.size() > lanes * chunk_size) {
            for (const State<One>& state : chunk_states(bytes.data(), number))
                tree.add(state);
            bytes = bytes.subspan(lanes * chunk_size);
            number += lanes;
        }
        for (; bytes.size() > chunk_size; bytes = bytes.subspan(chunk_size))
            tree.add(chunk_state(bytes.first(chunk_size), number++, 0));
        out = tree.root(chunk_state(bytes, number, 0));
    }
    std::array<std::byte, 32> digest;
    for (std::size_t i = 0; i < out.size(); ++i) {
        for (std::size_t byte = 0; byte < sizeof(One); ++byte)
            digest[i * sizeof(One) + byte] = static_cast<std::byte>(out[i] >> (8 * byte));
    }
    return digest;
}

} // namespace coldscope::rafs
