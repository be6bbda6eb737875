#include "daemon/guard/inode_share.h"

#include "core/base/fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

constexpr auto forgetting = "/proc/sys/vm/drop_caches";
constexpr std::string_view share_option = "inode_share,domain_id=";

// Each time there is less that is in use; readers that were just let go on need a moment.
constexpr int forget_times = 4;
constexpr useconds_t forget_pause = 20'000;

void forget_inodes() {
    const Fd file(::open(forgetting, O_WRONLY | O_CLOEXEC));
    [[maybe_unused]] const ssize_t written = file ? ::write(file.get(), "2", 1) : -1;
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The first complaint that the kernel wrote; empty without one. A kernel without
// CONFIG_EROFS_FS_PAGE_CACHE_SHARE may take the option, and only write that it has no use for it.
std::string complaint(const Fd& context) {
    std::string said;
    std::array<char, 512> line{};
    for (ssize_t got = 0; (got = ::read(context.get(), line.data(), line.size())) > 0;) {
        const std::string_view text(line.data(), static_cast<std::size_t>(got));
        if (said.empty() && text.starts_with("e "))
            said = text.substr(2, text.find('\n') - 2);
    }
    return said;
}

} // namespace

bool is_domain(std::string_view name) {
    return !name.empty() && name.size() <= longest_domain && name[0] != '-' && name[0] != '_' &&
           std::ranges::all_of(name, [](char c) {
               return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
           });
}

std::string text_of(const MountOptions& options) {
    std::string text = options.directio ? "directio" : "";
    if (!options.domain.empty())
        text += fmt::format("{}{}{}", text.empty() ? "" : ",", share_option, options.domain);
    return text;
}

Result<MountOptions> parse_mount_options(std::string_view text) {
    MountOptions options;
    const std::size_t share = text.find(share_option);
    if (share != std::string_view::npos)
        options.domain = text.substr(share + share_option.size());
    options.directio = text.starts_with("directio");
    const bool good_domain = share == std::string_view::npos || is_domain(options.domain);
    if (!good_domain || text_of(options) != text)
        return system_error(EPERM, fmt::format("mount options '{}'", text));
    return options;
}

int unmount_shared(const char* name, bool lazily) {
    // EAGAIN: it is not in use. It goes by this where somebody else has asked so before, and what
    // stands here then is another one.
    if (!lazily) {
        if (umount2(name, UMOUNT_NOFOLLOW | MNT_EXPIRE) == 0)
            return 0;
        if (errno != EAGAIN)
            return errno;
    }
    Fd held(::open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!held)
        return errno;
    if (umount2(name, UMOUNT_NOFOLLOW | MNT_DETACH) != 0)
        return errno;
    for (int i = 0; i < forget_times; ++i) {
        forget_inodes();
        usleep(forget_pause);
    }
    return 0;
}

std::string inode_share_obstacle() {
    const Fd context(fsopen("erofs", FSOPEN_CLOEXEC));
    if (!context && errno == EPERM)
        return "whether the kernel's EROFS has inode_share is tried with root's rights";
    if (!context)
        return fmt::format("no EROFS mount can be begun here: {}", std::strerror(errno));
    const bool taken = fsconfig(context.get(), FSCONFIG_SET_FLAG, "inode_share", nullptr, 0) == 0 &&
                       fsconfig(context.get(), FSCONFIG_SET_STRING, "domain_id", "trial", 0) == 0;
    const int error = errno;
    const std::string said = complaint(context);
    const Fd forget(::open(forgetting, O_WRONLY | O_CLOEXEC));
    if (taken && said.empty() && forget)
        return {};
    if (taken && said.empty())
        return fmt::format("{} can't be written here ({}), without which a mount with inode_share "
                           "can't be taken away safely",
                           forgetting, std::strerror(errno));
    return fmt::format("this kernel's EROFS has no inode_share: Linux 7.0 and newer have it where "
                       "they are built with CONFIG_EROFS_FS_PAGE_CACHE_SHARE ({})",
                       said.empty() ? std::strerror(error) : said.c_str());
}

} // namespace coldscope::guard
