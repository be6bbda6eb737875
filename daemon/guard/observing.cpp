#include "daemon/guard/observing.h"

#include "daemon/guard/folders.h"
#include "daemon/guard/resident_pages.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <concepts>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>

namespace coldscope::guard {

namespace {

constexpr std::size_t written_at_once = 64 * 1024; // bytes

class SeenWriter {
public:
    explicit SeenWriter(int pipe) : pipe_(pipe) {}

    void record(Seen kind, std::uint32_t number) {
        if (bytes_.size() >= written_at_once)
            flush();
        put(static_cast<std::uint32_t>(kind));
        put(number);
    }
    template <std::unsigned_integral T>
    void put(T value) {
        if constexpr (std::endian::native == std::endian::big)
            value = std::byteswap(value);
        const auto* begin = reinterpret_cast<const std::byte*>(&value);
        bytes_.insert(bytes_.end(), begin, begin + sizeof value);
    }
    void flush() {
        for (std::size_t at = 0; !broken_ && at < bytes_.size();) {
            const ssize_t done = ::write(pipe_, bytes_.data() + at, bytes_.size() - at);
            broken_ = done <= 0 && errno != EINTR;
            at += static_cast<std::size_t>(std::max<ssize_t>(done, 0));
        }
        bytes_.clear();
    }
    [[nodiscard]] bool broken() const { return broken_; } // nobody reads

private:
    int pipe_;
    bool broken_ = false;
    std::vector<std::byte> bytes_;
};

class Observation {
public:
    Observation(ObservingFiles& files, int pipe)
        : files_(files), pages_(files.pagemap.get()), out_(pipe),
          end_(monotonic_now() + observing_limit) {}

    Result<void> all(std::span<const ObservedFolder> list) {
        for (const ObservedFolder& folder : list) {
            enter(folder.path);
            for (const char* path : folder.paths) {
                file(path);
                if (out_.broken())
                    return failure(Code::cancelled, "nobody waits for what is observed");
            }
        }
        out_.record(Seen::end, 0);
        out_.put(pages_.gone());
        out_.flush();
        return {};
    }

private:
    void enter(const char* path) {
        folder_ = open_strictly(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
        error_ = folder_ ? 0 : errno;
        struct statfs status {};
        const std::uint32_t type = folder_ && fstatfs(folder_.get(), &status) == 0
                                       ? static_cast<std::uint32_t>(status.f_type)
                                       : 0;
        sparsely_ = asks_before_mapping(type);
        stacked_ = type == OVERLAYFS_SUPER_MAGIC;
    }

    void file(const char* path) {
        struct stat status {};
        const Nanoseconds now = monotonic_now();
        if (now - told_ > told_within) {
            out_.flush();
            told_ = now;
        }
        const Fd file = now > end_ ? refused(ETIME) : open(path, status);
        out_.record(Seen::file, file ? 0 : static_cast<std::uint32_t>(errno));
        const auto size = file ? static_cast<std::uint64_t>(status.st_size) : 0;
        out_.put(file ? std::uint64_t{status.st_dev} : 0);
        out_.put(file ? std::uint64_t{status.st_ino} : 0);
        out_.put(size);
        if (!file)
            return;
        if (stacked_)
            out_.record(Seen::stacked, 0);
        const int error =
            pages_.look(file.get(), size, sparsely_, std::min(end_, now + file_limit),
                        [this](std::uint64_t page, std::span<const std::uint64_t> frames) {
                            out_.record(Seen::run, static_cast<std::uint32_t>(frames.size()));
                            out_.put(page);
                            for (const std::uint64_t frame : frames)
                                out_.put(files_.names ? (*files_.names)(frame) : frame);
                        });
        if (error != 0)
            out_.record(Seen::broken, static_cast<std::uint32_t>(error));
    }

    static Fd refused(int error) {
        errno = error;
        return {};
    }

    // Its type is known before it is opened: to open a device or a fifo does something. errno says
    // why there is none.
    Fd open(const char* path, struct stat& status) {
        if (error_ != 0)
            return refused(error_);
        const Fd place =
            open_strictly(folder_.get(), path, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
        if (!place || fstat(place.get(), &status) != 0)
            return {};
        if (S_ISDIR(status.st_mode))
            return refused(EISDIR);
        if (!S_ISREG(status.st_mode))
            return refused(EINVAL);
        return Fd(openat(files_.descriptors.get(), fmt::format("{}", place.get()).c_str(),
                         O_RDONLY | O_NONBLOCK | O_NOATIME | O_NOCTTY | O_CLOEXEC));
    }

    ObservingFiles& files_;
    ResidentPages pages_;
    SeenWriter out_;
    Nanoseconds end_;
    Nanoseconds told_ = 0;
    Fd folder_;
    int error_ = 0; // of the folder
    bool sparsely_ = false;
    bool stacked_ = false;
};

} // namespace

Result<ObservingFiles> open_observing_files(bool tells_frames) {
    ObservingFiles files{Fd(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)),
                         Fd(::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC)),
                         {}};
    if (!tells_frames) {
        COLDSCOPE_TRY(files.names, FrameNames::make());
    }
    if (!files.pagemap || !files.descriptors)
        return system_error("cannot open the map of this process's pages");
    if (sysconf(_SC_PAGESIZE) != 4096)
        return system_error(ENOTSUP, "pages of this machine have not 4096 bytes");
    return files;
}

Result<void> observe(std::span<const ObservedFolder> list, ObservingFiles& files, int pipe) {
    return Observation(files, pipe).all(list);
}

} // namespace coldscope::guard
