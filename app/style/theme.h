// Light, dark, or as the desktop has it.
#pragma once

namespace coldscope::app {

enum class ThemeChoice : unsigned char { desktop, light, dark };

// Sets style and palette of the whole program; with `desktop`, leaves or gives back the desktop's.
void apply_theme(ThemeChoice choice);

// Kept in QSettings.
[[nodiscard]] ThemeChoice saved_theme();
void save_theme(ThemeChoice choice);

} // namespace coldscope::app
