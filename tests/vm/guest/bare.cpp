// What the kernel does with a daemon that is wrong: coldscoped is none, so that a bare one speaks
// the protocol here. What its readers see is what coldscoped must never do to them.
#include "daemon/transport/cachefiles_message.h"
#include "tests/vm/guest/guest.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <map>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope::guest {

namespace {

namespace fs = std::filesystem;
constexpr auto mount_point = "/mnt/bare";
constexpr std::size_t page = 4096;

class Bare {
public:
    explicit Bare(const std::string& cache)
        : device_(::open("/dev/cachefiles", O_RDWR | O_CLOEXEC)) {
        check(static_cast<bool>(device_), "no device");
        make_folder(cache);
        check(say("dir " + cache) == 0 && say("tag bare") == 0 && say("bind ondemand") == 0,
              "it can't be bound");
    }

    int say(const std::string& command) const {
        return ::write(device_.get(), command.data(), command.size()) < 0 ? errno : 0;
    }
    std::optional<CachefilesMessage> next(int timeout_ms) {
        pollfd entry{device_.get(), POLLIN, 0};
        std::array<std::byte, largest_cachefiles_message> bytes{};
        if (poll(&entry, 1, timeout_ms) <= 0)
            return std::nullopt;
        const ssize_t got = ::read(device_.get(), bytes.data(), bytes.size());
        if (got <= 0)
            return std::nullopt;
        const auto message = decode_cachefiles(
            std::span<const std::byte>(bytes).first(static_cast<std::size_t>(got)));
        check(message.has_value(), "a message that can't be read");
        return *message;
    }
    CachefilesMessage expect(const std::string& what) {
        auto message = next(patience_ms);
        check(message.has_value(), "no " + what);
        return *message;
    }
    // Takes the object up, and says its size.
    void open(const CachefilesMessage& message) {
        const auto& open = std::get<CachefilesMessage::Open>(message.what);
        Object object;
        object.fd.reset(open.fd);
        object.source.reset(
            ::open((std::string(data) + "/objects/" + open.cookie).c_str(), O_RDONLY | O_CLOEXEC));
        struct stat status {};
        const bool there = object.source && fstat(object.source.get(), &status) == 0;
        object.size = static_cast<std::uint64_t>(status.st_size);
        const auto size = there ? static_cast<long long>(object.size) : -ENOENT;
        objects_[message.object] = std::move(object);
        check(say(fmt::format("copen {},{}", message.id, size)) == 0, "copen was refused");
    }
    // An errno, or 0.
    int write(std::uint32_t object, std::uint64_t offset, std::uint64_t length,
              std::size_t skew = 0) {
        Object& to = objects_.at(object);
        const std::size_t room = (length + 2 * page - 1) / page * page;
        auto* buffer = static_cast<char*>(std::aligned_alloc(page, room));
        std::memset(buffer, 0, room);
        (void)!pread(to.source.get(), buffer + skew, length, static_cast<off_t>(offset));
        const ssize_t put = pwrite(to.fd.get(), buffer + skew, length, static_cast<off_t>(offset));
        const int error = put < 0 ? errno : 0;
        std::free(buffer);
        return error;
    }
    int complete(std::uint32_t object, std::uint32_t id) {
        return ioctl(objects_.at(object).fd.get(), cachefiles_read_complete,
                     static_cast<unsigned long>(id)) == 0
                   ? 0
                   : errno;
    }
    void close_object(std::uint32_t object) { objects_.erase(object); }
    void close_device() { device_.reset(); }
    std::uint64_t size(std::uint32_t object) { return objects_.at(object).size; }

    // As it should be, until the child ends. whole: all of the object at the first question.
    // Returns how many reads were asked.
    int serve(Child& until, bool whole = false) {
        int reads = 0;
        const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(4);
        while (!until.ended(0)) {
            check(std::chrono::steady_clock::now() < end, "it hangs");
            const auto message = next(20);
            if (message)
                reads += answer(*message, whole) ? 1 : 0;
        }
        return reads;
    }
    bool answer(const CachefilesMessage& message, bool whole = false) {
        if (std::holds_alternative<CachefilesMessage::Open>(message.what)) {
            open(message);
        } else if (const auto* read = std::get_if<CachefilesMessage::Read>(&message.what)) {
            const std::uint64_t most = (size(message.object) + page - 1) / page * page;
            const int error = whole ? write(message.object, 0, most)
                                    : write(message.object, read->offset, read->length);
            check(error == 0, fmt::format("a write got {}", strerror(error)));
            (void)complete(message.object, message.id);
            return true;
        } else {
            close_object(message.object);
        }
        return false;
    }
    // Mounts, and answers what that asks.
    void mount(const std::string& fsid, const std::string& options = {}) {
        Child mounting = mount_fsid(fsid, mount_point, options);
        (void)serve(mounting);
        check(mounting.code("the mount") == 0, "no mount");
        Child looking([] {
            for (const std::string& name : originals())
                (void)fs::file_size(std::string(mount_point) + '/' + name);
            return 0;
        });
        (void)serve(looking);
    }

private:
    struct Object {
        Fd fd;
        Fd source;
        std::uint64_t size = 0;
    };
    Fd device_;
    std::map<std::uint32_t, Object> objects_;
};

Child read_large(std::uint64_t offset) {
    return read_range(mount_point, originals(1 << 20).front(), offset, 4096);
}

std::string name_of(int error) {
    if (error == 0)
        return "taken";
    return error >= 1000 ? fmt::format("signal {}", error - 1000)
                         : std::string(strerrorname_np(error));
}

std::string prefetched_by_one_answer() {
    Bare bare("/cache/bare-whole");
    Child mounting = mount_fsid("chunks", mount_point, "device=chunks.blob");
    int reads = bare.serve(mounting, true);
    check(mounting.code("the mount") == 0, "no mount");
    Child reading([] { return right_files(mount_point) >= 500 ? 0 : 1; });
    reads += bare.serve(reading, true);
    check(reading.code("the readers") == 0, "not right");
    check(reads == 2, fmt::format("{} reads for two objects", reads));
    return "each of two objects was asked once, and all files are right";
}

std::string wrong_answers() {
    Bare bare("/cache/bare-wrong");
    bare.mount("plain");
    Child reading = read_large(0);
    const CachefilesMessage message = bare.expect("read");
    const auto read = std::get<CachefilesMessage::Read>(message.what);
    const std::uint32_t object = message.object;
    const int unknown = bare.complete(object, message.id + 1000);
    check(unknown == EINVAL, "an unknown id got " + name_of(unknown));
    check(bare.say(fmt::format("copen {},4096", message.id + 1000)) == EINVAL, "an unknown copen");
    check(bare.say("copen nonsense") != 0 && bare.say("nonsense") != 0, "nonsense was taken");
    const int odd_offset = bare.write(object, read.offset + 512, page);
    const int odd_length = bare.write(object, read.offset, 100);
    const int odd_buffer = bare.write(object, read.offset, page, 1);
    check(!reading.ended(100), "the reader was let go by a wrong answer");
    // Whether odd writes are taken differs between kernels; the right one makes good for them.
    check(bare.write(object, read.offset, read.length) == 0, "no write");
    check(bare.complete(object, message.id) == 0, "no end");
    const int twice = bare.complete(object, message.id);
    check(twice == EINVAL, "a second end got " + name_of(twice));
    (void)bare.serve(reading);
    check(reading.code("the reader") == 0, "wrong bytes");
    return fmt::format("unknown and second ends EINVAL; odd offset {}, length {}, buffer {}; the "
                       "reader right",
                       name_of(odd_offset), name_of(odd_length), name_of(odd_buffer));
}

std::string descriptor_closed_too_early() {
    Bare bare("/cache/bare-early");
    bare.mount("plain");
    Child reading = read_large(0);
    const CachefilesMessage message = bare.expect("read");
    bare.close_object(message.object);
    const auto first = reading.ended(1000);
    std::string seen = first ? "got " + name_of(*first) : "waits";
    if (!first) {
        reading.kill(SIGKILL);
        check(reading.code("the reader") == 1000 + SIGKILL, "the reader can't be killed");
        seen += ", and can be killed";
    }
    check(!first || *first != wrong_bytes, "wrong bytes");
    // Who reads later: the kernel asks anew, or gives an error; nobody gets wrong bytes.
    Child later = read_large(1 << 20);
    std::string then = "waits";
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    while (!later.ended(0) && std::chrono::steady_clock::now() < end) {
        const auto next = bare.next(20);
        if (next && !std::holds_alternative<CachefilesMessage::Close>(next->what))
            (void)bare.answer(*next);
    }
    if (const auto code = later.ended(0)) {
        check(*code != wrong_bytes, "wrong bytes");
        then = *code == 0 ? "is served by an open anew" : "gets " + name_of(*code);
    }
    return "its reader " + seen + "; the next one " + then;
}

std::string descriptor_closed_before_copen() {
    Bare bare("/cache/bare-copen");
    Child mounting = mount_fsid("plain", mount_point);
    const CachefilesMessage message = bare.expect("open");
    Fd(std::get<CachefilesMessage::Open>(message.what).fd).reset();
    const int said = bare.say(fmt::format("copen {},{}", message.id, 4096));
    const auto code = mounting.ended(2000);
    if (!code)
        bare.close_device();
    const int end = mounting.code("the mount, once the device is closed");
    check(end != 0, "it was mounted");
    return fmt::format("copen got {}, the mount {}{}", said == 0 ? "0" : name_of(said),
                       name_of(end), code ? "" : " once the device was closed");
}

std::string device_closed_before_descriptors() {
    Bare bare("/cache/bare-device");
    bare.mount("plain");
    Child reading = read_large(0);
    const CachefilesMessage message = bare.expect("read");
    bare.close_device();
    const int code = reading.code("the reader");
    check(code == EIO || code == ENOBUFS, "the reader got " + name_of(code));
    const int error = bare.complete(message.object, message.id);
    check(error != 0, "an answer was taken");
    return fmt::format("the reader got {}, an answer later {}", name_of(code), name_of(error));
}

std::string close_not_read() {
    Bare bare("/cache/bare-close");
    bare.mount("plain");
    Child unmounting([] {
        unmount(mount_point);
        return 0;
    });
    check(unmounting.code("the unmount") == 0, "no unmount");
    const CachefilesMessage message = bare.expect("close");
    check(std::holds_alternative<CachefilesMessage::Close>(message.what), "no CLOSE");
    bare.mount("inline"); // the one that was closed still has its descriptor
    unmount_all();
    return "the unmount waits for nobody; CLOSE comes later, and other mounts stand";
}

std::string second_daemon() {
    Bare bare("/cache/bare-first");
    const int fd = ::open("/dev/cachefiles", O_RDWR | O_CLOEXEC);
    check(fd < 0 && errno == EBUSY, "the device was opened twice");
    Child serving(std::vector<std::string>{"/bin/sh", "-c",
                                           "coldscoped serve --cache /cache/bare-second --from "
                                           "/data/objects >/tmp/second.log 2>&1"});
    check(serving.code("a second serve") == 1, "a second serve was not refused");
    Child saying(std::vector<std::string>{"/bin/sh", "-c",
                                          "grep -q 'another daemon has /dev/cachefiles' "
                                          "/tmp/second.log"});
    check(saying.code("grep") == 0, "it did not say why");
    return "the device gives EBUSY, serve says who has it";
}

std::string inuse_and_cull() {
    const std::string cache = "/cache/bare-cull";
    Bare bare(cache);
    // A file has its name in the cache once its object was closed for the first time.
    bare.mount("plain");
    const auto unmount_it = [&] {
        Child unmounting([] {
            unmount(mount_point);
            return 0;
        });
        check(unmounting.code("the unmount") == 0, "no unmount");
        bool told = false; // that it is closed
        while (!told) {
            const CachefilesMessage message = bare.expect("close");
            told = std::holds_alternative<CachefilesMessage::Close>(message.what);
            (void)bare.answer(message);
        }
        while (const auto message = bare.next(300))
            (void)bare.answer(*message);
    };
    unmount_it();
    bare.mount("plain");
    fs::path file;
    for (const auto& entry : fs::recursive_directory_iterator(cache + "/cache")) {
        if (entry.is_regular_file())
            file = entry.path();
    }
    check(!file.empty(), "no file in the cache");
    const std::string name = file.filename();
    check(chdir(file.parent_path().c_str()) == 0, "no folder");
    const int used = bare.say("inuse " + name);
    const int cull_used = bare.say("cull " + name);
    unmount_it();
    const int unused = bare.say("inuse " + name);
    const int culled = bare.say("cull " + name);
    const bool there = fs::exists(file);
    check(chdir("/") == 0, "no root");
    check(used == EBUSY && cull_used == EBUSY,
          "an object in use: inuse " + name_of(used) + ", cull " + name_of(cull_used));
    check(unused == 0 && culled == 0 && !there,
          fmt::format("inuse {}, cull {}, there {}", unused, culled, there));
    drop_caches();
    Child mounting = mount_fsid("plain", mount_point);
    check(bare.serve(mounting) > 0, "nothing was asked after the cull");
    check(mounting.code("the mount") == 0, "no mount");
    return "in use: EBUSY for both; then culled, and asked for again";
}

} // namespace

std::vector<Test> bare_tests() {
    return {{"prefetched_by_one_answer", prefetched_by_one_answer},
            {"wrong_answers", wrong_answers},
            {"descriptor_closed_too_early", descriptor_closed_too_early},
            {"descriptor_closed_before_copen", descriptor_closed_before_copen},
            {"device_closed_before_descriptors", device_closed_before_descriptors},
            {"close_not_read", close_not_read},
            {"second_daemon", second_daemon},
            {"inuse_and_cull", inuse_and_cull}};
}

} // namespace coldscope::guest
