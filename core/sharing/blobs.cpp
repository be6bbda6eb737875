#include "core/sharing/blobs.h"

#include "core/compare/device_match.h"
#include "core/sharing/intern.h"

#include <map>
#include <numeric>
#include <string>
#include <utility>

namespace coldscope::sharing {

Blobs find_blobs(std::span<const Side> sides) {
    Blobs blobs;
    for (const Side& side : sides) {
        auto& numbers = blobs.of.emplace_back(side.image.devices().size() + 1);
        std::iota(numbers.begin(), numbers.end(), blobs.count);
        blobs.count += static_cast<std::uint32_t>(numbers.size());
    }
    Joined joined(blobs.count);
    std::map<std::string, std::uint32_t> files;
    std::map<std::pair<std::string, std::uint64_t>, std::uint32_t> digests;
    for (std::size_t i = 0; i < sides.size(); ++i) {
        const Side& side = sides[i];
        for (std::size_t device = 0; device < blobs.of[i].size(); ++device) {
            const std::uint32_t number = blobs.of[i][device];
            if (device < side.devices.size() && side.devices[device] != nullptr) {
                const std::string file = side.devices[device]->identity();
                if (!file.empty())
                    joined.join(files.try_emplace(file, number).first->second, number);
            }
            if (device == 0)
                continue;
            const erofs::Device& slot = side.image.devices()[device - 1];
            if (compare::is_digest(slot.tag)) {
                const std::uint64_t size = slot.blocks << side.image.superblock().block_bits;
                joined.join(digests.try_emplace({slot.tag, size}, number).first->second, number);
            }
        }
    }
    // A size that is not said contradicts none; with two others it is the smaller one's.
    for (auto at = digests.begin(); at != digests.end(); ++at) {
        const auto next = std::next(at);
        if (at->first.second == 0 && next != digests.end() && next->first.first == at->first.first)
            joined.join(at->second, next->second);
    }
    std::map<std::uint32_t, std::uint32_t> dense;
    for (auto& numbers : blobs.of) {
        for (std::uint32_t& number : numbers)
            number =
                dense.try_emplace(joined.least(number), static_cast<std::uint32_t>(dense.size()))
                    .first->second;
    }
    blobs.count = static_cast<std::uint32_t>(dense.size());
    return blobs;
}

} // namespace coldscope::sharing
