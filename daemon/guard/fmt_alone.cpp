// {fmt}'s one function that is not in its headers unless asked for: distributions have no archive
// of it.
#define FMT_HEADER_ONLY
#include <fmt/format.h>

[[gnu::used]] static const auto needed =
    static_cast<std::string (*)(fmt::string_view, fmt::format_args)>(&fmt::vformat);
