// Who else has a range of a file.
#include "core/sharing/table.h"

#include <map>
#include <tuple>

namespace coldscope::sharing {

namespace {

// Of each of the ways to find one: runs, files and pages that are looked at, and what is found,
// which costs some times as much. Cheap enough for a thread that draws; real images have less.
constexpr std::size_t most_visits = std::size_t{1} << 16;
constexpr std::size_t visits_found = 8;

class HolderSearch {
public:
    HolderSearch(const Table& table, std::uint32_t file, Range pages)
        : table_(table), number_(file), file_(table.files[file]), pages_(pages) {}
    std::vector<Holder> run();

private:
    // Pages that another file has.
    struct Common {
        Standing standing;
        std::uint64_t begin = 0; // in this file
        std::uint64_t end = 0;
        std::uint64_t there = 0; // where they begin in the other one
    };
    // False: there were enough.
    [[nodiscard]] bool visit(std::size_t visits = 1) {
        visits_ -= std::min(visits, visits_);
        return visits_ != 0;
    }
    void add(std::uint32_t other, const Common& common);
    void add_whole(const Groups& groups, std::uint32_t group);
    void add_blocks();
    void add_blocks_of(const Segment& segment, const Run& run, Range run_pages);
    void add_same_pages();
    void add_same_page(std::size_t number);
    [[nodiscard]] std::vector<SamePage>::const_iterator first_with_digest(std::size_t number);

    const Table& table_;
    std::uint32_t number_;
    const File& file_;
    Range pages_;
    std::map<std::uint32_t, std::vector<Common>> found_; // by the other file
    std::size_t visits_ = 0;                             // that are left
    std::vector<SamePage>::const_iterator first_same_ = table_.same_pages.end(); // of a digest
};

void HolderSearch::add(std::uint32_t other, const Common& common) {
    if (other == number_ || common.begin >= common.end)
        return;
    std::vector<Common>& list = found_[other];
    if (!list.empty() && list.back().end == common.begin &&
        list.back().standing == common.standing &&
        list.back().there + (common.begin - list.back().begin) == common.there) {
        list.back().end = common.end;
        return;
    }
    list.push_back(common);
    static_cast<void>(visit(visits_found));
}

void HolderSearch::add_whole(const Groups& groups, std::uint32_t group) {
    if (group == no_group)
        return;
    visits_ = most_visits;
    for (const std::uint32_t other : groups.of(group)) {
        if (!visit())
            return;
        const Standing standing = table_.whole_standing(file_, table_.files[other]);
        if (standing.mark != Mark::alone)
            add(other, {standing, pages_.begin, pages_.end, pages_.begin});
    }
}

void HolderSearch::add_blocks() {
    visits_ = most_visits;
    for (std::uint32_t i = table_.run_at(number_, pages_.begin);
         i < table_.end_run(number_) && table_.runs[i].page < pages_.end && visit(); ++i) {
        const Run& run = table_.runs[i];
        const Range pages{std::max(run.page, pages_.begin),
                          std::min(table_.end_page(i), pages_.end)};
        if (!is_keyed(run))
            continue;
        const std::uint64_t base = run.position / page_size - run.page;
        const auto key = [](const Segment& s) { return std::pair(s.space, s.begin); };
        const std::vector<Segment>& segments = table_.segments;
        auto at = std::ranges::lower_bound(
            segments, std::pair(Table::space_of(run), pages.end + base), {}, key);
        // Backwards, as long as any before it can reach so far.
        while (at != segments.begin() && visit()) {
            --at;
            if (at->space != Table::space_of(run) || at->reach <= pages.begin + base)
                break;
            if (table_.runs[at->run].file != number_)
                add_blocks_of(*at, run, pages);
        }
    }
}

void HolderSearch::add_blocks_of(const Segment& segment, const Run& run, Range pages) {
    const Run& other = table_.runs[segment.run];
    const File& file = table_.files[other.file];
    const std::uint64_t base = run.position / page_size - run.page;
    const std::uint64_t other_base = segment.begin - other.page;
    const std::uint64_t begin = std::max(pages.begin + base, segment.begin);
    std::uint64_t end = std::min(pages.end + base, table_.end_page(segment.run) + other_base);
    if (begin >= end)
        return;
    // The last page has as many bytes in both, or is another one.
    if (bytes_in_page(file_.size(), end - 1 - base) !=
        bytes_in_page(file.size(), end - 1 - other_base))
        --end;
    if (begin >= end)
        return;
    const bool aligned = base == other_base && table_.is_aligned(run);
    add(other.file, {table_.block_standing(file_, file, aligned), begin - base, end - base,
                     begin - other_base});
}

void HolderSearch::add_same_pages() {
    visits_ = most_visits;
    const auto place = [this](std::uint32_t i) {
        return std::pair(table_.same_pages[i].file, table_.same_pages[i].page);
    };
    auto at =
        std::ranges::lower_bound(table_.same_order, std::pair(number_, pages_.begin), {}, place);
    for (; at != table_.same_order.end() && place(*at) < std::pair(number_, pages_.end); ++at) {
        if (!visit())
            return;
        add_same_page(*at);
    }
}

// One page of each file with that digest: the one behind the page before, or its first one.
void HolderSearch::add_same_page(std::size_t number) {
    const std::vector<SamePage>& all = table_.same_pages;
    const SamePage& page = all[number];
    const auto key = [](const SamePage& p) { return std::tuple(p.digest, p.file, p.page); };
    for (auto at = first_with_digest(number);
         at != all.end() && at->digest == page.digest && visit();) {
        const std::uint32_t file = at->file;
        std::uint64_t there = at->page;
        if (const auto found = found_.find(file); found != found_.end()) {
            const Common& before = found->second.back();
            const std::uint64_t next = before.there + (page.page - before.begin);
            if (before.end == page.page && next != there &&
                std::ranges::binary_search(all, std::tuple(page.digest, file, next), {}, key))
                there = next;
        }
        add(file, {{Mark::same_bytes, Reason::none}, page.page, page.page + 1, there});
        if (++at != all.end() && at->digest == page.digest && at->file == file)
            at = std::ranges::lower_bound(
                at, all.end(), std::tuple(page.digest, file + 1, std::uint64_t{0}), {}, key);
    }
}

std::vector<SamePage>::const_iterator HolderSearch::first_with_digest(std::size_t number) {
    const std::vector<SamePage>& all = table_.same_pages;
    const Half digest = all[number].digest;
    if (first_same_ != all.end() && first_same_->digest == digest)
        return first_same_;
    first_same_ = all.begin() + static_cast<std::ptrdiff_t>(number);
    // Most pages are few files'.
    for (int i = 0; first_same_ != all.begin() && std::prev(first_same_)->digest == digest; ++i) {
        if (i == 8)
            first_same_ =
                std::ranges::lower_bound(all.begin(), first_same_, digest, {}, &SamePage::digest);
        else
            --first_same_;
    }
    return first_same_;
}

std::vector<Holder> HolderSearch::run() {
    add_whole(table_.by_print, file_.print_group);
    add_whole(table_.by_same, file_.same_group);
    add_blocks();
    add_same_pages();
    std::vector<Holder> holders;
    for (auto& [number, list] : found_) {
        const File& other = table_.files[number];
        std::ranges::stable_sort(list, {}, &Common::standing);
        RangeSet told; // what is better is told
        for (const Common& common : list) {
            for (const Range& part : told.missing({common.begin, common.end})) {
                const std::uint64_t offset =
                    (common.there + (part.begin - common.begin)) * page_size;
                const std::uint64_t length =
                    std::min(other.size() - offset, part.length() * page_size);
                holders.push_back({other.image, other.node, offset, length, common.standing.mark,
                                   common.standing.reason, false});
            }
            told.add({common.begin, common.end});
        }
    }
    std::ranges::stable_sort(holders, {}, [](const Holder& h) {
        return std::tuple(h.mark, h.reason, h.image, h.node, h.offset);
    });
    return holders;
}

} // namespace

std::vector<Holder> Prediction::holders(std::size_t image, NodeId node, Range range,
                                        std::size_t most) const {
    std::vector<Holder> holders;
    const std::uint32_t number = table_->file_of(image, node);
    if (number == no_file || most == 0)
        return holders;
    const File& file = table_->files[number];
    range.end = std::min(range.end, file.size());
    if (range.begin >= range.end)
        return holders;
    const erofs::Index& index = *table_->images[image].index;
    for (const NodeId name : index.nodes_of_nid(index.node(node).nid)) {
        if (holders.size() == most)
            return holders;
        if (name != node)
            holders.push_back(
                {file.image, name, range.begin, range.length(), Mark::alone, Reason::none, true});
    }
    const Range pages{range.begin / page_size, (range.end - 1) / page_size + 1};
    const std::vector<Holder> others = HolderSearch(*table_, number, pages).run();
    holders.insert(holders.end(), others.begin(), others.end());
    if (holders.size() > most)
        holders.resize(most);
    return holders;
}

} // namespace coldscope::sharing
