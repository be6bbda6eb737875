// Every byte of compressed files read and decoded, for a check, in parts that threads can share:
// the plan deals them out, a DataReader (data_reader.h) for each thread decodes them, and the plan
// puts together in its own order what they found. So the outcome does not depend on the threads.
#pragma once

#include "core/base/range_set.h"
#include "core/base/read_at.h"
#include "core/erofs/finding.h"
#include "core/erofs/image.h"
#include "core/erofs/index.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace coldscope::erofs {

// Some MiB: the files of a few nodes, or a piece of one file.
struct DataPart {
    std::uint64_t number = 0; // in the plan
    NodeId first = 0;         // nodes [first, end); none: it is `nameless`
    NodeId end = 0;
    std::uint64_t nameless = 0;        // the packed inode's or the metabox's number
    Range bytes{0, ~std::uint64_t{0}}; // of each file; a cluster belongs to where it begins
    std::uint64_t cost = 0;            // what it costs before anything is read, as work
    std::uint64_t most_work = 0;       // where to stop
};

struct DataOutcome {
    struct Wrong {
        std::uint64_t nid = 0;
        Finding finding;
    };
    std::uint64_t number = 0;
    std::uint64_t work = 0;   // bytes that were read and decoded, and something for each cluster
    std::vector<Wrong> wrong; // one for a file at most
    std::vector<Range> unreadable; // bytes of the packed inode
};

// Of a part's files, those whose bytes are read; by one of their names.
[[nodiscard]] bool has_data_to_check(const Node& node);
[[nodiscard]] bool is_first_name(const Index& index, const Inode& inode, NodeId node);

// One thread at a time. Files' fragments are the packed inode's bytes and decoded with these.
class DataPlan {
public:
    // Everything must outlive it. findings: those of check_image(), which are not listed again.
    // devices: as for read_file().
    DataPlan(Image& image, const Index& index, std::span<const std::shared_ptr<ReadAt>> devices,
             Findings& findings);

    // The next part; none when all are dealt out, or when those taken back have cost more than
    // the size of the devices allows.
    [[nodiscard]] std::optional<DataPart> next();
    // What came of a part, in any order.
    void take(DataOutcome outcome);
    // Once all are taken: lists what is known only then.
    void finish();

private:
    [[nodiscard]] std::optional<DataPart> next_nodes();
    [[nodiscard]] std::optional<DataPart> next_nameless();
    // The next piece of a file from at_ on.
    [[nodiscard]] std::optional<DataPart> next_piece(const Inode& inode);
    void merge(DataOutcome outcome);
    void check_fragment(NodeId id);
    void read_fragment(NodeId id, const Inode& inode, std::uint64_t from);

    Image& image_;
    const Index& index_;
    std::span<const std::shared_ptr<ReadAt>> devices_;
    Findings& findings_;
    std::uint64_t budget_ = 0; // work
    std::uint64_t work_ = 0;   // of all that was taken
    NodeId node_ = 0;          // the next to deal out
    unsigned nameless_ = 0;    // likewise
    std::uint64_t at_ = 0;     // bytes: how far the file is dealt out
    std::uint64_t dealt_ = 0;  // parts
    std::uint64_t merged_ = 0; // parts, the first of all
    std::uint64_t merged_work_ = 0;
    std::map<std::uint64_t, DataOutcome> early_;   // what came before its turn
    std::uint64_t last_wrong_ = ~std::uint64_t{0}; // nid
    bool cut_ = false;                             // the budget ended before the plan did
    bool packed_is_wrong_ = false;                 // the packed inode
    RangeSet unreadable_;                          // its bytes, as far as is known
    std::vector<Extent> extents_;
};

} // namespace coldscope::erofs
