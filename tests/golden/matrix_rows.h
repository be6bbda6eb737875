// The images that mkfs.erofs 1.9 can write: one row for each option that changes what is written,
// and for those whose combination does.
#pragma once

#include "tests/golden/matrix_image.h"
#include "tests/golden/matrix_view.h"

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace coldscope::golden {

// mkfs.erofs would not: its reason.
struct MkfsRefused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Where the tests' files lie, and what was in them.
struct Originals {
    std::string folder; // for images and whatever else a row makes
    std::string tree;   // make_matrix_tree()'s
    View view;          // of the tree

    [[nodiscard]] std::string path(const std::string& name) const { return folder + "/" + name; }
};

struct Made {
    MadeImage files;
    View expected;
    std::uint64_t longest = 64 << 20; // bytes: longer files are not read whole
    bool extract = true;              // fsck.erofs reads all bytes
    bool flattened = false;           // the blobs are in the image's file; fsck.erofs can't read it
};

struct Row {
    std::string name;
    std::string options; // for people
    // A part of mkfs.erofs's reason, where it is known to refuse.
    std::string refusal = {};
    // A part of a finding, where mkfs.erofs is known to write what can't be read.
    std::string fault = {};
    // Throws MkfsRefused, and std::exception for whatever else fails.
    std::function<Made(const Originals&)> make;
    // mkfs.erofs makes it wrong or not at all, and how it shows depends on the bytes.
    bool unsound = false;
};

// Runs mkfs.erofs with IMAGE and SOURCES behind the options.
void mkfs(const std::vector<std::string>& options, const std::string& image,
          const std::vector<std::string>& sources);

// One device's bytes behind the image's, or the last device's, in blocks of 4096: so the device
// table places them where the image was merged of such files.
void append_device(const std::string& image, const std::string& device);

// Links are those that the view has: nlink and first_link of what is no directory.
void count_links(View& view);

// The path of a file that isn't there any more.
[[nodiscard]] std::string fresh(const Originals& originals, const std::string& name);

// All bytes become zeros.
void emptied(View& view);

// What an option does to the tree.
using Change = std::function<void(View&)>;
// An image of the tree, made with these options. "BLOB" in one stands for a blob's path.
[[nodiscard]] Row row_of_tree(std::string name, std::vector<std::string> options,
                              Change change = {});

[[nodiscard]] std::vector<Row> uncompressed_rows();
[[nodiscard]] std::vector<Row> compressed_rows();
[[nodiscard]] std::vector<Row> tar_rows();
// Made of other images, or onto one.
[[nodiscard]] std::vector<Row> merged_rows();

} // namespace coldscope::golden
