// How long it takes to predict what two images of 500,000 files each share: their keys read by a
// thread each, then matched. Half of the files have fingerprints, a tenth was changed in the second
// image. Beside it the same two threads build the images' indexes, which must be there before.
//
// bench_sharing: both images are written in the temporary directory. Prints the medians of some
// rounds, and ends with "ratio X": a prediction's time over the indexes'. Exit code 1 when a target
// is missed, 77 in an unoptimised build.
#include "core/sharing/predict.h"
#include "core/sharing/usage.h"
#include "tests/bench/bench_index_image.h"
#include "tests/bench/erofs_tools.h"
#include "tests/bench/optimised.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <malloc.h>

namespace {

using namespace coldscope;
using namespace coldscope::bench;

constexpr int rounds = 5;
constexpr std::uint32_t directories = 250;
constexpr double most_seconds = 3.0;
constexpr double most_ratio = 10.0;
constexpr double most_bytes_a_file = 160; // kept by a prediction

double now() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(since).count();
}

[[noreturn]] void fail(const std::string& what) {
    fmt::print(stderr, "{}\n", what);
    std::exit(1);
}

template <typename T>
T value(Result<T> result) {
    if (!result)
        fail(describe(result.error()));
    return std::move(*result);
}

struct Opened {
    std::vector<std::shared_ptr<ReadAt>> devices;
    std::unique_ptr<erofs::Image> image;
    std::optional<erofs::Index> index;
    std::optional<sharing::Keys> keys;
};

template <typename Work>
double both(std::array<Opened, 2>& images, const Work& work) {
    const double start = now();
    std::thread other([&] { work(images[1]); });
    work(images[0]);
    other.join();
    return now() - start;
}

struct Times {
    std::vector<double> index;
    std::vector<double> keys;
    std::vector<double> make;
    std::vector<double> whole; // keys and make
    std::vector<double> usage;
};

sharing::Side side_of(const Opened& opened) {
    return {*opened.image, *opened.index, opened.devices, {true, false, "domain", false}};
}

// Returns the bytes that a prediction keeps.
double measure(const std::array<std::string, 2>& paths, Times& times) {
    std::array<Opened, 2> images;
    for (std::size_t i = 0; i < images.size(); ++i) {
        images[i].devices.push_back(value(FileReadAt::open(paths[i])));
        images[i].image = value(erofs::Image::open(images[i].devices[0]));
    }
    times.index.push_back(both(
        images, [](Opened& opened) { opened.index = value(erofs::Index::build(*opened.image)); }));
    const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    times.keys.push_back(both(
        images, [](Opened& opened) { opened.keys = value(sharing::Keys::read(side_of(opened))); }));
    const std::array<sharing::Side, 2> sides{side_of(images[0]), side_of(images[1])};
    double start = now();
    const auto prediction =
        value(sharing::Prediction::make(sides, {*images[0].keys, *images[1].keys}));
    times.make.push_back(now() - start);
    for (Opened& opened : images)
        opened.keys.reset();
    times.whole.push_back(times.keys.back() + times.make.back());
    const std::size_t kept = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    start = now();
    const auto usage = sharing::usage_of_all(prediction);
    times.usage.push_back(now() - start);
    const sharing::Totals totals = prediction.totals(1);
    if (times.make.size() == 1) {
        fmt::print("second image: {} files;", totals.files);
        for (std::size_t i = 0; i < sharing::mark_count; ++i)
            fmt::print(" {}: {} MiB", sharing::name(static_cast<sharing::Mark>(i)),
                       totals.by_mark[i] >> 20);
        fmt::print("; it adds {} MiB, {} by fingerprint, {} by the RFC's rule\n",
                   usage[1].off >> 20, usage[1].by_fingerprint >> 20, usage[1].by_rfc >> 20);
    }
    return static_cast<double>(kept) / static_cast<double>(2 * totals.files);
}

} // namespace

int main() {
    if (!is_optimised())
        return skipped;
    const ScratchFolder folder("bench_sharing");
    if (folder.path().empty())
        return 1;
    const std::array<std::string, 2> paths{folder.path() + "/base", folder.path() + "/next"};
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const std::string problem =
            write_large_image(paths[i], {directories, true, i == 0 ? 0U : 10U});
        if (!problem.empty())
            fail(problem);
    }
    Times times;
    double bytes = 0;
    for (int round = 0; round < rounds; ++round) {
        bytes = measure(paths, times);
        fmt::print("round {}: indexes {:.3f} s, keys {:.3f} s, prediction {:.3f} s\n", round + 1,
                   times.index.back(), times.keys.back(), times.make.back());
    }
    const double whole = median(times.whole);
    const double ratio = whole / median(times.index);
    fmt::print("median of {}: keys {:.3f} s, prediction {:.3f} s, both {:.3f} s (target: at most "
               "{} s); usage of all {:.3f} s\n",
               rounds, median(times.keys), median(times.make), whole, most_seconds,
               median(times.usage));
    fmt::print("memory a file: {:.1f} bytes kept (target: at most {})\n", bytes, most_bytes_a_file);
    fmt::print("ratio {:.3f} (target: at most {})\n", ratio, most_ratio);
    return whole <= most_seconds && ratio <= most_ratio && bytes <= most_bytes_a_file ? 0 : 1;
}
