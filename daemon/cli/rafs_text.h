// What the commands say of RAFS bootstraps.
#pragma once

#include "core/erofs/check.h"
#include "core/erofs/image.h"
#include "core/rafs/bootstrap.h"
#include "daemon/cli/output.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace coldscope::cli {

// The tables of the bootstrap, but for the single chunks.
[[nodiscard]] nlohmann::json rafs_json(const rafs::Bootstrap& bootstrap);
void print_rafs(const rafs::Bootstrap& bootstrap, Output& output);

// The chunks that have an extent's bytes, and where they are stored; empty for an extent that is on
// no RAFS blob. bootstrap: may be null.
[[nodiscard]] nlohmann::json chunks_json(const rafs::Bootstrap* bootstrap,
                                         const erofs::Extent& extent);
[[nodiscard]] std::vector<std::string> chunk_lines(const rafs::Bootstrap* bootstrap,
                                                   const erofs::Extent& extent);

// Adds what can be said against the bootstrap's tables and its blobs.
// blobs: paths by device, "" for none. decode: each chunk of them, too.
void check_rafs(erofs::CheckedImage& checked, const std::vector<std::string>& blobs, bool decode,
                erofs::Findings& findings);

} // namespace coldscope::cli
