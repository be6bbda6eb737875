// Compressed files, for check_image(): each cluster that their index names. They are decoded by
// check_data().
#include "core/base/checked.h"
#include "core/erofs/check_parts.h"
#include "core/erofs/compressed_map.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldscope::erofs {

CompressedCheck::CompressedCheck(Image& image, Findings& findings)
    : image_(image), findings_(findings), clusters_left_(image.metadata_room() / 2) {}

void CompressedCheck::add(const Inode& inode, const LabelOf& label, std::uint64_t offset,
                          const char* field, std::string value, std::string message,
                          const char* advice) {
    if (findings_.full()) {
        findings_.count(Severity::error);
        return;
    }
    Finding finding{Severity::error,    offset, label,           field,
                    std::move(message), advice, std::move(value)};
    finding.in_metabox = inode.in_metabox();
    findings_.add(std::move(finding));
}

void CompressedCheck::add(const Inode& inode, const LabelOf& label, const Error& error) {
    const auto again = std::ranges::find_if(findings_.list(), [&](const Finding& finding) {
        return finding.offset == error.offset && finding.message == error.context;
    });
    if (again == findings_.list().end() && findings_.full()) {
        findings_.count(Severity::error);
        return;
    }
    if (again == findings_.list().end()) {
        findings_.add(error, label, make_again, inode.in_metabox());
        return;
    }
    again->structure = label;
    again->advice = make_again;
    again->in_metabox = inode.in_metabox();
}

std::uint64_t CompressedCheck::end_of_index(const Inode& inode, const MapHeader& header) const {
    if (header.whole_packed || inode.size == 0)
        return header.end();
    if (header.has_records) {
        const std::uint64_t size = header.record_size();
        const std::uint64_t first = align_up<std::uint64_t>(header.end(), size);
        const std::uint64_t most = image_.metadata_room() / size;
        if (size >= 16)
            return first + std::min(header.extents, most) * size;
        const std::uint64_t count = ((inode.size - 1) >> header.lcluster_bits) + 1;
        return first + (size == 4 ? 8 : 0) + std::min(count, most) * size;
    }
    const auto last =
        LclusterTable(image_, inode, header).load((inode.size - 1) >> header.lcluster_bits);
    return last ? last->next + header.inline_size : header.end();
}

std::uint64_t CompressedCheck::check(const Inode& inode, const LabelOf& label) {
    const auto header = read_map_header(image_, inode);
    if (!header) {
        add(inode, label, header.error());
        return inode.body_offset();
    }
    auto map = CompressedMap::open(image_, inode);
    if (!map) {
        add(inode, label, map.error());
        return end_of_index(inode, *header);
    }
    // A walk through the index may look at all of it.
    clusters_left_ -= std::min(clusters_left_, image_.index_entries(inode).value_or(0));
    for (std::uint64_t at = 0; at < inode.size;) {
        if (clusters_left_ == 0) {
            add(inode, label, inode.offset + 8, "size", std::to_string(inode.size),
                "there are more clusters than the image has room for: indexes overlap", make_again);
            break;
        }
        --clusters_left_;
        const auto cluster = map->at(at);
        if (!cluster) {
            add(inode, label, cluster.error());
            break;
        }
        if (!check_cluster(inode, label, *header, *cluster))
            break; // one for a file
        at = cluster->offset + cluster->length;
    }
    return end_of_index(inode, *header);
}

bool CompressedCheck::check_inlined(const Inode& inode, const LabelOf& label,
                                    const MapHeader& header, const Cluster& cluster) {
    std::uint64_t end = image_.size();
    if (inode.in_metabox()) {
        const auto box = image_.inode(image_.superblock().metabox_nid);
        end = box ? box->size : 0;
    }
    if (cluster.address <= end && cluster.stored <= end - cluster.address)
        return true;
    add(inode, label, header.offset + 2, "idata_size", std::to_string(header.inline_size),
        fmt::format("the {} bytes behind the index, for the file's bytes from {} on, reach past "
                    "the end of the {}, which is at {}",
                    cluster.stored, cluster.offset, inode.in_metabox() ? "metabox" : "image", end),
        "the image is truncated, or was made wrongly");
    return false;
}

bool CompressedCheck::check_cluster(const Inode& inode, const LabelOf& label,
                                    const MapHeader& header, const Cluster& cluster) {
    if (cluster.form == Cluster::Form::hole)
        return true;
    if (cluster.inlined)
        return check_inlined(inode, label, header, cluster);
    if (cluster.form == Cluster::Form::fragment) {
        const auto packed = image_.packed_inode();
        if (!packed) {
            add(inode, label, packed.error());
            return false;
        }
        if (!header.whole_packed && !header.has_records) {
            const auto head =
                LclusterTable(image_, inode, header).load(cluster.offset >> header.lcluster_bits);
            if (head && head->type == LclusterType::plain) {
                add(inode, label, head->offset, "advise", "plain",
                    "the logical cluster of a fragment is said to be plain, which kernels refuse",
                    make_again);
                return false;
            }
        }
        const auto end = checked_add(cluster.address, cluster.length);
        if (packed->is_regular() && end && *end <= packed->size)
            return true;
        add(inode, label, header.offset, "fragment offset", std::to_string(cluster.address),
            fmt::format("bytes {} on of the packed inode, which has {} bytes, hold no {} more",
                        cluster.address, packed->size, cluster.length),
            make_again);
        return false;
    }
    // Kernels compare what is stored plain with the whole of its first logical cluster, whatever
    // the file's size.
    if (cluster.form != Cluster::Form::encoded && !header.has_records &&
        !header.has(advise::inline_tail)) {
        const std::uint64_t lcluster = std::uint64_t{1} << header.lcluster_bits;
        const std::uint64_t length = lcluster - (cluster.offset & (lcluster - 1));
        if (length > cluster.stored) {
            add(inode, label, header.offset + 7, "clusterbits",
                std::to_string(header.lcluster_bits - image_.superblock().block_bits),
                fmt::format("a logical cluster of {} bytes is said to be plain in {}", length,
                            cluster.stored),
                make_again);
            return false;
        }
    }
    const DeviceResolver::Place place = image_.placed(cluster.address);
    std::uint64_t end = image_.size();
    if (place.device != 0)
        end = image_.devices()[place.device - 1U].blocks << image_.superblock().block_bits;
    if (place.address <= end && cluster.stored <= end - place.address)
        return true;
    add(inode, label, header.offset, "block",
        std::to_string(cluster.address >> image_.superblock().block_bits),
        fmt::format(
            "the {} bytes for the file's bytes from {} on lie at {}, past the end of device "
            "{}, which is at {}",
            cluster.stored, cluster.offset, place.address, place.device, end),
        place.device == 0 ? "the image is truncated, or was made wrongly"
                          : "make the image again with all its blobs");
    return false;
}

} // namespace coldscope::erofs
