// Two images, of which one was overwritten in places: each 4 bytes of offset, one of length, and
// the bytes.
#include "core/base/cursor.h"
#include "core/compare/compare.h"
#include "tests/fuzz/fuzz_support.h"

#include <cstdlib>
#include <optional>

namespace {

using namespace coldscope;

constexpr std::uint64_t enough = 16U << 20; // bytes read, then it is given up

struct Opened {
    std::unique_ptr<erofs::Image> image;
    erofs::Index index;
    std::vector<std::shared_ptr<ReadAt>> devices;
};

std::optional<Opened> open(const test::BuiltImage& built) {
    erofs::Findings findings;
    auto image = erofs::Image::open(built.primary(), &findings);
    if (!image)
        return std::nullopt;
    auto index = erofs::Index::build(**image, &findings);
    if (!index)
        return std::nullopt;
    return Opened{std::move(*image), std::move(*index), built.devices()};
}

void require(bool condition) {
    if (!condition)
        std::abort();
}

void compare_pair(const Opened& before, const Opened& after) {
    compare::Options options;
    options.report = [](const compare::Progress& progress) { return progress.done < enough; };
    const auto comparison =
        compare::compare({*before.image, before.index, before.devices, {}},
                         {*after.image, after.index, after.devices, {}}, options);
    if (!comparison)
        return;
    std::size_t old_paths = 0;
    std::size_t new_paths = 0;
    for (const compare::Change& change : comparison->changes) {
        old_paths += change.old_node != erofs::no_node ? 1 : 0;
        new_paths += change.new_node != erofs::no_node ? 1 : 0;
        require(change.old_node == erofs::no_node || change.old_node < before.index.size());
        require(change.new_node == erofs::no_node || change.new_node < after.index.size());
    }
    require(old_paths == before.index.size() && new_paths == after.index.size());
    std::uint64_t fetch = comparison->metadata_to_fetch;
    for (const std::uint64_t bytes : comparison->fetch_by_kind)
        fetch += bytes;
    require(fetch == comparison->to_fetch && fetch <= comparison->needed);
    require(comparison->by_content.value_or(0) <= fetch);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const test::BuiltImage whole = fuzz::sample();
    static const Opened before = *open(whole);
    test::BuiltImage changed = whole;
    const auto bytes = fuzz::as_bytes(data, size);
    Cursor at(bytes);
    while (at.left() > 5) {
        const std::uint64_t offset = at.u32() % changed.bytes.size();
        const std::size_t count = at.u8();
        fuzz::overwrite(changed, offset, at.bytes(std::min(count, at.left())));
    }
    const fuzz::MemoryBound bound(2 * changed.bytes.size());
    if (const auto after = open(changed)) {
        compare_pair(before, *after);
        compare_pair(*after, before);
    }
    return 0;
}
