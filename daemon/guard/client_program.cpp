#include "daemon/guard/client_program.h"

#include "core/base/fd.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <span>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace coldscope::guard {

namespace {

constexpr std::size_t piece = 1 << 18; // bytes read at once

// Of all that a file has from where it stands; what is read goes to `into`, too, unless that is -1.
Result<Digest> pass_through(int file, int into) {
    Sha256 digester;
    std::vector<std::byte> bytes(piece);
    for (ssize_t got = 0; (got = ::read(file, bytes.data(), bytes.size())) != 0;) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return system_error("cannot read the guard's program");
        const auto part = std::span(bytes).first(static_cast<std::size_t>(got));
        digester.add(part);
        for (std::size_t at = 0; into >= 0 && at < part.size();) {
            const ssize_t put = ::write(into, &part[at], part.size() - at);
            if (put < 0 && errno != EINTR)
                return system_error("cannot copy the guard's program");
            at += static_cast<std::size_t>(std::max<ssize_t>(put, 0));
        }
    }
    return digester.take();
}

} // namespace

std::string original_program() {
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    return (self.parent_path() / "coldscope-guard").string();
}

Program::Program(PrivateFolder folder, Digest digest)
    : path_(folder.path() + "/coldscope-guard"), folder_(std::move(folder)), digest_(digest) {}

Result<std::shared_ptr<const Program>> Program::find() {
    static std::mutex mutex;
    static std::weak_ptr<const Program> last;
    std::string original = original_program();
    struct statfs system {};
    if (::statfs(original.c_str(), &system) == 0 && system.f_type != FUSE_SUPER_MAGIC)
        return std::shared_ptr<const Program>(new Program(std::move(original)));
    const std::lock_guard lock(mutex);
    if (auto known = last.lock(); known != nullptr && known->is_sound())
        return known;
    COLDSCOPE_TRY(auto copied, copy(original));
    last = copied;
    return copied;
}

Result<std::shared_ptr<const Program>> Program::copy(const std::string& original) {
    const Fd from(::open(original.c_str(), O_RDONLY | O_CLOEXEC));
    if (!from)
        return system_error(fmt::format("cannot open {}", original));
    COLDSCOPE_TRY(PrivateFolder folder, PrivateFolder::make(PrivateFolder::Use::programs));
    const std::string path = folder.path() + "/coldscope-guard";
    Fd into(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500));
    if (!into)
        return system_error(fmt::format("cannot make {}", path));
    COLDSCOPE_TRY(const Digest digest, pass_through(from.get(), into.get()));
    // Whatever the umask is. A program that is open for writing can't be started.
    if (fchmod(into.get(), 0500) != 0 || fsync(into.get()) != 0 || ::close(into.release()) != 0)
        return system_error(fmt::format("cannot write {}", path));
    std::shared_ptr<const Program> copied(new Program(std::move(folder), digest));
    if (!copied->is_sound())
        return failure(Code::mismatch, fmt::format("{} is not what was copied", path));
    return copied;
}

bool Program::is_sound() const {
    const Fd file(::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    const auto digest = file ? pass_through(file.get(), -1) : Result<Digest>{};
    return file && digest && *digest == digest_;
}

} // namespace coldscope::guard
