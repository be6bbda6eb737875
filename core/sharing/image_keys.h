// What Keys holds: where the pages of an image's files lie, in the image's own terms.
#pragma once

#include "core/base/sha256.h"
#include "core/codec/codec.h"
#include "core/sharing/predict.h"

#include <compare>
#include <cstdint>
#include <cstring>
#include <vector>

namespace coldscope::sharing {

inline constexpr std::uint32_t no_file = ~std::uint32_t{0};

// Half of a SHA-256: nobody finds two inputs with the same one.
struct Half {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    auto operator<=>(const Half&) const = default;
};
[[nodiscard]] inline Half half_of(const Digest& digest) {
    Half half;
    std::memcpy(&half.high, digest.data(), sizeof half.high);
    std::memcpy(&half.low, digest.data() + sizeof half.high, sizeof half.low);
    return half;
}

// A position is that of a byte in a space: on a device; in what a cluster decodes to; in the page
// that is put together from parts.
namespace local_space {
inline constexpr std::uint32_t metabox = 0x1'0000; // below: devices
inline constexpr std::uint32_t clusters = 0x1'0001;
inline constexpr std::uint32_t composed = 0x1'0002;
} // namespace local_space
inline constexpr std::uint32_t hole_space = ~std::uint32_t{0};
inline constexpr std::uint32_t unreadable_space = hole_space - 1;
// The n-th cluster's bytes, and the n-th composed page's, are from n << these bits on.
inline constexpr unsigned cluster_bits = 24; // more than any decodes to
inline constexpr unsigned page_bits = 12;

// Pages of a file that lie one behind the other, up to the next run of the file.
struct Run {
    std::uint64_t page = 0;     // in the file
    std::uint64_t position = 0; // of its first byte
    std::uint32_t space = 0;
    std::uint32_t file = 0; // whose it is
};
static_assert(sizeof(Run) == 24);
[[nodiscard]] inline bool is_keyed(const Run& run) {
    return run.space < unreadable_space;
}

struct Cluster {
    std::uint32_t space = 0; // where it is stored: a device or the metabox
    std::uint32_t encoded = 0;
    std::uint64_t address = 0;
    codec::Algorithm algorithm = codec::Algorithm::lz4;
    auto operator<=>(const Cluster&) const = default;
};

// Of a composed page; one behind the other.
struct Part {
    std::uint64_t position = 0;
    std::uint32_t space = 0; // holes, too
    std::uint32_t length = 0;
    auto operator<=>(const Part&) const = default;
};

// An inode with pages.
struct FileKeys {
    NodeId node = 0; // its first name
    std::uint32_t first_run = 0;
    std::uint64_t size = 0; // bytes
    Half print;             // of its fingerprint; what names the digest is a part of it
    bool has_print = false;
    bool has_tail = false;    // inline
    bool has_encoded = false; // a physical cluster
    bool compressed_layout = false;

    [[nodiscard]] std::uint64_t pages() const { return (size - 1) / page_size + 1; }
};

struct ImageKeys {
    std::vector<FileKeys> files;
    std::vector<Run> runs;                   // of one file after the other
    std::vector<Cluster> clusters;           // in order, each once
    std::vector<Part> parts;                 // of one composed page after the other
    std::vector<std::uint32_t> composed;     // where each one's parts begin
    std::vector<std::uint32_t> file_of_node; // no_file: it has no pages

    [[nodiscard]] std::uint32_t end_run(std::size_t file) const {
        return file + 1 < files.size() ? files[file + 1].first_run
                                       : static_cast<std::uint32_t>(runs.size());
    }
    // The page behind the run's last one.
    [[nodiscard]] std::uint64_t end_page(std::size_t run) const {
        return run + 1 < runs.size() && runs[run + 1].file == runs[run].file
                   ? runs[run + 1].page
                   : files[runs[run].file].pages();
    }
    [[nodiscard]] std::span<const Part> parts_of(std::uint64_t page) const {
        const std::size_t first = composed[page];
        const std::size_t end = page + 1 < composed.size() ? composed[page + 1] : parts.size();
        return std::span(parts).subspan(first, end - first);
    }
};

// Bytes of a page that the file has: less than a page of its last one.
[[nodiscard]] inline std::uint32_t bytes_in_page(std::uint64_t size, std::uint64_t page) {
    const std::uint64_t left = size - page * page_size;
    return static_cast<std::uint32_t>(left < page_size ? left : page_size);
}

} // namespace coldscope::sharing
