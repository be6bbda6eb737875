// What coldscoped share says to programs: CSV and JSON.
#include "daemon/cli/share_report.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldscope::cli {

namespace {

using nlohmann::json;
using sharing::Usage;

std::string csv_text(std::string_view text) {
    std::string field = "\"";
    for (const char c : json_text(text))
        field += c == '"' ? std::string("\"\"") : std::string(1, c);
    return field + '"';
}

void csv_rows(const ShareReport& report, const char* of, const std::vector<Usage>& usage,
              bool observed, Output& output) {
    for (std::size_t i = 0; i < usage.size(); ++i)
        output.line(fmt::format(
            "{},{},{},{},{},{},{},{},{},{}", report.number.value_or(0), of, i + 1,
            csv_text(report.images[i].opened->name), usage[i].off, usage[i].by_fingerprint,
            usage[i].by_rfc, observed ? fmt::format("{}", usage[i].observed) : std::string(),
            observed ? fmt::format("{}", usage[i].unknown) : std::string(), usage[i].files));
}

json usage_json(const std::vector<Usage>& usage, bool observed) {
    json rows = json::array();
    for (const Usage& one : usage) {
        json row{{"off", one.off},
                 {"by_fingerprint", one.by_fingerprint},
                 {"by_rfc", one.by_rfc},
                 {"files", one.files}};
        if (observed) {
            row["observed"] = one.observed;
            row["unknown"] = one.unknown;
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

json shared_image_json(const ShareReport& report, std::size_t number) {
    const SharedImage& image = report.images[number];
    const sharing::Totals totals = report.prediction.totals(number);
    json marks = json::object();
    for (std::size_t mark = 0; mark < sharing::mark_count; ++mark)
        marks[name(static_cast<sharing::Mark>(mark))] = totals.by_mark[mark];
    json reasons = json::object();
    for (std::size_t reason = 1; reason < sharing::reason_count; ++reason)
        reasons[name(static_cast<sharing::Reason>(reason))] = totals.by_reason[reason];
    json item{{"files", totals.files},
              {"inode_share", image.mounted.inode_share},
              {"dax", image.mounted.dax},
              {"mount", nullptr},
              {"domain", nullptr},
              {"marks", std::move(marks)},
              {"reasons", std::move(reasons)}};
    set_text(item, "image", image.opened->name);
    if (!image.folder.empty())
        set_text(item, "mount", image.folder);
    if (!image.mounted.domain.empty())
        set_text(item, "domain", image.mounted.domain);
    if (report.seen && !image.folder.empty()) {
        const sharing::SeenTotals seen = report.seen->observed.totals(number);
        item["seen"] = {{"resident", seen.resident},
                        {"shared_now", seen.shared_now},
                        {"cached_twice", seen.twice},
                        {"files", seen.files}};
    }
    return item;
}

json sample_json(const ShareReport& report) {
    const SeenCache& seen = *report.seen;
    json behind = json::array();
    for (std::size_t i = 0; i < seen.files.size(); ++i) {
        const sharing::SampledFile& file = seen.files[i];
        if (file.node != erofs::no_node)
            continue;
        json item{{"image", file.image + 1},
                  {"device", file.device},
                  {"resident", resident_bytes(seen.sample, seen.sample.files[i])}};
        const auto& backing = report.images[file.image].backing;
        set_text(item, "path", std::ranges::find(backing, file.device, &Backing::device)->path);
        behind.push_back(std::move(item));
    }
    const auto not_seen = std::ranges::count_if(
        seen.sample.files, [](const sharing::SeenFile& file) { return file.sys_errno != 0; });
    return {{"taken_ns", seen.sample.taken},
            {"cost_ns", seen.sample.cost},
            {"left_pages", seen.sample.gone},
            {"looked_at", seen.sample.files.size()},
            {"failed", not_seen},
            {"behind", std::move(behind)}};
}

json lifts_json(const ShareReport& report) {
    json lifts = json::array();
    for (const BlockedFile& file : worthwhile_lifts(report)) {
        json item{{"image", file.image + 1}, {"lift", name(file.lift)}, {"bytes", file.bytes}};
        set_text(item, "path", report.images[file.image].index.path(file.node));
        lifts.push_back(std::move(item));
    }
    return lifts;
}

json pieces_json(const ShareReport& report, std::uint32_t image, erofs::NodeId node) {
    json pieces = json::array();
    for (const sharing::SeenPiece& piece : pieces_of(report, image, node))
        pieces.push_back({{"begin", piece.piece.begin},
                          {"end", piece.piece.end},
                          {"mark", name(piece.piece.mark)},
                          {"reason", name(piece.piece.reason)},
                          {"residency", name(piece.residency)},
                          {"twice", piece.twice}});
    json item{{"image", image + 1},
              {"size", report.images[image].index.node(node).size},
              {"pieces", std::move(pieces)}};
    set_text(item, "path", report.images[image].index.path(node));
    return item;
}

std::string json_dump(const json& value, int indent) {
    return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

} // namespace

void print_share_csv(const ShareReport& report, Output& output) {
    if (report.files) {
        if (report.number.value_or(0) == 0)
            output.line("sample,image,path,begin,end,mark,reason,residency,twice");
        each_file(report, [&](std::uint32_t image, erofs::NodeId node) {
            const std::string path = csv_text(report.images[image].index.path(node));
            return std::ranges::all_of(
                pieces_of(report, image, node), [&](const sharing::SeenPiece& piece) {
                    return output.line(fmt::format(
                        "{},{},{},{},{},\"{}\",\"{}\",{},{}", report.number.value_or(0), image + 1,
                        path, piece.piece.begin, piece.piece.end, name(piece.piece.mark),
                        name(piece.piece.reason), name(piece.residency), piece.twice));
                });
        });
        return;
    }
    if (report.number.value_or(0) == 0) {
        output.line("sample,of,image,name,off,by_fingerprint,by_rfc,observed,unknown,files");
        csv_rows(report, "all", usage_of_all(report.sharing_on), false, output);
    }
    if (report.seen)
        csv_rows(report, "resident", report.seen->usage, true, output);
}

// The list of files may be long: it is written as it is made.
void print_share_json(const ShareReport& report, int indent, Output& output) {
    json images = json::array();
    for (std::size_t i = 0; i < report.images.size(); ++i)
        images.push_back(shared_image_json(report, i));
    json result{{"images", std::move(images)},
                {"all", usage_json(usage_of_all(report.sharing_on), false)},
                {"resident", nullptr},
                {"scanned", report.scanned},
                {"lifts", lifts_json(report)}};
    if (report.seen) {
        result["resident"] = usage_json(report.seen->usage, true);
        result["sample"] = sample_json(report);
    } else {
        set_text(result, "resident_unknown", report.unknown);
    }
    std::string head = json_dump(result, indent);
    if (!report.files) {
        output.line(head);
        return;
    }
    const bool lines = indent >= 0;
    head.resize(lines ? head.rfind('\n') : head.rfind('}'));
    output.write(head + (lines ? ",\n  \"files\": [" : ",\"files\":["));
    const char* separator = lines ? "\n    " : "";
    each_file(report, [&](std::uint32_t image, erofs::NodeId node) {
        const bool reads =
            output.write(separator + json_dump(pieces_json(report, image, node), -1));
        separator = lines ? ",\n    " : ",";
        return reads;
    });
    output.line(lines ? "\n  ]\n}" : "]}");
}

} // namespace coldscope::cli
