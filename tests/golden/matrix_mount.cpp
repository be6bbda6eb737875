#include "tests/golden/matrix_mount.h"

#include "core/base/fd.h"

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

namespace coldscope::golden {

namespace {

class Mount {
public:
    explicit Mount(std::string folder) : folder_(std::move(folder)) {}
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    ~Mount() { umount2(folder_.c_str(), MNT_DETACH); }

private:
    std::string folder_;
};

// What EROFS has said in the kernel's log since `log` was opened at its end.
std::string last_sentence(const Fd& log) {
    std::string last;
    std::array<char, 8192> record{};
    while (true) {
        const ssize_t length = read(log.get(), record.data(), record.size());
        if (length < 0 && errno == EPIPE)
            continue; // overwritten meanwhile
        if (length <= 0)
            return last;
        const std::string_view text(record.data(), static_cast<std::size_t>(length));
        const std::size_t at = text.find("erofs");
        if (at != std::string_view::npos)
            last = text.substr(at, text.find('\n', at) - at);
    }
}

} // namespace

std::variant<View, Refused> view_of_mount(const MadeImage& made, const std::string& folder,
                                          std::uint64_t longest) {
    const Fd log(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    lseek(log.get(), 0, SEEK_END);
    std::string options;
    for (const std::string& blob : made.blobs)
        options += fmt::format("{}device={}", options.empty() ? "" : ",", blob);
    if (made.offset != 0)
        options += fmt::format("{}fsoffset={}", options.empty() ? "" : ",", made.offset);
    if (mount(made.image.c_str(), folder.c_str(), "erofs", MS_RDONLY | MS_NODEV | MS_NOSUID,
              options.c_str()) != 0) {
        const std::string reason = std::generic_category().message(errno);
        const std::string sentence = last_sentence(log);
        return Refused{sentence.empty() ? reason : sentence};
    }
    const Mount mounted(folder);
    return view_of_folder(folder, longest);
}

} // namespace coldscope::golden
