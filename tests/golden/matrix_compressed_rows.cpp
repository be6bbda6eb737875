// Images with compressed files.
#include "tests/golden/matrix_rows.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

namespace coldscope::golden {

namespace {

using Options = std::vector<std::string>;

// The tree under other rules for some of its files.
Row row_with_hints(const char* name, Options options, std::string hints) {
    Row row = row_of_tree(name, options);
    row.options = fmt::format("{} --compress-hints=FILE", row.options);
    row.make = [name, options, hints](const Originals& originals) {
        const std::string file = originals.path("hints");
        std::ofstream(file) << hints;
        Options real = options;
        real.push_back("--compress-hints=" + file);
        return row_of_tree(name, real).make(originals);
    };
    return row;
}

} // namespace

std::vector<Row> compressed_rows() {
    std::vector<Row> rows;
    const auto row = [&](const std::string& name, Options options) {
        rows.push_back(row_of_tree(name, std::move(options)));
    };
    const auto refused = [&](const char* reason) { rows.back().refusal = reason; };
    // Whatever the layout does, for each way of decoding.
    for (const std::string z : {"lz4", "lzma", "deflate", "zstd"}) {
        const std::string option = "-z" + z;
        row(z, {option});
        row(z + ", clusters of 64 KiB", {option, "-C65536"});
        row(z + ", full indexes", {option, "-Elegacy-compress"});
        row(z + ", full indexes, clusters of 16 KiB", {option, "-C16384", "-Elegacy-compress"});
        row(z + ", tails inline", {option, "-Eztailpacking"});
        row(z + ", fragments", {option, "-Efragments"});
        row(z + ", whole files packed", {option, "-Eall-fragments"});
        row(z + ", dedupe", {option, "-Ededupe"});
        row(z + ", dedupe, tails inline, fragments, 64 KiB",
            {option, "-C65536", "-Ededupe,ztailpacking,fragments"});
        row(z + ", full indexes, dedupe, fragments",
            {option, "-Elegacy-compress,dedupe,fragments"});
        row(z + ", 48 bits", {option, "-E48bit"});
        row(z + ", 48 bits, clusters of 64 KiB", {option, "-E48bit", "-C65536"});
        row(z + ", 48 bits, dedupe, fragments, 64 KiB",
            {option, "-C65536", "-E48bit,dedupe,fragments,ztailpacking"});
        row(z + ", metabox and directories", {option, "-m4096", "-E48bit", "--zD"});
    }
    // Other encoders of the same, and their levels and windows.
    row("lz4hc", {"-zlz4hc,12"});
    row("lz4hc, dedupe, whole files packed", {"-zlz4hc", "-Ededupe,all-fragments"});
    row("libdeflate", {"-zlibdeflate,12", "-C32768"});
    row("libdeflate, dedupe, tails inline", {"-zlibdeflate", "-Ededupe,ztailpacking"});
    row("lzma, extreme", {"-zlzma,level=109,dictsize=32768", "-C16384"});
    row("lzma, small window", {"-zlzma,level=1,dictsize=4096,lc=1,lp=2,pb=0"});
    row("deflate, small window", {"-zdeflate,level=9,dictsize=4096"});
    row("zstd, level 19", {"-zzstd,level=19", "-C131072"});
    row("zstd, small window", {"-zzstd,level=3,dictsize=32768"});
    // The largest clusters there are, and the smallest.
    row("lz4, clusters of 1 MiB", {"-zlz4", "-C1048576"});
    row("zstd, clusters of 1 MiB, 48 bits", {"-zzstd", "-C1048576", "-E48bit"});
    row("lz4, larger clusters", {"-zlz4", "-C2097152"});
    refused("is too large");
    row("lz4, blocks of 512", {"-zlz4", "-b512"});
    row("lz4, blocks of 512, 48 bits, all packed", {"-zlz4", "-b512", "-E48bit,all-fragments"});
    row("zstd, blocks of 1024, clusters of 8 KiB",
        {"-zzstd", "-b1024", "-C8192", "-Ededupe,ztailpacking"});
    row("deflate, blocks of 2048, full indexes", {"-zdeflate", "-b2048", "-Elegacy-compress"});
    row("lz4, short extents", {"-zlz4", "--max-extent-bytes=8192"});
    row("zstd, short extents, 48 bits", {"-zzstd", "-E48bit", "--max-extent-bytes=8192"});
    row("lzma, longest extents", {"-zlzma", "-C65536", "--max-extent-bytes=12582912"});
    // Several algorithms. mkfs.erofs 1.9 uses another than the first for the metabox only: it
    // crashes when a hint names one.
    row("lz4, zstd beside it", {"-zlz4:zstd"});
    row("lzma, all others beside it", {"-zlzma:lz4:deflate:zstd", "-E48bit,fragments"});
    rows.push_back(row_with_hints("lz4 and zstd by file", {"-zlz4:zstd"}, "4096 1 ^data/\n"));
    refused("it crashes");
    rows.push_back(row_with_hints("lz4, clusters by file, dedupe, fragments",
                                  {"-zlz4", "-C65536", "-Ededupe,fragments"},
                                  "4096 ^data/text$\n65536 ^again/\n0 ^tails/\n"));
    // Fragments
    row("lz4, packed by 16 KiB", {"-zlz4", "-C65536", "-Efragments=16384"});
    row("zstd, all packed by 32 KiB", {"-zzstd", "-C65536", "-Eall-fragments=32768,dedupe"});
    row("lz4, fragments of equal files", {"-zlz4", "-Efragments,fragdedupe=inode"});
    row("lz4, fragments of equal parts", {"-zlz4", "-Efragments,fragdedupe=full"});
    row("lz4, fragments apart", {"-zlz4", "-Efragments,^fragdedupe"});
    row("lz4, full indexes, all packed, 48 bits",
        {"-zlz4", "-Elegacy-compress,all-fragments,48bit"});
    row("lz4, by bits", {"-zlz4", "--zfeature-bits=22"});
    row("lz4, by all bits", {"-zlz4", "--zfeature-bits=254"});
    // Metadata
    row("lz4, directories", {"-zlz4", "--zD"});
    row("zstd, directories, dots omitted, fragments",
        {"-zzstd", "--zD=1", "-Edot-omitted,fragments"});
    row("directories alone", {"--zD"});
    row("lz4, metabox by zstd", {"-zlz4", "-m4096:zstd"});
    row("lzma, metabox of 64 KiB by lz4", {"-zlzma", "-C65536", "-m65536:lz4", "-E48bit"});
    row("metabox by deflate", {"-m4096:deflate", "-E48bit"});
    row("zstd, metabox, xattrs shared, prefixes",
        {"-zzstd", "-m4096", "-x1", "--xattr-prefix=trusted.overlay.", "-Efragments"});
    row("lz4, prefixes in the packed inode",
        {"-zlz4", "-Efragments", "--xattr-prefix=trusted.overlay.", "--xattr-prefix=user.long."});
    row("lz4, plain prefixes",
        {"-zlz4", "-Efragments,plain-xattr-prefixes", "--xattr-prefix=trusted.overlay."});
    row("lz4, separate metadata", {"-zlz4", "--MZ", "-Eztailpacking"});
    row("zstd, separate metadata, directories", {"-zzstd", "--MZ=id", "--zD", "-Efragments"});
    row("lz4, extended inodes", {"-zlz4", "-Eforce-inode-extended,ztailpacking,fragments"});
    row("lz4, fingerprints", {"-zlz4", "--xattr-inode-digest", "-Eztailpacking"});
    row("lz4, chunks", {"-zlz4", "--chunksize=4096"});
    row("lz4, chunks on a blob", {"-zlz4", "--chunksize=4096", "--blobdev=BLOB"});
    row("lz4, no checksum, aligned", {"-zlz4", "-Enosbcrc", "--dsunit=16"});
    row("lz4, behind other bytes", {"-zlz4", "-x1000", "--offset=1048576"});
    rows.back().unsound = true; // clusters were copied to before the image
    return rows;
}

} // namespace coldscope::golden
