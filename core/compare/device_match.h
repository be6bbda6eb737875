// Which device of the second image is which of the first.
#pragma once

#include "core/base/error.h"
#include "core/compare/meter.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coldscope::compare {

struct Side;

enum class Sameness : std::uint8_t {
    none,
    file,   // one file was given for both
    digest, // the tags are one digest
    bytes,  // compared
    tag,    // the tags are one name, by which a node's cache finds it; the bytes are not compared
    bootstrap, // the same slot of the same device table
};

struct DeviceMatch {
    std::optional<std::uint16_t> before; // the device of the first image
    Sameness how = Sameness::none;
};

// For each device of the second image. A source image that became a device of a merged one is
// found by its UUID, which is the tag then.
[[nodiscard]] Result<std::vector<DeviceMatch>> match_devices(const Side& before, const Side& after,
                                                             bool read, Meter& meter,
                                                             std::vector<std::string>& warnings);

// Whether a tag is a blob's digest, which says that two of one tag are one blob.
[[nodiscard]] bool is_digest(std::string_view tag);

[[nodiscard]] const char* name(Sameness sameness);

} // namespace coldscope::compare
