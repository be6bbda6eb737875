// The local copy of one object: a sparse file, whose holes are what is not yet local. The ranges
// are found again with SEEK_DATA at the next start, so a killed daemon loses nothing but what it
// had not yet written. A note beside it, FILE.origin, says which file that holds for.
// Belongs to the ring thread once the run stands.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"
#include "core/base/range_set.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace coldscope {

class CacheFile {
public:
    // folder: exists and is writable. name: what the object is called, for people. identity: a
    // cache of another identity is never used for this one; it is left alone.
    // Code::busy when another run has it open. given: a descriptor of this file, to be used in
    // place of opening it.
    [[nodiscard]] static Result<std::unique_ptr<CacheFile>> open(const std::string& folder,
                                                                 const std::string& name,
                                                                 const std::string& identity,
                                                                 std::uint64_t size, Fd given = {});
    [[nodiscard]] static std::string path_of(const std::string& folder, const std::string& name,
                                             const std::string& identity);
    CacheFile(const CacheFile&) = delete;
    CacheFile& operator=(const CacheFile&) = delete;
    ~CacheFile();

    [[nodiscard]] std::uint64_t size() const { return size_; } // bytes
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int fd() const { return fd_; }
    // Reads and writes go through this descriptor of the same file from now on.
    void access_by(Fd other) { io_ = std::move(other); }
    [[nodiscard]] const RangeSet& local() const { return local_; }
    // Ranges are written and punched in whole multiples of this; the file's end counts as whole.
    [[nodiscard]] std::uint64_t granule() const { return granule_; }
    // The smallest range of whole granules around this one, within the file.
    [[nodiscard]] Range whole(Range range) const;

    // range must be local. Bytes that the disk can't give back stop being local.
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into);
    // Writes whole granules and marks them local. After an error nothing of it is local.
    [[nodiscard]] Result<void> fill(std::uint64_t offset, std::span<const std::byte> bytes);

private:
    CacheFile(int fd, std::string path, std::uint64_t size)
        : fd_(fd), path_(std::move(path)), size_(size) {}
    [[nodiscard]] Result<void> find_local();
    void forget(Range range);

    [[nodiscard]] int io() const { return io_ ? io_.get() : fd_; }

    int fd_; // owned; locked with flock
    Fd io_;  // none: fd_
    std::string path_;
    std::uint64_t size_;
    std::uint64_t granule_ = 4096;
    RangeSet local_;
};

} // namespace coldscope
