#include "daemon/source/folder.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coldscope {

Result<SourceFolder> SourceFolder::open(const std::string& path) {
    Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd)
        return system_error(fmt::format("cannot open the folder {}", path));
    return SourceFolder(path, std::move(fd));
}

Result<std::unique_ptr<FileSource>> SourceFolder::find(Ring& ring, const std::string& name,
                                                       const Shape& shape) const {
    const auto none = [&] {
        return failure(Code::not_found, fmt::format("{} has no object of that name", path_));
    };
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos)
        return none();
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK; // a pipe would keep us waiting
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    Fd fd(static_cast<int>(syscall(SYS_openat2, fd_.get(), name.c_str(), &how, sizeof how)));
    // EXDEV: a link that leads out; ENXIO: a socket, or a pipe without a writer.
    if (!fd && (errno == ENOENT || errno == EXDEV || errno == ELOOP || errno == ENXIO))
        return none();
    if (!fd)
        return system_error(fmt::format("cannot open {}/{}", path_, name));
    fcntl(fd.get(), F_SETFL, 0);
    auto source = FileSource::take(ring, std::move(fd), path_ + '/' + name, shape);
    if (!source && source.error().code == Code::invalid)
        return none();
    return source;
}

} // namespace coldscope
