#include "core/compare/compare.h"

#include "core/compare/block_content.h"
#include "core/compare/chunks.h"
#include "core/compare/fetch.h"
#include "core/compare/file_compare.h"
#include "core/compare/moves.h"
#include "core/compare/pairs.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

namespace coldscope::compare {

namespace {

Result<void> compare_files(const Side& before, const Side& after, FileComparer& files, Meter& meter,
                           std::vector<Change>& changes) {
    COLDSCOPE_CHECK(meter.begin(Phase::paths, changes.size()));
    std::vector<std::size_t> unread;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> first; // by both inodes
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        COLDSCOPE_CHECK(meter.advance(1));
        if (changes[i].kind != Kind::same || files.compare(changes[i]))
            continue;
        unread.push_back(i);
        const erofs::Node& now = after.index.node(changes[i].new_node);
        if (first.try_emplace({before.index.node(changes[i].old_node).nid, now.nid}, i).second)
            bytes += now.size;
    }
    COLDSCOPE_CHECK(meter.begin(Phase::contents, bytes));
    for (const std::size_t i : unread) {
        Change& change = changes[i];
        const Change& known = changes[first.at(
            {before.index.node(change.old_node).nid, after.index.node(change.new_node).nid})];
        if (&known == &change) {
            COLDSCOPE_CHECK(files.read_content(change, meter));
            continue;
        }
        // Other names of the same two inodes, of which the first comes first.
        change.kind = known.kind;
        change.basis = known.basis;
        change.fields = known.fields;
    }
    return {};
}

void count(Comparison& comparison) {
    for (const Change& change : comparison.changes) {
        const auto kind = static_cast<std::size_t>(change.kind);
        ++comparison.counts[kind];
        for (std::uint16_t fields = change.fields; fields != 0;
             fields = static_cast<std::uint16_t>(fields & (fields - 1U)))
            ++comparison.field_counts[static_cast<std::size_t>(std::countr_zero(fields))];
        if (change.new_node != no_node)
            comparison.fetch_by_kind[kind] += comparison.fetch[change.new_node];
    }
}

} // namespace

Result<Comparison> compare(const Side& before, const Side& after, const Options& options) {
    Meter meter(options.report);
    Comparison comparison;
    COLDSCOPE_TRY(const auto matches,
                  match_devices(before, after, options.read, meter, comparison.warnings));
    COLDSCOPE_CHECK(meter.begin(Phase::paths, std::max(before.index.size(), after.index.size())));
    COLDSCOPE_TRY(comparison.changes, pair_paths(before.index, after.index, meter));
    FileComparer files(before, after, matches, options);
    COLDSCOPE_CHECK(compare_files(before, after, files, meter, comparison.changes));
    COLDSCOPE_CHECK(find_moves(before, after, files, options.read, meter, comparison.changes));
    for (const DeviceMatch& match : matches)
        comparison.devices.emplace_back().match = match;
    find_fetch(before, after, comparison);
    count(comparison);
    COLDSCOPE_CHECK(count_chunks(after, meter, comparison));
    if (options.read)
        COLDSCOPE_CHECK(find_content(before, after, meter, comparison));
    return comparison;
}

std::string path_of(const Side& before, const Side& after, const Change& change) {
    return change.new_node != no_node ? after.index.path(change.new_node)
                                      : before.index.path(change.old_node);
}

} // namespace coldscope::compare
