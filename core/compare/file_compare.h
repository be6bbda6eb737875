// Two files: which fields differ, and whether their bytes do.
#pragma once

#include "core/base/sha256.h"
#include "core/compare/compare.h"
#include "core/erofs/fingerprint.h"

#include <optional>
#include <string>
#include <vector>

namespace coldscope::compare {

class FileComparer {
public:
    // All outlive it.
    FileComparer(const Side& before, const Side& after, std::span<const DeviceMatch> matches,
                 const Options& options);

    // Of two files at one path: all that can be said without reading bytes of files. False: these
    // must be read, by read_content().
    [[nodiscard]] bool compare(Change& change);
    // Errors: cancelled alone; others are the change's basis.
    [[nodiscard]] Result<void> read_content(Change& change, Meter& meter);
    // Of two files with the same bytes at different paths: the other fields.
    void compare_moved(Change& change);

    // Of where all of a file's bytes are: the same for the same place in both images. Nothing: some
    // lie where the other image has no device.
    [[nodiscard]] std::optional<Digest> place_of(bool after, const erofs::Inode& inode,
                                                 Sha256& digester);
    // The fingerprint that is stored with an inode; empty: none.
    [[nodiscard]] std::string fingerprint_of(bool after, const erofs::Inode& inode) const {
        return (after ? prints_ : old_prints_).of(inode);
    }

private:
    struct Pair {
        erofs::Inode old;
        erofs::Inode now;
    };
    struct Content {
        Basis basis = Basis::none;
        bool same = false;
    };
    [[nodiscard]] std::optional<Pair> inodes(const Change& change);
    struct Prints { // empty: none
        std::string old;
        std::string now;
        bool same_xattrs = true; // all others
    };
    [[nodiscard]] Prints compare_xattrs(const Pair& pair);
    [[nodiscard]] std::uint16_t metadata(const Pair& pair, const Prints& prints) const;
    // Nothing: the bytes must be read.
    [[nodiscard]] std::optional<Content> content(const Pair& pair, const Prints& prints);
    [[nodiscard]] bool same_place(const erofs::Extent& old, const erofs::Extent& now) const;
    // Calls piece(offset, length, same place) -> Result<bool> for the ranges of both, in order,
    // until it returns false.
    template <typename Piece>
    Result<void> pieces(const Pair& pair, const Piece& piece);
    static void settle(Change& change, const Content& content);

    const Side& before_;
    const Side& after_;
    std::span<const DeviceMatch> matches_;
    const Options& options_;
    erofs::Fingerprints old_prints_;
    erofs::Fingerprints prints_;
    bool same_images_ = false;
    bool same_decoding_ = false; // a cluster's bytes mean the same in both
};

} // namespace coldscope::compare
