#include "core/sharing/predict.h"

#include "core/sharing/table.h"

namespace coldscope::sharing {

namespace {

Lift lift_of(Reason reason) {
    switch (reason) {
    case Reason::other_domain:
        return Lift::one_domain;
    case Reason::no_inode_share:
    case Reason::dax:
    case Reason::other_backing:
        return Lift::share_mount;
    case Reason::no_fingerprint:
        return Lift::fingerprint;
    case Reason::other_layout:
        return Lift::same_layout;
    case Reason::spans_blobs:
        return Lift::chunk_size;
    case Reason::inline_tail:
        return Lift::no_inline;
    case Reason::compressed:
        return Lift::plain;
    case Reason::none:
    case Reason::offset_differs: // neither the image's nor the mount's options change that
    case Reason::hole:
    case Reason::not_scanned:
    case Reason::unreadable:
        break;
    }
    return Lift::none;
}

} // namespace

std::vector<Side> as_if_shared(std::span<const Side> sides) {
    std::vector<Side> shared(sides.begin(), sides.end());
    const std::string domain =
        shared.empty() || shared[0].mounted.domain.empty() ? "on" : shared[0].mounted.domain;
    for (Side& side : shared)
        side.mounted = {.inode_share = true, .dax = false, .domain = domain, .block_device = false};
    return shared;
}

Prediction::Prediction(std::unique_ptr<const Table> table) : table_(std::move(table)) {}
Prediction::Prediction(Prediction&&) noexcept = default;
Prediction& Prediction::operator=(Prediction&&) noexcept = default;
Prediction::~Prediction() = default;

Result<Prediction> Prediction::make(std::span<const Side> sides, std::vector<Keys> keys,
                                    const Report& report, std::vector<Scan> scans) {
    if (keys.size() != sides.size() || (!scans.empty() && scans.size() != sides.size()))
        return failure(Code::invalid, "keys, and scans, of each image are wanted");
    Steps steps(report);
    COLDSCOPE_CHECK(steps.next());
    COLDSCOPE_TRY(Table table, gather(sides, keys));
    COLDSCOPE_CHECK(steps.next());
    COLDSCOPE_CHECK(match_whole_files(table, scans, keys));
    COLDSCOPE_CHECK(steps.next());
    std::vector<Found> by_blocks;
    COLDSCOPE_CHECK(match_blocks(table, by_blocks));
    COLDSCOPE_CHECK(steps.next());
    std::vector<Found> by_scan;
    match_pages(table, scans, keys, by_scan);
    COLDSCOPE_CHECK(steps.next());
    make_pieces(table, std::move(by_blocks), std::move(by_scan));
    COLDSCOPE_CHECK(steps.next());
    return Prediction(std::make_unique<const Table>(std::move(table)));
}

FileSharing Prediction::file(std::size_t image, NodeId node) const {
    FileSharing sharing;
    const std::uint32_t number = table_->file_of(image, node);
    if (number == no_file)
        return sharing;
    sharing.pieces = table_->pieces_of(table_->files[number]);
    std::array<std::uint64_t, lift_count> saved{};
    for (const Piece& piece : sharing.pieces) {
        if (piece.mark == Mark::blocked)
            saved[static_cast<std::size_t>(lift_of(piece.reason))] += page_bytes(piece);
    }
    for (std::size_t i = 1; i < saved.size(); ++i) {
        if (saved[i] > sharing.lifted) {
            sharing.lift = static_cast<Lift>(i);
            sharing.lifted = saved[i];
        }
    }
    return sharing;
}

Totals Prediction::totals(std::size_t image) const {
    return image < table_->images.size() ? table_->images[image].totals : Totals{};
}

std::size_t Prediction::images() const {
    return table_->images.size();
}

} // namespace coldscope::sharing
