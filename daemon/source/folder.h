// A folder of files as sources, each by its name. Names come from elsewhere: none of them leads out
// of the folder, or to what is no regular file.
#pragma once

#include "core/base/fd.h"
#include "daemon/source/file.h"

namespace coldscope {

class SourceFolder {
public:
    [[nodiscard]] static Result<SourceFolder> open(const std::string& path);

    // Code::not_found for a name that the folder does not have, or that is none; Code::io with the
    // errno otherwise. Symbolic links are followed within the folder. ring: outlives the source.
    [[nodiscard]] Result<std::unique_ptr<FileSource>> find(Ring& ring, const std::string& name,
                                                           const Shape& shape) const;

private:
    SourceFolder(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    Fd fd_;
};

} // namespace coldscope
