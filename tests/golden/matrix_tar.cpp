#include "tests/golden/matrix_tar.h"

#include "core/base/fd.h"
#include "tests/golden/golden_tools.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace coldscope::golden {

namespace {

constexpr std::size_t record = 512; // bytes

// ustar, the size in base 256.
std::array<char, record> header(std::string_view name, std::uint64_t size, char type = '0') {
    std::array<char, record> bytes{};
    const auto put = [&](std::size_t at, std::string_view text) {
        std::ranges::copy(text, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    };
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    bytes[124] = '\x80';
    for (std::size_t i = 0; i < 8; ++i)
        bytes[135 - i] = static_cast<char>(size >> (8 * i));
    put(136, "11145401322"); // 1234567890
    put(148, "        ");
    bytes[156] = type;
    put(257, "ustar");
    put(263, "00");
    unsigned sum = 0;
    for (const char byte : bytes)
        sum += static_cast<unsigned char>(byte);
    put(148, fmt::format("{:06o}", sum));
    bytes[154] = '\0';
    return bytes;
}

} // namespace

void pack(const std::string& folder, const std::string& tar, const std::string& compression) {
    std::vector<std::string> arguments{"--format=pax", "--xattrs", "--xattrs-include=*",
                                       "--sort=name",  "-C",       folder,
                                       "-cf",          tar,        "."};
    if (!compression.empty())
        arguments.insert(arguments.begin(), "--" + compression);
    const Output output = run("tar", arguments);
    if (output.exit_code != 0)
        throw std::runtime_error("tar: " + output.err);
}

void pack_far(const std::string& tar, std::uint64_t first_size, const std::string& second) {
    const Fd file(open(tar.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    const auto put = [&](std::uint64_t at, const char* bytes, std::size_t count) {
        if (pwrite(file.get(), bytes, count, static_cast<off_t>(at)) != static_cast<ssize_t>(count))
            throw std::system_error(errno, std::generic_category(), tar);
    };
    constexpr std::string_view end = "end of it";
    put(0, header("./", 0, '5').data(), record);
    put(record, header("first", first_size).data(), record);
    put(2 * record + first_size - end.size(), end.data(), end.size());
    std::uint64_t at = 2 * record + (first_size + record - 1) / record * record;
    put(at, header("second", second.size()).data(), record);
    put(at + record, second.data(), second.size());
    at += record + (second.size() + record - 1) / record * record;
    if (ftruncate(file.get(), static_cast<off_t>(at + 2 * record)) != 0)
        throw std::system_error(errno, std::generic_category(), tar);
}

} // namespace coldscope::golden
