// The swatches of look.h, made once: a table asks for one at each paint.
#pragma once

#include "app/style/marks.h"

#include <array>

namespace coldscope::app {

class MarkIcons {
public:
    // Icons of the other theme are made when they are asked for. True when it is another.
    bool set_theme(Theme theme);
    [[nodiscard]] const QIcon& of(Mark mark) const;

private:
    Theme theme_ = Theme::light;
    mutable std::array<QIcon, mark_count> icons_;
};

} // namespace coldscope::app
