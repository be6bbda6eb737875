// Figures as people read them: thin spaces between number and unit, the locale's separators.
#pragma once

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/range_set.h"

#include <QString>
#include <string>

namespace coldscope::app {

[[nodiscard]] QString count_text(std::uint64_t count);      // "12 402"
[[nodiscard]] QString size_text(std::uint64_t bytes);       // "64 KiB", "1.5 MiB"
[[nodiscard]] QString exact_size_text(std::uint64_t bytes); // "1.5 MiB (1 572 864 bytes)"
[[nodiscard]] QString duration_text(Nanoseconds time);      // three digits: "812 µs", "1.25 ms"
[[nodiscard]] QString range_text(Range range);              // "64 KiB at 1 572 864"
[[nodiscard]] QString rate_text(double bytes_per_second);   // "12.5 MiB/s"
[[nodiscard]] QString share_text(double share);             // 0..1: "42 %"
[[nodiscard]] QString offset_text(std::uint64_t offset);    // bytes: "0x1a000"
// Of a control group's path: "container 1a2b3c4d5e6f", else the path.
[[nodiscard]] QString container_text(const std::string& cgroup);
// "EIO: Input/output error"; 0: "ok".
[[nodiscard]] QString errno_text(int number);

// What went wrong, where and what the system said, as a sentence.
[[nodiscard]] QString error_text(const Error& error, const QString& file = {});

} // namespace coldscope::app
