// The programs that golden tests compare: coldscoped, and mkfs.erofs and dump.erofs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace coldscope::golden {

struct Output {
    int exit_code = -1; // -1: it did not start, or crashed
    std::string out;
    std::string err;
};

[[nodiscard]] Output run(const std::string& program, const std::vector<std::string>& arguments);

// The path of a tool of erofs-utils 1.9: in COLDSCOPE_EROFS_UTILS, or the build's default folder,
// or PATH. Empty when there is none of that version.
[[nodiscard]] std::string erofs_tool(const std::string& name);

// coldscoped with --json; throws std::runtime_error with its error output when it fails.
[[nodiscard]] nlohmann::json coldscoped_json(std::vector<std::string> arguments);
// coldscoped's bytes; throws as well.
[[nodiscard]] std::string coldscoped_bytes(const std::vector<std::string>& arguments);

// A text of an object: the raw bytes, also where they are not UTF-8.
[[nodiscard]] std::string raw(const nlohmann::json& object, const std::string& key);
[[nodiscard]] std::string from_hex(const std::string& text);

struct DumpExtent {
    std::uint64_t offset = 0;
    std::uint64_t length = 0; // rounded up to blocks by dump.erofs
    std::uint64_t address = 0;
    std::uint64_t stored = 0; // bytes at the address
    std::uint64_t device = 0;
};

// What "dump.erofs --path -e --ls" says of a file.
struct Dump {
    std::map<std::string, std::string> fields; // "Size", "NID", "Links", "Layout", "Uid", ...
    std::vector<DumpExtent> extents;
    std::map<std::string, std::string> entries; // directories: name -> nid
};
// offset: bytes of the file before the image.
[[nodiscard]] Dump dump_erofs(const std::string& image, const std::vector<std::string>& blobs,
                              const std::string& path, bool directory, std::uint64_t offset = 0);

} // namespace coldscope::golden
