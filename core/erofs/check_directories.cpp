// Directories of an image, for check_image(). What the index's builder has listed already (what
// can't be read, loops) is not listed again.
#include "core/erofs/check_parts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

class DirectoryCheck {
public:
    DirectoryCheck(Image& image, const Index& index, Findings& findings)
        : image_(image), index_(index), findings_(findings),
          entries_left_(image.metadata_room() / dirent_size) {}
    void check(NodeId id);

private:
    void check_block(const DirBlock& block);
    void check_name(const DirEntry& entry, std::uint64_t offset);
    void check_target(const DirEntry& entry, std::uint64_t offset);
    void add(Severity severity, std::uint64_t offset, const char* field, std::string message,
             std::string value = {}) {
        if (findings_.full())
            findings_.count(severity);
        else
            findings_.add({severity, offset, label("directory", index_, id_), field,
                           std::move(message), make_again, std::move(value)});
    }

    Image& image_;
    const Index& index_;
    Findings& findings_;
    std::uint64_t entries_left_;
    NodeId id_ = 0;
    std::string previous_;
    bool dot_ = false;
    bool dot_dot_ = false;
    bool complete_ = true; // every entry could be read
};

void DirectoryCheck::check(NodeId id) {
    id_ = id;
    previous_.clear();
    dot_ = dot_dot_ = false;
    complete_ = true;
    const auto inode = image_.inode(index_.node(id).nid);
    if (!inode)
        return;
    std::vector<std::byte> copy;
    for (std::uint64_t number = 0; number < image_.directory_blocks(*inode); ++number) {
        const auto raw = image_.directory_block(*inode, number);
        if (!raw || entries_left_ == 0)
            return;
        copy.assign(raw->bytes.begin(), raw->bytes.end());
        const auto block = DirBlock::open(copy, raw->offset);
        entries_left_ -= std::min<std::uint64_t>(entries_left_, block ? block->count() : 1);
        if (block)
            check_block(*block);
        else
            complete_ = false;
    }
    if (!complete_)
        return;
    if (!dot_ && !inode->dot_omitted)
        add(Severity::error, inode->offset, "entries", "no entry \".\"");
    if (!dot_dot_)
        add(Severity::error, inode->offset, "entries", "no entry \"..\"");
}

void DirectoryCheck::check_block(const DirBlock& block) {
    for (std::size_t i = 0; i < block.count(); ++i) {
        const auto entry = block.entry(i);
        if (!entry) {
            complete_ = false;
            continue;
        }
        check_name(*entry, block.entry_offset(i));
        check_target(*entry, block.entry_offset(i));
        previous_ = entry->name;
    }
}

void DirectoryCheck::check_name(const DirEntry& entry, std::uint64_t offset) {
    if (entry.name.find('/') != std::string_view::npos)
        add(Severity::error, offset, "name", fmt::format("\"{}\" has a slash", entry.name),
            std::string(entry.name));
    if (entry.name.find('\0') != std::string_view::npos)
        add(Severity::error, offset, "name", "a NUL within a name", std::string(entry.name));
    if (previous_.empty())
        return;
    const int order = entry.name.compare(previous_);
    if (order == 0)
        add(Severity::error, offset, "name", fmt::format("\"{}\" is there twice", entry.name),
            std::string(entry.name));
    else if (order < 0)
        add(Severity::error, offset, "name",
            fmt::format("\"{}\" follows \"{}\": names must be sorted, or look-ups miss them",
                        entry.name, previous_),
            std::string(entry.name));
}

void DirectoryCheck::check_target(const DirEntry& entry, std::uint64_t offset) {
    if (entry.type >= file_type_count)
        add(Severity::error, offset + 10, "file_type",
            fmt::format("there is no type {}", entry.type), std::to_string(entry.type));
    const Node& node = index_.node(id_);
    if (entry.name == ".") {
        dot_ = true;
        if (entry.nid != node.nid)
            add(Severity::error, offset, "nid", fmt::format("\".\" is inode {}", entry.nid),
                std::to_string(entry.nid));
    } else if (entry.name == "..") {
        dot_dot_ = true;
        const std::uint64_t parent = index_.node(node.parent).nid;
        if (entry.nid != parent)
            add(Severity::error, offset, "nid",
                fmt::format("\"..\" is inode {} instead of {}", entry.nid, parent),
                std::to_string(entry.nid));
    } else if (const auto found = index_.node_of_nid(entry.nid); found) {
        const std::uint16_t mode = index_.node(*found).mode;
        if (mode != 0 && entry.type != 0 &&
            entry.type != static_cast<std::uint8_t>(file_type(mode)))
            add(Severity::warning, offset + 10, "file_type",
                fmt::format("type {} for \"{}\", whose mode is {:o}", entry.type, entry.name, mode),
                std::to_string(entry.type));
    }
}

} // namespace

void check_directories(Image& image, const Index& index, Findings& findings) {
    DirectoryCheck check(image, index, findings);
    for (std::size_t i = 0; i < index.size(); ++i) {
        if (index.nodes()[i].is_directory())
            check.check(static_cast<NodeId>(i));
    }
}

} // namespace coldscope::erofs
