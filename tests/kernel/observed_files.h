// For tests of the observer: mounts, what is read of them, and the independent probe.
#pragma once

#include "daemon/observe/observer.h"

#include <QString>
#include <QStringList>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace coldscope::test {

// Of pages that are resident.
using Frames = std::map<std::uint64_t, std::uint64_t>; // by page

// A mount in this test's mount namespace, for as long as it lives.
class Mounted {
public:
    // The folder is made.
    Mounted(const QString& source, const QString& folder, const char* type, unsigned long flags = 0,
            const QString& options = {});
    ~Mounted();
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;
    explicit operator bool() const { return error_ == 0; }
    [[nodiscard]] int error() const { return error_; }
    [[nodiscard]] std::string folder() const { return folder_; }
    [[nodiscard]] QString path(const QString& file) const {
        return QString::fromStdString(folder_) + '/' + file;
    }

private:
    std::string folder_;
    int error_ = 0;
};

// Reads that range and not more: without readahead.
[[nodiscard]] bool read_range(const QString& file, std::int64_t offset, std::int64_t length);
[[nodiscard]] bool read_all(const QString& file);
// The file's pages leave memory, if nobody has them mapped.
[[nodiscard]] bool evict(const QString& file);
// What page_probe prints of it.
[[nodiscard]] Frames probed(const QString& file);
// By an observer of its own, with this process's rights.
[[nodiscard]] sharing::Sample seen(const std::vector<Watched>& watched);
[[nodiscard]] Frames frames_of(const sharing::Sample& sample, std::size_t file);

} // namespace coldscope::test
