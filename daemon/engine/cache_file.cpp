#include "daemon/engine/cache_file.h"

#include "core/base/checked.h"
#include "core/base/hex.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/sha.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope {

namespace {

constexpr std::uint64_t smallest_granule = 4096;
constexpr std::uint64_t largest_granule = 2u << 20;
constexpr std::size_t digest_bytes = 8; // of the identity's, in a file's name

std::string short_digest(const std::string& text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return hex(std::as_bytes(std::span(digest).first(digest_bytes)));
}

// The part of a name that is safe in a file's name.
std::string file_safe(const std::string& name) {
    std::string safe;
    for (const char c : name) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
        safe += plain ? c : '_';
    }
    return safe.substr(0, 64);
}

// How finely this file system tells data from holes: what one written block turns into data.
// Without holes at all it can't be a cache, since everything would look local.
Result<std::uint64_t> hole_granule(const std::string& folder) {
    const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return system_error(fmt::format("cannot write in the cache folder {}", folder));
    const std::array<char, 4096> block{};
    const bool written = ftruncate(fd, 2 * largest_granule) == 0 &&
                         pwrite(fd, block.data(), block.size(), 0) == 4096;
    const int write_errno = errno;
    const off_t hole = written ? lseek(fd, 0, SEEK_HOLE) : -1;
    ::close(fd);
    if (!written)
        return system_error(write_errno,
                            fmt::format("cannot write in the cache folder {}", folder));
    const auto granule = static_cast<std::uint64_t>(std::max<off_t>(hole, 0));
    if (granule < smallest_granule || granule > largest_granule || !std::has_single_bit(granule))
        return failure(Code::unsupported,
                       fmt::format("the file system of the cache folder {} does not report holes; "
                                   "choose a folder on ext4, xfs, btrfs or tmpfs",
                                   folder));
    return granule;
}

// Says of which very file the holes tell what is local. A copy of a cache file may have its holes
// written out as zeros, which must never be taken for bytes: a copy is another file.
Result<std::string> origin_of(int fd, const std::string& path) {
    struct statx status {};
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0)
        return system_error(fmt::format("cannot stat the cache file {}", path));
    return fmt::format("coldscope cache 1\ninode {}\nborn {}.{:09}\ngranule ", status.stx_ino,
                       status.stx_btime.tv_sec, status.stx_btime.tv_nsec);
}

// The granule that was found when this very file was made; 0 for any other file.
std::uint64_t known_granule(const std::string& origin_path, const std::string& origin) {
    std::ifstream file(origin_path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    // A note that was cut off may end in a number's first digits.
    if (!text.starts_with(origin) || !text.ends_with('\n'))
        return 0;
    const std::uint64_t granule = std::strtoull(text.c_str() + origin.size(), nullptr, 10);
    return std::has_single_bit(granule) && granule >= smallest_granule && granule <= largest_granule
               ? granule
               : 0;
}

} // namespace

std::string CacheFile::path_of(const std::string& folder, const std::string& name,
                               const std::string& identity) {
    return fmt::format("{}/{}-{}.cache", folder, file_safe(name), short_digest(identity));
}

bool CacheFile::is_named_after(std::string_view file, const std::string& name) {
    const std::string begin = file_safe(name) + '-';
    constexpr std::string_view end = ".cache";
    if (file.size() != begin.size() + 2 * digest_bytes + end.size() || !file.starts_with(begin) ||
        !file.ends_with(end))
        return false;
    return file.substr(begin.size(), 2 * digest_bytes).find_first_not_of("0123456789abcdef") ==
           std::string_view::npos;
}

Result<std::unique_ptr<CacheFile>> CacheFile::open(const std::string& folder,
                                                   const std::string& name,
                                                   const std::string& identity, std::uint64_t size,
                                                   Fd given) {
    const std::string path = path_of(folder, name, identity);
    const int fd = given ? given.release()
                         : ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return system_error(fmt::format("cannot open the cache file {}", path));
    std::unique_ptr<CacheFile> file(new CacheFile(fd, path, size));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return failure(Code::busy,
                       fmt::format("the cache file {} is in use by another run; choose another "
                                   "cache folder or end that run",
                                   path));
    COLDSCOPE_TRY(const std::string origin, origin_of(fd, path));
    const std::string origin_path = path + ".origin";
    file->granule_ = known_granule(origin_path, origin);
    struct stat status {};
    if (file->granule_ != 0 && fstat(fd, &status) == 0 &&
        static_cast<std::uint64_t>(status.st_size) == size) {
        COLDSCOPE_CHECK(file->find_local());
        return file;
    }
    COLDSCOPE_TRY(file->granule_, hole_granule(folder));
    if (ftruncate(fd, 0) != 0 || ftruncate(fd, static_cast<off_t>(size)) != 0)
        return system_error(fmt::format("cannot size the cache file {}", path));
    const std::string note = fmt::format("{}{}\n", origin, file->granule_);
    const int note_fd =
        ::open(origin_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (note_fd < 0)
        return system_error(fmt::format("cannot write {}", origin_path));
    const bool written =
        ::write(note_fd, note.data(), note.size()) == static_cast<ssize_t>(note.size());
    ::close(note_fd);
    if (!written)
        return system_error(ENOSPC, fmt::format("cannot write {}", origin_path));
    return file;
}

CacheFile::~CacheFile() {
    ::close(fd_);
}

Result<void> CacheFile::find_local() {
    off_t at = 0;
    while (static_cast<std::uint64_t>(at) < size_) {
        const off_t data = lseek(fd_, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break;
        const off_t hole = data < 0 ? -1 : lseek(fd_, data, SEEK_HOLE);
        if (hole < 0)
            return system_error(fmt::format("cannot find what is local in {}", path_),
                                static_cast<std::uint64_t>(at));
        // Only whole granules: a part of one would be the trace of a write that was cut off.
        const std::uint64_t begin = align_up(static_cast<std::uint64_t>(data), granule_);
        const std::uint64_t end = static_cast<std::uint64_t>(hole) >= size_
                                      ? size_
                                      : align_down(static_cast<std::uint64_t>(hole), granule_);
        local_.add({begin, end});
        at = hole;
    }
    return {};
}

Range CacheFile::whole(Range range) const {
    return {align_down(range.begin, granule_),
            std::min(size_, align_up(std::min(range.end, size_), granule_))};
}

Result<void> CacheFile::read(std::uint64_t offset, std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t got =
            pread(io(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            const int why = got == 0 ? EIO : errno;
            forget(whole({offset, offset + into.size()}));
            return system_error(why, fmt::format("cannot read the cache file {}", path_),
                                offset + done);
        }
        done += static_cast<std::size_t>(got);
    }
    return {};
}

Result<void> CacheFile::fill(std::uint64_t offset, std::span<const std::byte> bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t put = pwrite(io(), bytes.data() + done, bytes.size() - done,
                                   static_cast<off_t>(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            const int why = put == 0 ? EIO : errno;
            forget({offset, offset + bytes.size()});
            return system_error(why, fmt::format("cannot write the cache file {}", path_),
                                offset + done);
        }
        done += static_cast<std::size_t>(put);
    }
    local_.add({offset, offset + bytes.size()});
    return {};
}

// Makes it a hole again, so that the next start doesn't take it for local.
void CacheFile::forget(Range range) {
    local_.remove(range);
    fallocate(io(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(range.begin),
              static_cast<off_t>(align_up(range.end, granule_) - range.begin));
}

} // namespace coldscope
