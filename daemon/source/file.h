// A local file as a source, made as slow as a remote one on request.
#pragma once

#include "core/base/clock.h"
#include "core/base/fd.h"
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
    // fd: of a file that was opened already; path: what it is called.
    [[nodiscard]] static Result<std::unique_ptr<FileSource>>
    take(Ring& ring, Fd fd, const std::string& path, const Shape& shape);

    [[nodiscard]] std::string name() const override { return file_->path; }
    [[nodiscard]] std::uint64_t size() const override { return file_->size; }
    [[nodiscard]] std::string identity() const override;
    [[nodiscard]] bool try_fetch(std::uint64_t offset, std::span<std::byte> into) override;
    void fetch(std::uint64_t offset, std::span<std::byte> into, Done done) override;

private:
    // What a read in the kernel needs; it may end after the source.
    struct File {
        File(std::string path_given, Fd fd_given)
            : path(std::move(path_given)), fd(std::move(fd_given)) {}
        // Size and change time are still those that the file was opened with.
        [[nodiscard]] bool unchanged() const;

        std::string path;
        Fd fd;
        std::uint64_t size = 0;
        std::uint64_t inode = 0;
        timespec changed{}; // when the file was last written
    };
    // One fetch on its way.
    struct Fetch {
        std::uint64_t offset;
        std::span<std::byte> into;
        Done done;
        std::size_t got = 0; // bytes
    };

    FileSource(Ring& ring, std::shared_ptr<File> file, const Shape& shape)
        : ring_(ring), file_(std::move(file)), shape_(shape) {}
    void read_on(Fetch fetch);
    void take(Fetch fetch, int result);
    [[nodiscard]] Nanoseconds due(std::size_t bytes);

    Ring& ring_;
    std::shared_ptr<File> file_;
    Shape shape_;
    Nanoseconds link_free_ = 0; // when the last byte so far is through, at the bandwidth given
    std::minstd_rand random_{1};
    // What the ring still has of this source asks here whether the source is still there.
    std::shared_ptr<FileSource*> alive_ = std::make_shared<FileSource*>(this);
};

} // namespace coldscope
