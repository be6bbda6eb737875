#include "app/sharing/erofs_mounts.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace coldscope::app {

namespace fs = std::filesystem;

namespace {

// Blanks and backslashes are written in octal.
std::string unescaped(std::string_view written) {
    std::string text;
    for (std::size_t i = 0; i < written.size(); ++i) {
        const auto digit = [&](std::size_t at) {
            return at < written.size() && written[at] >= '0' && written[at] <= '7';
        };
        if (written[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
            text += static_cast<char>((written[i + 1] - '0') << 6 | (written[i + 2] - '0') << 3 |
                                      (written[i + 3] - '0'));
            i += 3;
        } else {
            text += written[i];
        }
    }
    return text;
}

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(by);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

// The file behind a loop device.
std::string backing_file(const std::string& source) {
    std::ifstream file("/sys/block/" + fs::path(source).filename().string() + "/loop/backing_file");
    std::string backing;
    return std::getline(file, backing) ? backing : source;
}

} // namespace

std::vector<ErofsMount> parse_mounts(std::string_view mountinfo) {
    std::vector<ErofsMount> mounts;
    for (const std::string_view line : split(mountinfo, '\n')) {
        // number, parent, device, root, folder, options, tags..., "-", type, source, options
        const std::vector<std::string_view> words = split(line, ' ');
        const auto dash = std::ranges::find(words, std::string_view("-"));
        if (words.size() < 6 || words.end() - dash < 4 || dash[1] != "erofs")
            continue;
        ErofsMount mount;
        mount.folder = unescaped(words[4]);
        mount.source = unescaped(dash[2]);
        for (const std::string_view option : split(dash[3], ',')) {
            if (option == "inode_share")
                mount.mounted.inode_share = true;
            else if (option.starts_with("domain_id="))
                mount.mounted.domain = unescaped(option.substr(10));
            else if (option.starts_with("device="))
                mount.devices.push_back(unescaped(option.substr(7)));
            else if (option == "dax" || option == "dax=always")
                mount.mounted.dax = true;
        }
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

std::vector<ErofsMount> erofs_mounts() {
    std::ifstream file("/proc/self/mountinfo");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::vector<ErofsMount> mounts = parse_mounts(text);
    for (ErofsMount& mount : mounts) {
        mount.mounted.block_device = mount.source.starts_with("/dev/");
        if (mount.source.starts_with("/dev/loop"))
            mount.source = backing_file(mount.source);
    }
    return mounts;
}

std::optional<ErofsMount> mount_at(const std::string& folder) {
    std::optional<ErofsMount> found;
    for (ErofsMount& mount : erofs_mounts()) {
        if (mount.folder == folder)
            found = std::move(mount);
    }
    return found;
}

std::optional<ErofsMount> mount_of_image(const std::string& image) {
    for (ErofsMount& mount : erofs_mounts()) {
        // Compared by name: a look at the source itself might wait for a dead disk.
        if (mount.source == image)
            return std::move(mount);
    }
    return {};
}

} // namespace coldscope::app
