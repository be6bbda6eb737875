#include "daemon/cli/share_images.h"

#include "daemon/cli/output.h"
#include "daemon/cli/progress_line.h"
#include "daemon/engine/cache_file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <new>
#include <string_view>
#include <system_error>
#include <thread>

#include <fmt/format.h>

namespace coldscope::cli {

namespace {

namespace fs = std::filesystem;

// Calls work(0) to work(count - 1), each once, on at most as many threads as there are processors.
// Errors: no memory for it; not all was called then.
Result<void> on_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> no_memory = false;
    const auto loop = [&] {
        try {
            for (std::size_t i = next++; i < count && !no_memory; i = next++)
                work(i);
        } catch (const std::bad_alloc&) {
            no_memory = true;
        }
    };
    const std::size_t threads =
        std::min<std::size_t>(count, std::max(1U, std::thread::hardware_concurrency()));
    {
        std::vector<std::jthread> others;
        try {
            others.reserve(threads);
            for (std::size_t i = 1; i < threads; ++i)
                others.emplace_back(loop);
        } catch (const std::system_error&) { // what there is has to do
        } catch (const std::bad_alloc&) {    // likewise
        }
        loop();
    }
    if (no_memory)
        return system_error(ENOMEM, "cannot read the images");
    return {};
}

// What several threads have done, as one line.
class SharedProgress {
public:
    SharedProgress(const char* what, std::size_t parts) : what_(what), parts_(parts) {}

    [[nodiscard]] sharing::Report of(std::size_t part) {
        return [this, part](std::uint64_t done, std::uint64_t total) {
            const std::scoped_lock lock(mutex_);
            parts_[part] = {done, total};
            std::uint64_t all_done = 0;
            std::uint64_t all = 0;
            for (const auto& [of_done, of_total] : parts_) {
                all_done += of_done;
                all += of_total;
            }
            line_.tell(what_, all_done, all);
            return true;
        };
    }

private:
    const char* what_;
    std::mutex mutex_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> parts_;
    ProgressLine line_;
};

std::string absolute_path(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                           std::free);
    return real == nullptr ? std::string() : std::string(real.get());
}

// By name: a look at the source itself might wait for a dead disk, and what is relative, or in
// /proc, names another file here than it did for who mounted it.
bool is_source(const std::string& image, const ErofsMount& mount) {
    return mount.source.starts_with('/') && !mount.source.starts_with("/proc/") &&
           absolute_path(image) == mount.source;
}

// Empty where there is none, or more than one.
std::string cache_file(const std::string& folder, const std::string& device, std::uint64_t size) {
    const std::string device_name = fs::path(device).filename().string();
    std::string found;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        std::error_code no_size;
        if (!CacheFile::is_named_after(at->path().filename().string(), device_name) ||
            fs::file_size(at->path(), no_size) != size || no_size)
            continue;
        if (!found.empty())
            return {};
        found = at->path().string();
    }
    return found;
}

} // namespace

bool read_indexes(std::vector<SharedImage>& images) {
    std::vector<std::optional<Error>> errors(images.size());
    const auto done = on_threads(images.size(), [&](std::size_t i) {
        auto index = erofs::Index::build(*images[i].opened->image);
        if (index)
            images[i].index = std::move(*index);
        else
            errors[i] = index.error();
    });
    if (!done) {
        print_error(done.error(), {});
        return false;
    }
    for (std::size_t i = 0; i < images.size(); ++i) {
        if (errors[i]) {
            print_error(*errors[i], images[i].opened->name);
            return false;
        }
    }
    return true;
}

Result<ImageSides> read_sides(const std::vector<SharedImage>& images, bool scan) {
    ImageSides read;
    for (const SharedImage& image : images)
        read.sides.push_back(image.side());
    std::vector<std::optional<Result<sharing::Keys>>> keys(images.size());
    std::vector<std::optional<Result<sharing::Scan>>> scans(images.size());
    {
        SharedProgress progress("reading maps", images.size());
        COLDSCOPE_CHECK(on_threads(images.size(), [&](std::size_t i) {
            keys[i] = sharing::Keys::read(read.sides[i], progress.of(i));
        }));
    }
    for (auto& one : keys) {
        COLDSCOPE_TRY(auto of_one, std::move(*one));
        read.keys.push_back(std::move(of_one));
    }
    if (!scan)
        return read;
    {
        SharedProgress progress("reading bytes", images.size());
        COLDSCOPE_CHECK(on_threads(images.size(), [&](std::size_t i) {
            scans[i] = sharing::Scan::read(read.sides[i], read.keys[i], progress.of(i));
        }));
    }
    for (auto& one : scans) {
        COLDSCOPE_TRY(auto of_one, std::move(*one));
        read.scans.push_back(std::move(of_one));
    }
    return read;
}

Result<void> find_mount(SharedImage& image, const std::string& folder,
                        std::vector<ErofsMount>& mounts) {
    auto found = mounts.end();
    if (folder.empty()) {
        found = std::ranges::find_if(mounts, [&image](const ErofsMount& mount) {
            return mount.root == "/" && is_source(image.opened->name, mount);
        });
        if (found == mounts.end())
            return {};
    } else {
        const std::string absolute = absolute_path(folder);
        if (absolute.empty())
            return system_error(fmt::format("cannot find {}", folder));
        found = std::ranges::find(mounts, absolute, &ErofsMount::folder);
        if (found == mounts.end())
            return failure(Code::not_found, fmt::format("no EROFS image is mounted on {}", folder));
        if (found->root != "/")
            return failure(Code::invalid,
                           fmt::format("{} shows only {} of an image", folder, found->root));
    }
    image.folder = found->folder;
    image.mount = *found;
    image.mounted.inode_share = image.mounted.inode_share || found->inode_share;
    image.mounted.dax = image.mounted.dax || found->dax;
    image.mounted.block_device = found->block_device;
    if (folder.empty())
        mounts.erase(found);
    return {};
}

void find_backing(SharedImage& image, const std::string& cache) {
    const OpenedImage& opened = *image.opened;
    const bool from_file = image.mount && is_source(opened.name, *image.mount);
    for (std::size_t i = 0; i < opened.paths.size(); ++i) {
        if (opened.paths[i].empty() || opened.devices[i] == nullptr)
            continue;
        const std::string path =
            !cache.empty()
                ? absolute_path(cache_file(cache, opened.paths[i], opened.devices[i]->size()))
            : from_file ? absolute_path(opened.paths[i])
                        : std::string();
        if (!path.empty())
            image.backing.push_back({static_cast<std::uint16_t>(i), path});
    }
}

} // namespace coldscope::cli
