#include "daemon/cli/data_check.h"

#include "core/erofs/data_reader.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace coldscope::cli {

namespace {

constexpr unsigned most_threads = 8;
constexpr std::uint64_t least_bytes = 16 << 20; // of devices, for each further thread

} // namespace

unsigned data_threads(std::span<const std::shared_ptr<ReadAt>> devices) {
    std::uint64_t bytes = 0;
    for (const std::shared_ptr<ReadAt>& device : devices)
        bytes += device == nullptr ? 0 : std::min(device->size(), most_threads * least_bytes);
    const auto useful = static_cast<unsigned>(std::min<std::uint64_t>(bytes / least_bytes, 64));
    return std::clamp(std::min(std::thread::hardware_concurrency(), useful), 1U, most_threads);
}

void check_data(erofs::Image& image, const erofs::Index& index,
                std::span<const std::shared_ptr<ReadAt>> devices, unsigned threads,
                erofs::Findings& findings) {
    erofs::DataPlan plan(image, index, devices, findings);
    std::mutex mutex;
    std::vector<std::unique_ptr<erofs::Image>> images; // one for each thread
    for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
        erofs::Findings known; // what was passed over when `image` was opened
        auto own = erofs::Image::open(devices[0], &known);
        if (!own) { // it was read before
            findings.add(own.error(), "image");
            return;
        }
        images.push_back(std::move(*own));
    }
    const auto work = [&](erofs::Image& own) {
        erofs::DataReader reader(own, index, devices);
        std::unique_lock lock(mutex);
        while (const auto part = plan.next()) {
            lock.unlock();
            auto outcome = reader.read(*part);
            lock.lock();
            plan.take(std::move(outcome));
        }
    };
    {
        std::vector<std::jthread> others;
        try {
            for (std::size_t i = 1; i < images.size(); ++i)
                others.emplace_back(work, std::ref(*images[i]));
        } catch (const std::system_error&) { // what there is has to do
        }
        work(*images[0]);
    }
    plan.finish();
}

} // namespace coldscope::cli
