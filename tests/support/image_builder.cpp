#include "tests/support/image_builder.h"

#include "core/base/cursor.h"
#include "core/erofs/crc32c.h"
#include "core/erofs/features.h"
#include "tests/support/image_writer.h"

#include <algorithm>

namespace coldscope::test {

Bytes to_bytes(std::string_view text) {
    const auto* first = reinterpret_cast<const std::byte*>(text.data());
    return {first, first + text.size()};
}

Bytes pattern(std::size_t size, std::uint32_t seed) {
    Bytes bytes(size);
    std::uint32_t state = seed * 2 + 1;
    for (std::byte& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<std::byte>(state >> 24);
    }
    return bytes;
}

ImageBuilder& ImageBuilder::add_device(std::string tag, Bytes blob) {
    tags_.push_back(std::move(tag));
    blobs_.push_back(std::move(blob));
    return *this;
}

ImageBuilder& ImageBuilder::add_prefix(std::uint8_t base, std::string infix) {
    prefixes_.emplace_back(base, std::move(infix));
    return *this;
}

ImageBuilder& ImageBuilder::add(FileSpec file) {
    files_.push_back(std::move(file));
    return *this;
}

BuiltImage ImageBuilder::build() const {
    return ImageWriter(*this).write();
}

std::shared_ptr<ReadAt> BuiltImage::primary() const {
    return std::make_shared<MemoryReadAt>(bytes);
}

std::vector<std::shared_ptr<ReadAt>> BuiltImage::devices() const {
    std::vector<std::shared_ptr<ReadAt>> list{primary()};
    for (const Bytes& blob : blobs)
        list.push_back(std::make_shared<MemoryReadAt>(blob));
    return list;
}

void BuiltImage::fix_checksum() {
    const std::size_t length = block_size > 1024 ? block_size - 1024 : block_size;
    auto block = std::span(bytes).subspan(1024, length);
    put<std::uint32_t>(bytes, 1028, 0);
    put<std::uint32_t>(bytes, 1028, erofs::crc32c(~std::uint32_t{0}, block));
}

namespace {

// In the entries behind the root's inode.
void replace_nid(BuiltImage& built, std::uint64_t from, std::uint64_t to) {
    const std::uint64_t entries = built.inode.at("/") + erofs::compact_inode_size;
    for (std::uint64_t at = entries; at < entries + 10 * erofs::dirent_size;
         at += erofs::dirent_size) {
        if (load_le<std::uint64_t>(built.bytes.data() + at) == from) {
            put<std::uint64_t>(built.bytes, at, to);
            return;
        }
    }
}

} // namespace

BuiltImage sample_image(std::uint32_t block_bits) {
    using erofs::Layout;
    const std::size_t block = std::size_t{1} << block_bits;
    ImageBuilder builder(block_bits);
    builder.add_device("blob-one").add_device("blob-two").add_prefix(1, "long.prefix.");
    const auto file = [](std::string path, Layout layout, Bytes data) {
        FileSpec spec;
        spec.path = std::move(path);
        spec.layout = layout;
        spec.data = std::move(data);
        return spec;
    };
    FileSpec plain = file("/flat/plain", Layout::flat_plain, pattern(3 * block - 5, 1));
    plain.extended = true;
    plain.uid = 70000;
    plain.mtime_nsec = 123456789;
    builder.add(plain);
    FileSpec tail = file("/flat/inline", Layout::flat_inline, pattern(block + 77, 2));
    tail.xattrs = {{"user.one", "1"}, {"user.long.prefix.two", "22"}, {"security.x", "y"}};
    tail.shared_xattrs = {{"trusted.shared", "same everywhere"}};
    builder.add(tail);
    FileSpec empty = file("/flat/empty", Layout::flat_plain, {});
    empty.shared_xattrs = tail.shared_xattrs;
    builder.add(empty);
    FileSpec table = file("/chunks/four", Layout::chunk_based, pattern(5 * block + 9, 3));
    table.indexes = false;
    builder.add(table);
    FileSpec one = file("/chunks/one", Layout::chunk_based, pattern(9 * block, 4));
    one.device = 1;
    one.chunk_bits = 1;
    builder.add(one);
    FileSpec two = file("/chunks/two", Layout::chunk_based, pattern(4 * block + 1, 5));
    two.device = 2;
    two.unified = true;
    two.extended = true;
    std::fill_n(two.data.begin() + static_cast<std::ptrdiff_t>(block), block, std::byte{});
    builder.add(two);
    FileSpec copy = one;
    copy.path = "/chunks/copy";
    copy.deduplicate = true;
    builder.add(copy);
    copy.path = "/chunks/copy2";
    builder.add(copy);
    FileSpec link = file("/link", Layout::flat_inline, to_bytes("flat/plain"));
    link.mode = S_IFLNK | 0777;
    builder.add(link);
    FileSpec hard;
    hard.path = "/hard";
    hard.link_to = "/flat/inline";
    builder.add(hard);
    FileSpec node = file("/dev/null", Layout::flat_plain, {});
    node.mode = S_IFCHR | 0666;
    node.rdev = (1 << 8) | 3;
    builder.add(node);
    FileSpec fifo = file("/dev/pipe", Layout::flat_plain, {});
    fifo.mode = S_IFIFO | 0600;
    builder.add(fifo);
    for (int i = 0; i < 60; ++i)
        builder.add(file("/many/a-somewhat-long-name-" + std::to_string(i), Layout::flat_inline,
                         pattern(static_cast<std::size_t>(i), 6)));
    return builder.build();
}

Bytes metabox_data(const char* path) {
    return std::string_view(path) == "/boxed" ? pattern(700, 8) : pattern(70000, 9);
}

BuiltImage metabox_image(std::uint32_t block_bits) {
    ImageBuilder builder(block_bits);
    builder.add_device("blob").set_metabox("/box").add_prefix(1, "long.");
    FileSpec box;
    box.path = "/box";
    box.layout = erofs::Layout::flat_plain;
    box.data = Bytes(16384);
    builder.add(box);
    FileSpec boxed;
    boxed.path = "/boxed";
    boxed.data = metabox_data("/boxed");
    if (block_bits == 9) // a tail of 700 bytes has no room in a block
        boxed.layout = erofs::Layout::flat_plain;
    boxed.xattrs = {{"user.long.x", "1"}};
    builder.add(boxed);
    FileSpec chunks;
    chunks.path = "/chunks";
    chunks.layout = erofs::Layout::chunk_based;
    chunks.device = 1;
    chunks.data = metabox_data("/chunks");
    builder.add(chunks);
    BuiltImage built = builder.build();

    const std::uint64_t start =
        std::uint64_t{load_le<std::uint32_t>(built.bytes.data() + built.inode.at("/box") + 16)}
        << block_bits;
    std::uint64_t place = std::uint64_t{1} << block_bits; // in the box
    for (const char* path : {"/boxed", "/chunks"}) {
        const std::uint64_t inode = built.inode.at(path);
        const std::size_t length = std::min<std::size_t>(4096, built.bytes.size() - inode);
        std::copy_n(built.bytes.begin() + static_cast<std::ptrdiff_t>(inode), length,
                    built.bytes.begin() + static_cast<std::ptrdiff_t>(start + place));
        // The same bytes in the directory that names it.
        const std::uint64_t nid = erofs::metabox_nid_bit | (place / 32);
        replace_nid(built, built.nids.at(path), nid);
        built.nids[path] = nid;
        built.inode[path] = place;
        place += 8192;
    }
    return built;
}

} // namespace coldscope::test
