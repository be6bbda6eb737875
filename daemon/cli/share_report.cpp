#include "daemon/cli/share_report.h"

#include "daemon/cli/run_report.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace coldscope::cli {

namespace {

using sharing::Mark;
using sharing::Reason;
using sharing::Usage;

constexpr std::size_t most_files = 10; // shown of those that a lift would help

std::string megabytes(std::uint64_t bytes) {
    return fmt::format("{:.1f}", static_cast<double>(bytes) / (1 << 20));
}

// "2 v1.erofs"
std::string image_name(const ShareReport& report, std::size_t image) {
    const std::filesystem::path path(report.images[image].opened->name);
    return fmt::format("{} {}", image + 1, printable(path.filename().string()));
}

void print_images(const ShareReport& report, Output& output) {
    for (std::size_t i = 0; i < report.images.size(); ++i) {
        const SharedImage& image = report.images[i];
        std::string text = fmt::format("{:<14}{} {}", i == 0 ? "Images" : "", i + 1,
                                       printable(image.opened->name));
        text += image.folder.empty() ? "; no mount of it is known"
                                     : "; mounted on " + printable(image.folder);
        if (image.mounted.inode_share)
            text += ", inode_share";
        if (!image.mounted.domain.empty())
            text += ", domain " + printable(image.mounted.domain);
        if (image.mounted.dax)
            text += ", dax";
        if (image.mount && image.mount->directio)
            text += ", directio";
        output.line(text);
    }
}

void print_rows(const ShareReport& report, const char* of, const std::vector<Usage>& usage,
                bool observed, Output& output) {
    output.line(of);
    for (std::size_t i = 0; i < usage.size(); ++i) {
        const Usage& one = usage[i];
        const std::string seen =
            !observed ? "-"
            : one.unknown == 0
                ? megabytes(one.observed)
                : fmt::format("{} + {}?", megabytes(one.observed), megabytes(one.unknown));
        output.line(fmt::format("  {:<30} {:>11} {:>15} {:>12} {:>11} {:>9}", image_name(report, i),
                                megabytes(one.off), megabytes(one.by_fingerprint),
                                megabytes(one.by_rfc), seen, one.files));
    }
}

void print_table(const ShareReport& report, Output& output) {
    output.line(fmt::format("{:<32} {:>11} {:>15} {:>12} {:>11} {:>9}", "Page cache, MiB",
                            "sharing off", "by fingerprint", "by RFC rule", "observed", "files"));
    print_rows(report, "if all were read", usage_of_all(report.sharing_on), false, output);
    if (report.seen)
        print_rows(report, "resident now", report.seen->usage, true, output);
    else
        output.line("resident now: unknown; " + printable(report.unknown));
    output.line("(by RFC rule: as the page-cache sharing series would; no released kernel does)");
}

void print_marks(const ShareReport& report, Output& output) {
    for (std::size_t i = 0; i < report.images.size(); ++i) {
        const sharing::Totals totals = report.prediction.totals(i);
        std::vector<std::string> parts;
        for (std::size_t mark = 0; mark < sharing::mark_count; ++mark) {
            if (totals.by_mark[mark] != 0)
                parts.push_back(fmt::format("{} {}", name(static_cast<Mark>(mark)),
                                            size_text(totals.by_mark[mark])));
        }
        output.line(
            fmt::format("{:<14}{}: {}", i == 0 ? "Marks" : "", image_name(report, i),
                        parts.empty() ? "no files" : fmt::format("{}", fmt::join(parts, ", "))));
        parts.clear();
        for (std::size_t reason = 1; reason < sharing::reason_count; ++reason) {
            if (totals.by_reason[reason] != 0)
                parts.push_back(fmt::format("{} {}", name(static_cast<Reason>(reason)),
                                            size_text(totals.by_reason[reason])));
        }
        if (!parts.empty())
            output.line(fmt::format("{:<16}why not: {}", "", fmt::join(parts, ", ")));
    }
    if (!report.scanned)
        output.line(fmt::format("{:<14}without --scan nothing is said of equal bytes", ""));
}

void print_seen(const ShareReport& report, Output& output) {
    const SeenCache& seen = *report.seen;
    const auto not_seen = std::ranges::count_if(
        seen.sample.files, [](const sharing::SeenFile& file) { return file.sys_errno != 0; });
    output.line(fmt::format(
        "{:<14}{} files in {}{}{}", "Looked at", seen.sample.files.size(),
        duration_text(static_cast<Nanoseconds>(seen.sample.cost)),
        not_seen == 0 ? "" : fmt::format(", {} could not be", not_seen),
        seen.sample.gone == 0 ? "" : fmt::format(", {} pages left meanwhile", seen.sample.gone)));
    for (std::size_t i = 0; i < report.images.size(); ++i) {
        if (report.images[i].folder.empty())
            continue;
        const sharing::SeenTotals totals = seen.observed.totals(i);
        output.line(fmt::format("{:<14}{}: {} resident of {} files, {} shared now, {} cached twice",
                                i == 0 ? "Resident" : "", image_name(report, i),
                                size_text(totals.resident), totals.files,
                                size_text(totals.shared_now), size_text(totals.twice)));
    }
    const char* label = "Behind";
    for (std::size_t i = 0; i < seen.files.size(); ++i) {
        const sharing::SampledFile& file = seen.files[i];
        if (file.node != erofs::no_node)
            continue;
        const auto& backing = report.images[file.image].backing;
        const auto at = std::ranges::find(backing, file.device, &Backing::device);
        output.line(fmt::format(
            "{:<14}{} device {}: {} resident of {}", label, file.image + 1, file.device,
            size_text(resident_bytes(seen.sample, seen.sample.files[i])), printable(at->path)));
        label = "";
    }
}

void print_lifts(const ShareReport& report, Output& output) {
    const std::vector<BlockedFile> blocked = worthwhile_lifts(report);
    std::array<std::uint64_t, sharing::lift_count> bytes{};
    std::array<std::uint64_t, sharing::lift_count> files{};
    for (const BlockedFile& file : blocked) {
        bytes[static_cast<std::size_t>(file.lift)] += file.bytes;
        ++files[static_cast<std::size_t>(file.lift)];
    }
    const char* label = "Would save";
    for (std::size_t lift = 1; lift < sharing::lift_count; ++lift) {
        if (files[lift] == 0)
            continue;
        output.line(fmt::format("{:<14}{} in {} files: {}", label, size_text(bytes[lift]),
                                files[lift], name(static_cast<sharing::Lift>(lift))));
        label = "";
    }
    for (std::size_t i = 0; i < std::min(most_files, blocked.size()); ++i) {
        const BlockedFile& file = blocked[i];
        output.line(fmt::format("{:<16}{:>9}  {} {}", "", size_text(file.bytes), file.image + 1,
                                printable(report.images[file.image].index.path(file.node))));
    }
    if (blocked.size() > most_files)
        output.line(fmt::format("{:<16}and {} files more", "", blocked.size() - most_files));
}

std::string piece_text(const sharing::SeenPiece& piece) {
    std::string text = name(piece.piece.mark);
    if (piece.piece.reason != Reason::none)
        text += fmt::format(" ({})", name(piece.piece.reason));
    if (piece.residency != sharing::Presence::unknown)
        text += fmt::format("; {}{}", name(piece.residency), piece.twice ? ", cached twice" : "");
    return text;
}

void print_files(const ShareReport& report, Output& output) {
    each_file(report, [&](std::uint32_t image, erofs::NodeId node) {
        output.line(
            fmt::format("{} {}", image + 1, printable(report.images[image].index.path(node))));
        for (const sharing::SeenPiece& piece : pieces_of(report, image, node)) {
            if (!output.line(fmt::format("  {:>12} {:>12}  {}", piece.piece.begin,
                                         piece.piece.end - piece.piece.begin, piece_text(piece))))
                return false;
        }
        return true;
    });
}

} // namespace

std::vector<BlockedFile> worthwhile_lifts(const ShareReport& report) {
    std::vector<BlockedFile> blocked;
    each_file(report, [&](std::uint32_t image, erofs::NodeId node) {
        const sharing::FileSharing file = report.prediction.file(image, node);
        if (file.lift != sharing::Lift::none && (image != 0 || report.images.size() == 1))
            blocked.push_back({image, node, file.lift, file.lifted});
        return true;
    });
    std::ranges::stable_sort(blocked, std::greater{}, &BlockedFile::bytes);
    return blocked;
}

std::uint64_t resident_bytes(const sharing::Sample& sample, const sharing::SeenFile& file) {
    std::uint64_t pages = 0;
    for (const sharing::SeenRun& run : sample.runs_of(file))
        pages += run.count;
    return pages * sharing::page_size;
}

const char* name(sharing::Presence residency) {
    switch (residency) {
    case sharing::Presence::resident:
        return "resident";
    case sharing::Presence::absent:
        return "not resident";
    default:
        return "unknown";
    }
}

std::vector<sharing::SeenPiece> pieces_of(const ShareReport& report, std::uint32_t image,
                                          erofs::NodeId node) {
    if (report.seen)
        return report.seen->observed.file(image, node);
    std::vector<sharing::SeenPiece> pieces;
    for (const sharing::Piece& piece : report.prediction.file(image, node).pieces)
        pieces.push_back({piece});
    return pieces;
}

void print_share(const ShareReport& report, Output& output) {
    if (report.files)
        print_files(report, output);
    if (report.number.value_or(0) == 0) {
        print_images(report, output);
        print_table(report, output);
        print_marks(report, output);
        print_lifts(report, output);
    } else if (report.seen) {
        print_rows(report, "resident now", report.seen->usage, true, output);
    }
    if (report.seen)
        print_seen(report, output);
}

} // namespace coldscope::cli
