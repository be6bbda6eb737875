// Errors are values: what went wrong, the system's errno, the byte offset, and the thing it
// happened to. Text for people is made at the edge, by describe().
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace coldscope {

enum class Code : std::uint8_t {
    io,          // the system refused or failed: see sys_errno
    not_erofs,   // no EROFS superblock where one should be
    truncated,   // the bytes end before the structure does
    checksum,    // stored and computed checksum differ
    unsupported, // a feature this program does not know, or not yet
    corrupt,     // a field's value can't be right
    not_found,   // no such name, object, request, device
    invalid,     // the caller's argument
    busy,        // in use by somebody else
    no_space,    // the cache's disk is full
    mismatch,    // the bytes are not those that the image was made with
    cancelled,   // given up on purpose
};

inline constexpr std::uint64_t no_offset = ~std::uint64_t{0};

struct Error {
    Code code = Code::io;
    int sys_errno = 0;                // 0 where the system had no part
    std::uint64_t offset = no_offset; // in bytes, in the file that context names
    std::string context;              // what was being done, to what

    bool operator==(const Error&) const = default;
};

template <typename T>
using Result = std::expected<T, Error>;

// An error whose errno is taken now; call it before anything else can change errno.
[[nodiscard]] std::unexpected<Error> system_error(std::string context,
                                                  std::uint64_t offset = no_offset);
[[nodiscard]] std::unexpected<Error> system_error(int sys_errno, std::string context,
                                                  std::uint64_t offset = no_offset);
[[nodiscard]] std::unexpected<Error> failure(Code code, std::string context,
                                             std::uint64_t offset = no_offset);

// The errno that a reader should get for this error; EIO where nothing fits better.
[[nodiscard]] int to_errno(const Error& error);

[[nodiscard]] std::string_view name(Code code);
// "blob.img: at byte 4096: chunk table ends early (truncated)"; file may be empty.
[[nodiscard]] std::string describe(const Error& error, std::string_view file = {});

// The symbolic name of an errno ("EIO"), and back; unknown names give 0.
[[nodiscard]] std::string errno_name(int number);
[[nodiscard]] int errno_by_name(std::string_view name);

} // namespace coldscope

// Evaluates an expression of type Result<T>; returns its error from the enclosing function, or
// declares `decl` from its value.
#define COLDSCOPE_CONCAT_(a, b) a##b
#define COLDSCOPE_CONCAT(a, b) COLDSCOPE_CONCAT_(a, b)
#define COLDSCOPE_TRY_IMPL(tmp, decl, expr)                                                        \
    auto tmp = (expr);                                                                             \
    if (!tmp)                                                                                      \
        return std::unexpected(std::move(tmp).error());                                            \
    decl = std::move(tmp).value()
#define COLDSCOPE_TRY(decl, expr)                                                                  \
    COLDSCOPE_TRY_IMPL(COLDSCOPE_CONCAT(coldscope_try_, __LINE__), decl, expr)
#define COLDSCOPE_CHECK(expr)                                                                      \
    do {                                                                                           \
        if (auto coldscope_check_ = (expr); !coldscope_check_)                                     \
            return std::unexpected(std::move(coldscope_check_).error());                           \
    } while (false)
