// The local copy of one object: what a store fills and knows to be local. Belongs to the ring
// thread once the run stands.
#pragma once

#include "core/base/error.h"
#include "core/base/fd.h"
#include "core/base/range_set.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace coldscope {

class LocalCopy {
public:
    using Done = std::move_only_function<void(Result<void>)>;

    LocalCopy() = default;
    LocalCopy(const LocalCopy&) = delete;
    LocalCopy& operator=(const LocalCopy&) = delete;
    virtual ~LocalCopy() = default;

    [[nodiscard]] virtual std::uint64_t size() const = 0; // bytes
    [[nodiscard]] virtual const std::string& path() const = 0;
    [[nodiscard]] virtual int fd() const = 0;
    [[nodiscard]] virtual const RangeSet& local() const = 0;
    // Ranges are written and punched in whole multiples of this; the end counts as whole.
    [[nodiscard]] virtual std::uint64_t granule() const = 0;
    // The smallest range of whole granules around this one, within the object.
    [[nodiscard]] virtual Range whole(Range range) const = 0;
    // Reads and writes go through this descriptor of the same file from now on.
    virtual void access_by(Fd other) = 0;

    // range must be local. Bytes that the disk can't give back stop being local. Code::unsupported
    // where only the kernel reads it.
    [[nodiscard]] virtual Result<void> read(std::uint64_t offset, std::span<std::byte> into) = 0;
    // Writes whole granules and marks them local. After an error nothing of it is local.
    [[nodiscard]] virtual Result<void> fill(std::uint64_t offset,
                                            std::span<const std::byte> bytes) = 0;
    // The same, perhaps later; bytes live until done is called or destroyed.
    virtual void fill(std::uint64_t offset, std::span<const std::byte> bytes, Done done) {
        done(fill(offset, bytes));
    }
};

} // namespace coldscope
