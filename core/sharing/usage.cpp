#include "core/sharing/usage.h"

#include "core/sharing/seen.h"

#include <map>
#include <optional>
#include <tuple>

namespace coldscope::sharing {

namespace {

// Counts pages that several images may have in common: each for the first that has it.
class CommonPages {
public:
    struct Key {
        std::uint64_t what = 0;
        std::uint64_t delta = 0;
        std::uint32_t short_page = 0;
        auto operator<=>(const Key&) const = default;
    };
    void add(Key key, std::uint32_t image, Range pages) {
        if (pages.begin < pages.end)
            items_.push_back({key, image, pages});
    }
    // each(image, pages that none before it has).
    template <typename Each>
    void count(const Each& each) {
        std::ranges::sort(items_, {}, [](const Item& item) {
            return std::tuple(item.key, item.image, item.pages.begin);
        });
        for (auto first = items_.begin(); first != items_.end();) {
            const auto end = std::find_if(first, items_.end(),
                                          [&](const Item& item) { return item.key != first->key; });
            RangeSet had;
            for (auto at = first; at != end; ++at) {
                const std::uint64_t before = had.total();
                if (end - first > 1)
                    had.add(at->pages);
                each(at->image, end - first > 1 ? had.total() - before : at->pages.length());
            }
            first = end;
        }
    }

private:
    struct Item {
        Key key;
        std::uint32_t image = 0;
        Range pages;
    };
    std::vector<Item> items_;
};

class Counter {
public:
    explicit Counter(const Table& table) : table_(table), usage_(table.images.size()) {}

    void add_file(const File& file) { ++usage_[file.image].files; }
    void add(std::uint32_t number, Range pages);
    std::vector<Usage> finish();
    [[nodiscard]] Usage& of(std::uint32_t image) { return usage_[image]; }

private:
    static void add_pages(std::uint64_t& sum, std::uint64_t pages) {
        add_up(sum, checked_mul(pages, page_size).value_or(~std::uint64_t{0}));
    }

    const Table& table_;
    std::vector<Usage> usage_;
    CommonPages by_print_;
    CommonPages by_block_;
};

void Counter::add(std::uint32_t number, Range pages) {
    const File& file = table_.files[number];
    Usage& usage = usage_[file.image];
    add_pages(usage.off, pages.length());
    if (file.print_class != no_group)
        by_print_.add({file.print_class, 0, 0}, file.image, pages);
    else
        add_pages(usage.by_fingerprint, pages.length());
    // The RFC's rule: files that lie on one blob, from pages' borders on.
    for (std::uint32_t i = table_.run_at(number, pages.begin);
         i < table_.end_run(number) && table_.runs[i].page < pages.end; ++i) {
        const Run& run = table_.runs[i];
        Range part{std::max(pages.begin, run.page), std::min(pages.end, table_.end_page(i))};
        if (part.begin >= part.end)
            continue;
        if (file.own != Reason::none || !table_.is_blob(run) || run.position % page_size != 0) {
            add_pages(usage.by_rfc, part.length());
            continue;
        }
        const std::uint64_t what =
            (std::uint64_t{run.space} << 32) | table_.images[file.image].domain;
        const std::uint64_t delta = run.position / page_size - run.page;
        const std::uint32_t short_page = table_.short_page(i);
        if (short_page != 0 && part.end == file.page_count()) {
            --part.end;
            by_block_.add({what, delta, short_page}, file.image, {part.end, part.end + 1});
        }
        by_block_.add({what, delta, 0}, file.image, part);
    }
}

std::vector<Usage> Counter::finish() {
    by_print_.count([this](std::uint32_t image, std::uint64_t pages) {
        add_pages(usage_[image].by_fingerprint, pages);
    });
    by_block_.count([this](std::uint32_t image, std::uint64_t pages) {
        add_pages(usage_[image].by_rfc, pages);
    });
    return std::move(usage_);
}

} // namespace

namespace {

// Whether both have one physical page at the same place.
bool show_one_page(const Sample& sample, const SeenFile& a, const SeenFile& b) {
    const auto ours = sample.runs_of(a);
    const auto theirs = sample.runs_of(b);
    for (std::size_t i = 0, j = 0; i < ours.size() && j < theirs.size();) {
        const SeenRun& one = ours[i];
        const SeenRun& other = theirs[j];
        const std::uint64_t page = std::max(one.page, other.page);
        if (page < std::min(one.page + one.count, other.page + other.count)) {
            const std::uint64_t frame = sample.frames_of(one)[page - one.page];
            return frame != 0 && frame == sample.frames_of(other)[page - other.page];
        }
        one.page < other.page ? ++i : ++j;
    }
    return false;
}

} // namespace

SeenInodes seen_inodes(const Table& table, const Sample& sample,
                       std::span<const SampledFile> files) {
    SeenInodes result;
    result.of_file.assign(sample.files.size(), no_group);
    std::vector<SeenInode> inodes;
    for (std::uint32_t i = 0; i < sample.files.size() && i < files.size(); ++i) {
        const SampledFile& which = files[i];
        if (which.image >= table.images.size() || sample.files[i].sys_errno != 0)
            continue;
        SeenInode inode;
        inode.sampled = i;
        inode.image = which.image;
        const std::vector<std::uint32_t>& blobs = table.images[which.image].blobs;
        if (which.node != erofs::no_node)
            inode.file = table.file_of(which.image, which.node);
        else if (which.device < blobs.size())
            inode.blob = blobs[which.device];
        if (inode.file != no_file && table.files[inode.file].size() != sample.files[i].size)
            ++result.strangers;
        else if (inode.file != no_file || inode.blob != no_group)
            inodes.push_back(inode);
    }
    std::ranges::stable_sort(inodes, {}, [&](const SeenInode& inode) {
        return std::pair(inode.image, sample.files[inode.sampled].stacked);
    });
    std::map<std::tuple<std::uint64_t, std::uint64_t>, std::uint32_t> known;
    std::vector<SeenInode>& kept = result.list;
    std::multimap<std::uint32_t, std::uint32_t> of_table; // numbers in `kept`, by file
    // Which of those an overlay's file shows.
    const auto shown_by = [&](const SeenInode& inode) -> std::optional<std::uint32_t> {
        const SeenFile& seen = sample.files[inode.sampled];
        const auto [first, end] = of_table.equal_range(inode.file);
        const auto found = std::find_if(first, end, [&](const auto& one) {
            return show_one_page(sample, seen, sample.files[kept[one.second].sampled]);
        });
        return seen.stacked && inode.file != no_file && found != end ? std::optional(found->second)
                                                                     : std::nullopt;
    };
    for (const SeenInode& inode : inodes) {
        const SeenFile& seen = sample.files[inode.sampled];
        const auto number = static_cast<std::uint32_t>(kept.size());
        const auto [at, is_new] =
            known.try_emplace({seen.device, seen.inode}, shown_by(inode).value_or(number));
        result.of_file[inode.sampled] = at->second;
        if (at->second != number)
            continue;
        kept.push_back(inode);
        of_table.emplace(inode.file, number);
    }
    return result;
}

std::vector<Usage> usage_of_all(const Prediction& prediction) {
    const Table& table = prediction.table();
    Counter counter(table);
    for (std::uint32_t i = 0; i < table.files.size(); ++i) {
        counter.add_file(table.files[i]);
        counter.add(i, {0, table.files[i].page_count()});
    }
    return counter.finish();
}

std::vector<Usage> usage_of(const Prediction& prediction, const Sample& sample,
                            std::span<const SampledFile> files) {
    const Table& table = prediction.table();
    Counter counter(table);
    struct Frame {
        std::uint64_t number = 0;
        std::uint32_t image = 0;
        auto operator<=>(const Frame&) const = default;
    };
    std::vector<Frame> frames;
    const SeenInodes inodes = seen_inodes(table, sample, files);
    for (const SeenInode& inode : inodes.list) {
        if (inode.file == no_file)
            continue;
        const File& file = table.files[inode.file];
        bool any = false;
        for_each_seen_run(sample, sample.files[inode.sampled], file.page_count(),
                          [&](std::uint64_t page, std::span<const std::uint64_t> seen) {
                              any = any || !seen.empty();
                              counter.add(inode.file, {page, page + seen.size()});
                              for (const std::uint64_t frame : seen) {
                                  if (frame == 0)
                                      counter.of(file.image).unknown += page_size;
                                  else
                                      frames.push_back({frame, file.image});
                              }
                          });
        if (any)
            counter.add_file(file);
    }
    std::ranges::sort(frames);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        if (i == 0 || frames[i].number != frames[i - 1].number)
            counter.of(frames[i].image).observed += page_size;
    }
    return counter.finish();
}

} // namespace coldscope::sharing
