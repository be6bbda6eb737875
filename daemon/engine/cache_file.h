// The local copy of one object: a sparse file, whose holes are what is not yet local. The ranges
// are found again with SEEK_DATA at the next start, so a killed daemon loses nothing but what it
// had not yet written. A note beside it, FILE.origin, says which file that holds for.
// Belongs to the ring thread once the run stands.
#pragma once

#include "daemon/engine/local_copy.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace coldscope {

class CacheFile final : public LocalCopy {
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
    // Whether a file may be what path_of() says of this name, whatever the identity. file: without
    // its folder.
    [[nodiscard]] static bool is_named_after(std::string_view file, const std::string& name);
    ~CacheFile() override;

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] const std::string& path() const override { return path_; }
    [[nodiscard]] int fd() const override { return fd_; }
    void access_by(Fd other) override { io_ = std::move(other); }
    [[nodiscard]] const RangeSet& local() const override { return local_; }
    [[nodiscard]] std::uint64_t granule() const override { return granule_; }
    [[nodiscard]] Range whole(Range range) const override;

    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override;
    using LocalCopy::fill;
    [[nodiscard]] Result<void> fill(std::uint64_t offset,
                                    std::span<const std::byte> bytes) override;

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
