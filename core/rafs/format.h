// Constants of Nydus RAFS v6, little-endian throughout: an EROFS image with further tables, and
// blobs of encoded chunks. What is stored where was learnt from these files of dragonflyoss/nydus:
//   rafs/src/metadata/layout/v6.rs   extension of the superblock at byte 1152 (flags, offsets and
//                                    sizes of the tables), blob entries of 256 bytes in the order
//                                    of the device table, a chunk's size limits, prefetch table of
//                                    nids
//   rafs/src/metadata/layout/v5.rs   chunk entries of 80 bytes
//   rafs/src/metadata/mod.rs         flags of the file system (RafsSuperFlags)
//   storage/src/device.rs            features of a blob, flags of a chunk
//   utils/src/compress/mod.rs        numbers of compressors; a chunk that would not shrink is plain
//   utils/src/digest.rs              numbers of digests, which are of a chunk's decoded bytes
//   builder/src/core/v6.rs           s_blocks counts the blobs' blocks; devices are whole blocks; a
//                                    file that lies in one piece has one entry of a larger chunk
//   builder/src/core/node.rs         a chunk's decoded bytes start at a multiple of 4096, its
//                                    encoded ones right behind the chunk before
//   storage/src/meta/mod.rs          what follows the chunks in a blob, which is not needed here
#pragma once

#include <cstddef>
#include <cstdint>

namespace coldscope::rafs {

inline constexpr std::uint64_t extension_offset = 1152; // bytes
inline constexpr std::uint32_t extension_size = 256;
inline constexpr std::uint32_t blob_entry_size = 256;
inline constexpr std::uint32_t blob_id_size = 64;
inline constexpr std::uint32_t chunk_entry_size = 80;
inline constexpr std::size_t digest_size = 32;
inline constexpr std::uint32_t chunk_alignment = 4096; // of a chunk's decoded bytes
inline constexpr std::uint32_t max_chunk_size = 16U << 20;
inline constexpr std::uint32_t max_chunks = 1U << 24;                // of a blob
inline constexpr std::uint32_t max_stored_size = 2 * max_chunk_size; // our own limit, for memory
inline constexpr std::uint64_t max_blob_size = std::uint64_t{1} << 44;

namespace flag {
inline constexpr std::uint64_t compression_none = 0x1;
inline constexpr std::uint64_t compression_lz4 = 0x2;
inline constexpr std::uint64_t hash_blake3 = 0x4;
inline constexpr std::uint64_t hash_sha256 = 0x8;
inline constexpr std::uint64_t explicit_owner = 0x10;
inline constexpr std::uint64_t has_xattr = 0x20;
inline constexpr std::uint64_t compression_gzip = 0x40;
inline constexpr std::uint64_t compression_zstd = 0x80;
inline constexpr std::uint64_t digests_in_blob = 0x100;
inline constexpr std::uint64_t tarfs = 0x200; // blobs are tar files, used as they are
inline constexpr std::uint64_t not_encrypted = 0x0100'0000;
inline constexpr std::uint64_t encrypted_aes_128_xts = 0x0200'0000;
} // namespace flag

namespace feature {
inline constexpr std::uint32_t aligned = 0x1;
inline constexpr std::uint32_t zran = 0x8;
inline constexpr std::uint32_t batch = 0x80;
inline constexpr std::uint32_t encrypted = 0x100;
inline constexpr std::uint32_t external = 0x800;
inline constexpr std::uint32_t tarfs = 0x40;
} // namespace feature

namespace chunk_flag {
inline constexpr std::uint32_t compressed = 0x1;
inline constexpr std::uint32_t encrypted = 0x4;
inline constexpr std::uint32_t batch = 0x8;
} // namespace chunk_flag

// Where fields are in the extension, in an entry of the blob table, and in one of the chunk table;
// bytes.
namespace field {
inline constexpr std::uint64_t flags = 0;
inline constexpr std::uint64_t blob_table = 8;
inline constexpr std::uint64_t chunk_size = 20;
inline constexpr std::uint64_t chunk_table = 24;
inline constexpr std::uint64_t prefetch_table = 40;
inline constexpr std::uint64_t blob_index = 64;
inline constexpr std::uint64_t blob_chunk_size = 68;
inline constexpr std::uint64_t blob_chunk_count = 72;
inline constexpr std::uint64_t blob_compressor = 76;
inline constexpr std::uint64_t blob_digester = 80;
inline constexpr std::uint64_t blob_features = 84;
inline constexpr std::uint64_t blob_size = 96;
inline constexpr std::uint64_t chunk_blob = 32;
inline constexpr std::uint64_t chunk_flags = 36;
inline constexpr std::uint64_t chunk_stored_size = 40;
inline constexpr std::uint64_t chunk_decoded_size = 44;
inline constexpr std::uint64_t chunk_stored_offset = 48;
inline constexpr std::uint64_t chunk_offset = 56;
inline constexpr std::uint64_t chunk_number = 72;
} // namespace field

} // namespace coldscope::rafs
