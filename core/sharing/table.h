// What a Prediction holds: all images' files and their runs in common terms, what matches what, and
// the pieces that follow from it. Made step by step by the functions below, then read only.
#pragma once

#include "core/base/checked.h"
#include "core/base/error.h"
#include "core/sharing/blobs.h"
#include "core/sharing/image_keys.h"
#include "core/sharing/predict.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace coldscope::sharing {

inline constexpr std::uint32_t no_group = ~std::uint32_t{0};

// How well a range may be shared; the least is the best.
struct Standing {
    Mark mark = Mark::alone;
    Reason reason = Reason::not_scanned;
    auto operator<=>(const Standing&) const = default;
};

struct File {
    Piece whole; // all of it, where it is one piece
    std::uint32_t first_run = 0;
    std::uint32_t image = 0;
    NodeId node = 0;
    std::uint32_t print_group = no_group; // equal fingerprint and size, two files or more
    std::uint32_t print_class = no_group; // likewise, and they can share: with each other, or alone
    std::uint32_t same_group = no_group;  // the same whole file by blocks or bytes, likewise
    std::uint32_t first_piece = 0;
    std::uint32_t pieces = 0;  // 0: it is one
    Standing standing;         // of the whole file; alone: nothing is said
    Reason own = Reason::none; // what keeps it from sharing by blob, whoever else has its blocks
    bool has_print = false;
    bool compressed_layout = false;

    [[nodiscard]] std::uint64_t size() const { return whole.end; }
    [[nodiscard]] std::uint64_t page_count() const { return (size() - 1) / page_size + 1; }
};

// A run, in the order of where its pages are.
struct Segment {
    std::uint64_t space = 0; // with the position's place in a page: see Table::space_of()
    std::uint64_t begin = 0; // pages of the space
    std::uint64_t reach = 0; // the greatest end up to here, of this space
    std::uint32_t run = 0;
};

// A page that other files have, too, elsewhere: found by a scan.
struct SamePage {
    Half digest;
    std::uint64_t page = 0;
    std::uint32_t file = 0;
};

// Of pages of a file.
struct Found {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint32_t file = 0;
    Standing standing;
};

struct TableImage {
    const erofs::Index* index = nullptr;
    Mounted mounted;
    std::uint32_t domain = 0; // equal ones are one; no name is one, too
    std::uint32_t first_file = 0;
    std::vector<std::uint32_t> file_of_node;
    std::vector<std::uint32_t> blobs; // by device
    Totals totals;
};

// Numbers of files by group: those of group i are files[starts[i]] up to files[starts[i + 1]].
struct Groups {
    std::vector<std::uint32_t> files;
    std::vector<std::uint32_t> starts;
    [[nodiscard]] std::span<const std::uint32_t> of(std::uint32_t group) const {
        const std::size_t end =
            group + std::size_t{1} < starts.size() ? starts[group + 1] : files.size();
        return std::span(files).subspan(starts[group], end - starts[group]);
    }
};

struct Table {
    std::vector<TableImage> images;
    std::vector<File> files; // of one image after the other
    std::vector<Run> runs;   // of one file after the other
    std::uint32_t blob_count = 0;
    std::vector<Segment> segments;
    Groups by_print;
    Groups by_same;
    std::vector<SamePage> same_pages;      // by digest, file, page
    std::vector<std::uint32_t> same_order; // of these, by file and page
    std::vector<Piece> pieces;

    // Spaces: the blobs, the metaboxes of those, clusters, composed pages (of which those that are
    // stored plain, if in pieces, begin at byte 1).
    [[nodiscard]] std::uint32_t metabox_space(std::uint32_t blob) const {
        return blob_count + blob;
    }
    [[nodiscard]] std::uint32_t cluster_space() const { return 2 * blob_count; }
    [[nodiscard]] std::uint32_t composed_space() const { return 2 * blob_count + 1; }
    // Its pages are such of what they are read from: whole, or decoded.
    [[nodiscard]] bool is_aligned(const Run& run) const {
        return run.position % page_size == 0 || run.space == cluster_space();
    }
    [[nodiscard]] bool is_blob(const Run& run) const { return run.space < blob_count; }

    [[nodiscard]] std::uint32_t file_of(std::size_t image, NodeId node) const {
        if (image >= images.size() || node >= images[image].file_of_node.size())
            return no_file;
        return images[image].file_of_node[node];
    }
    [[nodiscard]] std::uint32_t end_run(std::uint32_t file) const {
        return file + std::size_t{1} < files.size() ? files[file + 1].first_run
                                                    : static_cast<std::uint32_t>(runs.size());
    }
    // Of the run with the file's page, or which would have it.
    [[nodiscard]] std::uint32_t run_at(std::uint32_t file, std::uint64_t page) const {
        const auto first = runs.begin() + files[file].first_run;
        const auto behind = std::upper_bound(
            first, runs.begin() + end_run(file), page,
            [](std::uint64_t wanted, const Run& run) { return wanted < run.page; });
        return static_cast<std::uint32_t>((behind == first ? first : behind - 1) - runs.begin());
    }
    [[nodiscard]] std::uint64_t end_page(std::uint32_t run) const {
        return run + std::size_t{1} < runs.size() && runs[run + 1].file == runs[run].file
                   ? runs[run + 1].page
                   : files[runs[run].file].page_count();
    }
    // Bytes of the file's last page, if the run has it and it is not a whole one; otherwise 0.
    [[nodiscard]] std::uint32_t short_page(std::uint32_t run) const {
        const File& file = files[runs[run].file];
        const auto bytes = static_cast<std::uint32_t>(file.size() % page_size);
        return end_page(run) == file.page_count() ? bytes : 0;
    }
    [[nodiscard]] static std::uint64_t space_of(const Run& run) {
        return (std::uint64_t{run.space} << page_bits) | run.position % page_size;
    }
    [[nodiscard]] std::span<const Piece> pieces_of(const File& file) const {
        if (file.pieces == 0)
            return std::span(&file.whole, 1);
        return std::span(pieces).subspan(file.first_piece, file.pieces);
    }

    // How two inodes could share as whole files; alone: neither way.
    [[nodiscard]] Standing whole_standing(const File& a, const File& b) const;
    // How two inodes could share blocks that both have.
    [[nodiscard]] Standing block_standing(const File& a, const File& b, bool aligned) const;
};

// Of whole pages.
[[nodiscard]] inline std::uint64_t page_bytes(const Piece& piece) {
    return ((piece.end - piece.begin - 1) / page_size + 1) * page_size;
}
// Files may be said to have any sizes: a sum stays at what can be counted.
inline void add_up(std::uint64_t& sum, std::uint64_t bytes) {
    sum = checked_add(sum, bytes).value_or(~std::uint64_t{0});
}

// Of two ways or partners the better one.
inline void improve(Standing& standing, Standing other) {
    standing = std::min(standing, other);
}

// Whether work may go on.
class Steps {
public:
    explicit Steps(const Report& report) : report_(report) {}
    [[nodiscard]] Result<void> next() {
        if (report_ && !report_(done_++, count))
            return failure(Code::cancelled, "the prediction was given up");
        return {};
    }
    static constexpr std::uint64_t count = 6;

private:
    const Report& report_;
    std::uint64_t done_ = 0;
};

// Files, runs and segments.
[[nodiscard]] Result<Table> gather(std::span<const Side> sides, std::span<const Keys> keys);
// What files have of scanned pages is bounded by what is stored. Errors: unsupported.
[[nodiscard]] Result<void> check_scans(std::span<const Scan> scans, std::span<const Keys> keys);
// Groups of whole files, and what they say of each. scans: none, or of each image.
[[nodiscard]] Result<void> match_whole_files(Table& table, std::span<const Scan> scans,
                                             std::span<const Keys> keys);
// Adds what is known by blocks, each page once. Errors: unsupported.
[[nodiscard]] Result<void> match_blocks(const Table& table, std::vector<Found>& found);
// Adds what the scans know of pages, each once; fills same_pages.
void match_pages(Table& table, std::span<const Scan> scans, std::span<const Keys> keys,
                 std::vector<Found>& found);
// Fills pieces and totals. Both lists in any order.
void make_pieces(Table& table, std::vector<Found> by_blocks, std::vector<Found> by_scan);

} // namespace coldscope::sharing
