#include "daemon/run/prepare.h"

#include "core/base/hex.h"
#include "core/base/read_at.h"
#include "core/erofs/check.h"
#include "core/rafs/check.h"
#include "daemon/guard/mounts.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coldscope {

std::unexpected<Error> failure_in(const std::string& file, Error error) {
    error.context = fmt::format("{}: {}", file, error.context);
    return std::unexpected(std::move(error));
}

Result<TransportKind> choose_transport(std::optional<TransportKind> wish, bool root_guard) {
    std::string reasons;
    for (const Probe& probe : probe_transports(root_guard)) {
        const bool by_itself =
            probe.kind != TransportKind::simulated && probe.kind != TransportKind::cachefiles;
        if (probe.works && (wish ? *wish == probe.kind : by_itself))
            return probe.kind;
        if (!probe.works && (!wish || *wish == probe.kind))
            reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "\n  ", name(probe.kind),
                                   probe.reason);
    }
    return failure(Code::unsupported,
                   fmt::format("{} here\n  {}",
                               wish ? "that transport does not work" : "no transport works",
                               reasons));
}

Result<void> check_devices(const std::string& path, erofs::Image& image, const erofs::Index& index,
                           const rafs::Bootstrap* bootstrap,
                           const std::vector<std::string>& devices) {
    if (devices.size() > image.devices().size())
        return failure(Code::invalid,
                       fmt::format("{}: {} blobs are given, but the image has {} devices", path,
                                   devices.size(), image.devices().size()));
    erofs::Findings findings;
    std::vector<std::optional<erofs::GivenBlob>> blobs;
    for (std::size_t i = 0; i < devices.size(); ++i) {
        if (devices[i].empty()) {
            blobs.emplace_back();
            continue;
        }
        const auto blob = FileReadAt::open(devices[i]);
        if (!blob)
            return failure_in(devices[i], blob.error());
        std::uint64_t size = (*blob)->size();
        if (bootstrap != nullptr && !bootstrap->blobs[i].raw) {
            if (!bootstrap->blobs[i].obstacle.empty())
                return failure(Code::unsupported,
                               fmt::format("{}: blob {} can't be decoded here: {}", path, i + 1,
                                           bootstrap->blobs[i].obstacle),
                               bootstrap->blobs[i].entry_offset);
            rafs::check_blob_size(*bootstrap, i, size, devices[i], findings);
            size = bootstrap->blobs[i].size;
        }
        blobs.push_back(erofs::GivenBlob{devices[i], size});
    }
    if (bootstrap != nullptr)
        rafs::check_files(*bootstrap, image, index, findings);
    erofs::check_blobs(image, blobs, findings, &index);
    for (const erofs::Finding& finding : findings.list()) {
        if (finding.severity == erofs::Severity::error)
            return failure(Code::mismatch,
                           fmt::format("{}: {}: {}; {}", path, finding.structure, finding.message,
                                       finding.advice),
                           finding.offset);
    }
    // Errors that came after a thousand lesser findings are counted only.
    if (findings.errors() != 0)
        return failure(Code::mismatch, fmt::format("{}: {} errors", path, findings.errors()));
    return {};
}

std::string image_identity(erofs::Image& image) {
    const erofs::Superblock& super = image.superblock();
    std::string identity = fmt::format("{}:{:08x}:{}:{}", super.uuid_text(), super.checksum,
                                       super.epoch, image.size());
    // Nydus leaves all of these but the size empty.
    const auto bootstrap = rafs::read_bootstrap(image);
    if (!bootstrap || *bootstrap == nullptr)
        return identity;
    std::vector<std::byte> chunks;
    for (std::size_t i = 0; i < (*bootstrap)->blobs.size(); ++i) {
        const Digest digest = rafs::digest_of_chunks(**bootstrap, i);
        chunks.insert(chunks.end(), digest.begin(), digest.end());
    }
    return identity + ':' + hex(rafs::digest_of(rafs::Digester::sha256, chunks));
}

Result<std::string> prepare_mount_point(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOTCONN)
            return system_error(fmt::format("a dead mount is left on {}; take it away with: umount "
                                            "-l {}",
                                            path, path));
        return system_error(fmt::format("the mount point {}", path));
    }
    if (!S_ISDIR(status.st_mode))
        return system_error(ENOTDIR, fmt::format("the mount point {}", path));
    std::error_code error;
    const auto absolute = std::filesystem::canonical(path, error);
    if (error)
        return system_error(error.value(), fmt::format("the mount point {}", path));
    return absolute.string();
}

Result<void> refuse_mounted(const std::string& path) {
    if (!mount_on(path).empty())
        return system_error(EBUSY, fmt::format("something is mounted on {} already; unmount it or "
                                               "choose another folder",
                                               path));
    return {};
}

Result<std::string> prepare_cache_folder(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error)
        return system_error(error.value(), fmt::format("cannot make the cache folder {}", path));
    if (::access(path.c_str(), W_OK | X_OK) != 0)
        return system_error(fmt::format("cannot write in the cache folder {}", path));
    const std::filesystem::path absolute = std::filesystem::canonical(path, error);
    if (error)
        return system_error(error.value(), fmt::format("the cache folder {}", path));
    return absolute.string();
}

} // namespace coldscope
