// The requests that touched one file, as ranges of the file. Walks only what changed since the last
// look; for another file, the newest requests once.
#pragma once

#include "app/run/workspace.h"
#include "core/erofs/reverse_map.h"

#include <deque>
#include <unordered_map>
#include <vector>

namespace coldscope::app {

struct FileTouch {
    Row row = 0;
    Range range; // bytes of the file
};

class FileTouches {
public:
    static constexpr Row most_walked = 100'000; // rows, when the file changes
    static constexpr std::size_t most_kept = 20'000;

    // The file to gather for, with its extents; walks the newest rows.
    void set_file(Workspace& workspace, erofs::NodeId node,
                  const std::vector<erofs::Extent>& extents);
    void clear();
    // True when there are others than before.
    bool update(Workspace& workspace);

    // In order of arrival, the newest last.
    [[nodiscard]] const std::deque<FileTouch>& touches() const { return touches_; }
    // Rows or touches were left out.
    [[nodiscard]] bool more() const { return more_; }

private:
    void look(Workspace& workspace, Row row);

    bool any_ = false;
    erofs::NodeId node_ = erofs::no_node;
    std::uint64_t nid_ = 0;
    std::vector<erofs::ReverseMap> by_device_; // of this file alone
    std::unordered_map<std::uint64_t, std::uint64_t> clusters_; // ends by beginnings, in the file
    std::deque<FileTouch> touches_;
    Row seen_ = 0; // rows
    bool more_ = false;
};

} // namespace coldscope::app
