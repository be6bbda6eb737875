#include "core/request/facts.h"

#include <algorithm>

namespace coldscope {

namespace {

constexpr std::size_t whole_id = 64; // digits
constexpr std::size_t short_id = 12; // as those programs show it

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// "hierarchy:controllers:path"
std::string_view path_of_line(std::string_view line) {
    const std::size_t controllers = line.find(':');
    const std::size_t path =
        controllers == std::string_view::npos ? controllers : line.find(':', controllers + 1);
    return path == std::string_view::npos ? std::string_view() : line.substr(path + 1);
}

} // namespace

std::string_view cgroup_path(std::string_view proc_cgroup) {
    std::string_view first;
    while (!proc_cgroup.empty()) {
        const std::string_view line = proc_cgroup.substr(0, proc_cgroup.find('\n'));
        proc_cgroup.remove_prefix(std::min(line.size() + 1, proc_cgroup.size()));
        if (line.starts_with("0::"))
            return path_of_line(line);
        if (first.empty())
            first = path_of_line(line);
    }
    return first;
}

std::string_view container_id(std::string_view cgroup) {
    std::string_view id;
    for (std::size_t at = 0; at < cgroup.size();) {
        const auto end = static_cast<std::size_t>(
            std::find_if_not(cgroup.begin() + static_cast<std::ptrdiff_t>(at), cgroup.end(),
                             is_hex) -
            cgroup.begin());
        if (end - at == whole_id)
            id = cgroup.substr(at, short_id); // the innermost is the last
        at = end + 1;
    }
    return id;
}

} // namespace coldscope
