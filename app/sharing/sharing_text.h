// Words and colours for what core/sharing finds.
#pragma once

#include "app/run/opened_image.h"
#include "app/style/look.h"
#include "core/sharing/usage.h"

#include <QString>
#include <QStringList>
#include <optional>
#include <span>

namespace coldscope::app {

// "blocked: spans blobs"
[[nodiscard]] QString mark_text(sharing::Mark mark, sharing::Reason reason);
[[nodiscard]] QString residency_text(sharing::Presence residency);
// What would lift what blocks a file; empty where nothing does. size: of the file, bytes; of a
// folder's files nothing.
[[nodiscard]] QString lift_text(sharing::Lift lift, std::optional<std::uint64_t> size);
[[nodiscard]] QString lift_hint(sharing::Lift lift); // how that is done
// The image's file without its folder.
[[nodiscard]] QString image_name(const OpenedImage& image);

// The usage table, a line for each image, with a first line of names. seen: with what was observed.
[[nodiscard]] QString usage_csv(const QStringList& images, std::span<const sharing::Usage> usage,
                                bool seen);

} // namespace coldscope::app
