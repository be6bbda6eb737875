// The device table: the blobs that an image's data may lie on besides the primary device.
// Source: struct erofs_deviceslot in Linux fs/erofs/erofs_fs.h.
#pragma once

#include "core/base/error.h"
#include "core/base/read_at.h"
#include "core/erofs/finding.h"
#include "core/erofs/superblock.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace coldscope::erofs {

struct Device {
    std::string tag;               // a digest or a file name; raw bytes up to the first NUL
    std::uint64_t blocks = 0;      // in blocks of the image; 0: not said (mkfs.erofs 1.5)
    std::uint64_t uniaddr = 0;     // first block in the unified address space; 0: not in it
    std::uint64_t slot_offset = 0; // in bytes: where the slot is in the primary device
};

// Errors: truncated, corrupt (ranges in the unified address space overlap).
// With findings, overlaps are listed there and the table is returned all the same.
[[nodiscard]] Result<std::vector<Device>>
read_device_table(ReadAt& primary, const Superblock& super, Findings* tolerant = nullptr);

// The device's bytes within the primary one, at their place in the unified address space: so they
// are in an image that was flattened into one file. Null where the file does not reach as far, or
// the slot says no place.
[[nodiscard]] std::shared_ptr<ReadAt> flattened_device(const std::shared_ptr<ReadAt>& primary,
                                                       const Superblock& super,
                                                       const Device& device);

// Turns (device id, address) as the image stores it into the device that holds the bytes: an
// address of device 0 within a device's unified range belongs to that device.
class DeviceResolver {
public:
    DeviceResolver() = default;
    DeviceResolver(const Superblock& super, std::span<const Device> devices);
    // Of an image whose devices all lie within the primary one, see flattened_device(): that holds
    // all bytes but those past a device's own end.
    [[nodiscard]] static DeviceResolver flattened(const Superblock& super,
                                                  std::span<const Device> devices);

    struct Place {
        std::uint16_t device = 0;
        std::uint64_t address = 0; // in bytes, from the device's start
        std::uint64_t room = 0;    // bytes from address on that surely lie on this device
    };
    [[nodiscard]] Place resolve(std::uint16_t device, std::uint64_t address) const {
        if (flattened_)
            return resolve_flattened(device, address);
        if (device != 0 || ranges_.empty())
            return {device, address, ~std::uint64_t{0}};
        return resolve_unified(address);
    }
    // Device ids in chunk indexes are masked to the bits that the table needs.
    [[nodiscard]] std::uint16_t id_mask() const { return id_mask_; }

private:
    [[nodiscard]] Place resolve_unified(std::uint64_t address) const;
    [[nodiscard]] Place resolve_flattened(std::uint16_t device, std::uint64_t address) const;

    struct Range {
        std::uint64_t start; // bytes
        std::uint64_t end;
        std::uint16_t device;
    };
    std::vector<Range> ranges_; // sorted by start; where flattened, by device
    bool flattened_ = false;
    std::uint16_t id_mask_ = 0;
};

} // namespace coldscope::erofs
