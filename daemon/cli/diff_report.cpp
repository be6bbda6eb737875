#include "daemon/cli/diff_report.h"

#include "daemon/cli/describe_file.h"
#include "daemon/cli/run_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace coldscope::cli {

namespace {

using compare::Change;
using compare::Comparison;
using compare::DeviceNeed;
using compare::Kind;
using compare::no_node;

constexpr std::array kinds{Kind::added, Kind::removed, Kind::changed,
                           Kind::moved, Kind::unknown, Kind::same};

const erofs::Node& node_of(const DiffReport& report, const Change& change) {
    return change.new_node != no_node ? report.after.index.node(change.new_node)
                                      : report.before.index.node(change.old_node);
}

bool wanted(const DiffReport& report, const Change& change) {
    return report.all || change.kind != Kind::same;
}

// "120 MiB (125829120 bytes)"
std::string bytes_text(std::uint64_t bytes) {
    return fmt::format("{} ({} bytes)", size_text(bytes), bytes);
}

std::string device_name(const compare::Side& side, std::size_t device) {
    if (device == 0)
        return "bootstrap";
    const std::string& tag = side.image.devices()[device - 1].tag;
    return tag.empty() ? fmt::format("blob {}", device)
                       : fmt::format("blob {}: {}", device, printable(tag));
}

std::string match_text(const compare::DeviceMatch& match) {
    if (!match.before)
        return "not there";
    return fmt::format("{} ({})",
                       *match.before == 0 ? "bootstrap" : fmt::format("blob {}", *match.before),
                       compare::name(match.how));
}

// ": content (4 KiB -> 8 KiB), mtime"
std::string fields_text(const DiffReport& report, const Change& change) {
    std::string text;
    for (const char* field : compare::field_names(change.fields)) {
        text += text.empty() ? ": " : ", ";
        text += field;
        if ((change.fields & compare::field::content) != 0 && field == std::string_view("content"))
            text += fmt::format(" ({} -> {})",
                                size_text(report.before.index.node(change.old_node).size),
                                size_text(report.after.index.node(change.new_node).size));
    }
    const bool untold = !compare::is_known(change.basis);
    if (untold)
        text += fmt::format("{} content not compared ({})", text.empty() ? ":" : ",",
                            compare::name(change.basis));
    return text;
}

std::string change_text(const DiffReport& report, const Change& change) {
    const erofs::Node& node = node_of(report, change);
    std::string text =
        fmt::format("{:<8} {}", compare::name(change.kind),
                    printable(compare::path_of(report.before, report.after, change)));
    if (node.is_directory() && !text.ends_with('/'))
        text += '/';
    if (change.kind == Kind::moved)
        text += " from " + printable(report.before.index.path(change.old_node));
    if (change.old_node != no_node && change.new_node != no_node)
        text += fields_text(report, change);
    else if (node.is_regular())
        text += fmt::format(" ({})", size_text(node.size));
    if (change.new_node != no_node && report.comparison.fetch[change.new_node] != 0)
        text += fmt::format("; {} to fetch", size_text(report.comparison.fetch[change.new_node]));
    return text;
}

void print_counts(const Comparison& comparison, Output& output) {
    std::vector<std::string> parts;
    for (const Kind kind : kinds)
        parts.push_back(fmt::format("{} {}", compare::name(kind), comparison.count(kind)));
    output.line(fmt::format("{:<14}{}", "Paths", fmt::join(parts, ", ")));
    parts.clear();
    for (std::size_t bit = 0; bit < compare::field_count; ++bit) {
        if (comparison.field_counts[bit] != 0)
            parts.push_back(
                fmt::format("{} {}", compare::field_names(static_cast<std::uint16_t>(1U << bit))[0],
                            comparison.field_counts[bit]));
    }
    if (!parts.empty())
        output.line(fmt::format("{:<14}{}", "Differences", fmt::join(parts, ", ")));
}

std::string content_text(const Comparison& comparison) {
    if (!comparison.by_content)
        return "not looked at";
    return fmt::format("{}{} of these, in blocks of {} bytes, are in OLD too, stored elsewhere",
                       comparison.all_looked_at ? "" : "at least ",
                       bytes_text(*comparison.by_content), comparison.content_block);
}

void print_fetch(const Comparison& comparison, Output& output) {
    const auto row = [&output](const char* label, const std::string& text) {
        output.line(fmt::format("{:<14}{}", label, text));
    };
    row("Old needs", bytes_text(comparison.needed_before));
    row("New needs", bytes_text(comparison.needed));
    row("Shared", bytes_text(comparison.needed - comparison.to_fetch));
    row("To fetch", bytes_text(comparison.to_fetch));
    const auto part = [&](const char* what, std::uint64_t bytes) {
        if (bytes != 0)
            row("", fmt::format("{} {}", bytes_text(bytes), what));
    };
    const auto of = [&](Kind kind) {
        return comparison.fetch_by_kind[static_cast<std::size_t>(kind)];
    };
    part("of added files", of(Kind::added));
    part("of changed files", of(Kind::changed));
    part("of moved files", of(Kind::moved));
    part("of files not compared", of(Kind::unknown));
    part("of files that are the same, stored elsewhere", of(Kind::same));
    part("of metadata, and between files", comparison.metadata_to_fetch);
    row("Same content", content_text(comparison));
}

void print_devices(const DiffReport& report, Output& output) {
    output.line(fmt::format("{:>14} {:>14} {:>14} {:>14}  {:>17}  {}", "needed", "shared",
                            "to fetch", "same content", "chunks shared", "device of NEW; in OLD"));
    for (std::size_t i = 0; i < report.comparison.devices.size(); ++i) {
        const DeviceNeed& need = report.comparison.devices[i];
        output.line(fmt::format(
            "{:>14} {:>14} {:>14} {:>14}  {:>17}  {}; {}", need.needed, need.shared(), need.fetch,
            need.by_content ? fmt::format("{}", *need.by_content) : "-",
            need.chunks == 0 ? "-" : fmt::format("{} of {}", need.shared_chunks, need.chunks),
            device_name(report.after, i), match_text(need.match)));
    }
}

nlohmann::json change_json(const DiffReport& report, const Change& change) {
    nlohmann::json item{{"kind", compare::name(change.kind)},
                        {"type", type_text(node_of(report, change).mode)}};
    set_text(item, "path", compare::path_of(report.before, report.after, change));
    if (change.old_node != no_node)
        item["old_size"] = report.before.index.node(change.old_node).size;
    if (change.new_node != no_node) {
        item["size"] = report.after.index.node(change.new_node).size;
        item["fetch"] = report.comparison.fetch[change.new_node];
    }
    if (change.old_node != no_node && change.new_node != no_node) {
        item["fields"] = compare::field_names(change.fields);
        item["basis"] = compare::name(change.basis);
    }
    if (change.kind == Kind::moved)
        set_text(item, "old_path", report.before.index.path(change.old_node));
    return item;
}

nlohmann::json device_json(const DiffReport& report, std::size_t device) {
    const DeviceNeed& need = report.comparison.devices[device];
    nlohmann::json item{{"device", device},
                        {"old_device", nullptr},
                        {"match", compare::name(need.match.how)},
                        {"needed", need.needed},
                        {"shared", need.shared()},
                        {"fetch", need.fetch},
                        {"metadata", need.metadata},
                        {"same_content", nullptr},
                        {"chunks", need.chunks},
                        {"shared_chunks", need.shared_chunks}};
    set_text(item, "tag",
             device == 0 ? std::string() : report.after.image.devices()[device - 1].tag);
    if (need.match.before)
        item["old_device"] = *need.match.before;
    if (need.by_content)
        item["same_content"] = *need.by_content;
    return item;
}

nlohmann::json summary_json(const DiffReport& report) {
    const Comparison& comparison = report.comparison;
    nlohmann::json counts;
    nlohmann::json by_kind;
    for (const Kind kind : kinds) {
        counts[compare::name(kind)] = comparison.count(kind);
        if (kind != Kind::removed)
            by_kind[compare::name(kind)] = comparison.fetch_by_kind[static_cast<std::size_t>(kind)];
    }
    nlohmann::json fields;
    for (std::size_t bit = 0; bit < compare::field_count; ++bit)
        fields[compare::field_names(static_cast<std::uint16_t>(1U << bit))[0]] =
            comparison.field_counts[bit];
    nlohmann::json fetch{{"bytes", comparison.to_fetch},
                         {"by_kind", std::move(by_kind)},
                         {"metadata", comparison.metadata_to_fetch},
                         {"same_content", nullptr},
                         {"same_content_complete", comparison.all_looked_at},
                         {"content_block", comparison.content_block}};
    if (comparison.by_content)
        fetch["same_content"] = *comparison.by_content;
    nlohmann::json devices = nlohmann::json::array();
    for (std::size_t i = 0; i < comparison.devices.size(); ++i)
        devices.push_back(device_json(report, i));
    nlohmann::json warnings = nlohmann::json::array();
    for (const std::string& warning : comparison.warnings)
        warnings.push_back(json_text(warning));
    nlohmann::json result{
        {"same", comparison.same()},      {"counts", std::move(counts)},
        {"fields", std::move(fields)},    {"old_needed", comparison.needed_before},
        {"needed", comparison.needed},    {"shared", comparison.needed - comparison.to_fetch},
        {"fetch", std::move(fetch)},      {"devices", std::move(devices)},
        {"warnings", std::move(warnings)}};
    set_text(result, "old", report.old_name);
    set_text(result, "new", report.new_name);
    return result;
}

std::string dump(const nlohmann::json& value, int indent) {
    return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

void print_diff(const DiffReport& report, Output& output) {
    for (const Change& change : report.comparison.changes) {
        if (!report.summary && wanted(report, change) && !output.line(change_text(report, change)))
            return;
    }
    print_counts(report.comparison, output);
    print_fetch(report.comparison, output);
    print_devices(report, output);
}

// The list of changes may be long: it is written as it is made.
void print_diff_json(const DiffReport& report, Output& output) {
    std::string head = dump(summary_json(report), 2);
    if (report.summary) {
        output.line(head);
        return;
    }
    head.resize(head.rfind('\n'));
    output.write(head + ",\n  \"changes\": [");
    const char* separator = "\n";
    for (const Change& change : report.comparison.changes) {
        if (!wanted(report, change))
            continue;
        if (!output.write(
                fmt::format("{}    {}", separator, dump(change_json(report, change), -1))))
            return;
        separator = ",\n";
    }
    output.line("\n  ]\n}");
}

} // namespace coldscope::cli
