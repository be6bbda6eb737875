// coldscoped cat: a file's bytes on standard output.
#include "core/erofs/read.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/describe_file.h"
#include "daemon/cli/open_image.h"
#include "daemon/cli/output.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fmt/format.h>

namespace coldscope::cli {

namespace {

constexpr std::uint64_t piece_size = 1024 * 1024; // bytes

} // namespace

int run_cat(const ImageOptions& options) {
    const auto opened = open_image(options.image, options.devices);
    if (opened == nullptr)
        return 1;
    const auto inode = opened->image->find(options.path);
    if (!inode)
        return print_error(inode.error(), options.image);
    if (inode->is_symlink()) {
        const auto target = opened->image->link_target(*inode);
        return print_error(
            Error{Code::invalid, 0, inode->offset,
                  fmt::format("\"{}\" is a symbolic link to \"{}\", and links are not followed",
                              options.path, target ? *target : std::string("?"))},
            options.image);
    }
    if (!inode->is_regular())
        return print_error(Error{Code::invalid, inode->is_directory() ? EISDIR : 0, inode->offset,
                                 fmt::format("\"{}\" is not a regular file but a {}", options.path,
                                             type_text(inode->mode))},
                           options.image);
    if (opened->rafs_error)
        return print_error(*opened->rafs_error, options.image);
    Output output;
    std::vector<std::byte> piece;
    for (std::uint64_t at = 0; at < inode->size; at += piece.size()) {
        piece.resize(static_cast<std::size_t>(std::min(piece_size, inode->size - at)));
        if (const auto read = erofs::read_file(*opened->image, *inode, at, piece, opened->devices);
            !read) {
            const int code = print_error(read.error(), options.image);
            if (read.error().code == Code::not_found)
                fmt::print(stderr,
                           "  Give the blobs with --device, in the device table's order.\n");
            return output.finish(code);
        }
        if (!output.write(piece))
            break;
    }
    return output.finish(0);
}

} // namespace coldscope::cli
