#include "app/style/text.h"

#include "core/request/facts.h"

#include <QCoreApplication>
#include <QLocale>
#include <array>
#include <cmath>
#include <cstring>

namespace coldscope::app {

namespace {
constexpr QChar thin_space(0x2009);

// Three significant digits, no more decimals than those; `unit` behind a thin space.
QString figure(double value, const QString& unit) {
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    QString text = QLocale().toString(value, 'f', decimals);
    if (decimals > 0) { // "4.00" says no more than "4"
        const QString point = QLocale().decimalPoint();
        while (text.endsWith(QLocale().zeroDigit()))
            text.chop(1);
        if (text.endsWith(point))
            text.chop(point.size());
    }
    return text + thin_space + unit;
}
} // namespace

QString count_text(std::uint64_t count) {
    return QLocale().toString(static_cast<qulonglong>(count));
}

QString size_text(std::uint64_t bytes) {
    static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1023.5 && unit + 1 < units.size(); ++unit)
        value /= 1024;
    return figure(value, QString::fromLatin1(units[unit]));
}

QString exact_size_text(std::uint64_t bytes) {
    if (bytes < 1024)
        return size_text(bytes);
    return QStringLiteral("%1 (%2%3B)").arg(size_text(bytes), count_text(bytes), thin_space);
}

QString duration_text(Nanoseconds time) {
    const double value = static_cast<double>(time);
    if (time < microsecond)
        return figure(value, QStringLiteral("ns"));
    if (value < 999.5 * microsecond)
        return figure(value / microsecond, QStringLiteral("µs"));
    if (value < 999.5 * millisecond)
        return figure(value / millisecond, QStringLiteral("ms"));
    if (time < 100 * second)
        return figure(value / second, QStringLiteral("s"));
    const std::uint64_t seconds = time / second;
    return QStringLiteral("%1%2min %3%2s").arg(seconds / 60).arg(thin_space).arg(seconds % 60);
}

QString range_text(Range range) {
    return QStringLiteral("%1 at %2").arg(size_text(range.length()), count_text(range.begin));
}

QString rate_text(double bytes_per_second) {
    return size_text(static_cast<std::uint64_t>(std::max(0.0, bytes_per_second))) +
           QStringLiteral("/s");
}

QString share_text(double share) {
    const double percent = share * 100;
    // What is not all is never called all, nor something nothing.
    const double shown = percent > 99 && percent < 100  ? std::min(percent, 99.9)
                         : percent > 0 && percent < 0.1 ? 0.1
                                                        : percent;
    const int decimals = (shown > 0 && shown < 10) || (shown > 99 && shown < 100) ? 1 : 0;
    return QLocale().toString(shown, 'f', decimals) + thin_space + QLatin1Char('%');
}

QString offset_text(std::uint64_t offset) {
    return QStringLiteral("0x%1").arg(offset, 0, 16);
}

QString container_text(const std::string& cgroup) {
    const std::string_view id = container_id(cgroup);
    return id.empty() ? QString::fromStdString(cgroup)
                      : QCoreApplication::translate("Text", "container %1")
                            .arg(QString::fromLatin1(id.data(), static_cast<qsizetype>(id.size())));
}

QString errno_text(int number) {
    if (number == 0)
        return QStringLiteral("ok");
    const char* text = strerrordesc_np(number);
    return QStringLiteral("%1: %2").arg(QString::fromStdString(errno_name(number)),
                                        text != nullptr ? QString::fromUtf8(text)
                                                        : QStringLiteral("unknown error"));
}

QString error_text(const Error& error, const QString& file) {
    return QString::fromStdString(describe(error, file.toStdString()));
}

} // namespace coldscope::app
