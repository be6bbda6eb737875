// Decodes the parts of a DataPlan: each thread has one.
#pragma once

#include "core/erofs/data_plan.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace coldscope::erofs {

class DataReader {
public:
    static constexpr std::uint64_t cluster_cost = 4096; // work, beside a cluster's bytes

    // image: this thread's own, of the plan's image. devices: as for read_file(); threads must be
    // able to read them at once. Everything must outlive it.
    DataReader(Image& image, const Index& index, std::span<const std::shared_ptr<ReadAt>> devices)
        : image_(image), index_(index), devices_(devices) {}

    [[nodiscard]] DataOutcome read(const DataPart& part);

private:
    void read_inode(const Inode& inode);
    // False when no more of the file is to be read.
    [[nodiscard]] bool read_extents(const Inode& inode);
    // How many extents from this one on are stored one after the other; 0 where it is not to be
    // read with others.
    [[nodiscard]] std::size_t run_length(std::size_t first) const;
    // Whether all of them can be read and decoded.
    [[nodiscard]] bool is_sound(std::span<const Extent> run);
    [[nodiscard]] bool read_alone(const Inode& inode, const Extent& extent);
    void add(const Inode& inode, const Error& error);

    Image& image_;
    const Index& index_;
    std::span<const std::shared_ptr<ReadAt>> devices_;
    DataPart part_;
    NodeId node_ = 0;
    DataOutcome outcome_;
    std::vector<Extent> extents_;
    std::vector<std::byte> stored_; // these grow only
    std::vector<std::byte> decoded_;
};

} // namespace coldscope::erofs
