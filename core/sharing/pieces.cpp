// The pieces of each file, from what was found of all of it and of its pages.
#include "core/erofs/radix.h"
#include "core/sharing/table.h"

namespace coldscope::sharing {

namespace {

// Ranges of a file's pages in order; the one at a page, or where the next begins.
class Cursor {
public:
    explicit Cursor(const std::vector<Found>& found) : found_(found) {}
    void begin_file(std::uint32_t file) {
        while (at_ < found_.size() && found_[at_].file < file)
            ++at_;
        file_ = file;
    }
    [[nodiscard]] bool has_any() const { return at_ < found_.size() && found_[at_].file == file_; }
    // Pages don't go back. Null: none; up to `end`, which is shortened, there is none, or this one.
    [[nodiscard]] const Standing* at(std::uint64_t page, std::uint64_t& end) {
        while (has_any() && found_[at_].end <= page)
            ++at_;
        if (!has_any())
            return nullptr;
        const bool here = found_[at_].begin <= page;
        end = std::min(end, here ? found_[at_].end : found_[at_].begin);
        return here ? &found_[at_].standing : nullptr;
    }

private:
    const std::vector<Found>& found_;
    std::size_t at_ = 0;
    std::uint32_t file_ = 0;
};

class PieceMaker {
public:
    PieceMaker(Table& table, const std::vector<Found>& by_blocks, const std::vector<Found>& by_scan)
        : table_(table), by_blocks_(by_blocks), by_scan_(by_scan) {}
    void make(std::uint32_t number);

private:
    [[nodiscard]] static Standing default_of(const Run& run);
    void push(const File& file, std::uint64_t begin, std::uint64_t end, Standing standing);
    void count(const File& file);

    Table& table_;
    Cursor by_blocks_;
    Cursor by_scan_;
    std::vector<Piece> pieces_; // of one file
};

Standing PieceMaker::default_of(const Run& run) {
    if (run.space == hole_space)
        return {Mark::alone, Reason::hole};
    if (run.space == unreadable_space)
        return {Mark::alone, Reason::unreadable};
    return {Mark::alone, Reason::not_scanned};
}

void PieceMaker::push(const File& file, std::uint64_t begin, std::uint64_t end, Standing standing) {
    const std::uint64_t end_byte = std::min(file.size(), end * page_size);
    if (!pieces_.empty() && pieces_.back().mark == standing.mark &&
        pieces_.back().reason == standing.reason)
        pieces_.back().end = end_byte;
    else
        pieces_.push_back({begin * page_size, end_byte, standing.mark, standing.reason});
}

void PieceMaker::make(std::uint32_t number) {
    File& file = table_.files[number];
    pieces_.clear();
    by_blocks_.begin_file(number);
    by_scan_.begin_file(number);
    const bool best = file.standing.mark == Mark::by_fingerprint;
    for (std::uint32_t i = file.first_run; i < table_.end_run(number) && !best; ++i) {
        const Run& run = table_.runs[i];
        const std::uint64_t run_end = table_.end_page(i);
        for (std::uint64_t page = run.page; page < run_end;) {
            std::uint64_t end = run_end;
            const Standing* scan = by_scan_.at(page, end);
            const Standing* blocks = by_blocks_.at(page, end);
            Standing standing = scan != nullptr ? *scan : default_of(run);
            if (blocks != nullptr)
                improve(standing, *blocks);
            if (file.standing.mark != Mark::alone)
                improve(standing, file.standing);
            push(file, page, end, standing);
            page = end;
        }
    }
    if (best)
        push(file, 0, file.page_count(), file.standing);
    if (pieces_.size() == 1) {
        file.whole = pieces_[0];
    } else {
        file.first_piece = static_cast<std::uint32_t>(table_.pieces.size());
        file.pieces = static_cast<std::uint32_t>(pieces_.size());
        table_.pieces.insert(table_.pieces.end(), pieces_.begin(), pieces_.end());
    }
    count(file);
}

void PieceMaker::count(const File& file) {
    Totals& totals = table_.images[file.image].totals;
    ++totals.files;
    for (const Piece& piece : table_.pieces_of(file)) {
        const std::uint64_t bytes = page_bytes(piece);
        add_up(totals.by_mark[static_cast<std::size_t>(piece.mark)], bytes);
        if (piece.mark == Mark::blocked || piece.mark == Mark::alone)
            add_up(totals.by_reason[static_cast<std::size_t>(piece.reason)], bytes);
    }
}

void sort(std::vector<Found>& found) {
    erofs::radix_sort(found, [](const Found& one) { return one.begin; });
    erofs::radix_sort(found, [](const Found& one) { return std::uint64_t{one.file}; });
}

} // namespace

void make_pieces(Table& table, std::vector<Found> by_blocks, std::vector<Found> by_scan) {
    sort(by_blocks);
    sort(by_scan);
    PieceMaker maker(table, by_blocks, by_scan);
    for (std::uint32_t file = 0; file < table.files.size(); ++file)
        maker.make(file);
}

} // namespace coldscope::sharing
