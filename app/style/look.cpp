#include "app/style/look.h"

#include <QCoreApplication>
#include <algorithm>
#include <array>

namespace coldscope::app {

namespace {

struct Entry {
    Mark mark;
    Pattern pattern;
    char16_t glyph;
    QRgb light_fill;
    QRgb light_outline;
    QRgb dark_fill;
    QRgb dark_outline;
    const char* name;
};

constexpr char16_t held_glyph = u'‖';
constexpr char16_t failed_glyph = u'✕';
constexpr char16_t lost_glyph = u'?';

// The one table.
constexpr std::array table{
    Entry{Mark::refault, Pattern::half_hollow, 0, 0xFF9A9A9A, 0xFF6E6E6E, 0xFF8C8C8C, 0xFFA6A6A6,
          QT_TRANSLATE_NOOP("Mark", "refault")},
    Entry{Mark::answered, Pattern::solid, 0, 0xFF0072B2, 0xFF005A8C, 0xFF3C9BD6, 0xFF6DB8E8,
          QT_TRANSLATE_NOOP("Mark", "answered")},
    Entry{Mark::asked, Pattern::hollow, 0, 0xFF0072B2, 0xFF005A8C, 0xFF3C9BD6, 0xFF6DB8E8,
          QT_TRANSLATE_NOOP("Mark", "asked")},
    Entry{Mark::fetching, Pattern::solid, 0, 0xFF0072B2, 0xFF005A8C, 0xFF3C9BD6, 0xFF6DB8E8,
          QT_TRANSLATE_NOOP("Mark", "fetching")},
    Entry{Mark::filling, Pattern::solid, 0, 0xFF56B4E9, 0xFF2381B5, 0xFF8ACDF2, 0xFFB5DFF7,
          QT_TRANSLATE_NOOP("Mark", "filling")},
    Entry{Mark::delayed, Pattern::dashed, 0, 0xFFF0E442, 0xFF6B6400, 0xFFF0E442, 0xFF5A5400,
          QT_TRANSLATE_NOOP("Mark", "delayed")},
    Entry{Mark::held, Pattern::hatched, held_glyph, 0xFFE69F00, 0xFF8A5F00, 0xFFE69F00, 0xFFFFC14D,
          QT_TRANSLATE_NOOP("Mark", "held")},
    Entry{Mark::lost, Pattern::hollow, lost_glyph, 0xFF404040, 0xFF404040, 0xFFDADADA, 0xFFDADADA,
          QT_TRANSLATE_NOOP("Mark", "lost")},
    Entry{Mark::failed, Pattern::solid, failed_glyph, 0xFFD55E00, 0xFF9C4500, 0xFFE5752A,
          0xFFFF9A57, QT_TRANSLATE_NOOP("Mark", "failed")},
    Entry{Mark::prefetch, Pattern::half, 0, 0xFFCC79A7, 0xFF9A4674, 0xFFD68FB6, 0xFFE8B5D0,
          QT_TRANSLATE_NOOP("Mark", "prefetched")},
    Entry{Mark::amplified, Pattern::hatched, 0, 0xFFE3B5D0, 0xFF9A4674, 0xFF8A4A6E, 0xFFE8B5D0,
          QT_TRANSLATE_NOOP("Mark", "amplified")},
    Entry{Mark::unused, Pattern::dotted, 0, 0xFF9FD9C6, 0xFF00704F, 0xFF1B5E4A, 0xFF5FD6B4,
          QT_TRANSLATE_NOOP("Mark", "unused")},
    Entry{Mark::local, Pattern::solid, 0, 0xFF009E73, 0xFF00704F, 0xFF20B88C, 0xFF5FD6B4,
          QT_TRANSLATE_NOOP("Mark", "local")},
    Entry{Mark::cold, Pattern::solid, 0, 0xFFD9DDE3, 0xFF868E99, 0xFF3A4048, 0xFF7D8691,
          QT_TRANSLATE_NOOP("Mark", "cold")},
    Entry{Mark::hole, Pattern::dotted, 0, 0xFFFFFFFF, 0xFF868E99, 0xFF232629, 0xFF7D8691,
          QT_TRANSLATE_NOOP("Mark", "hole")},
    Entry{Mark::added, Pattern::solid, u'+', 0xFF009E73, 0xFF00704F, 0xFF20B88C, 0xFF5FD6B4,
          QT_TRANSLATE_NOOP("Mark", "added")},
    Entry{Mark::removed, Pattern::solid, u'−', 0xFFD55E00, 0xFF9C4500, 0xFFE5752A, 0xFFFF9A57,
          QT_TRANSLATE_NOOP("Mark", "removed")},
    Entry{Mark::changed, Pattern::solid, u'≠', 0xFF0072B2, 0xFF005A8C, 0xFF3C9BD6, 0xFF6DB8E8,
          QT_TRANSLATE_NOOP("Mark", "changed")},
    Entry{Mark::moved, Pattern::solid, u'→', 0xFFCC79A7, 0xFF9A4674, 0xFFD68FB6, 0xFFE8B5D0,
          QT_TRANSLATE_NOOP("Mark", "moved")},
    Entry{Mark::untold, Pattern::hollow, lost_glyph, 0xFF404040, 0xFF404040, 0xFFDADADA, 0xFFDADADA,
          QT_TRANSLATE_NOOP("Mark", "unknown")},
    Entry{Mark::same, Pattern::solid, u'=', 0xFFD9DDE3, 0xFF868E99, 0xFF3A4048, 0xFF7D8691,
          QT_TRANSLATE_NOOP("Mark", "same")},
    Entry{Mark::shared_now, Pattern::dots, 0, 0xFF4DBF9F, 0xFF00553C, 0xFF178065, 0xFFB9F5E1,
          QT_TRANSLATE_NOOP("Mark", "shared now")},
    Entry{Mark::by_fingerprint, Pattern::rings, 0, 0xFF8CC4E8, 0xFF004A75, 0xFF1B6FA6, 0xFFD3ECFC,
          QT_TRANSLATE_NOOP("Mark", "shareable by fingerprint")},
    Entry{Mark::by_blob, Pattern::rings, 0, 0xFFE3B5D0, 0xFF8A3A66, 0xFF7E4365, 0xFFF3D3E4,
          QT_TRANSLATE_NOOP("Mark", "shareable by blob")},
    Entry{Mark::blocked, Pattern::crosses, 0, 0xFFF4BE93, 0xFF8F3F00, 0xFF96490F, 0xFFFFD3B0,
          QT_TRANSLATE_NOOP("Mark", "blocked")},
    Entry{Mark::same_bytes, Pattern::hatched, 0, 0xFFF3EA85, 0xFF6B6400, 0xFF6E6820, 0xFFF6EF9A,
          QT_TRANSLATE_NOOP("Mark", "same bytes")},
    Entry{Mark::unshared, Pattern::solid, 0, 0xFFD9DDE3, 0xFF868E99, 0xFF3A4048, 0xFF7D8691,
          QT_TRANSLATE_NOOP("Mark", "private")},
};
static_assert(table.size() == mark_count);

std::array<Look, mark_count> make_looks(bool dark) {
    std::array<Look, mark_count> looks;
    for (const Entry& entry : table) {
        Look& look = looks[static_cast<std::size_t>(entry.mark)];
        look.fill = QColor::fromRgb(dark ? entry.dark_fill : entry.light_fill);
        look.outline = QColor::fromRgb(dark ? entry.dark_outline : entry.light_outline);
        look.pattern = entry.pattern;
        look.glyph = entry.glyph == 0 ? QChar() : QChar(entry.glyph);
    }
    return looks;
}

QColor mix(const QColor& one, const QColor& other, double share) {
    const auto part = [share](int a, int b) { return static_cast<int>(a + (b - a) * share + 0.5); };
    return {part(one.red(), other.red()), part(one.green(), other.green()),
            part(one.blue(), other.blue())};
}

} // namespace

Theme theme_of(const QPalette& palette) {
    return palette.color(QPalette::Base).lightness() < 128 ? Theme::dark : Theme::light;
}

const Look& look(Mark mark, Theme theme) {
    static const auto light = make_looks(false);
    static const auto dark = make_looks(true);
    return (theme == Theme::dark ? dark : light)[static_cast<std::size_t>(mark)];
}

QColor ink_on(const QColor& fill) {
    return fill.lightness() > 100 ? QColor(Qt::black) : QColor(Qt::white);
}

QString name(Mark mark) {
    return QCoreApplication::translate("Mark", table[static_cast<std::size_t>(mark)].name);
}

Mark mark_of(RequestState state) {
    switch (state) {
    case RequestState::prefetched:
        return Mark::prefetch;
    case RequestState::refault:
        return Mark::refault;
    case RequestState::answered:
        return Mark::answered;
    case RequestState::filling:
        return Mark::filling;
    case RequestState::fetching:
        return Mark::fetching;
    case RequestState::asked:
        return Mark::asked;
    case RequestState::was_delayed:
    case RequestState::delayed:
        return Mark::delayed;
    case RequestState::was_held:
    case RequestState::held:
        return Mark::held;
    case RequestState::lost:
        return Mark::lost;
    case RequestState::failed:
        return Mark::failed;
    }
    return Mark::answered;
}

QString name(RequestState state) {
    switch (state) {
    case RequestState::was_delayed:
        return QCoreApplication::translate("Mark", "was delayed");
    case RequestState::was_held:
        return QCoreApplication::translate("Mark", "was held");
    default:
        return name(mark_of(state));
    }
}

Mark mark_of(sharing::Mark mark) {
    switch (mark) {
    case sharing::Mark::shared_now:
        return Mark::shared_now;
    case sharing::Mark::by_fingerprint:
        return Mark::by_fingerprint;
    case sharing::Mark::by_blob:
        return Mark::by_blob;
    case sharing::Mark::blocked:
        return Mark::blocked;
    case sharing::Mark::same_bytes:
        return Mark::same_bytes;
    case sharing::Mark::alone:
        break;
    }
    return Mark::unshared;
}

std::vector<Mark> sharing_marks() {
    return {Mark::shared_now, Mark::by_fingerprint, Mark::by_blob,
            Mark::blocked,    Mark::same_bytes,     Mark::unshared};
}

int weight(sharing::Mark mark) {
    switch (mark) {
    case sharing::Mark::blocked:
        return 5;
    case sharing::Mark::shared_now:
        return 4;
    case sharing::Mark::by_fingerprint:
        return 3;
    case sharing::Mark::by_blob:
        return 2;
    case sharing::Mark::same_bytes:
        return 1;
    case sharing::Mark::alone:
        break;
    }
    return 0;
}

QColor scale_colour(double share, Theme theme) {
    // Lighter is less on light ground, darker on dark ground.
    static constexpr std::array<QRgb, 3> light{0xFFA9DDF7, 0xFF2A8CC7, 0xFF08294D};
    static constexpr std::array<QRgb, 3> dark{0xFF1D4F70, 0xFF3C9BD6, 0xFFD9F1FF};
    const auto& stops = theme == Theme::dark ? dark : light;
    const double at = std::clamp(share, 0.0, 1.0) * 2;
    const std::size_t from = at < 1 ? 0 : 1;
    return mix(QColor::fromRgb(stops[from]), QColor::fromRgb(stops[from + 1]),
               at - static_cast<double>(from));
}

Surface surface_of(const QPalette& palette) {
    const QColor base = palette.color(QPalette::Base);
    const QColor text = palette.color(QPalette::Text);
    return {base, mix(base, text, 0.04), mix(base, text, 0.14),
            text, mix(base, text, 0.68), palette.color(QPalette::Highlight)};
}

} // namespace coldscope::app
