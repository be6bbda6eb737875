// All image bytes come through this interface, so that a file, a memory buffer or the on-demand
// cache can stand behind an image.
#pragma once

#include "core/base/error.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace coldscope {

class ReadAt {
public:
    ReadAt() = default;
    ReadAt(const ReadAt&) = delete;
    ReadAt& operator=(const ReadAt&) = delete;
    virtual ~ReadAt() = default;

    [[nodiscard]] virtual std::uint64_t size() const = 0; // bytes
    // Fills all of `into` or fails; short input is Code::truncated at the byte that is missing.
    [[nodiscard]] virtual Result<void> read(std::uint64_t offset, std::span<std::byte> into) = 0;
    // The same text for the same file, as it was opened; empty: not known.
    [[nodiscard]] virtual std::string identity() const { return {}; }
};

// Borrows the bytes: they must outlive it.
class MemoryReadAt final : public ReadAt {
public:
    explicit MemoryReadAt(std::span<const std::byte> bytes) : bytes_(bytes) {}
    [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override;

private:
    std::span<const std::byte> bytes_;
};

// A range of another, from start on; what of it the other lacks is truncated when it is read.
class PartReadAt final : public ReadAt {
public:
    PartReadAt(std::shared_ptr<ReadAt> whole, std::uint64_t start, std::uint64_t size)
        : whole_(std::move(whole)), start_(start), size_(size) {}
    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override;

private:
    std::shared_ptr<ReadAt> whole_;
    std::uint64_t start_; // bytes
    std::uint64_t size_;  // bytes
};

// A regular file or block device, read with pread.
class FileReadAt final : public ReadAt {
public:
    [[nodiscard]] static Result<std::unique_ptr<FileReadAt>> open(const std::string& path);
    ~FileReadAt() override;
    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override;
    [[nodiscard]] std::string identity() const override { return identity_; }

private:
    FileReadAt(int fd, std::uint64_t size, std::string identity)
        : fd_(fd), size_(size), identity_(std::move(identity)) {}
    int fd_; // owned
    std::uint64_t size_;
    std::string identity_; // numbers of the file system and the inode
};

} // namespace coldscope
