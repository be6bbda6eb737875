#include "tests/bench/erofs_tools.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coldscope::bench {

std::string erofs_tool(const std::string& name) {
    std::vector<std::string> folders;
    if (const char* folder = std::getenv("COLDSCOPE_EROFS_UTILS"); folder != nullptr)
        folders.emplace_back(folder);
    if (std::strlen(COLDSCOPE_EROFS_UTILS_DEFAULT) != 0)
        folders.emplace_back(COLDSCOPE_EROFS_UTILS_DEFAULT);
    const char* path = std::getenv("PATH");
    for (std::string rest = path != nullptr ? path : ""; !rest.empty();) {
        const std::size_t colon = std::min(rest.find(':'), rest.size());
        folders.push_back(rest.substr(0, colon));
        rest.erase(0, colon + 1);
    }
    for (const std::string& folder : folders) {
        std::string candidate = folder + "/" + name;
        if (access(candidate.c_str(), X_OK) == 0)
            return candidate;
    }
    return {};
}

double time_command(const std::vector<std::string>& command, const char* output) {
    std::vector<char*> arguments;
    for (const std::string& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    const auto start = std::chrono::steady_clock::now();
    pid_t child = 0;
    int status = -1;
    if (posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ) == 0)
        waitpid(child, &status, 0);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    posix_spawn_file_actions_destroy(&actions);
    return status == 0 ? taken.count() : -1;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

ScratchFolder::ScratchFolder(const std::string& name)
    : path_((std::filesystem::temp_directory_path() / (name + ".XXXXXX")).string()) {
    if (mkdtemp(path_.data()) == nullptr) {
        std::fprintf(stderr, "%s: %s\n", path_.c_str(), std::strerror(errno));
        path_.clear();
    }
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty())
        std::filesystem::remove_all(path_, ignored);
}

} // namespace coldscope::bench
