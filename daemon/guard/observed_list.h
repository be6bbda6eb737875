// Which files a client wants observed, in a memfd that is sealed, so that it is what was checked as
// long as it is looked at. All numbers are little-endian:
//     u32 count of folders; for each: text, u32 count of paths, and for each: text
// A text is a u32 count of bytes, and these, the last of which is 0 and no other.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace coldscope::guard {

inline constexpr std::size_t largest_list = 256 << 20; // bytes
inline constexpr std::uint32_t most_folders = 4096;

struct ObservedFolder {
    const char* path = nullptr;     // absolute
    std::vector<const char*> paths; // beneath it
};

// The texts stay where they are. Code::invalid, also for more than most_folders; Code::truncated.
[[nodiscard]] Result<std::vector<ObservedFolder>> decode_list(std::span<const std::byte> bytes);

// The client's side.
class ObservedListWriter {
public:
    // The next folder, and how many paths of it come.
    void folder(const std::string& path, std::uint32_t paths);
    void path(const std::string& path) { text(path); }
    // The sealed memfd. Code::invalid for a list that is too long, or has a text with a 0 in it.
    [[nodiscard]] Result<Fd> seal();

private:
    void number(std::uint32_t value);
    void text(const std::string& text);

    std::vector<std::byte> bytes_ = std::vector<std::byte>(4);
    std::uint32_t folders_ = 0;
    bool sound_ = true;
};

// The bytes of a memfd that a client sent. Code::invalid for one that is not sealed or too long.
class SealedBytes {
public:
    [[nodiscard]] static Result<SealedBytes> map(int fd);
    SealedBytes(SealedBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    SealedBytes& operator=(SealedBytes&&) = delete;
    ~SealedBytes();

    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

private:
    explicit SealedBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
    std::span<const std::byte> bytes_;
};

} // namespace coldscope::guard
