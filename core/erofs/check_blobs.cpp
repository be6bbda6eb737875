// Are these the blobs that an image was made with, in this order?
#include "core/base/checked.h"
#include "core/erofs/check.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

using Given = std::span<const std::optional<GivenBlob>>;

std::string_view last_part(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// A tag is a digest or a file name; blobs are often called "sha256:<digest>" or "<digest>".
bool named(const GivenBlob& blob, std::string_view tag) {
    if (tag.empty())
        return false;
    const std::string_view name = last_part(blob.name);
    return name == last_part(tag) || (tag.size() >= 32 && name.ends_with(tag));
}

struct Expected {
    std::string_view tag;
    std::optional<std::uint64_t> size; // bytes; older mkfs.erofs leave it out
    std::uint64_t used = 0;            // bytes: up to the last one that a file has there

    [[nodiscard]] std::uint64_t least() const { return std::max(size.value_or(0), used); }
};

class BlobCheck {
public:
    BlobCheck(const Image& image, Given given, Findings& findings, const Index* index,
              Missing missing)
        : image_(image), given_(given), findings_(findings), index_(index), missing_(missing) {}
    void run();

private:
    [[nodiscard]] Expected expected(std::size_t device) const;
    [[nodiscard]] bool fits(std::size_t device, std::size_t blob) const;
    // The blob given elsewhere that looks like this device's, if the one given here does not.
    [[nodiscard]] std::optional<std::size_t> elsewhere(std::size_t device) const;
    void check(std::size_t device);
    void note_unchecked();
    void add(std::size_t device, Severity severity, const char* field, std::string message,
             std::string advice);

    const Image& image_;
    Given given_;
    Findings& findings_;
    const Index* index_; // may be null
    Missing missing_;
    std::vector<std::size_t> unchecked_; // devices
};

Expected BlobCheck::expected(std::size_t device) const {
    const Device& slot = image_.devices()[device];
    Expected expected{slot.tag, std::nullopt, 0};
    if (slot.blocks != 0)
        expected.size = checked_mul<std::uint64_t>(slot.blocks, image_.superblock().block_size())
                            .value_or(~std::uint64_t{0});
    if (index_ != nullptr && device + 1 < index_->reverse_maps().size())
        expected.used = index_->reverse_maps()[device + 1].end();
    return expected;
}

bool BlobCheck::fits(std::size_t device, std::size_t blob) const {
    if (blob >= given_.size() || !given_[blob])
        return false;
    const Expected wanted = expected(device);
    return wanted.size ? given_[blob]->size == *wanted.size : given_[blob]->size >= wanted.used;
}

std::optional<std::size_t> BlobCheck::elsewhere(std::size_t device) const {
    const Expected wanted = expected(device);
    if (device < given_.size() && given_[device] && named(*given_[device], wanted.tag))
        return std::nullopt;
    for (std::size_t blob = 0; blob < given_.size(); ++blob) {
        if (blob != device && given_[blob] && named(*given_[blob], wanted.tag))
            return blob;
    }
    if (fits(device, device))
        return std::nullopt;
    for (std::size_t blob = 0; blob < given_.size(); ++blob) {
        const bool at_home = blob < image_.devices().size() && fits(blob, blob);
        if (blob != device && !at_home && fits(device, blob))
            return blob;
    }
    return std::nullopt;
}

void BlobCheck::add(std::size_t device, Severity severity, const char* field, std::string message,
                    std::string advice) {
    const Device& slot = image_.devices()[device];
    const bool tag = std::string_view(field) == "tag";
    Finding finding{severity,
                    slot.slot_offset + (tag ? 0 : device_tag_size),
                    fmt::format("device slot {}", device + 1),
                    field,
                    std::move(message),
                    std::move(advice),
                    tag ? slot.tag : std::to_string(slot.blocks)};
    finding.place = {Structure::device_slot, false, 0, slot.slot_offset, device_slot_size, 0};
    findings_.add(std::move(finding));
}

void BlobCheck::check(std::size_t device) {
    const Expected wanted = expected(device);
    const auto swapped = elsewhere(device);
    const std::string order =
        swapped ? fmt::format("\"{}\", given for device {}, looks like this one's: give the blobs "
                              "in the device table's order",
                              given_[*swapped]->name, *swapped + 1)
                : std::string();
    if (device >= given_.size() || !given_[device]) {
        if (missing_ == Missing::note && !swapped) {
            unchecked_.push_back(device);
            return;
        }
        add(device, Severity::error, "tag",
            fmt::format("no blob is given for device {} (tag \"{}\", at least {} bytes)",
                        device + 1, wanted.tag, wanted.least()),
            swapped ? order : "give its file");
        return;
    }
    const GivenBlob& blob = *given_[device];
    if (blob.size < wanted.least()) {
        add(device, Severity::error, "blocks",
            fmt::format("\"{}\" is too short: {} bytes, {} fewer than the {} that {}", blob.name,
                        blob.size, wanted.least() - blob.size, wanted.least(),
                        wanted.used > wanted.size.value_or(0) ? "files have there"
                                                              : "its slot says"),
            swapped ? order : "it is truncated or another blob: fetch it again");
    } else if (wanted.size && blob.size > *wanted.size) {
        add(device, swapped ? Severity::error : Severity::warning, "blocks",
            fmt::format("\"{}\" has {} bytes, {} more than the slot at byte {} says", blob.name,
                        blob.size, blob.size - *wanted.size, image_.devices()[device].slot_offset),
            swapped ? order : "it may be another blob than the image was made with");
    } else if (swapped) {
        add(device, Severity::error, "tag",
            fmt::format("\"{}\" is given for device {} (tag \"{}\")", blob.name, device + 1,
                        wanted.tag),
            order);
    }
}

void BlobCheck::note_unchecked() {
    constexpr std::size_t most_told = 8;
    if (unchecked_.empty())
        return;
    std::string list;
    for (std::size_t i = 0; i < std::min(unchecked_.size(), most_told); ++i) {
        const std::string& tag = image_.devices()[unchecked_[i]].tag;
        list += fmt::format("{}device {}", i == 0 ? "" : ", ", unchecked_[i] + 1);
        list += tag.empty() ? std::string() : fmt::format(" (tag \"{}\")", tag);
    }
    if (unchecked_.size() > most_told)
        list += fmt::format(" and {} more", unchecked_.size() - most_told);
    findings_.add({Severity::note,
                   no_offset,
                   "device table",
                   {},
                   fmt::format("blobs not checked: {} of {}: {}", unchecked_.size(),
                               image_.devices().size(), list),
                   "give them with --device"});
}

void BlobCheck::run() {
    for (std::size_t i = 0; i < image_.devices().size(); ++i)
        check(i);
    note_unchecked();
    for (std::size_t i = image_.devices().size(); i < given_.size(); ++i) {
        if (given_[i])
            findings_.add({Severity::warning,
                           no_offset,
                           "device table",
                           {},
                           fmt::format("\"{}\" is given for device {}, but there are {} devices",
                                       given_[i]->name, i + 1, image_.devices().size()),
                           "leave it out"});
    }
}

} // namespace

void check_blobs(const Image& image, std::span<const std::optional<GivenBlob>> blobs,
                 Findings& findings, const Index* index, Missing missing) {
    BlobCheck(image, blobs, findings, index, missing).run();
}

} // namespace coldscope::erofs
