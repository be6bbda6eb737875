#include "core/erofs/check.h"

#include "core/base/checked.h"
#include "core/erofs/check_parts.h"
#include "core/erofs/compressed_config.h"
#include "core/erofs/fields.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

void check_size(const Image& image, Findings& findings) {
    const Superblock& super = image.superblock();
    if (super.has_compat(compat::rafs_v6))
        return; // Nydus counts the blobs' blocks there
    const auto said = checked_mul<std::uint64_t>(super.blocks, super.block_size());
    if (!said || *said > image.size()) {
        findings.add({Severity::error, image.size(), "superblock", "blocks",
                      fmt::format("the image should have {} blocks of {} bytes, but the file ends "
                                  "after {} bytes",
                                  super.blocks, super.block_size(), image.size()),
                      "the file is truncated: copy it again"});
    } else if (align_down<std::uint64_t>(image.size(), super.block_size()) > *said) {
        findings.add({Severity::note, *said, "superblock", "blocks",
                      fmt::format("{} bytes follow the {} blocks of the image",
                                  image.size() - *said, super.blocks),
                      "harmless; a signature or a second image may be there"});
    }
}

// A first block that the file does not have makes whatever is counted from it unreadable.
void check_start(const Image& image, const char* field, std::uint32_t block,
                 std::uint64_t field_offset, Findings& findings) {
    const std::uint64_t start = std::uint64_t{block} << image.superblock().block_bits;
    if (start >= image.size())
        findings.add({Severity::error, super_offset + field_offset, "superblock", field,
                      fmt::format("block {} is past the end of the image", block), fresh_copy});
}

} // namespace

void check_superblock(Image& image, Findings& findings) {
    const Superblock& super = image.superblock();
    check_size(image, findings);
    if (super_offset + super.size() > image.size())
        findings.add({Severity::error, super_offset + 13, "superblock", "sb_extslots",
                      fmt::format("{} slots of 16 bytes reach past the end of the image",
                                  super.extension_slots),
                      fresh_copy});
    check_start(image, "meta_blkaddr", super.meta_block, 40, findings);
    if (super.xattr_block != 0)
        check_start(image, "xattr_blkaddr", super.xattr_block, 44, findings);
    if (super.has_compat(compat::inode_share_xattrs) &&
        super.share_prefix_id >= super.xattr_prefix_count)
        findings.add(
            {Severity::error, super_offset + 105, "superblock", "ishare_xattr_prefix_id",
             fmt::format("prefix {} of {}", super.share_prefix_id, super.xattr_prefix_count),
             fresh_copy});
    if (auto prefixes = image.xattr_prefixes(); !prefixes)
        findings.add(prefixes.error(), "long xattr prefixes", fresh_copy);
    if (const auto configs = read_compression_configs(image.primary(), super); !configs)
        findings.add(configs.error(), "compression configuration", fresh_copy);
    if (const std::uint32_t unknown = super.feature_compat & ~(0x3F | compat::rafs_v6);
        unknown != 0)
        findings.add({Severity::note, super_offset + 8, "superblock", "feature_compat",
                      fmt::format("unknown compatible feature bits {:#x}", unknown),
                      "a newer mkfs.erofs may have set them; reading is not affected"});
    for (const auto& [nid, field, at] :
         {std::tuple{super.packed_nid, "packed_nid", 96U},
          std::tuple{super.metabox_nid, "metabox_nid", super_size}}) {
        if (nid == 0)
            continue;
        if (auto inode = image.inode(nid); !inode)
            findings.add({Severity::error, super_offset + at, "superblock", field,
                          inode.error().context, fresh_copy, std::to_string(nid)});
    }
}

void check_devices(const Image& image, Findings& findings) {
    const Superblock& super = image.superblock();
    std::vector<std::size_t> by_tag;
    for (std::size_t i = 0; i < image.devices().size(); ++i) {
        const Device& device = image.devices()[i];
        const std::string slot = fmt::format("device slot {}", i + 1);
        if (device.tag.empty())
            findings.add({Severity::note, device.slot_offset, slot, "tag",
                          "the slot does not say which blob this is",
                          "mkfs.erofs --blobdev leaves it out: keep image and blob together, since "
                          "nothing else tells a wrong blob of the same size"});
        else
            by_tag.push_back(i);
        if (device.blocks == 0)
            findings.add({Severity::note, device.slot_offset + 64, slot, "blocks",
                          "the slot does not say how large the device is",
                          "mkfs.erofs 1.5 leaves it out; a newer one says it, so that truncated "
                          "blobs can be told"});
        const std::uint64_t own =
            super.has_compat(compat::rafs_v6) ? image.size() >> super.block_bits : super.blocks;
        if (device.uniaddr != 0 && device.blocks != 0 && device.uniaddr < own)
            findings.add({Severity::error, device.slot_offset + 68, slot, "uniaddr",
                          fmt::format("block {} belongs to the primary device, which has {} blocks",
                                      device.uniaddr, own),
                          fresh_copy});
        const auto end = checked_add(device.uniaddr, device.blocks);
        if (!end || *end > ~std::uint64_t{0} >> super.block_bits)
            findings.add({Severity::error, device.slot_offset + 64, slot, "blocks",
                          "the device reaches past what can be addressed", fresh_copy});
    }
    std::ranges::stable_sort(by_tag, {}, [&](std::size_t i) { return image.devices()[i].tag; });
    for (std::size_t n = 1; n < by_tag.size(); ++n) {
        const Device& device = image.devices()[by_tag[n]];
        if (device.tag == image.devices()[by_tag[n - 1]].tag)
            findings.add({Severity::warning, device.slot_offset,
                          fmt::format("device slot {}", by_tag[n] + 1), "tag",
                          fmt::format("device {} has the same tag", by_tag[n - 1] + 1),
                          "one blob is enough for both: merge the images again"});
    }
}

Findings check_image(std::shared_ptr<ReadAt> primary, CheckedImage* checked) {
    Findings findings;
    const std::shared_ptr<ReadAt> file = std::move(primary);
    auto opened = Image::open(file, &findings);
    if (!opened) {
        // Not to be read at all is worse than a file that this program can't read.
        const Error& error = opened.error();
        findings.add({Severity::error,
                      error.offset,
                      "image",
                      {},
                      error.context,
                      error.code == Code::unsupported ? "use a newer Coldscope" : fresh_copy});
        locate_in_superblock(*file, findings);
        return findings;
    }
    Image& image = **opened;
    image.bound_decoding(image.walk_bound());
    check_superblock(image, findings);
    check_devices(image, findings);
    auto index = Index::build(image, &findings);
    MetadataMap map(MemoryRoom::for_metadata_map(image.size(), image.superblock(),
                                                 index ? index->memory() : 0));
    if (index)
        map.reserve((image.root_nid() & metabox_nid_bit) != 0, index->size());
    add_fixed_spans(image, map);
    if (index) {
        check_directories(image, *index, findings);
        check_inodes(image, *index, map, findings);
    } else {
        findings.add(
            {Severity::error, index.error().offset, "tree", {}, index.error().context, fresh_copy});
    }
    map.seal();
    if (map.left_out() != 0)
        findings.add({Severity::warning,
                      no_offset,
                      "image",
                      {},
                      fmt::format("{} structures are more than there is memory for: whether they "
                                  "overlap others was not checked",
                                  map.left_out()),
                      make_again});
    if (index)
        check_overlaps(image, *index, map, findings);
    locate_findings(image, map, findings);
    image.bound_decoding(Image::no_bound);
    if (checked != nullptr) {
        checked->image = std::move(*opened);
        if (index)
            checked->index = std::move(*index);
    }
    return findings;
}

Result<void> verify_image(std::shared_ptr<ReadAt> primary) {
    const Findings findings = check_image(std::move(primary));
    for (const Finding& finding : findings.list()) {
        if (finding.severity == Severity::error)
            return failure(Code::corrupt,
                           fmt::format("{}{}{}: {}", finding.structure,
                                       finding.field.empty() ? "" : ": ", finding.field,
                                       finding.message),
                           finding.offset);
    }
    // Errors that came after a thousand lesser findings are counted only.
    if (findings.errors() != 0)
        return failure(Code::corrupt, fmt::format("{} errors", findings.errors()));
    return {};
}

} // namespace coldscope::erofs
