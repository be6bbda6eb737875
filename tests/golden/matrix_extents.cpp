#include "tests/golden/matrix_extents.h"

#include "tests/golden/golden_tools.h"

#include <algorithm>
#include <future>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

namespace coldscope::golden {

namespace {

using erofs::Cluster;
using erofs::Extent;
using erofs::ExtentKind;

struct Asked {
    std::string path;
    std::uint64_t size = 0;
    bool in_metabox = false;
    bool compressed = false;
    std::vector<Extent> extents;
    std::vector<Cluster> clusters; // of compressed files
};

// One line of dump.erofs is a chunk; ours are merged where they are adjacent. Of holes its address
// means nothing, and of inline data in the metabox it is one there.
std::string line_differs(const DumpExtent& line, const Extent& ours, const Asked& file) {
    const std::uint64_t end = std::min(line.offset + line.length, file.size);
    if (end > ours.offset + ours.length)
        return fmt::format("{} to {} is one extent of dump.erofs", line.offset, end);
    if (ours.kind == ExtentKind::hole || (ours.kind == ExtentKind::inline_tail && file.in_metabox))
        return {};
    const std::uint64_t address = ours.address + line.offset - ours.offset;
    if (address != line.address || ours.device != line.device)
        return fmt::format("at {}: device {}, {} instead of device {}, {}", line.offset,
                           ours.device, address, line.device, line.address);
    return {};
}

std::string plain_differs(const Asked& file, const Dump& dump) {
    for (const DumpExtent& line : dump.extents) {
        const auto ours = std::ranges::find_if(file.extents, [&](const Extent& extent) {
            return line.offset >= extent.offset && line.offset < extent.offset + extent.length;
        });
        if (ours == file.extents.end())
            return fmt::format("no extent at {}", line.offset);
        if (std::string what = line_differs(line, *ours, file); !what.empty())
            return what;
    }
    for (const Extent& extent : file.extents) {
        if (std::ranges::find(dump.extents, extent.offset, &DumpExtent::offset) ==
            dump.extents.end())
            return fmt::format("dump.erofs has no extent that begins at {}", extent.offset);
    }
    return {};
}

// A line is a cluster. It has no address for a fragment.
std::string compressed_differs(const Asked& file, const Dump& dump) {
    if (dump.extents.size() != file.clusters.size())
        return fmt::format("{} clusters instead of {}", file.clusters.size(), dump.extents.size());
    for (std::size_t i = 0; i < dump.extents.size(); ++i) {
        const DumpExtent& line = dump.extents[i];
        const Cluster& ours = file.clusters[i];
        const bool placed = ours.form != Cluster::Form::fragment;
        const std::uint64_t address = placed ? ours.address : 0;
        const std::uint64_t stored = placed ? ours.stored : 0;
        if (ours.offset == line.offset && ours.length == line.length &&
            (ours.form == Cluster::Form::hole ||
             (address == line.address && stored == line.stored)))
            continue;
        return fmt::format("{} + {} at {} + {} instead of {} + {} at {} + {}", ours.offset,
                           ours.length, address, stored, line.offset, line.length, line.address,
                           line.stored);
    }
    return {};
}

std::string file_differs(const Asked& file, const Dump& dump) {
    std::uint64_t end = 0;
    for (const DumpExtent& line : dump.extents) {
        if (line.offset != end)
            return fmt::format("dump.erofs goes on at {} instead of {}", line.offset, end);
        end += line.length;
    }
    if (end < file.size)
        return fmt::format("dump.erofs ends at {} of {}", end, file.size);
    return file.compressed ? compressed_differs(file, dump) : plain_differs(file, dump);
}

Result<std::vector<erofs::Cluster>> clusters_of(erofs::Image& image, const erofs::Inode& inode) {
    std::vector<erofs::Cluster> clusters;
    COLDSCOPE_TRY(erofs::CompressedMap map, erofs::CompressedMap::open(image, inode));
    for (std::uint64_t at = 0; at < inode.size;
         at = clusters.back().offset + clusters.back().length) {
        COLDSCOPE_TRY(const erofs::Cluster cluster, map.at(at));
        clusters.push_back(cluster);
    }
    return clusters;
}

std::vector<Asked> files_to_ask(CoreImage& opened, const View& view, std::size_t& left_out) {
    std::vector<Asked> files;
    int number = 0;
    for (const auto& [path, entry] : view) {
        const bool has_bytes = S_ISREG(entry.mode) || S_ISDIR(entry.mode) || S_ISLNK(entry.mode);
        if (!has_bytes || entry.first_link != path)
            continue;
        if ((path.starts_with("/tiny/") || path.starts_with("/long/") ||
             path.starts_with("/depth/")) &&
            number++ % 8 != 0)
            continue;
        const auto inode = opened.image->find(path);
        const auto extents =
            inode ? opened.image->map(*inode, 0, inode->size) : std::unexpected(inode.error());
        if (!extents)
            throw std::runtime_error(path + ": " + describe(extents.error()));
        if (inode->in_metabox() && inode->layout == erofs::Layout::chunk_based) {
            ++left_out;
            continue;
        }
        Asked file{path,     inode->size, inode->in_metabox(), erofs::is_compressed(inode->layout),
                   *extents, {}};
        if (file.compressed) {
            auto clusters = clusters_of(*opened.image, *inode);
            if (!clusters)
                throw std::runtime_error(path + ": " + describe(clusters.error()));
            file.clusters = std::move(*clusters);
        }
        files.push_back(std::move(file));
    }
    return files;
}

} // namespace

ExtentsResult compare_extents(const MadeImage& made, CoreImage& opened, const View& view) {
    std::size_t left_out = 0;
    const std::vector<Asked> files = files_to_ask(opened, view, left_out);
    const auto compare = [&](std::size_t first) {
        ExtentsResult result;
        for (std::size_t i = first; i < files.size() && result.difference.empty(); i += 2) {
            const Dump dump = dump_erofs(made.image, made.blobs, files[i].path, false, made.offset);
            ++result.files;
            result.extents += dump.extents.size();
            if (std::string what = file_differs(files[i], dump); !what.empty())
                result.difference = files[i].path + ": " + what;
        }
        return result;
    };
    auto odd = std::async(std::launch::async, compare, 1);
    ExtentsResult result = compare(0);
    const ExtentsResult other = odd.get();
    result.files += other.files;
    result.extents += other.extents;
    result.left_out = left_out;
    if (result.difference.empty())
        result.difference = other.difference;
    return result;
}

} // namespace coldscope::golden
