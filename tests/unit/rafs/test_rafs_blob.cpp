// Blobs as EROFS reads them: each compressor, each digest; and what is wrong names its chunk.
#include "core/rafs/decoded_blob.h"
#include "tests/support/rafs_builder.h"
#include "tests/unit/erofs/erofs_test.h"

#include <random>

using namespace coldscope;
using namespace coldscope::test;

namespace {

constexpr std::uint32_t chunk_size = 64U << 10;

// Notes which bytes were asked for.
class Watched final : public ReadAt {
public:
    explicit Watched(const Bytes& bytes) : bytes_(bytes) {}
    [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
        reads.emplace_back(offset, into.size());
        return bytes_.read(offset, into);
    }
    std::vector<std::pair<std::uint64_t, std::uint64_t>> reads;

private:
    MemoryReadAt bytes_;
};

std::shared_ptr<const rafs::Bootstrap> tables(const BuiltRafs& built) {
    return value(rafs::read_bootstrap(*open(built.image)));
}

std::vector<std::shared_ptr<ReadAt>> devices(const BuiltRafs& built) {
    const auto bootstrap = tables(built);
    std::vector<std::shared_ptr<ReadAt>> list{built.image.primary()};
    for (std::size_t i = 0; i < built.stored.size(); ++i)
        list.push_back(
            rafs::device_of(bootstrap, i, std::make_shared<MemoryReadAt>(built.stored[i])));
    return list;
}

} // namespace

class TestRafsBlob : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void every_byte_data();
    void every_byte();
    void only_what_is_needed();
    void wrong_bytes_data();
    void wrong_bytes();
    void blob_too_short();
    void not_to_be_decoded();
    void largest_chunks();
};

void TestRafsBlob::every_byte_data() {
    QTest::addColumn<int>("compressor");
    QTest::addColumn<int>("digester");
    for (const auto compressor : {rafs::Compressor::none, rafs::Compressor::lz4_block,
                                  rafs::Compressor::gzip, rafs::Compressor::zstd}) {
        for (const auto digester : {rafs::Digester::blake3, rafs::Digester::sha256})
            QTest::addRow("%s, %s", rafs::name(compressor), rafs::name(digester))
                << static_cast<int>(compressor) << static_cast<int>(digester);
    }
}

void TestRafsBlob::every_byte() {
    QFETCH(int, compressor);
    QFETCH(int, digester);
    RafsSpec spec;
    spec.compressor = static_cast<rafs::Compressor>(compressor);
    spec.digester = static_cast<rafs::Digester>(digester);
    spec.chunk_size = chunk_size;
    const BuiltRafs built = sample_rafs(spec);
    const auto list = devices(built);
    for (std::size_t i = 0; i < built.stored.size(); ++i) {
        const Bytes& wanted = built.image.blobs[i];
        QCOMPARE(list[i + 1]->size(), wanted.size());
        Bytes all(wanted.size());
        value(list[i + 1]->read(0, all));
        QVERIFY(all == wanted);
        std::minstd_rand random(7);
        for (int n = 0; n < 300; ++n) {
            const std::size_t at = random() % wanted.size();
            Bytes part(random() % std::min<std::size_t>(wanted.size() - at, 3 * chunk_size) + 1);
            value(list[i + 1]->read(at, part));
            QVERIFY(std::ranges::equal(part, std::span(wanted).subspan(at, part.size())));
        }
        Bytes behind(2);
        QCOMPARE(code_of(list[i + 1]->read(wanted.size() - 1, behind)), Code::truncated);
    }
    const auto image = open(built.image);
    for (const FileSpec& file : sample_rafs_files(chunk_size)) {
        const erofs::Inode inode = value(image->find(file.path));
        Bytes bytes(inode.size);
        value(erofs::read_file(*image, inode, 0, bytes, list));
        QVERIFY(bytes == file.data);
    }
}

void TestRafsBlob::only_what_is_needed() {
    RafsSpec spec;
    spec.chunk_size = chunk_size;
    const BuiltRafs built = sample_rafs(spec);
    const auto bootstrap = tables(built);
    const auto watched = std::make_shared<Watched>(built.stored[0]);
    rafs::DecodedBlob blob(bootstrap, 0, watched);
    const rafs::Chunk& chunk = bootstrap->chunks_of(0)[2];
    Bytes some(10);
    value(blob.read(chunk.offset + 5, some));
    value(blob.read(chunk.offset + 500, some)); // decoded already
    using Reads = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
    QVERIFY((watched->reads == Reads{{chunk.stored_offset, chunk.stored_size}}));
}

void TestRafsBlob::wrong_bytes_data() {
    every_byte_data();
}

void TestRafsBlob::wrong_bytes() {
    QFETCH(int, compressor);
    QFETCH(int, digester);
    RafsSpec spec;
    spec.compressor = static_cast<rafs::Compressor>(compressor);
    spec.digester = static_cast<rafs::Digester>(digester);
    spec.chunk_size = chunk_size;
    BuiltRafs built = sample_rafs(spec);
    const auto bootstrap = tables(built);
    for (const rafs::Chunk& chunk : bootstrap->chunks_of(0)) {
        std::byte& broken = built.stored[0][chunk.stored_offset + chunk.stored_size / 2];
        broken ^= std::byte{0x10};
        rafs::DecodedBlob blob(bootstrap, 0, std::make_shared<MemoryReadAt>(built.stored[0]));
        Bytes bytes(chunk.size);
        const auto read = blob.read(chunk.offset, bytes);
        QVERIFY(!read);
        QVERIFY(read.error().code == Code::mismatch || read.error().code == Code::corrupt);
        QCOMPARE(read.error().offset, chunk.stored_offset);
        const std::string name =
            "blob 1 (" + built.ids[0] + "), chunk " + std::to_string(chunk.number) + ": ";
        QVERIFY2(read.error().context.starts_with(name), read.error().context.c_str());
        if (!chunk.compressed())
            QVERIFY(read.error().context.contains("wrong digest"));
        broken ^= std::byte{0x10};
        value(blob.read(chunk.offset, bytes)); // nothing wrong was kept
    }
    // The bytes are right, the digest is not.
    const std::uint64_t entry = built.entry_of(1);
    built.image.bytes[entry] ^= std::byte{1};
    const auto list = devices(built);
    Bytes all(built.image.blobs[0].size());
    const auto read = list[1]->read(0, all);
    QCOMPARE(code_of(read), Code::mismatch);
    QVERIFY(read.error().context.contains("chunk 1: wrong digest"));
}

void TestRafsBlob::blob_too_short() {
    RafsSpec spec;
    spec.chunk_size = chunk_size;
    BuiltRafs built = sample_rafs(spec);
    const auto bootstrap = tables(built);
    built.stored[0].pop_back();
    rafs::DecodedBlob blob(bootstrap, 0, std::make_shared<MemoryReadAt>(built.stored[0]));
    Bytes first(100);
    value(blob.read(0, first));
    Bytes all(blob.size());
    const auto read = blob.read(0, all);
    QCOMPARE(code_of(read), Code::truncated);
    QVERIFY(read.error().context.contains("chunk "));
}

void TestRafsBlob::not_to_be_decoded() {
    RafsSpec spec;
    spec.chunk_size = chunk_size;
    for (const std::uint32_t feature : {rafs::feature::encrypted, rafs::feature::zran,
                                        rafs::feature::batch, rafs::feature::external}) {
        BuiltRafs built = sample_rafs(spec);
        built.image.bytes[built.blob_table + 84] |= static_cast<std::byte>(feature);
        built.image.bytes[built.blob_table + 85] |= static_cast<std::byte>(feature >> 8);
        const auto list = devices(built);
        Bytes bytes(10);
        const auto read = list[1]->read(0, bytes);
        QCOMPARE(code_of(read), Code::unsupported);
        value(list[2]->read(0, bytes));
    }
}

// A chunk is kept, however large; one of 16 MiB is larger than what is kept else.
void TestRafsBlob::largest_chunks() {
    for (const auto compressor :
         {rafs::Compressor::zstd, rafs::Compressor::gzip, rafs::Compressor::lz4_block}) {
        RafsSpec spec;
        spec.compressor = compressor;
        spec.chunk_size = rafs::max_chunk_size;
        ImageBuilder image;
        image.add_device("1");
        FileSpec file;
        file.path = "/large";
        file.layout = erofs::Layout::chunk_based;
        file.chunk_bits = 12;
        file.device = 1;
        file.data = pattern(std::size_t{17} << 20, 3);
        for (std::size_t i = 0; i < file.data.size(); i += 3)
            file.data[i] = std::byte{7};
        image.add(file);
        const BuiltRafs built = build_rafs(std::move(image), spec);
        const auto list = devices(built);
        Bytes all(built.image.blobs[0].size());
        value(list[1]->read(0, all));
        QVERIFY(all == built.image.blobs[0]);
    }
}

QTEST_GUILESS_MAIN(TestRafsBlob)
#include "test_rafs_blob.moc"
