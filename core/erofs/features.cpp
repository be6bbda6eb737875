#include "core/erofs/features.h"

#include <array>
#include <span>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

constexpr std::array compatible{
    "sb_csum", "mtime", "xattr_filter", "shared_ea_in_metabox", "plain_xattr_pfx", "ishare_xattrs",
};
// Two features share some bits; which of them is meant shows only in the data that uses it.
constexpr std::array incompatible{
    "lz4_0padding", "compr_cfgs/big_pcluster", "chunked_file",   "device_table/head2",
    "ztailpacking", "fragments/dedupe",        "xattr_prefixes", "48bit",
    "metabox",
};

std::vector<std::string> names_of(std::uint32_t bits, std::span<const char* const> names) {
    std::vector<std::string> result;
    for (std::size_t i = 0; i < 32; ++i) {
        const std::uint32_t bit = std::uint32_t{1} << i;
        if ((bits & bit) == 0)
            continue;
        result.push_back(i < names.size() ? std::string(names[i]) : fmt::format("bit {:#x}", bit));
    }
    return result;
}

} // namespace

std::vector<std::string> compatible_feature_names(std::uint32_t bits) {
    std::vector<std::string> names = names_of(bits & ~compat::rafs_v6, compatible);
    if ((bits & compat::rafs_v6) != 0)
        names.emplace_back("rafs_v6");
    return names;
}

std::vector<std::string> incompatible_feature_names(std::uint32_t bits) {
    return names_of(bits, incompatible);
}

const char* name(Layout layout) {
    switch (layout) {
    case Layout::flat_plain:
        return "flat-plain";
    case Layout::compressed_full:
        return "compressed-full";
    case Layout::flat_inline:
        return "flat-inline";
    case Layout::compressed_compact:
        return "compressed-compact";
    case Layout::chunk_based:
        return "chunk-based";
    }
    return "unknown";
}

} // namespace coldscope::erofs
