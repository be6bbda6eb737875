// The whole tree of an image in memory: names, sizes, and the reverse map from device ranges to
// files. Built once, then read only (and from any thread).
#pragma once

#include "core/base/error.h"
#include "core/erofs/finding.h"
#include "core/erofs/image.h"
#include "core/erofs/reverse_map.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope::erofs {

inline constexpr NodeId root_node = 0;
inline constexpr NodeId no_node = ~NodeId{0};

// One name in the tree; hard links are nodes of their own with the same nid.
struct Node {
    std::uint64_t nid = 0;
    std::uint64_t size = 0;        // bytes
    NodeId parent = 0;             // the root is its own
    std::uint32_t name_offset = 0; // into the index's names
    std::uint32_t directory = 0;   // directories: which of the index's child ranges; otherwise 0
    std::uint16_t mode = 0;        // 0: the inode could not be read (tolerant builds only)
    std::uint8_t name_length = 0;
    Layout layout = Layout::flat_plain;

    [[nodiscard]] bool is_directory() const { return S_ISDIR(mode); }
    [[nodiscard]] bool is_regular() const { return S_ISREG(mode); }
};
static_assert(sizeof(Node) == 32);

class Index {
public:
    static constexpr std::uint32_t max_depth = 4096;

    // Errors: those of Image; corrupt for a directory reached twice, a tree deeper than
    // max_depth, more entries or chunks than the image has room for; unsupported for names that
    // take more memory than there is, see MemoryRoom. Extents that would are left out.
    // With findings, a part that can't be read or is left out is listed there.
    [[nodiscard]] static Result<Index> build(Image& image, Findings* tolerant = nullptr);
    // The root and the names in it alone, as far as the block of it with the most-th name, without
    // extents; what can't be read is left out. Each node has the id that it has in a tolerant
    // build of the same image.
    [[nodiscard]] static Result<Index> build_root(Image& image, std::size_t most);

    [[nodiscard]] std::size_t size() const { return nodes_.size(); }
    [[nodiscard]] const Node& node(NodeId id) const { return nodes_[id]; }
    [[nodiscard]] std::span<const Node> nodes() const { return nodes_; }
    [[nodiscard]] std::string_view name(NodeId id) const; // "" for the root
    [[nodiscard]] std::string path(NodeId id) const;      // "/" for the root
    // Children have consecutive ids, in order of name: first, first + 1, ...
    struct Children {
        NodeId first = 0;
        std::uint32_t count = 0;
    };
    [[nodiscard]] Children children(NodeId id) const; // none for what is no directory
    [[nodiscard]] std::optional<NodeId> find(std::string_view absolute_path) const;
    // The first node with this nid; its other hard links by nodes_of_nid().
    [[nodiscard]] std::optional<NodeId> node_of_nid(std::uint64_t nid) const;
    [[nodiscard]] std::vector<NodeId> nodes_of_nid(std::uint64_t nid) const;

    using FileCallback = std::function<void(NodeId node, std::uint64_t file_offset,
                                            std::uint64_t address, std::uint64_t length)>;
    // The files with bytes in a range of a device, clipped to it, in order of address. A file
    // with hard links is reported as one of them. Of a compressed file, the range is a part of a
    // physical cluster, and file_offset where its first byte that is decoded from that one is; the
    // packed inode's clusters are those of the files whose fragments lie in them.
    void files_at(std::uint16_t device, std::uint64_t address, std::uint64_t length,
                  const FileCallback& callback) const;
    // All nodes, sorted by nid, then by id.
    [[nodiscard]] std::span<const NodeId> by_nid() const { return by_nid_; }
    [[nodiscard]] std::span<const ReverseMap> reverse_maps() const { return reverse_; } // by device

    [[nodiscard]] std::size_t memory() const; // bytes

private:
    friend class IndexBuilder;

    std::vector<Node> nodes_;
    std::vector<char> names_;
    std::vector<Children> directories_;
    std::vector<NodeId> by_nid_; // sorted by nid, then by id
    std::vector<ReverseMap> reverse_;
};

} // namespace coldscope::erofs
