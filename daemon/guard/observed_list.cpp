#include "daemon/guard/observed_list.h"

#include "core/base/cursor.h"

#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace coldscope::guard {

namespace {

constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr std::size_t least_text = sizeof(std::uint32_t) + 1; // bytes

Result<const char*> read_text(Cursor& cursor) {
    const std::size_t at = cursor.at();
    const std::span<const std::byte> bytes = cursor.bytes(cursor.u32());
    if (!cursor.ok())
        return cursor.error("a list of files");
    if (bytes.empty() || std::memchr(bytes.data(), 0, bytes.size()) != &bytes.back())
        return failure(Code::invalid, "a path that is not closed", at);
    return reinterpret_cast<const char*>(bytes.data());
}

// Of things that take at least so many bytes each.
Result<std::uint32_t> read_count(Cursor& cursor, std::size_t least) {
    const std::size_t at = cursor.at();
    const std::uint32_t number = cursor.u32();
    if (!cursor.ok() || number > cursor.left() / least)
        return failure(Code::truncated, "a list of files ends early", at);
    return number;
}

} // namespace

Result<std::vector<ObservedFolder>> decode_list(std::span<const std::byte> bytes) {
    Cursor cursor(bytes);
    COLDSCOPE_TRY(const std::uint32_t folders,
                  read_count(cursor, least_text + sizeof(std::uint32_t)));
    if (folders > most_folders)
        return failure(Code::invalid, "a list of files in too many folders");
    std::vector<ObservedFolder> list(folders);
    for (ObservedFolder& folder : list) {
        COLDSCOPE_TRY(folder.path, read_text(cursor));
        COLDSCOPE_TRY(const std::uint32_t paths, read_count(cursor, least_text));
        folder.paths.reserve(paths);
        for (std::uint32_t i = 0; i < paths; ++i) {
            COLDSCOPE_TRY(const char* path, read_text(cursor));
            folder.paths.push_back(path);
        }
    }
    if (cursor.left() != 0)
        return failure(Code::invalid, "a list of files with bytes behind its end", cursor.at());
    return list;
}

void ObservedListWriter::folder(const std::string& path, std::uint32_t paths) {
    ++folders_;
    text(path);
    number(paths);
}

void ObservedListWriter::number(std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8)
        bytes_.push_back(static_cast<std::byte>(value >> shift));
}

void ObservedListWriter::text(const std::string& text) {
    sound_ = sound_ && text.find('\0') == std::string::npos && text.size() < largest_list &&
             bytes_.size() <= largest_list;
    if (!sound_)
        return;
    number(static_cast<std::uint32_t>(text.size() + 1));
    const auto* begin = reinterpret_cast<const std::byte*>(text.c_str());
    bytes_.insert(bytes_.end(), begin, begin + text.size() + 1);
}

Result<Fd> ObservedListWriter::seal() {
    if (!sound_ || bytes_.size() > largest_list || folders_ > most_folders)
        return failure(Code::invalid, "a list of files that is too long, or with a 0 in a path");
    for (std::size_t i = 0; i < 4; ++i)
        bytes_[i] = static_cast<std::byte>(folders_ >> (8 * i));
    Fd fd(memfd_create("coldscope-observed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    for (std::size_t at = 0; fd && at < bytes_.size();) {
        const ssize_t put = ::write(fd.get(), bytes_.data() + at, bytes_.size() - at);
        if (put <= 0)
            return system_error("cannot write a list of files");
        at += static_cast<std::size_t>(put);
    }
    if (!fd || fcntl(fd.get(), F_ADD_SEALS, seals) != 0)
        return system_error("cannot seal a list of files");
    return fd;
}

Result<SealedBytes> SealedBytes::map(int fd) {
    struct stat status {};
    // Others than memfds have no seals.
    if (const int has = fcntl(fd, F_GET_SEALS); has < 0 || (has & seals) != seals)
        return failure(Code::invalid, "a list of files that is not sealed");
    if (fstat(fd, &status) != 0 || status.st_size <= 0 ||
        static_cast<std::uint64_t>(status.st_size) > largest_list)
        return failure(Code::invalid, "a list of files of a wrong length");
    const auto size = static_cast<std::size_t>(status.st_size);
    void* at = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return system_error("cannot map a list of files");
    return SealedBytes({static_cast<const std::byte*>(at), size});
}

SealedBytes::~SealedBytes() {
    if (!bytes_.empty())
        munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

} // namespace coldscope::guard
