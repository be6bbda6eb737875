// The local copy of an object that the kernel keeps itself: cachefiles gives a descriptor of it
// that can be written to, whole blocks at a time, and asked for its holes.
#pragma once

#include "daemon/engine/local_copy.h"
#include "daemon/ring/ring.h"
#include "daemon/transport/page_buffers.h"

#include <memory>

namespace coldscope {

class KernelObject final : public LocalCopy {
public:
    // fd: as an OPEN message brought it. size: of the source, bytes. ring: outlives it. Before the
    // kernel has taken the answer to that message nobody can tell what is local, or write.
    KernelObject(Ring& ring, std::shared_ptr<PageBuffers> buffers, Fd fd, std::string name,
                 std::uint64_t size)
        : ring_(ring), buffers_(std::move(buffers)), fd_(std::make_shared<Fd>(std::move(fd))),
          name_(std::move(name)), size_(size) {}
    ~KernelObject() override { *alive_ = nullptr; }

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] const std::string& path() const override { return name_; }
    [[nodiscard]] int fd() const override { return fd_->get(); }
    [[nodiscard]] const RangeSet& local() const override { return local_; }
    [[nodiscard]] std::uint64_t granule() const override { return PageBuffers::page; }
    [[nodiscard]] Range whole(Range range) const override;
    void access_by(Fd) override {} // there is no other
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override;
    [[nodiscard]] Result<void> fill(std::uint64_t offset,
                                    std::span<const std::byte> bytes) override;
    void fill(std::uint64_t offset, std::span<const std::byte> bytes, Done done) override;

    // What of this range is local, by the kernel; whole granules.
    [[nodiscard]] Result<void> look(Range range);
    // All of it, once; ENOBUFS while nobody can tell.
    [[nodiscard]] Result<void> look_first();

private:
    [[nodiscard]] PageBuffers::Buffer padded(std::span<const std::byte> bytes);
    [[nodiscard]] Result<void> filled(Range range, std::size_t wanted, long result);

    Ring& ring_;
    std::shared_ptr<PageBuffers> buffers_;
    std::shared_ptr<Fd> fd_; // open until the last write on its way has ended
    std::string name_;
    std::uint64_t size_;
    RangeSet local_;
    bool looked_ = false;
    // Writes on their way ask here whether it is still there.
    std::shared_ptr<KernelObject*> alive_ = std::make_shared<KernelObject*>(this);
};

} // namespace coldscope
