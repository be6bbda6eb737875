// A local file as a source, made as slow as a remote one on request.
#pragma once

#include "core/base/clock.h"
#include "daemon/ring/ring.h"
#include "daemon/source/source.h"

#include <ctime>
#include <memory>
#include <random>

namespace coldscope {

// How slow a fetch is made. Latencies of several fetches overlap; bandwidth is shared by all.
struct Shape {
    Nanoseconds latency = 0;
    Nanoseconds jitter = 0;      // added: evenly distributed over 0..jitter
    std::uint64_t bandwidth = 0; // bytes a second; 0 for no limit
    [[nodiscard]] bool none() const { return latency == 0 && jitter == 0 && bandwidth == 0; }
};

class FileSource final : public Source {
public:
    // ring: must outlive it.
    [[nodiscard]] static Result<std::unique_ptr<FileSource>>
    open(Ring& ring, const std::string& path, const Shape& shape);
    ~FileSource() override;

    [[nodiscard]] std::string name() const override { return path_; }
    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] std::string identity() const override;
    [[nodiscard]] bool try_fetch(std::uint64_t offset, std::span<std::byte> into) override;
    void fetch(std::uint64_t offset, std::span<std::byte> into, Done done) override;

private:
    FileSource(Ring& ring, std::string path, int fd, const Shape& shape)
        : ring_(ring), path_(std::move(path)), fd_(fd), shape_(shape) {}
    // Size and change time are still those that the file was opened with.
    [[nodiscard]] bool unchanged() const;
    void read_on(std::uint64_t offset, std::span<std::byte> into, std::size_t done_bytes,
                 Done done);
    [[nodiscard]] Nanoseconds due(std::size_t bytes);

    Ring& ring_;
    std::string path_;
    int fd_; // owned
    std::uint64_t size_ = 0;
    timespec changed_{}; // when the file was last written
    Shape shape_;
    Nanoseconds link_free_ = 0; // when the last byte so far is through, at the bandwidth given
    std::minstd_rand random_{1};
};

} // namespace coldscope
