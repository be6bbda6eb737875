// What the parts of check_image() share.
#pragma once

#include "core/base/sha256.h"
#include "core/erofs/check.h"
#include "core/erofs/compressed_map.h"
#include "core/erofs/metadata_map.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace coldscope::erofs {

inline constexpr const char* fresh_copy = "take a fresh copy of the image, or make it again";
inline constexpr const char* make_again = "make the image again";

inline constexpr std::size_t checked_at_once = 1024; // extents that are in memory

// Digests as tags and fingerprints have them: this, then as many raw bytes.
inline constexpr std::string_view digest_name = "sha256:";
inline constexpr std::size_t digest_size = std::tuple_size_v<Digest>;

// "inode 36 (/usr/bin)"; the end alone of a long path.
[[nodiscard]] std::string label(const char* what, const Index& index, NodeId node);

// A label that is only made where it is needed: paths may be long.
struct LabelOf {
    std::uint64_t nid = 0;
    const Index* index = nullptr; // null: the inode has no name
    NodeId node = 0;
    operator std::string() const; // NOLINT(google-explicit-constructor)
};

// The xattrs of inodes. The shared ones are looked at together, in their order on disk.
class XattrCheck {
public:
    XattrCheck(Image& image, const Index& index, MetadataMap& map, Findings& findings);
    void check(const Inode& inode, NodeId node);
    void check_shared();

private:
    // One reference to a shared xattr.
    struct Shared {
        std::uint32_t id;
        std::uint32_t filter; // of the inode
        NodeId node;
        std::uint16_t number; // in the inode's list
        bool in_metabox;
        std::uint64_t at; // bytes: where the id is stored
    };
    struct Entry {
        std::uint64_t offset = 0;
        std::uint8_t index = 0;
        std::string name; // without its prefix
        std::string value;
    };

    // False when it can't be read, or not within bounds: that is listed.
    [[nodiscard]] bool read_area(const Inode& inode);
    void check_entries(const Inode& inode, std::size_t from, std::uint32_t filter);
    void check_prefix(const Entry& entry, bool in_metabox);
    void check_filter(const Entry& entry, std::uint32_t filter, bool in_metabox);
    void check_fingerprint(const Entry& entry, bool in_metabox);
    void check_shared(const Shared* begin, const Shared* end);
    static constexpr std::size_t most_shared = 65536; // that are remembered
    void add(Severity severity, bool in_metabox, std::uint64_t offset, const char* field,
             std::string value, std::string message, const char* advice = make_again);

    Image& image_;
    const Index& index_;
    MetadataMap& map_;
    Findings& findings_;
    std::uint64_t bytes_left_; // of xattr areas: no more than the image has room for
    bool overlap_told_ = false;
    NodeId node_ = 0;
    std::vector<std::byte> area_;
    std::vector<std::string> names_; // of the inode, to find one twice
    std::vector<Shared> shared_;
};

// The clusters of compressed files.
class CompressedCheck {
public:
    CompressedCheck(Image& image, Findings& findings);
    // Returns where the index, and an inline tail, end: bytes, as Inode::offset.
    std::uint64_t check(const Inode& inode, const LabelOf& label);

private:
    // False when something is wrong: that is listed.
    bool check_cluster(const Inode& inode, const LabelOf& label, const MapHeader& header,
                       const Cluster& cluster);
    bool check_inlined(const Inode& inode, const LabelOf& label, const MapHeader& header,
                       const Cluster& cluster);
    // Not again what the index's builder has listed, but with the file's path.
    void add(const Inode& inode, const LabelOf& label, const Error& error);
    [[nodiscard]] std::uint64_t end_of_index(const Inode& inode, const MapHeader& header) const;
    void add(const Inode& inode, const LabelOf& label, std::uint64_t offset, const char* field,
             std::string value, std::string message, const char* advice);

    Image& image_;
    Findings& findings_;
    std::uint64_t clusters_left_;
};

void check_superblock(Image& image, Findings& findings);
void check_devices(const Image& image, Findings& findings);
void check_directories(Image& image, const Index& index, Findings& findings);
// map: gets what lies where of inodes, directories, links and shared xattrs.
void check_inodes(Image& image, const Index& index, MetadataMap& map, Findings& findings);

// Where superblock, device table, prefixes, metabox and packed inode lie.
void add_fixed_spans(Image& image, MetadataMap& map);

// Whatever lies on bytes of something else. map: sealed.
void check_overlaps(Image& image, const Index& index, const MetadataMap& map, Findings& findings);

} // namespace coldscope::erofs
