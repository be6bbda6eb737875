// The tables of a RAFS bootstrap: the first 64 bytes are its extended superblock, the next 512 its
// two blobs, the rest is its table of chunks. Whatever is accepted can be looked up and decoded.
#include "core/rafs/check.h"
#include "core/rafs/decoded_blob.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/support/rafs_builder.h"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace coldscope;

const test::BuiltRafs& sample() {
    static const test::BuiltRafs built = [] {
        test::RafsSpec spec;
        spec.chunk_size = 4096;
        spec.prefetch = {"/text"};
        return test::sample_rafs(spec);
    }();
    return built;
}

std::span<const std::byte> put(test::Bytes& bytes, std::uint64_t at, std::size_t length,
                               std::span<const std::byte> from) {
    const std::size_t count = std::min({length, from.size(), bytes.size() - at});
    std::copy_n(from.begin(), count, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return from.subspan(count);
}

// Chunks lie within their blob and apart from each other.
void require_order(const rafs::Bootstrap& bootstrap) {
    for (std::size_t blob = 0; blob < bootstrap.blobs.size(); ++blob) {
        std::uint64_t end = 0;
        for (const rafs::Chunk& chunk : bootstrap.chunks_of(blob)) {
            if (chunk.offset < end || chunk.end() > bootstrap.blobs[blob].size)
                std::abort();
            end = chunk.end();
            const auto found = bootstrap.chunks_at(blob, chunk.offset, 1);
            if (found.size() != 1 || found.data() != &chunk)
                std::abort();
        }
    }
}

void read_some(const std::shared_ptr<const rafs::Bootstrap>& bootstrap, std::size_t blob) {
    const auto stored = std::make_shared<MemoryReadAt>(sample().stored[blob]);
    rafs::DecodedBlob decoded(bootstrap, blob, stored);
    test::Bytes bytes(static_cast<std::size_t>(std::min<std::uint64_t>(decoded.size(), 32768)));
    static_cast<void>(decoded.read(0, bytes));
    static_cast<void>(decoded.read(decoded.size() - bytes.size(), bytes));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    test::BuiltImage built = sample().image;
    auto left = fuzz::as_bytes(data, size);
    left = put(built.bytes, rafs::extension_offset, 64, left);
    left = put(built.bytes, sample().blob_table, 2 * rafs::blob_entry_size, left);
    put(built.bytes, sample().chunk_table, left.size(), left);
    const fuzz::MemoryBound bound(built.bytes.size());
    const auto image = erofs::Image::open(built.primary());
    if (!image)
        return 0;
    erofs::Findings findings;
    const auto tolerant = rafs::read_bootstrap(**image, &findings);
    const auto strict = rafs::read_bootstrap(**image);
    if (strict.has_value() != (tolerant.has_value() && findings.errors() == 0))
        std::abort();
    if (strict)
        require_order(**strict);
    if (!tolerant)
        return 0;
    const std::uint64_t most = built.bytes.size() / rafs::chunk_entry_size;
    if ((*tolerant)->chunks.size() > most || (*tolerant)->blobs.size() > built.bytes.size() / 256)
        std::abort(); // more than the bootstrap has room for
    const auto index = erofs::Index::build(**image);
    if (!index)
        std::abort(); // the tables are none of EROFS's
    rafs::check_files(**tolerant, **image, *index, findings);
    for (std::size_t i = 0; i < std::min<std::size_t>((*tolerant)->blobs.size(), 2); ++i) {
        MemoryReadAt stored(sample().stored[i]);
        rafs::check_blob_size(**tolerant, i, stored.size(), "blob", findings);
        rafs::check_chunks(*tolerant, i, stored, "blob", findings);
        read_some(*tolerant, i);
    }
    return 0;
}
