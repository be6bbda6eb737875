#include "core/sharing/seen.h"
#include "core/sharing/usage.h"

#include <map>
#include <tuple>

namespace coldscope::sharing {

// Pages that are alike, of one file.
struct Pages {
    Range pages;
    bool shared = false;
    bool twice = false;
};

namespace {

// Of a search for who has a range: its pages, and others that are the same memory. Cheap enough for
// a thread that draws; 2 GiB of a file whose frames follow each other, less where they have to be
// looked up one by one.
constexpr std::size_t most_seen_visits = std::size_t{1} << 20;
constexpr std::size_t visits_look_up = 16;

void push(std::vector<Pages>& list, const Pages& part) {
    if (!list.empty() && list.back().pages.end == part.pages.begin &&
        list.back().shared == part.shared && list.back().twice == part.twice)
        list.back().pages.end = part.pages.end;
    else
        list.push_back(part);
}

// Where a file was seen more than once, what is said of a page is the most that is.
std::vector<Pages> joined(const std::vector<Pages>& parts) {
    struct Edge {
        std::uint64_t page = 0;
        int step = 0; // 1: the part begins, -1: it ends
        const Pages* part = nullptr;
    };
    std::vector<Edge> edges;
    edges.reserve(2 * parts.size());
    for (const Pages& part : parts) {
        edges.push_back({part.pages.begin, 1, &part});
        edges.push_back({part.pages.end, -1, &part});
    }
    std::ranges::sort(edges, {}, &Edge::page);
    std::vector<Pages> list;
    int resident = 0;
    int shared = 0;
    int twice = 0;
    for (std::size_t i = 0; i < edges.size(); ++i) {
        resident += edges[i].step;
        shared += edges[i].part->shared ? edges[i].step : 0;
        twice += edges[i].part->twice ? edges[i].step : 0;
        if (resident > 0 && edges[i].page < edges[i + 1].page) // the last one ends the last part
            push(list, {{edges[i].page, edges[i + 1].page}, shared > 0, twice > 0});
    }
    return list;
}

} // namespace

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
    // A file of the table, and one of Sample::files that is it.
    struct Which {
        std::uint32_t file = 0;
        std::uint32_t sampled = 0;
        auto operator<=>(const Which&) const = default;
    };
    // What is known of a file of the table.
    struct Known {
        std::uint32_t file = 0;
        std::uint32_t sampled = 0; // the first of Sample::files that is it
        std::vector<Pages> pages;  // resident ones, in order
        SeenTotals totals;         // each of its inodes once
    };

    State(const Table& from, const Sample& of, std::span<const SampledFile> files);
    void add_device(const SampledFile& device, const SeenFile& file);
    void add_known(std::span<const Which> which);
    [[nodiscard]] const Known* known_of(std::uint32_t file) const {
        const auto at = std::ranges::lower_bound(known, file, {}, &Known::file);
        return at != known.end() && at->file == file ? &*at : nullptr;
    }
    [[nodiscard]] bool is_shared(std::uint64_t frame) const;
    [[nodiscard]] bool is_twice(std::uint32_t file, std::uint64_t page) const;
    [[nodiscard]] const Device* device_of(std::uint32_t image, std::uint32_t blob) const;
    // Resident ones as one of Sample::files has them, in order.
    [[nodiscard]] std::vector<Pages> pages_of(const Which& which) const;

    const Table& table;
    const Sample& sample;
    SeenInodes inodes;
    std::vector<Seen> seen; // by frame, inode
    std::vector<Device> devices;
    std::vector<Known> known; // by file
    std::vector<SeenTotals> totals;
};

Observed::State::State(const Table& from, const Sample& of, std::span<const SampledFile> files)
    : table(from), sample(of), inodes(seen_inodes(from, of, files)), totals(from.images.size()) {
    std::vector<Which> which;
    for (std::uint32_t i = 0; i < inodes.of_file.size(); ++i) {
        const std::uint32_t inode = inodes.of_file[i];
        if (inode == no_group)
            continue;
        const std::uint32_t file = files[i].node == erofs::no_node
                                       ? no_file
                                       : table.file_of(files[i].image, files[i].node);
        if (file == no_file) {
            add_device(files[i], sample.files[i]);
            continue;
        }
        which.push_back({file, i});
        for_each_seen_run(sample, sample.files[i], table.files[file].page_count(),
                          [&](std::uint64_t page, std::span<const std::uint64_t> frames) {
                              for (const std::uint64_t frame : frames) {
                                  if (frame != 0)
                                      seen.push_back({frame, page, i, inode});
                                  ++page;
                              }
                          });
    }
    std::ranges::sort(which);
    std::ranges::sort(
        seen, {}, [](const Seen& s) { return std::tuple(s.frame, s.inode, s.sampled, s.page); });
    for (auto first = which.begin(); first != which.end();) {
        const auto end =
            std::find_if(first, which.end(), [&](const Which& w) { return w.file != first->file; });
        add_known(std::span(first, end));
        first = end;
    }
}

void Observed::State::add_device(const SampledFile& device, const SeenFile& file) {
    Device& added = devices.emplace_back();
    added.image = device.image;
    added.blob = table.images[device.image].blobs[device.device];
    for (const SeenRun& run : sample.runs_of(file))
        added.pages.push_back({run.page, run.page + run.count});
}

void Observed::State::add_known(std::span<const Which> which) {
    Known& added = known.emplace_back();
    added.file = which.front().file;
    added.sampled = which.front().sampled;
    for (const Which& one : which) {
        const std::vector<Pages> pages = pages_of(one);
        added.pages.insert(added.pages.end(), pages.begin(), pages.end());
        if (inodes.list[inodes.of_file[one.sampled]].sampled != one.sampled)
            continue;
        const auto count = [&](SeenTotals& sums) {
            for (const Pages& part : pages) {
                const std::uint64_t bytes = part.pages.length() * page_size;
                sums.resident += bytes;
                sums.shared_now += part.shared ? bytes : 0;
                sums.twice += part.twice ? bytes : 0;
            }
            sums.files += pages.empty() ? 0 : 1;
        };
        count(added.totals);
        count(totals[table.files[one.file].image]);
    }
    if (which.size() > 1)
        added.pages = joined(added.pages);
    added.pages.shrink_to_fit();
}

bool Observed::State::is_shared(std::uint64_t frame) const {
    const auto all = std::ranges::equal_range(seen, frame, {}, &Seen::frame);
    return !all.empty() && all.front().inode != all.back().inode;
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
    const Run& run = table.runs[table.run_at(file, page)];
    if (!table.is_blob(run))
        return false;
    const Device* device = device_of(table.files[file].image, run.space);
    if (device == nullptr)
        return false;
    const std::uint64_t begin = run.position + (page - run.page) * page_size;
    const std::uint64_t last = begin + bytes_in_page(table.files[file].size(), page) - 1;
    const Range wanted{begin / page_size, last / page_size + 1};
    const auto at = std::ranges::upper_bound(device->pages, wanted.begin, {}, &Range::end);
    if (at == device->pages.end() || at->begin > wanted.begin)
        return false;
    // Two pages may be in two runs.
    return at->end >= wanted.end ||
           (std::next(at) != device->pages.end() && std::next(at)->begin == at->end);
}

std::vector<Pages> Observed::State::pages_of(const Which& which) const {
    std::vector<Pages> list;
    for_each_seen_run(
        sample, sample.files[which.sampled], table.files[which.file].page_count(),
        [&](std::uint64_t page, std::span<const std::uint64_t> frames) {
            for (const std::uint64_t frame : frames) {
                push(list, {{page, page + 1}, is_shared(frame), is_twice(which.file, page)});
                ++page;
            }
        });
    return list;
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
    const State::Known* const known = state_->known_of(number);
    const std::span<const Pages> resident =
        known == nullptr ? std::span<const Pages>() : std::span(known->pages);
    const Presence elsewhere = known == nullptr ? Presence::unknown : Presence::absent;
    const auto add = [&](Piece piece, const Pages* here) {
        if (here != nullptr && here->shared) {
            piece.mark = Mark::shared_now;
            piece.reason = Reason::none;
        }
        const Presence residency = here == nullptr ? elsewhere : Presence::resident;
        const bool twice = here != nullptr && here->twice;
        SeenPiece* const last = list.empty() ? nullptr : &list.back();
        if (last != nullptr && last->piece.mark == piece.mark &&
            last->piece.reason == piece.reason && last->residency == residency &&
            last->twice == twice)
            last->piece.end = piece.end;
        else
            list.push_back({piece, residency, twice});
    };
    auto next = resident.begin();
    for (const Piece& piece : table.pieces_of(table.files[number])) {
        for (Piece part = piece; part.begin < piece.end; part.begin = part.end) {
            const std::uint64_t page = part.begin / page_size;
            while (next != resident.end() && next->pages.end <= page)
                ++next;
            const bool here = next != resident.end() && next->pages.begin <= page;
            part.end = piece.end;
            if (next != resident.end())
                part.end =
                    std::min(piece.end, (here ? next->pages.end : next->pages.begin) * page_size);
            add(part, here ? &*next : nullptr);
        }
    }
    return list;
}

std::vector<SeenHolder> Observed::holders(std::size_t image, NodeId node, Range range,
                                          std::size_t most) const {
    const Table& table = state_->table;
    std::vector<SeenHolder> holders;
    const std::uint32_t number = table.file_of(image, node);
    const State::Known* const known = number == no_file ? nullptr : state_->known_of(number);
    range.end = std::min(range.end, known == nullptr ? 0 : table.files[number].size());
    if (range.begin >= range.end)
        return holders;
    const std::uint32_t own = known->sampled;
    std::map<std::uint32_t, std::size_t> last; // in holders, by the file
    std::size_t visits = most_seen_visits;
    // False: that is all.
    const auto add = [&](const State::Seen& seen) {
        const std::uint64_t offset = seen.page * page_size;
        const auto at = last.find(seen.sampled);
        if (at != last.end() && holders[at->second].offset + holders[at->second].length == offset) {
            holders[at->second].length += page_size;
            return true;
        }
        if (holders.size() == most)
            return false;
        last[seen.sampled] = holders.size();
        holders.push_back(
            {seen.sampled, offset, page_size, seen.inode == state_->inodes.of_file[own]});
        return true;
    };
    const std::vector<State::Seen>& all = state_->seen;
    auto at = all.begin(); // frames follow each other often
    const auto visit = [&visits](std::size_t count) {
        visits -= std::min(visits, count);
        return visits != 0;
    };
    const auto see = [&](std::uint64_t frame) {
        if (at == all.end() || at->frame != frame) {
            if (!visit(visits_look_up))
                return false;
            at = std::ranges::lower_bound(all, frame, {}, &State::Seen::frame);
        }
        for (; at != all.end() && at->frame == frame; ++at) {
            if (!visit(1) || (at->sampled != own && !add(*at)))
                return false;
        }
        return true;
    };
    const Range pages{range.begin / page_size, (range.end - 1) / page_size + 1};
    bool more = true;
    for (const SeenRun& run : state_->sample.runs_of(state_->sample.files[own])) {
        const auto frames = state_->sample.frames_of(run);
        const std::uint64_t end = std::min(pages.end, run.page + run.count);
        for (std::uint64_t page = std::max(pages.begin, run.page); more && page < end; ++page)
            more = frames[page - run.page] == 0 || see(frames[page - run.page]);
    }
    std::ranges::sort(holders, {},
                      [](const SeenHolder& h) { return std::tuple(h.file, h.offset); });
    std::vector<SeenHolder> told;
    for (const SeenHolder& holder : holders) {
        if (!told.empty() && told.back().file == holder.file &&
            told.back().offset + told.back().length >= holder.offset)
            told.back().length =
                std::max(told.back().offset + told.back().length, holder.offset + holder.length) -
                told.back().offset;
        else
            told.push_back(holder);
    }
    return told;
}

SeenTotals Observed::of_file(std::size_t image, NodeId node) const {
    const std::uint32_t number = state_->table.file_of(image, node);
    const State::Known* const known = number == no_file ? nullptr : state_->known_of(number);
    return known == nullptr ? SeenTotals{} : known->totals;
}

SeenTotals Observed::totals(std::size_t image) const {
    return image < state_->totals.size() ? state_->totals[image] : SeenTotals{};
}

std::size_t Observed::strangers() const {
    return state_->inodes.strangers;
}

} // namespace coldscope::sharing
