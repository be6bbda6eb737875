#include "app/models/mark_icons.h"

namespace coldscope::app {

bool MarkIcons::set_theme(Theme theme) {
    if (theme == theme_)
        return false;
    theme_ = theme;
    icons_.fill({});
    return true;
}

const QIcon& MarkIcons::of(Mark mark) const {
    QIcon& icon = icons_[static_cast<std::size_t>(mark)];
    if (icon.isNull()) {
        icon = mark_icon(mark, theme_);
        // A selected line must not tint it: its colours mean something.
        for (const QSize& size : icon.availableSizes())
            icon.addPixmap(icon.pixmap(size, 1.0), QIcon::Selected);
    }
    return icon;
}

} // namespace coldscope::app
