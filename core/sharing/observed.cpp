#include "core/sharing/seen.h"
#include "core/sharing/usage.h"

#include <tuple>

namespace coldscope::sharing {

struct Observed::State {
    // Of a page frame: where it was seen.
    struct Seen {
        std::uint64_t frame = 0;
        std::uint64_t page = 0; // of the file
        std::uint32_t sampled = 0;
        std::uint32_t inode = 0;
    };
    struct Device {
        std::uint32_t image = 0;
        std::uint32_t blob = 0;
        std::vector<Range> pages; // resident ones, in order
    };
    // Pages that are alike, of one file.
    struct Pages {
        Range pages;
        bool shared = false;
        bool twice = false;
    };
    // A file of the table, and one of Sample::files that is it.
    struct Which {
        std::uint32_t file = 0;
        std::uint32_t sampled = 0;
        auto operator<=>(const Which&) const = default;
    };

    State(const Table& from, const Sample& of, std::span<const SampledFile> files);
    [[nodiscard]] std::span<const Which> sampled_of(std::uint32_t file) const {
        const auto found = std::ranges::equal_range(which, file, {}, &Which::file);
        return {found.begin(), found.end()};
    }
    [[nodiscard]] std::span<const Seen> seen_of(std::uint64_t frame) const {
        const auto found = std::ranges::equal_range(seen, frame, {}, &Seen::frame);
        return {found.begin(), found.end()};
    }
    [[nodiscard]] bool is_shared(std::uint64_t frame) const;
    [[nodiscard]] bool is_twice(std::uint32_t file, std::uint64_t page) const;
    [[nodiscard]] const Device* device_of(std::uint32_t image, std::uint32_t blob) const;
    // Resident ones as one of Sample::files has them, in order.
    [[nodiscard]] std::vector<Pages> pages_of(std::uint32_t file, std::uint32_t sampled) const;
    void add(SeenTotals& totals, std::uint32_t file, std::uint32_t sampled) const;

    const Table& table;
    const Sample& sample;
    std::vector<std::uint32_t> inode_of; // of each of Sample::files; filled with the next
    std::vector<SeenInode> inodes;
    std::vector<Which> which;            // sorted
    std::vector<Seen> seen;              // by frame
    std::vector<Device> devices;
    std::uint64_t in_devices = 0; // bytes
    std::vector<SeenTotals> totals;
};

Observed::State::State(const Table& from, const Sample& of, std::span<const SampledFile> files)
    : table(from), sample(of), inodes(seen_inodes(from, of, files, inode_of)),
      totals(from.images.size()) {
    for (std::uint32_t i = 0; i < inode_of.size(); ++i) {
        if (inode_of[i] == no_group)
            continue;
        const SampledFile& of_which = files[i];
        const std::uint32_t file = of_which.node == erofs::no_node
                                       ? no_file
                                       : table.file_of(of_which.image, of_which.node);
        if (file == no_file) {
            Device device{of_which.image, table.images[of_which.image].blobs[of_which.device], {}};
            for (const SeenRun& run : sample.runs_of(sample.files[i]))
                device.pages.push_back({run.page, run.page + run.count});
            if (inodes[inode_of[i]].sampled == i) {
                for (const Range& range : device.pages)
                    in_devices += range.length() * page_size;
            }
            devices.push_back(std::move(device));
            continue;
        }
        which.push_back({file, i});
        for_each_seen_run(sample, sample.files[i], table.files[file].page_count(),
                          [&](std::uint64_t page, std::span<const std::uint64_t> frames) {
                              for (const std::uint64_t frame : frames) {
                                  if (frame != 0)
                                      seen.push_back({frame, page, i, inode_of[i]});
                                  ++page;
                              }
                          });
    }
    std::ranges::sort(which);
    std::ranges::sort(seen, {},
                      [](const Seen& s) { return std::tuple(s.frame, s.sampled, s.page); });
    for (const SeenInode& inode : inodes) {
        if (inode.file != no_file)
            add(totals[inode.image], inode.file, inode.sampled);
    }
}

bool Observed::State::is_shared(std::uint64_t frame) const {
    const auto all = seen_of(frame);
    return frame != 0 &&
           std::ranges::any_of(all, [&](const Seen& s) { return s.inode != all.front().inode; });
}

// The image's own; or another's that is the same blob.
const Observed::State::Device* Observed::State::device_of(std::uint32_t image,
                                                          std::uint32_t blob) const {
    const Device* found = nullptr;
    for (const Device& device : devices) {
        if (device.blob == blob && (found == nullptr || device.image == image))
            found = &device;
        if (found != nullptr && found->image == image)
            break;
    }
    return found;
}

bool Observed::State::is_twice(std::uint32_t file, std::uint64_t page) const {
    const auto first = table.runs.begin() + table.files[file].first_run;
    const auto end = table.runs.begin() + table.end_run(file);
    const auto run = std::prev(std::upper_bound(
        first, end, page, [](std::uint64_t p, const Run& r) { return p < r.page; }));
    if (!table.is_blob(*run))
        return false;
    const Device* device = device_of(table.files[file].image, run->space);
    if (device == nullptr)
        return false;
    const std::uint64_t begin = run->position + (page - run->page) * page_size;
    const std::uint64_t last = begin + bytes_in_page(table.files[file].size(), page) - 1;
    const Range wanted{begin / page_size, last / page_size + 1};
    const auto at = std::ranges::upper_bound(device->pages, wanted.begin, {}, &Range::end);
    if (at == device->pages.end() || at->begin > wanted.begin)
        return false;
    // Two pages may be in two runs.
    return at->end >= wanted.end ||
           (std::next(at) != device->pages.end() && std::next(at)->begin == at->end);
}

std::vector<Observed::State::Pages> Observed::State::pages_of(std::uint32_t file,
                                                              std::uint32_t sampled) const {
    std::vector<Pages> list;
    const auto add_page = [&](std::uint64_t page, std::uint64_t frame) {
        const bool shared = is_shared(frame);
        const bool twice = is_twice(file, page);
        if (!list.empty() && list.back().pages.end == page && list.back().shared == shared &&
            list.back().twice == twice)
            ++list.back().pages.end;
        else
            list.push_back({{page, page + 1}, shared, twice});
    };
    for_each_seen_run(sample, sample.files[sampled], table.files[file].page_count(),
                      [&](std::uint64_t page, std::span<const std::uint64_t> frames) {
                          for (const std::uint64_t frame : frames)
                              add_page(page++, frame);
                      });
    return list;
}

void Observed::State::add(SeenTotals& sums, std::uint32_t file, std::uint32_t sampled) const {
    const std::vector<Pages> pages = pages_of(file, sampled);
    for (const Pages& part : pages) {
        const std::uint64_t bytes = part.pages.length() * page_size;
        sums.resident += bytes;
        sums.shared_now += part.shared ? bytes : 0;
        sums.twice += part.twice ? bytes : 0;
    }
    sums.files += pages.empty() ? 0 : 1;
}

Observed::Observed(const Prediction& prediction, const Sample& sample,
                   std::span<const SampledFile> files)
    : state_(std::make_unique<const State>(prediction.table(), sample, files)) {}
Observed::Observed(Observed&&) noexcept = default;
Observed& Observed::operator=(Observed&&) noexcept = default;
Observed::~Observed() = default;

std::vector<SeenPiece> Observed::file(std::size_t image, NodeId node) const {
    const Table& table = state_->table;
    std::vector<SeenPiece> list;
    const std::uint32_t number = table.file_of(image, node);
    if (number == no_file)
        return list;
    const auto sampled = state_->sampled_of(number);
    // Where it was seen more than once, what is said of a page is the most that is.
    std::vector<State::Pages> pages;
    std::vector<std::uint64_t> cuts;
    for (const State::Which& which : sampled) {
        for (const State::Pages& part : state_->pages_of(number, which.sampled)) {
            pages.push_back(part);
            cuts.push_back(part.pages.begin);
            cuts.push_back(part.pages.end);
        }
    }
    std::ranges::sort(cuts);
    std::ranges::sort(pages, {}, [](const State::Pages& p) { return p.pages.begin; });
    const Presence elsewhere = sampled.empty() ? Presence::unknown : Presence::absent;
    const auto push = [&](Piece piece, Presence residency, bool shared, bool twice) {
        if (shared) {
            piece.mark = Mark::shared_now;
            piece.reason = Reason::none;
        }
        SeenPiece* const last = list.empty() ? nullptr : &list.back();
        if (last != nullptr && last->piece.mark == piece.mark &&
            last->piece.reason == piece.reason && last->residency == residency &&
            last->twice == twice)
            last->piece.end = piece.end;
        else
            list.push_back({piece, residency, twice});
    };
    std::size_t first = 0; // of pages, those before end before here
    for (const Piece& piece : table.pieces_of(table.files[number])) {
        for (std::uint64_t at = piece.begin; at < piece.end;) {
            const std::uint64_t page = at / page_size;
            const auto cut = std::ranges::upper_bound(cuts, page);
            const std::uint64_t end =
                cut == cuts.end() ? piece.end : std::min(piece.end, *cut * page_size);
            while (first < pages.size() && pages[first].pages.end <= page)
                ++first;
            Presence residency = elsewhere;
            bool shared = false;
            bool twice = false;
            for (std::size_t i = first; i < pages.size() && pages[i].pages.begin <= page; ++i) {
                if (pages[i].pages.end <= page)
                    continue;
                residency = Presence::resident;
                shared = shared || pages[i].shared;
                twice = twice || pages[i].twice;
            }
            Piece part = piece;
            part.begin = at;
            part.end = end;
            push(part, residency, shared, twice);
            at = end;
        }
    }
    return list;
}

std::vector<SeenHolder> Observed::holders(std::size_t image, NodeId node, Range range,
                                          std::size_t most) const {
    const Table& table = state_->table;
    std::vector<SeenHolder> holders;
    const std::uint32_t number = table.file_of(image, node);
    const auto sampled =
        number == no_file ? std::span<const State::Which>() : state_->sampled_of(number);
    if (sampled.empty() || range.begin >= range.end)
        return holders;
    const std::uint32_t own = sampled.front().sampled;
    const Range pages{range.begin / page_size, (range.end - 1) / page_size + 1};
    for_each_seen_run(
        state_->sample, state_->sample.files[own], table.files[number].page_count(),
        [&](std::uint64_t page, std::span<const std::uint64_t> frames) {
            for (const std::uint64_t frame : frames) {
                const bool wanted = page >= pages.begin && page < pages.end && frame != 0;
                ++page;
                if (!wanted)
                    continue;
                for (const State::Seen& seen : state_->seen_of(frame)) {
                    if (seen.sampled != own)
                        holders.push_back({seen.sampled, seen.page * page_size, page_size,
                                           seen.inode == state_->inode_of[own]});
                }
            }
        });
    std::ranges::sort(holders, {},
                      [](const SeenHolder& h) { return std::tuple(h.file, h.offset); });
    std::vector<SeenHolder> joined;
    for (const SeenHolder& holder : holders) {
        if (!joined.empty() && joined.back().file == holder.file &&
            joined.back().offset + joined.back().length >= holder.offset)
            joined.back().length = holder.offset + holder.length - joined.back().offset;
        else if (joined.size() < most)
            joined.push_back(holder);
        else
            break;
    }
    return joined;
}

SeenTotals Observed::of_file(std::size_t image, NodeId node) const {
    SeenTotals totals;
    const std::uint32_t number = state_->table.file_of(image, node);
    if (number == no_file)
        return totals;
    for (const State::Which& which : state_->sampled_of(number)) {
        if (state_->inodes[state_->inode_of[which.sampled]].sampled == which.sampled)
            state_->add(totals, number, which.sampled);
    }
    return totals;
}

SeenTotals Observed::totals(std::size_t image) const {
    return image < state_->totals.size() ? state_->totals[image] : SeenTotals{};
}

std::uint64_t Observed::resident_in_devices() const {
    return state_->in_devices;
}

} // namespace coldscope::sharing
