#include "daemon/guard/erofs_mounts.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include <sys/sysmacros.h>

namespace coldscope {

namespace {

// Blanks and backslashes are written in octal: \040.
std::string plain_text(std::string_view written) {
    std::string text;
    for (std::size_t i = 0; i < written.size(); ++i) {
        const std::string_view digits = written.substr(i + 1, 3);
        const bool octal = written[i] == '\\' && digits.size() == 3 &&
                           digits.find_first_not_of("01234567") == std::string_view::npos;
        if (!octal) {
            text += written[i];
            continue;
        }
        text +=
            static_cast<char>((digits[0] - '0') << 6 | (digits[1] - '0') << 3 | (digits[2] - '0'));
        i += 3;
    }
    return text;
}

void take_options(std::string_view options, ErofsMount& mount) {
    while (!options.empty()) {
        const std::string_view option = options.substr(0, options.find(','));
        options.remove_prefix(std::min(options.size(), option.size() + 1));
        mount.inode_share = mount.inode_share || option == "inode_share";
        mount.dax = mount.dax || option == "dax" || option == "dax=always";
        mount.directio = mount.directio || option == "directio";
    }
}

// As sysfs tells it; the device is not asked.
std::string file_behind(const std::string& loop_device) {
    const std::string name = std::filesystem::path(loop_device).filename();
    std::ifstream told("/sys/block/" + name + "/loop/backing_file");
    std::string file;
    return std::getline(told, file) ? file : loop_device;
}

} // namespace

std::vector<ErofsMount> erofs_mounts(std::istream& mountinfo) {
    std::vector<ErofsMount> mounts;
    for (std::string line; std::getline(mountinfo, line);) {
        // id parent device ROOT FOLDER options tags... - TYPE SOURCE OPTIONS
        std::istringstream words(line);
        std::string word, device, type, options;
        ErofsMount mount;
        if (!(words >> word >> word >> device >> mount.root >> mount.folder))
            continue;
        while (words >> word && word != "-") {
        }
        if (!(words >> type >> mount.source))
            continue;
        words >> options;
        mount.folder = plain_text(mount.folder);
        // Later lines stand on earlier ones.
        std::erase_if(mounts,
                      [&](const ErofsMount& below) { return below.folder == mount.folder; });
        if (type != "erofs")
            continue;
        mount.root = plain_text(mount.root);
        mount.source = plain_text(mount.source);
        mount.block_device = mount.source.starts_with("/dev/");
        unsigned major = 0, minor = 0;
        if (std::sscanf(device.c_str(), "%u:%u", &major, &minor) == 2)
            mount.device = makedev(major, minor);
        take_options(options, mount);
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

std::vector<ErofsMount> erofs_mounts() {
    std::ifstream mountinfo("/proc/self/mountinfo");
    std::vector<ErofsMount> mounts = erofs_mounts(mountinfo);
    for (ErofsMount& mount : mounts) {
        if (mount.source.starts_with("/dev/loop"))
            mount.source = file_behind(mount.source);
    }
    return mounts;
}

bool shares_page_cache(std::string_view folder) {
    return std::ranges::any_of(erofs_mounts(), [&](const ErofsMount& mount) {
        return mount.inode_share && mount.folder == folder;
    });
}

} // namespace coldscope
