// Are these the blobs that an image was made with, in this order?
#include "core/base/checked.h"
#include "core/erofs/check.h"

#include <algorithm>
#include <string_view>

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
    std::uint64_t size; // bytes
};

class BlobCheck {
public:
    BlobCheck(const Image& image, Given given, Findings& findings)
        : image_(image), given_(given), findings_(findings) {}
    void run();

private:
    [[nodiscard]] Expected expected(std::size_t device) const;
    [[nodiscard]] bool fits(std::size_t device, std::size_t blob) const;
    // The blob given elsewhere that looks like this device's, if the one given here does not.
    [[nodiscard]] std::optional<std::size_t> elsewhere(std::size_t device) const;
    void check(std::size_t device);

    const Image& image_;
    Given given_;
    Findings& findings_;
};

Expected BlobCheck::expected(std::size_t device) const {
    const Device& slot = image_.devices()[device];
    const auto size = checked_mul<std::uint64_t>(slot.blocks, image_.superblock().block_size());
    return {slot.tag, size.value_or(~std::uint64_t{0})};
}

bool BlobCheck::fits(std::size_t device, std::size_t blob) const {
    return blob < given_.size() && given_[blob] && given_[blob]->size == expected(device).size;
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

void BlobCheck::check(std::size_t device) {
    const Expected wanted = expected(device);
    const std::uint64_t slot = image_.devices()[device].slot_offset;
    const std::string structure = fmt::format("device slot {}", device + 1);
    const auto swapped = elsewhere(device);
    const std::string order =
        swapped ? fmt::format("\"{}\", given for device {}, looks like this one's: give the blobs "
                              "in the device table's order",
                              given_[*swapped]->name, *swapped + 1)
                : std::string();
    if (device >= given_.size() || !given_[device]) {
        findings_.add({Severity::error, slot, structure, "tag",
                       fmt::format("no blob is given for device {} (tag \"{}\", {} bytes)",
                                   device + 1, wanted.tag, wanted.size),
                       swapped ? order : "give its file"});
        return;
    }
    const GivenBlob& blob = *given_[device];
    if (blob.size < wanted.size) {
        findings_.add(
            {Severity::error, slot + 64, structure, "blocks",
             fmt::format("\"{}\" has {} bytes, {} fewer than the {} that the slot at "
                         "byte {} says",
                         blob.name, blob.size, wanted.size - blob.size, wanted.size, slot),
             swapped ? order : "it is truncated or another blob: fetch it again"});
    } else if (blob.size > wanted.size) {
        findings_.add({swapped ? Severity::error : Severity::warning, slot + 64, structure,
                       "blocks",
                       fmt::format("\"{}\" has {} bytes, {} more than the slot at byte {} says",
                                   blob.name, blob.size, blob.size - wanted.size, slot),
                       swapped ? order : "it may be another blob than the image was made with"});
    } else if (swapped) {
        findings_.add({Severity::error, slot, structure, "tag",
                       fmt::format("\"{}\" is given for device {} (tag \"{}\")", blob.name,
                                   device + 1, wanted.tag),
                       order});
    }
}

void BlobCheck::run() {
    for (std::size_t i = 0; i < image_.devices().size(); ++i)
        check(i);
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
                 Findings& findings) {
    BlobCheck(image, blobs, findings).run();
}

} // namespace coldscope::erofs
