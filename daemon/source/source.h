// Where the bytes of an object come from. Belongs to the ring thread.
#pragma once

#include "core/base/error.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace coldscope {

class Source {
public:
    using Done = std::move_only_function<void(Result<void>)>;

    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    // Calls no done any more; those not called are destroyed once nothing writes to their `into`.
    virtual ~Source() = default;

    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual std::uint64_t size() const = 0; // bytes
    // Differs when the bytes may differ: keys the cache. At most some hundred characters.
    [[nodiscard]] virtual std::string identity() const = 0;

    // Fills `into` at once when that needs no waiting. False when it would, or when the bytes can't
    // be had: fetch() is to be asked then, and what `into` holds means nothing.
    [[nodiscard]] virtual bool try_fetch(std::uint64_t offset, std::span<std::byte> into) = 0;
    // Fills all of `into` or fails. `into` must live until done is called or destroyed, so the
    // latter may well own it; done is never called from within fetch.
    virtual void fetch(std::uint64_t offset, std::span<std::byte> into, Done done) = 0;
};

} // namespace coldscope
