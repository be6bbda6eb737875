// What a Prediction should say, page by page and pair by pair, without its code: for small images.
#pragma once

#include "core/sharing/predict.h"
#include "tests/unit/erofs/erofs_test.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coldscope::test {

// An image that is open; the devices' bytes outlive it.
struct OpenedImage {
    OpenedImage(std::vector<std::shared_ptr<ReadAt>> given, sharing::Mounted how)
        : devices(std::move(given)), image(value(erofs::Image::open(devices[0]))),
          index(value(erofs::Index::build(*image))), mounted(std::move(how)) {}
    [[nodiscard]] sharing::Side side() const { return {*image, index, devices, mounted}; }
    [[nodiscard]] erofs::NodeId node(const std::string& path) const {
        return index.find(path).value_or(erofs::no_node);
    }

    std::vector<std::shared_ptr<ReadAt>> devices;
    std::unique_ptr<erofs::Image> image;
    erofs::Index index;
    sharing::Mounted mounted;
};

// Of a pair, or of a page: its mark and reason, the least is the best.
using Said = std::pair<sharing::Mark, sharing::Reason>;

struct BrutePage {
    std::string place; // where its bytes are; empty: a hole
    std::string bytes;
    bool aligned = true; // stored plain, from a page's border on
    // Where it is stored plain and in one piece; no device: it is not.
    std::optional<std::uint16_t> device;
    std::uint64_t address = 0;
};

struct BruteFile {
    std::size_t image = 0;
    erofs::NodeId node = 0;
    std::uint64_t size = 0;
    std::string print;
    bool spans = false;
    bool tail = false;
    bool encoded = false;
    bool compressed_layout = false;
    std::vector<BrutePage> pages;
};

class BruteForce {
public:
    BruteForce(const std::vector<std::unique_ptr<OpenedImage>>& images, bool scanned);

    // Inodes with pages; in order of images.
    [[nodiscard]] const std::vector<BruteFile>& files() const { return files_; }
    [[nodiscard]] const BruteFile& file(std::size_t image, erofs::NodeId node) const;
    [[nodiscard]] Said page(const BruteFile& file, std::size_t page) const;
    // How two inodes could share: as a whole, and two pages of them.
    [[nodiscard]] Said whole(const BruteFile& a, const BruteFile& b) const;
    [[nodiscard]] Said pair(const BruteFile& a, std::size_t p, const BruteFile& b,
                            std::size_t q) const;
    static constexpr Said nothing{sharing::Mark::alone, sharing::Reason::none};

private:
    [[nodiscard]] std::string blob_name(std::size_t image, std::size_t device) const;
    void add(std::size_t image, erofs::NodeId node);
    [[nodiscard]] bool same_file(const BruteFile& a, const BruteFile& b) const;

    const std::vector<std::unique_ptr<OpenedImage>>& images_;
    bool scanned_;
    std::vector<BruteFile> files_;
};

// Makes a prediction and compares it, and all holders, with the brute force.
void verify_prediction(const std::vector<std::unique_ptr<OpenedImage>>& images, bool scanned);
[[nodiscard]] sharing::Prediction predict(const std::vector<std::unique_ptr<OpenedImage>>& images,
                                          bool scanned);

} // namespace coldscope::test
