// Two built images, compared.
#pragma once

#include "core/compare/compare.h"
#include "tests/support/image_builder.h"
#include "tests/unit/erofs/erofs_test.h"

#include <map>
#include <optional>

namespace QTest { // a failure shows the texts

template <>
inline char* toString(const std::string& text) {
    return qstrdup(text.c_str());
}

} // namespace QTest

namespace coldscope::test {

// An image with its index; the built bytes outlive it. Blobs may be taken away.
struct OpenSide {
    explicit OpenSide(const BuiltImage& built)
        : image(open(built)), index(value(erofs::Index::build(*image))), devices(built.devices()) {}
    [[nodiscard]] compare::Side side() const { return {*image, index, devices}; }

    std::unique_ptr<erofs::Image> image;
    erofs::Index index;
    std::vector<std::shared_ptr<ReadAt>> devices;
};

[[nodiscard]] inline FileSpec file_of(std::string path, Bytes data,
                                      erofs::Layout layout = erofs::Layout::flat_inline) {
    FileSpec spec;
    spec.path = std::move(path);
    spec.data = std::move(data);
    spec.layout = layout;
    return spec;
}

[[nodiscard]] inline FileSpec chunked(std::string path, Bytes data, std::uint16_t device) {
    FileSpec spec = file_of(std::move(path), std::move(data), erofs::Layout::chunk_based);
    spec.device = device;
    return spec;
}

// "moved from /old: mode, mtime (bytes)"
[[nodiscard]] inline std::string text_of(const OpenSide& before, const compare::Change& change) {
    std::string text = compare::name(change.kind);
    if (change.kind == compare::Kind::moved)
        text += " from " + before.index.path(change.old_node);
    const char* separator = ": ";
    for (const char* field : compare::field_names(change.fields)) {
        text += std::string(separator) + field;
        separator = ", ";
    }
    if (change.basis != compare::Basis::none)
        text += std::string(" (") + compare::name(change.basis) + ")";
    return text;
}

// By path.
[[nodiscard]] inline std::map<std::string, std::string>
changes_of(const OpenSide& before, const OpenSide& after, const compare::Comparison& comparison) {
    std::map<std::string, std::string> changes;
    for (const compare::Change& change : comparison.changes)
        changes[compare::path_of(before.side(), after.side(), change)] = text_of(before, change);
    return changes;
}

[[nodiscard]] inline compare::Comparison compared(const OpenSide& before, const OpenSide& after,
                                                  const compare::Options& options = {}) {
    return value(compare::compare(before.side(), after.side(), options));
}

// What must be true of every comparison's figures.
inline void verify_sums(const compare::Comparison& comparison) {
    std::uint64_t needed = 0;
    std::uint64_t fetch = 0;
    std::uint64_t metadata = 0;
    for (const compare::DeviceNeed& need : comparison.devices) {
        needed += need.needed;
        fetch += need.fetch;
        metadata += need.metadata;
        std::uint64_t ranges = 0;
        for (const Range& range : need.to_fetch)
            ranges += range.length();
        QCOMPARE(ranges, need.fetch);
        QVERIFY(need.fetch <= need.needed);
        QVERIFY(need.metadata <= need.fetch);
        QVERIFY(need.by_content.value_or(0) <= need.fetch);
        QVERIFY(need.shared_chunks <= need.chunks);
    }
    QCOMPARE(comparison.needed, needed);
    QCOMPARE(comparison.to_fetch, fetch);
    QCOMPARE(comparison.metadata_to_fetch, metadata);
    std::uint64_t of_kinds = 0;
    for (const std::uint64_t bytes : comparison.fetch_by_kind)
        of_kinds += bytes;
    QCOMPARE(of_kinds + metadata, fetch);
    std::uint64_t paths = 0;
    for (const std::uint64_t count : comparison.counts)
        paths += count;
    QCOMPARE(paths, comparison.changes.size());
}

} // namespace coldscope::test
