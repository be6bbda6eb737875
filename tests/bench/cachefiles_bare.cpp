#include "tests/bench/cachefiles_bare.h"

#include "core/base/checked.h"
#include "core/base/fd.h"
#include "daemon/transport/cachefiles_message.h"
#include "daemon/transport/page_buffers.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <unordered_map>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope::bench {

namespace {

struct Object {
    Fd fd;
    Fd source;
};

class Bare {
public:
    Bare(std::string from, Nanoseconds latency)
        : from_(std::move(from)), latency_(latency),
          device_(::open("/dev/cachefiles", O_RDWR | O_CLOEXEC)), buffer_(largest_read) {}

    bool say(const std::string& command) const {
        return ::write(device_.get(), command.data(), command.size()) ==
               static_cast<ssize_t>(command.size());
    }
    // False when it can't go on.
    bool turn() {
        pollfd entry{device_.get(), POLLIN, 0};
        if (poll(&entry, 1, -1) < 0)
            return false;
        const ssize_t got = ::read(device_.get(), message_.data(), message_.size());
        if (got <= 0)
            return got == 0;
        const auto message = decode_cachefiles(
            std::span<const std::byte>(message_).first(static_cast<std::size_t>(got)));
        if (!message)
            return false;
        if (const auto* open = std::get_if<CachefilesMessage::Open>(&message->what))
            return take(*message, *open);
        if (const auto* read = std::get_if<CachefilesMessage::Read>(&message->what))
            return take(*message, *read);
        objects_.erase(message->object);
        return true;
    }

private:
    static constexpr std::size_t largest_read = 8u << 20;

    bool take(const CachefilesMessage& message, const CachefilesMessage::Open& open) {
        Object object{Fd(open.fd),
                      Fd(::open((from_ + '/' + open.cookie).c_str(), O_RDONLY | O_CLOEXEC))};
        struct stat status {};
        if (!object.source || fstat(object.source.get(), &status) != 0)
            return say(fmt::format("copen {},{}", message.id, -ENOENT));
        objects_.insert_or_assign(message.object, std::move(object));
        return say(fmt::format("copen {},{}", message.id, status.st_size));
    }
    bool take(const CachefilesMessage& message, const CachefilesMessage::Read& read) {
        const Object& object = objects_.at(message.object);
        if (latency_ != 0) {
            const timespec time{static_cast<time_t>(latency_ / second),
                                static_cast<long>(latency_ % second)};
            nanosleep(&time, nullptr);
        }
        const auto offset = static_cast<off_t>(read.offset);
        if (read.length > largest_read)
            return false;
        const ssize_t have =
            pread(object.source.get(), buffer_.bytes().data(), read.length, offset);
        if (have <= 0)
            return false;
        const auto length = static_cast<std::size_t>(have);
        const std::size_t whole = align_up(length, PageBuffers::page);
        std::memset(buffer_.bytes().data() + length, 0, whole - length);
        if (pwrite(object.fd.get(), buffer_.bytes().data(), whole, offset) !=
            static_cast<ssize_t>(whole))
            return false;
        return ioctl(object.fd.get(), cachefiles_read_complete,
                     static_cast<unsigned long>(message.id)) == 0;
    }

    std::string from_;
    Nanoseconds latency_;
    Fd device_;
    PageBuffers::Buffer buffer_;
    std::array<std::byte, largest_cachefiles_message> message_{};
    std::unordered_map<std::uint32_t, Object> objects_;
};

} // namespace

std::string serve_bare(const std::string& cache, const std::string& from, Nanoseconds latency) {
    Bare bare(from, latency);
    if (!bare.say("dir " + cache) || !bare.say("tag bare") || !bare.say("bind ondemand"))
        return fmt::format("it can't be bound: {}", std::strerror(errno));
    while (bare.turn()) {
    }
    return std::strerror(errno);
}

} // namespace coldscope::bench
