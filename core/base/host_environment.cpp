#include "core/base/host_environment.h"

#include <array>
#include <set>
#include <string_view>

namespace coldscope {

namespace {

constexpr std::string_view kept_prefix = "COLDSCOPE_HOST_";
constexpr std::array<std::string_view, 4> of_runtime{"APPIMAGE", "APPDIR", "OWD", "ARGV0"};

} // namespace

std::vector<std::string> host_environment(char* const* own) {
    std::vector<std::string> host;
    std::set<std::string_view> gone(of_runtime.begin(), of_runtime.end());
    for (char* const* at = own; *at != nullptr; ++at) {
        std::string_view entry(*at);
        if (!entry.starts_with(kept_prefix))
            continue;
        entry.remove_prefix(kept_prefix.size());
        host.emplace_back(entry);
        gone.insert(entry.substr(0, entry.find('=')));
    }
    for (char* const* at = own; *at != nullptr; ++at) {
        const std::string_view entry(*at);
        if (!entry.starts_with(kept_prefix) && !gone.contains(entry.substr(0, entry.find('='))))
            host.emplace_back(entry);
    }
    return host;
}

std::vector<char*> exec_list(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (std::string& word : words)
        list.push_back(word.data());
    list.push_back(nullptr);
    return list;
}

} // namespace coldscope
