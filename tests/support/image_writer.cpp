#include "tests/support/image_writer.h"

#include "core/erofs/features.h"
#include "core/erofs/inode.h"

#include <algorithm>
#include <array>

namespace coldscope::test {

using namespace erofs;

namespace {

constexpr std::uint64_t hole = 0xFFFF'FFFF'FFFF;
constexpr std::uint64_t rafs_extension = 256; // bytes

template <typename T>
void append(Bytes& bytes, T value) {
    bytes.resize(bytes.size() + sizeof value);
    put(bytes, bytes.size() - sizeof value, value);
}

void append_text(Bytes& bytes, std::string_view text) {
    const Bytes more = to_bytes(text);
    bytes.insert(bytes.end(), more.begin(), more.end());
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
    return (value + to - 1) / to * to;
}

} // namespace

ImageWriter::ImageWriter(const ImageBuilder& from)
    : from_(from), block_(std::uint64_t{1} << from.block_bits_) {}

BuiltImage ImageWriter::write() {
    out_.block_size = static_cast<std::uint32_t>(block_);
    add_tree();
    const std::uint64_t slots = from_.metabox_.empty() ? 0 : 1;
    const std::uint64_t extension = from_.rafs_chunk_ != 0 ? rafs_extension : 0;
    slots_ =
        round_up(super_offset + super_size + slots * super_slot_size + extension, device_slot_size);
    out_.bytes.resize(slots_ + from_.tags_.size() * device_slot_size);
    out_.blobs = from_.blobs_;
    write_prefixes();
    write_shared_xattrs();
    place_data();
    place_inodes();
    write_nodes();
    align(block_);
    write_super();
    return std::move(out_);
}

void ImageWriter::align(std::uint64_t to) {
    out_.bytes.resize(round_up(out_.bytes.size(), to));
}

std::string ImageWriter::real_path(const std::string& path) const {
    const auto link = hard_links_.find(path);
    return link == hard_links_.end() ? path : link->second;
}

void ImageWriter::add_directory(const std::string& path, const std::string& above) {
    if (nodes_.contains(path))
        return;
    Node& node = nodes_[path];
    node.spec.path = path;
    node.spec.mode = S_IFDIR | 0755;
    node.links = 2;
    node.entries = {{".", path}, {"..", above}};
    if (path != "/") {
        nodes_[above].entries.push_back({path.substr(path.rfind('/') + 1), path});
        ++nodes_[above].links;
    }
}

// Adds what is missing from the root down; without recursion, for trees can be very deep.
ImageWriter::Node& ImageWriter::directory(const std::string& path) {
    add_directory("/", "/");
    std::string above = "/";
    for (std::size_t slash = 0; above != path;) {
        slash = std::min(path.find('/', slash + 1), path.size());
        std::string here = path.substr(0, slash);
        add_directory(here, above);
        above = std::move(here);
    }
    return nodes_.at(path);
}

void ImageWriter::add_tree() {
    directory("/");
    for (const FileSpec& file : from_.files_) {
        const std::size_t slash = file.path.rfind('/');
        if (S_ISDIR(file.mode)) {
            directory(file.path).spec = file;
            continue;
        }
        directory(slash == 0 ? "/" : file.path.substr(0, slash))
            .entries.push_back({file.path.substr(slash + 1), file.path});
        if (!file.link_to.empty()) {
            hard_links_[file.path] = file.link_to;
            continue;
        }
        Node node;
        node.spec = file;
        node.data = file.data;
        nodes_[file.path] = std::move(node);
    }
    for (const auto& [path, target] : hard_links_)
        ++nodes_.at(target).links;
    for (auto& [path, node] : nodes_) {
        std::ranges::sort(node.entries, {}, &Entry::name);
        if (S_ISDIR(node.spec.mode))
            node.data.resize(directory_data(node).size());
    }
}

void ImageWriter::write_prefixes() {
    align(4);
    prefixes_ = out_.bytes.size();
    for (const auto& [base, infix] : from_.prefixes_) {
        append<std::uint16_t>(out_.bytes, static_cast<std::uint16_t>(infix.size() + 1));
        append<std::uint8_t>(out_.bytes, base);
        append_text(out_.bytes, infix);
        align(4);
    }
}

Bytes ImageWriter::xattr_entry(const std::string& name, const std::string& value) const {
    static const std::array<std::string, 7> prefixes{
        "?",       "user.",    "system.posix_acl_access", "system.posix_acl_default", "trusted.",
        "lustre.", "security."};
    std::size_t index = 0;
    for (std::size_t i = 1; i < prefixes.size(); ++i) {
        if (name.starts_with(prefixes[i]))
            index = i;
    }
    std::string rest = name.substr(prefixes[index].size());
    for (std::size_t i = 0; i < from_.prefixes_.size(); ++i) {
        const auto& [base, infix] = from_.prefixes_[i];
        if (base == index && rest.starts_with(infix)) {
            index = xattr_long_prefix | i;
            rest = rest.substr(infix.size());
            break;
        }
    }
    Bytes entry;
    append<std::uint8_t>(entry, static_cast<std::uint8_t>(rest.size()));
    append<std::uint8_t>(entry, static_cast<std::uint8_t>(index));
    append<std::uint16_t>(entry, static_cast<std::uint16_t>(value.size()));
    append_text(entry, rest);
    append_text(entry, value);
    entry.resize(round_up(entry.size(), 4));
    return entry;
}

void ImageWriter::write_shared_xattrs() {
    align(block_);
    xattr_block_ = out_.bytes.size() / block_;
    for (const auto& [path, node] : nodes_) {
        for (const auto& xattr : node.spec.shared_xattrs) {
            if (shared_ids_.contains(xattr))
                continue;
            shared_ids_[xattr] =
                static_cast<std::uint32_t>((out_.bytes.size() - xattr_block_ * block_) / 4);
            const Bytes entry = xattr_entry(xattr.first, xattr.second);
            out_.bytes.insert(out_.bytes.end(), entry.begin(), entry.end());
        }
    }
    align(block_);
}

Bytes ImageWriter::xattr_area(const FileSpec& spec) const {
    Bytes area;
    if (spec.xattrs.empty() && spec.shared_xattrs.empty())
        return area;
    append<std::uint32_t>(area, 0);
    append<std::uint8_t>(area, static_cast<std::uint8_t>(spec.shared_xattrs.size()));
    area.resize(xattr_header_size);
    for (const auto& xattr : spec.shared_xattrs)
        append<std::uint32_t>(area, shared_ids_.at(xattr));
    for (const auto& [name, value] : spec.xattrs) {
        const Bytes entry = xattr_entry(name, value);
        area.insert(area.end(), entry.begin(), entry.end());
    }
    return area;
}

std::uint64_t ImageWriter::size_of(const Node& node) const {
    return node.data.size();
}

// The bytes behind the inode.
std::uint64_t ImageWriter::tail_of(const Node& node) const {
    const bool has_tail = node.spec.layout == Layout::flat_inline;
    return has_tail && !node.data.empty() ? (node.data.size() - 1) % block_ + 1 : 0;
}

std::uint64_t ImageWriter::header_size(const Node& node) const {
    return (node.spec.extended ? extended_inode_size : compact_inode_size) + node.xattrs.size();
}

void ImageWriter::place_data() {
    for (auto& [path, node] : nodes_) {
        node.xattrs = xattr_area(node.spec);
        if (node.spec.layout == Layout::flat_inline && header_size(node) + tail_of(node) > block_)
            node.spec.layout = Layout::flat_plain; // a tail may not cross a block's end
        if (node.spec.layout == Layout::chunk_based) {
            place_chunks(node);
            continue;
        }
        if (is_compressed(node.spec.layout))
            continue;
        align(block_);
        node.start_block = out_.bytes.size() / block_;
        // Directories' bytes are known only when inodes have their places.
        const std::uint64_t count = size_of(node) - tail_of(node);
        out_.bytes.insert(out_.bytes.end(), node.data.begin(),
                          node.data.begin() + static_cast<std::ptrdiff_t>(count));
    }
    align(block_);
}

void ImageWriter::place_chunks(Node& node) {
    if (!node.spec.places.empty()) {
        for (const FileSpec::ChunkPlace& place : node.spec.places)
            node.chunks.push_back(place.block == FileSpec::ChunkPlace::hole ? hole : place.block);
        return;
    }
    const std::uint64_t chunk_size = block_ << node.spec.chunk_bits;
    for (std::uint64_t at = 0; at < node.data.size(); at += chunk_size) {
        const auto first = node.data.begin() + static_cast<std::ptrdiff_t>(at);
        const auto length = std::min<std::uint64_t>(chunk_size, node.data.size() - at);
        const Bytes chunk(first, first + static_cast<std::ptrdiff_t>(length));
        const bool zero = std::ranges::all_of(chunk, [](std::byte b) { return b == std::byte{}; });
        node.chunks.push_back(zero && node.spec.holes ? hole : place_chunk(node, chunk));
    }
}

std::uint64_t ImageWriter::place_chunk(const Node& node, const Bytes& chunk) {
    const std::uint16_t device = node.spec.device;
    if (node.spec.deduplicate) {
        const auto known = known_chunks_.find({device, chunk});
        if (known != known_chunks_.end())
            return known->second;
    }
    Bytes& bytes = device == 0 ? out_.bytes : out_.blobs[device - 1U];
    bytes.resize(round_up(bytes.size(), block_));
    std::uint64_t block = bytes.size() / block_;
    bytes.insert(bytes.end(), chunk.begin(), chunk.end());
    bytes.resize(round_up(bytes.size(), block_));
    out_.chunks.push_back({device, block * block_, chunk.size()});
    if (from_.rafs_chunk_ != 0) { // the address's upper half is the number's lower one
        std::uint64_t& number = rafs_chunks_[device];
        block |= (number & 0xFFFF) << 32;
        number += round_up(chunk.size(), from_.rafs_chunk_) / from_.rafs_chunk_;
    }
    if (node.spec.unified)
        block += first_unified_block + (device - 1U) * unified_blocks_each;
    known_chunks_[{device, chunk}] = block;
    return block;
}

void ImageWriter::place_inodes() {
    meta_block_ = out_.bytes.size() / block_;
    for (auto& [path, node] : nodes_) { // "/" comes first
        align(32);
        const std::uint64_t tail = tail_of(node);
        const std::uint64_t within = (out_.bytes.size() + header_size(node)) % block_;
        if (tail != 0 && within + tail > block_)
            align(block_);
        node.offset = out_.bytes.size();
        std::uint64_t end = node.offset + header_size(node);
        if (node.spec.layout == Layout::chunk_based) {
            const std::uint64_t width = node.spec.indexes ? 8 : 4;
            end = round_up(end, width) + width * node.chunks.size();
        }
        out_.bytes.resize(end + tail);
    }
}

std::uint64_t ImageWriter::nid(const std::string& path) const {
    return (nodes_.at(real_path(path)).offset - meta_block_ * block_) / 32;
}

Bytes ImageWriter::directory_data(const Node& node) const {
    Bytes data;
    const auto& entries = node.entries;
    for (std::size_t i = 0; i < entries.size();) {
        std::size_t end = i;
        std::size_t used = 0;
        while (end < entries.size() && used + dirent_size + entries[end].name.size() <= block_)
            used += dirent_size + entries[end++].name.size();
        data.resize(round_up(data.size(), block_));
        std::size_t name_at = (end - i) * dirent_size;
        Bytes names;
        for (; i < end; ++i) {
            const auto target = nodes_.find(real_path(entries[i].path));
            const bool placed = meta_block_ != 0;
            append<std::uint64_t>(data, placed ? nid(entries[i].path) : 0);
            append<std::uint16_t>(data, static_cast<std::uint16_t>(name_at));
            append<std::uint8_t>(data, target == nodes_.end() ? std::uint8_t{0}
                                                              : static_cast<std::uint8_t>(file_type(
                                                                    target->second.spec.mode)));
            append<std::uint8_t>(data, 0);
            append_text(names, entries[i].name);
            name_at += entries[i].name.size();
        }
        data.insert(data.end(), names.begin(), names.end());
    }
    return data;
}

void ImageWriter::write_nodes() {
    for (auto& [path, node] : nodes_) {
        if (S_ISDIR(node.spec.mode))
            node.data = directory_data(node);
        write_inode(node);
        std::ranges::copy(node.xattrs, out_.bytes.begin() + static_cast<std::ptrdiff_t>(
                                                                node.offset + header_size(node) -
                                                                node.xattrs.size()));
        std::uint64_t body = node.offset + header_size(node);
        if (node.spec.layout == Layout::chunk_based) {
            const std::uint64_t width = node.spec.indexes ? 8 : 4;
            body = round_up(body, width);
            for (std::size_t i = 0; i < node.chunks.size(); ++i) {
                const std::uint64_t chunk = node.chunks[i];
                if (node.spec.indexes) {
                    const std::uint16_t device = !node.spec.places.empty()
                                                     ? node.spec.places[i].device
                                                 : node.spec.unified ? std::uint16_t{0}
                                                                     : node.spec.device;
                    put<std::uint16_t>(out_.bytes, body, static_cast<std::uint16_t>(chunk >> 32));
                    put<std::uint16_t>(out_.bytes, body + 2, device);
                }
                put<std::uint32_t>(out_.bytes, body + width - 4, static_cast<std::uint32_t>(chunk));
                body += width;
            }
        } else if (!is_compressed(node.spec.layout)) {
            const std::uint64_t full = size_of(node) - tail_of(node);
            std::copy_n(node.data.begin(), full,
                        out_.bytes.begin() +
                            static_cast<std::ptrdiff_t>(node.start_block * block_));
            std::copy(node.data.begin() + static_cast<std::ptrdiff_t>(full), node.data.end(),
                      out_.bytes.begin() + static_cast<std::ptrdiff_t>(body));
        }
        out_.nids[path] = nid(path);
        out_.inode[path] = node.offset;
    }
    for (const auto& [path, target] : hard_links_)
        out_.nids[path] = nid(path);
}

void ImageWriter::write_inode(const Node& node) {
    const FileSpec& spec = node.spec;
    Bytes& bytes = out_.bytes;
    const std::uint64_t at = node.offset;
    auto format = static_cast<std::uint16_t>(static_cast<unsigned>(spec.layout) << 1);
    format = static_cast<std::uint16_t>(format | (spec.extended ? 1U : 0U));
    const std::uint64_t icount =
        node.xattrs.empty() ? 0 : (node.xattrs.size() - xattr_header_size) / 4 + 1;
    std::uint32_t u = static_cast<std::uint32_t>(node.start_block);
    if (S_ISCHR(spec.mode) || S_ISBLK(spec.mode))
        u = spec.rdev;
    else if (spec.layout == Layout::chunk_based)
        u = spec.chunk_bits | (spec.indexes ? chunk_indexes : 0U) |
            (spec.indexes && from_.wide_ ? chunk_48bit : 0U);
    put<std::uint16_t>(bytes, at, format);
    put<std::uint16_t>(bytes, at + 2, static_cast<std::uint16_t>(icount));
    put<std::uint16_t>(bytes, at + 4, static_cast<std::uint16_t>(spec.mode));
    if (spec.extended) {
        put<std::uint64_t>(bytes, at + 8, size_of(node));
        put<std::uint32_t>(bytes, at + 16, u);
        put<std::uint32_t>(bytes, at + 20, static_cast<std::uint32_t>(nid(spec.path)));
        put<std::uint32_t>(bytes, at + 24, spec.uid);
        put<std::uint32_t>(bytes, at + 28, spec.gid);
        put<std::int64_t>(bytes, at + 32, spec.mtime);
        put<std::uint32_t>(bytes, at + 40, spec.mtime_nsec);
        put<std::uint32_t>(bytes, at + 44, node.links);
        return;
    }
    put<std::uint16_t>(bytes, at + 6, static_cast<std::uint16_t>(node.links));
    put<std::uint32_t>(bytes, at + 8, static_cast<std::uint32_t>(size_of(node)));
    put<std::uint32_t>(bytes, at + 12,
                       static_cast<std::uint32_t>(spec.mtime - ImageBuilder::epoch));
    put<std::uint32_t>(bytes, at + 16, u);
    put<std::uint32_t>(bytes, at + 20, static_cast<std::uint32_t>(nid(spec.path)));
    put<std::uint16_t>(bytes, at + 24, static_cast<std::uint16_t>(spec.uid));
    put<std::uint16_t>(bytes, at + 26, static_cast<std::uint16_t>(spec.gid));
}

} // namespace coldscope::test
