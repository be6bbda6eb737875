#include "daemon/transport/source_notes.h"

#include "core/base/hex.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace coldscope {

Result<SourceNotes> SourceNotes::open(const std::string& folder) {
    std::string path = folder + "/coldscope.sources";
    Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd)
        return system_error(fmt::format("cannot write {}", path));
    SourceNotes notes(path, std::move(fd));
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name, identity, end;
        // A line that was cut off lacks its end.
        if (words >> name >> identity >> end && end == ".")
            notes.known_[name] = identity;
    }
    return notes;
}

Result<void> SourceNotes::check(const std::string& object, const std::string& identity) {
    const std::string name = hex(object); // a name is the kernel's, and may hold any byte
    const auto known = known_.find(name);
    if (known != known_.end() && known->second == identity)
        return {};
    if (known != known_.end())
        return std::unexpected(Error{Code::mismatch, ESTALE, no_offset,
                                     fmt::format("the kernel's copy of {} is of another source; "
                                                 "clear the cache folder",
                                                 object)});
    const std::string line = fmt::format("\n{} {} .\n", name, identity);
    if (::write(fd_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        return system_error(fmt::format("cannot write {}", path_));
    known_[name] = identity;
    return {};
}

} // namespace coldscope
