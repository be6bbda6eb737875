// The fields of a structure of the format, with what they say: to mark them in its bytes.
#pragma once

#include "core/base/error.h"
#include "core/erofs/finding.h"
#include "core/erofs/image.h"
#include "core/erofs/metadata_map.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace coldscope::erofs {

struct Field {
    std::string name;
    std::uint64_t offset = 0; // bytes, as the place counts them
    std::uint32_t width = 0;  // bytes
    std::string value;        // decoded, for people
    std::uint32_t group = 0;  // fields of one entry of a table or directory have one number
};

// bytes: those of the place, or as many as there are; fields that they lack are left out.
[[nodiscard]] std::vector<Field> fields_of(const Superblock& super, const Place& place,
                                           std::span<const std::byte> bytes);

// The structure that holds a byte; none where nothing is known to be there. Long tables are cut
// to a part around it.
[[nodiscard]] Place place_at(Image& image, const MetadataMap& map, bool in_metabox,
                             std::uint64_t offset);

// The bytes of a place, fewer where the image ends before.
[[nodiscard]] Result<std::vector<std::byte>> place_bytes(Image& image, const Place& place);

// The field that a finding is about: by its name, else by its offset.
[[nodiscard]] std::optional<std::size_t> field_of(const Finding& finding,
                                                  std::span<const Field> fields);

// Says of each finding where its structure lies, and which field with which value it is about
// where that is not said yet. map: sealed.
void locate_findings(Image& image, const MetadataMap& map, Findings& findings);
// The same for an image that can't be opened: what is in its superblock.
void locate_in_superblock(ReadAt& primary, Findings& findings);

} // namespace coldscope::erofs
