// What a tolerant reader found wrong in an image: it goes on and lists, instead of stopping.
#pragma once

#include "core/base/error.h"
#include "core/erofs/place.h"

#include <cstdint>
#include <string>
#include <vector>

namespace coldscope::erofs {

enum class Severity : std::uint8_t { error, warning, note };

struct Finding {
    Severity severity = Severity::error;
    std::uint64_t offset = no_offset; // bytes, in the image or in the file that message names
    std::string structure;            // "superblock", "inode 36", "directory 36", ...
    std::string field;                // the field of it; may be empty
    std::string message;              // what is wrong
    std::string advice;               // what to do about it
    std::string value = {};           // what the field says, for people; may be empty
    bool in_metabox = false;          // offset counts from the metabox's start
    Place place = {};                 // the structure's bytes; see locate_findings()

    bool operator==(const Finding&) const = default;
};

// Keeps the first `limit` findings of an image and counts the others.
class Findings {
public:
    static constexpr std::size_t limit = 1000;

    void add(Finding finding);
    // in_metabox: where the error's offset counts from.
    void add(const Error& error, std::string structure, std::string advice = {},
             bool in_metabox = false);
    // Counts one that nobody will read, once full(): its texts need not be made.
    void count(Severity severity);
    [[nodiscard]] bool full() const { return list_.size() >= limit; }

    [[nodiscard]] const std::vector<Finding>& list() const { return list_; }
    [[nodiscard]] std::vector<Finding>& list() { return list_; }
    [[nodiscard]] std::uint64_t errors() const { return errors_; }
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
    [[nodiscard]] bool empty() const { return list_.empty(); }

private:
    std::vector<Finding> list_;
    std::uint64_t errors_ = 0;
    std::uint64_t left_out_ = 0;
};

[[nodiscard]] const char* name(Severity severity);
// "error: at byte 1028: superblock: checksum: ..."
[[nodiscard]] std::string describe(const Finding& finding);

} // namespace coldscope::erofs
