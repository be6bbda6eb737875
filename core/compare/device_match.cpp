#include "core/compare/device_match.h"

#include "core/compare/compare.h"
#include "core/compare/same_bytes.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

namespace coldscope::compare {

namespace {

// What a device is called in device tables: its tag; a primary device's UUID without dashes.
std::string tag_of(const Side& side, std::size_t device) {
    if (device > 0)
        return side.image.devices()[device - 1].tag;
    std::string uuid = side.image.superblock().uuid_text();
    std::erase(uuid, '-');
    return uuid.find_first_not_of('0') == std::string::npos ? std::string() : uuid;
}

// In bytes, as the image says; 0: it doesn't.
std::uint64_t said_size(const Side& side, std::size_t device) {
    const erofs::Superblock& super = side.image.superblock();
    const std::uint64_t blocks =
        device == 0 ? super.blocks : side.image.devices()[device - 1].blocks;
    return blocks << super.block_bits;
}

// The file that is given for it; empty: not known.
std::string file_of(const Side& side, std::size_t device) {
    const ReadAt* bytes = side.device(device);
    return bytes != nullptr ? bytes->identity() : std::string();
}

// Bytes that a blob has at least: by its slot, whose last block may be one in part, or by the files
// on it.
std::uint64_t least_size(const Side& side, std::size_t device) {
    const std::uint64_t block = side.image.superblock().block_size();
    const std::uint64_t said = said_size(side, device);
    const auto maps = side.index.reverse_maps();
    return std::max(said < block ? 0 : said - block + 1,
                    device < maps.size() ? maps[device].end() : 0);
}

// It can't stand for the blob: bytes that are not there may differ.
bool ends_early(const Side& side, std::size_t device) {
    const ReadAt* bytes = side.device(device);
    return device != 0 && bytes != nullptr && bytes->size() < least_size(side, device);
}

std::size_t device_count(const Side& side) {
    return side.image.devices().size() + 1;
}

std::string device_text(std::size_t device, const char* which) {
    return device == 0 ? fmt::format("the bootstrap of the {} image", which)
                       : fmt::format("blob {} of the {} image", device, which);
}

constexpr std::size_t most_of_one_name = 16; // more are a damaged table
constexpr std::size_t most_warnings = 100;

class Matcher {
public:
    Matcher(const Side& before, const Side& after, bool read, Meter& meter,
            std::vector<std::string>& warnings)
        : before_(before), after_(after), read_(read), meter_(meter), warnings_(warnings) {}

    Result<std::vector<DeviceMatch>> run();

private:
    [[nodiscard]] std::vector<std::size_t> candidates(std::size_t now) const;
    Result<Sameness> compare_pair(std::size_t old, std::size_t now);
    // Nothing: it can't be told.
    Result<std::optional<bool>> by_bytes(std::size_t old, std::size_t now, bool same_tag);
    void warn_of_short(const Side& side, const char* which);
    void warn(std::string text) {
        if (warnings_.size() < most_warnings &&
            std::ranges::find(warnings_, text) == warnings_.end())
            warnings_.push_back(std::move(text));
    }

    const Side& before_;
    const Side& after_;
    bool read_;
    Meter& meter_;
    std::vector<std::string>& warnings_;
    bool same_bootstrap_ = false;
    // Devices of the first image.
    std::multimap<std::string, std::size_t> by_file_;
    std::multimap<std::string, std::size_t> by_tag_;
    std::vector<std::size_t> there_; // blobs
    std::vector<std::size_t> untagged_there_;
};

void Matcher::warn_of_short(const Side& side, const char* which) {
    for (std::size_t i = 1; i < device_count(side); ++i) {
        if (ends_early(side, i))
            warn(fmt::format("{} ends early: {} bytes instead of {} or more; what it lacks is not "
                             "compared",
                             device_text(i, which), side.device(i)->size(), least_size(side, i)));
    }
}

Result<std::optional<bool>> Matcher::by_bytes(std::size_t old, std::size_t now, bool same_tag) {
    ReadAt& a = *before_.device(old);
    ReadAt& b = *after_.device(now);
    if (ends_early(before_, old) || ends_early(after_, now))
        return std::nullopt;
    bool same = a.size() == b.size();
    if (same) {
        COLDSCOPE_CHECK(meter_.begin(Phase::devices, a.size()));
        const auto read = same_bytes(a, b, meter_);
        if (!read && read.error().code == Code::cancelled)
            return std::unexpected(read.error());
        if (!read) {
            warn(fmt::format("{} and {} could not be compared: {}", device_text(old, "first"),
                             device_text(now, "second"), describe(read.error())));
            return std::nullopt;
        }
        same = *read;
    }
    if (!same && same_tag && old > 0 && now > 0)
        warn(fmt::format(
            "the blob tagged \"{}\" is not the same in both: a cache that goes by tags would give "
            "one image the other's bytes",
            tag_of(after_, now)));
    return same;
}

Result<Sameness> Matcher::compare_pair(std::size_t old, std::size_t now) {
    if (!file_of(before_, old).empty() && file_of(before_, old) == file_of(after_, now))
        return Sameness::file;
    const bool both_there = before_.device(old) != nullptr && after_.device(now) != nullptr;
    const auto proved = [&]() -> Result<Sameness> {
        COLDSCOPE_TRY(const auto same, by_bytes(old, now, false));
        return same.value_or(false) ? Sameness::bytes : Sameness::none;
    };
    if (old == 0 && now == 0) // an UUID may be given on purpose: no proof
        return both_there && read_ ? proved() : Sameness::none;
    const std::string tag = tag_of(before_, old);
    const std::string other = tag_of(after_, now);
    const bool same_tag = !tag.empty() && tag == other;
    const bool same_slot = same_bootstrap_ && old == now;
    if (!same_tag && !same_slot) {
        // Blobs without a tag can only be compared.
        if (old == 0 || now == 0 || (!tag.empty() && !other.empty()) || !both_there || !read_)
            return Sameness::none;
        return proved();
    }
    const std::uint64_t size = said_size(before_, old);
    const std::uint64_t other_size = said_size(after_, now);
    if (size != 0 && other_size != 0 && size != other_size) {
        warn(fmt::format("the blob tagged \"{}\" has {} bytes in one device table "
                         "and {} in the other: taken for two",
                         other, size, other_size));
        return Sameness::none;
    }
    if (same_tag && is_digest(tag))
        return Sameness::digest;
    if (both_there && read_) {
        COLDSCOPE_TRY(const auto same, by_bytes(old, now, same_tag));
        if (same)
            return *same ? Sameness::bytes : Sameness::none;
    }
    return same_slot ? Sameness::bootstrap : Sameness::tag;
}

// That of the same number first: it is most often the one. A table may have 65,535 devices, so only
// those are looked at of which something speaks for it.
std::vector<std::size_t> Matcher::candidates(std::size_t now) const {
    std::vector<std::size_t> list;
    const auto add = [&list](std::size_t old) {
        if (std::ranges::find(list, old) == list.end())
            list.push_back(old);
    };
    if (now < device_count(before_))
        add(now);
    const auto add_all = [&add](const auto& map, const std::string& key) {
        const auto [first, last] = map.equal_range(key);
        std::size_t room = most_of_one_name;
        for (auto at = first; at != last && !key.empty() && room > 0; ++at, --room)
            add(at->second);
    };
    add_all(by_file_, file_of(after_, now));
    add_all(by_tag_, tag_of(after_, now));
    if (now > 0 && after_.device(now) != nullptr && read_)
        std::ranges::for_each(tag_of(after_, now).empty() ? there_ : untagged_there_, add);
    return list;
}

Result<std::vector<DeviceMatch>> Matcher::run() {
    warn_of_short(before_, "first");
    warn_of_short(after_, "second");
    for (std::size_t old = 0; old < device_count(before_); ++old) {
        by_file_.emplace(file_of(before_, old), old);
        by_tag_.emplace(tag_of(before_, old), old);
        if (old == 0 || before_.device(old) == nullptr)
            continue;
        there_.push_back(old);
        if (tag_of(before_, old).empty())
            untagged_there_.push_back(old);
    }
    std::vector<DeviceMatch> matches(device_count(after_));
    for (std::size_t now = 0; now < matches.size(); ++now) {
        for (const std::size_t old : candidates(now)) {
            COLDSCOPE_TRY(const Sameness how, compare_pair(old, now));
            if (how == Sameness::none)
                continue;
            matches[now] = {static_cast<std::uint16_t>(old), how};
            break;
        }
        if (now == 0)
            same_bootstrap_ = matches[0].before == 0;
    }
    return matches;
}

} // namespace

bool is_digest(std::string_view tag) {
    return tag.size() == 64 && tag.find_first_not_of("0123456789abcdefABCDEF") == tag.npos;
}

Result<std::vector<DeviceMatch>> match_devices(const Side& before, const Side& after, bool read,
                                               Meter& meter, std::vector<std::string>& warnings) {
    return Matcher(before, after, read, meter, warnings).run();
}

const char* name(Sameness sameness) {
    switch (sameness) {
    case Sameness::none:
        return "none";
    case Sameness::file:
        return "same file";
    case Sameness::digest:
        return "same digest";
    case Sameness::bytes:
        return "same bytes";
    case Sameness::tag:
        return "same tag";
    case Sameness::bootstrap:
        return "same bootstrap";
    }
    return "unknown";
}

} // namespace coldscope::compare
