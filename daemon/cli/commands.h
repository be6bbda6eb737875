// The image commands themselves: each prints, and returns the exit code.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace coldscope::cli {

struct ImageOptions {
    std::string image;
    std::string path = "/";
    std::vector<std::string> devices; // the blobs of devices 1, 2, ...
    bool json = false;
    bool long_form = false;
    bool recursive = false;
    bool data = false;    // check: decode files
    bool digests = false; // check: hash blobs and files
    bool verbose = false; // check: show the fields, too
    std::function<bool()> path_given; // only where PATH may be left out
};

int run_check(const ImageOptions& options);
int run_ls(const ImageOptions& options);
int run_stat(const ImageOptions& options);
int run_map(const ImageOptions& options);
int run_cat(const ImageOptions& options);

} // namespace coldscope::cli
