#include "core/erofs/device.h"

#include "core/base/checked.h"
#include "core/base/cursor.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

namespace coldscope::erofs {

namespace {

struct Area {
    std::uint64_t start; // blocks
    std::uint64_t end;
    std::size_t device; // index in the table
};

// In a 64-bit byte address space, block numbers past this can't be addressed.
std::uint64_t clamp_blocks(std::uint64_t blocks, std::uint32_t block_bits) {
    return std::min(blocks, ~std::uint64_t{0} >> block_bits);
}

Result<void> check_overlaps(std::span<const Device> devices, Findings* tolerant) {
    std::vector<Area> spans;
    for (std::size_t i = 0; i < devices.size(); ++i) {
        if (devices[i].uniaddr != 0 && devices[i].blocks != 0)
            spans.push_back({devices[i].uniaddr, devices[i].uniaddr + devices[i].blocks, i});
    }
    std::ranges::sort(spans, {}, &Area::start);
    for (std::size_t i = 1; i < spans.size(); ++i) {
        const Area& before = spans[i - 1];
        const Area& here = spans[i];
        if (before.end <= here.start)
            continue;
        std::string message = fmt::format(
            "device {} (blocks {} to {}) overlaps device {} (blocks {} to {}) in the "
            "unified address space",
            here.device + 1, here.start, here.end, before.device + 1, before.start, before.end);
        const std::uint64_t offset = devices[here.device].slot_offset + 68;
        if (tolerant == nullptr)
            return failure(Code::corrupt, std::move(message), offset);
        tolerant->add({Severity::error, offset, fmt::format("device slot {}", here.device + 1),
                       "uniaddr", std::move(message), "make the image again"});
    }
    return {};
}

} // namespace

Result<std::vector<Device>> read_device_table(ReadAt& primary, const Superblock& super,
                                              Findings* tolerant) {
    const std::size_t count = super.extra_devices;
    if (count == 0)
        return std::vector<Device>{};
    const std::uint64_t start = std::uint64_t{super.device_slot_start} * device_slot_size;
    const std::size_t length = count * device_slot_size;
    if (start > primary.size() || length > primary.size() - start)
        return failure(Code::truncated,
                       fmt::format("the table of {} devices at byte {} ends early", count, start),
                       primary.size());
    std::vector<std::byte> bytes(length);
    COLDSCOPE_CHECK(primary.read(start, bytes));

    const bool wide = super.has(incompat::wide_48bit);
    std::vector<Device> devices;
    devices.reserve(count);
    Cursor at(bytes, start);
    for (std::size_t i = 0; i < count; ++i) {
        Device device;
        device.slot_offset = at.offset();
        const auto tag = at.bytes(device_tag_size);
        device.tag.assign(reinterpret_cast<const char*>(tag.data()), tag.size());
        device.tag.resize(std::min(device.tag.size(), device.tag.find('\0')));
        device.blocks = at.u32();
        device.uniaddr = at.u32();
        const std::uint64_t blocks_hi = at.u16();
        const std::uint64_t uniaddr_hi = at.u16();
        if (wide) {
            device.blocks |= blocks_hi << 32;
            device.uniaddr |= uniaddr_hi << 32;
        }
        at.skip(52);
        devices.push_back(std::move(device));
    }
    if (!at.ok())
        return at.error("device table");
    COLDSCOPE_CHECK(check_overlaps(devices, tolerant));
    return devices;
}

std::shared_ptr<ReadAt> flattened_device(const std::shared_ptr<ReadAt>& primary,
                                         const Superblock& super, const Device& device) {
    const auto block = std::uint64_t{super.block_size()};
    const auto start = checked_mul(device.uniaddr, block);
    const auto size = checked_mul(device.blocks, block);
    if (!start || !size || *start == 0 || *size == 0 || *start > primary->size() ||
        *size > primary->size() - *start)
        return nullptr;
    return std::make_shared<PartReadAt>(primary, *start, *size);
}

DeviceResolver::DeviceResolver(const Superblock& super, std::span<const Device> devices) {
    id_mask_ = static_cast<std::uint16_t>(
        std::bit_ceil(static_cast<std::uint32_t>(devices.size()) + 1) - 1);
    for (std::size_t i = 0; i < devices.size(); ++i) {
        const Device& device = devices[i];
        if (device.uniaddr == 0 || device.blocks == 0)
            continue;
        const std::uint64_t start = clamp_blocks(device.uniaddr, super.block_bits);
        const std::uint64_t end = clamp_blocks(device.uniaddr + device.blocks, super.block_bits);
        ranges_.push_back({start << super.block_bits, end << super.block_bits,
                           static_cast<std::uint16_t>(i + 1)});
    }
    std::ranges::sort(ranges_, {}, &Range::start);
}

DeviceResolver DeviceResolver::flattened(const Superblock& super, std::span<const Device> devices) {
    DeviceResolver resolver(super, devices);
    resolver.flattened_ = true;
    std::ranges::sort(resolver.ranges_, {}, &Range::device);
    return resolver;
}

DeviceResolver::Place DeviceResolver::resolve_flattened(std::uint16_t device,
                                                        std::uint64_t address) const {
    if (device == 0 || device > ranges_.size())
        return {device, address, ~std::uint64_t{0}};
    const Range& range = ranges_[device - 1U];
    const std::uint64_t size = range.end - range.start;
    if (address >= size)
        return {device, address, ~std::uint64_t{0}};
    return {0, range.start + address, size - address};
}

DeviceResolver::Place DeviceResolver::resolve_unified(std::uint64_t address) const {
    const auto after = std::ranges::upper_bound(ranges_, address, {}, &Range::start);
    if (after != ranges_.begin()) {
        const Range& range = *std::prev(after);
        if (address < range.end)
            return {range.device, address - range.start, range.end - address};
    }
    const std::uint64_t room = after == ranges_.end() ? ~std::uint64_t{0} : after->start - address;
    return {0, address, room};
}

} // namespace coldscope::erofs
