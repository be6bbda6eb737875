#include "daemon/guard/cachefiles.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace coldscope::guard {

namespace {

constexpr std::array<std::string_view, 6> limit_names{"brun", "bcull", "bstop",
                                                      "frun", "fcull", "fstop"};
constexpr std::size_t longest_tag = 64; // bytes

// "brun 10%": what is passed on to the kernel is looked at first.
bool is_limit(std::string_view line) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || !line.ends_with('%') ||
        std::ranges::find(limit_names, line.substr(0, blank)) == limit_names.end())
        return false;
    const std::string_view digits = line.substr(blank + 1, line.size() - blank - 2);
    unsigned percent = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), percent);
    return error == std::errc() && end == digits.data() + digits.size() && percent < 100;
}

bool is_tag(std::string_view tag) {
    return tag.size() <= longest_tag && std::ranges::all_of(tag, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-' || c == '_' || c == '.';
           });
}

Result<void> say(const Fd& device, const std::string& command) {
    if (::write(device.get(), command.data(), command.size()) < 0)
        return system_error(fmt::format("{} refuses '{}'", cachefiles_path, command));
    return {};
}

} // namespace

Result<void> Cachefiles::bind(int folder, const std::string& tag, const std::string& limits) {
    // By descriptor: the folder that was checked is the one that is bound. The kernel does not
    // follow a link that stands last.
    std::vector<std::string> commands{fmt::format("dir /proc/self/fd/{}/.", folder)};
    if (!is_tag(tag))
        return failure(Code::invalid, "a tag is letters, digits, '-', '_' and '.'");
    if (!tag.empty())
        commands.push_back("tag " + tag);
    for (std::size_t at = 0, end; (end = limits.find('\n', at)) != std::string::npos;
         at = end + 1) {
        commands.push_back(limits.substr(at, end - at));
        if (!is_limit(commands.back()))
            return failure(Code::invalid,
                           fmt::format("'{}' is no limit of culling", commands.back()));
    }
    commands.emplace_back("bind ondemand");
    Fd device(::open(cachefiles_path, O_RDWR | O_CLOEXEC));
    if (!device)
        return system_error(fmt::format("cannot open {}", cachefiles_path));
    for (const std::string& command : commands)
        COLDSCOPE_CHECK(say(device, command));
    device_ = std::move(device);
    return {};
}

Result<void> Cachefiles::adopt(Fd device) {
    struct stat named {
    }, given{};
    if (stat(cachefiles_path, &named) != 0 || fstat(device.get(), &given) != 0 ||
        !S_ISCHR(given.st_mode) || named.st_rdev != given.st_rdev)
        return failure(Code::invalid, "the descriptor is not the cachefiles device");
    if (device_) // its readers would get errors
        return failure(Code::busy, "another cachefiles device is open");
    device_ = std::move(device);
    return {};
}

} // namespace coldscope::guard
