// Files that are the same as a whole: by fingerprint, by where their pages lie, by their bytes.
#include "core/erofs/radix.h"
#include "core/sharing/intern.h"
#include "core/sharing/page_digests.h"
#include "core/sharing/table.h"

#include <array>
#include <optional>
#include <tuple>

namespace coldscope::sharing {

namespace {

constexpr std::array<std::byte, page_size> zero_page{};

struct Printed {
    Half print;
    std::uint64_t size = 0;
    std::uint32_t file = 0;
};

// Of files that have one print; it depends on the images and the layouts alone.
std::uint32_t kind_of(const File& file) {
    return file.image * 2 + (file.compressed_layout ? 1U : 0U);
}

class PrintGroups {
public:
    explicit PrintGroups(Table& table) : table_(table) {}
    void run(std::span<const Keys> keys);

private:
    void add(std::span<const Printed> members);
    void set_standings(std::span<const std::uint32_t> members);
    void set_classes(std::span<const std::uint32_t> members);

    Table& table_;
    std::uint32_t classes_ = 0;
};

void PrintGroups::run(std::span<const Keys> keys) {
    std::vector<Printed> all;
    for (std::size_t image = 0; image < table_.images.size(); ++image) {
        std::uint32_t number = table_.images[image].first_file;
        for (const FileKeys& file : keys[image].keys().files) {
            if (file.has_print)
                all.push_back({file.print, file.size, number});
            ++number;
        }
    }
    std::ranges::sort(all, {},
                      [](const Printed& p) { return std::tuple(p.print, p.size, p.file); });
    for (std::size_t i = 0; i < all.size();) {
        std::size_t end = i + 1;
        while (end < all.size() && all[end].print == all[i].print && all[end].size == all[i].size)
            ++end;
        if (end - i > 1)
            add(std::span(all).subspan(i, end - i));
        else
            set_classes({&all[i].file, 1});
        i = end;
    }
}

void PrintGroups::add(std::span<const Printed> members) {
    Groups& groups = table_.by_print;
    const auto group = static_cast<std::uint32_t>(groups.starts.size());
    groups.starts.push_back(static_cast<std::uint32_t>(groups.files.size()));
    for (const Printed& member : members) {
        groups.files.push_back(member.file);
        table_.files[member.file].print_group = group;
    }
    set_standings(groups.of(group));
    set_classes(groups.of(group));
}

void PrintGroups::set_standings(std::span<const std::uint32_t> members) {
    struct Kind {
        std::uint32_t kind = 0;
        std::uint32_t file = 0; // one of them
        bool several = false;
        Standing best;
    };
    std::vector<Kind> kinds; // files are in order of images, so that equal kinds are near
    for (const std::uint32_t member : members) {
        const std::uint32_t kind = kind_of(table_.files[member]);
        const auto at = std::ranges::find(kinds.rbegin(), kinds.rend(), kind, &Kind::kind);
        if (at == kinds.rend())
            kinds.push_back({kind, member, false, {}});
        else
            at->several = true;
    }
    for (Kind& one : kinds) {
        const File& file = table_.files[one.file];
        for (const Kind& other : kinds) {
            if (other.kind != one.kind || one.several)
                improve(one.best, table_.whole_standing(file, table_.files[other.file]));
        }
    }
    for (const std::uint32_t member : members) {
        const std::uint32_t kind = kind_of(table_.files[member]);
        improve(table_.files[member].standing, std::ranges::find(kinds, kind, &Kind::kind)->best);
    }
}

// Sharing by fingerprint goes both ways and on: those that can are in classes. One that is alone in
// its class shares with itself, where its image is mounted twice.
void PrintGroups::set_classes(std::span<const std::uint32_t> members) {
    struct Class {
        std::tuple<std::uint32_t, bool, bool> by; // domain, backing, layout
        std::uint32_t number = 0;
    };
    std::vector<Class> classes;
    for (const std::uint32_t member : members) {
        File& file = table_.files[member];
        const TableImage& image = table_.images[file.image];
        if (!image.mounted.inode_share || image.mounted.dax || image.mounted.domain.empty())
            continue;
        const std::tuple by(image.domain, image.mounted.block_device, file.compressed_layout);
        auto at = std::ranges::find(classes, by, &Class::by);
        if (at == classes.end())
            at = classes.insert(at, {by, classes_++});
        file.print_class = at->number;
    }
}

class SameGroups {
public:
    explicit SameGroups(Table& table) : table_(table), joined_(table.files.size()) {}
    Result<void> by_bytes(std::span<const Scan> scans, std::span<const Keys> keys);
    void by_place();
    void finish();

private:
    [[nodiscard]] std::uint64_t hash_of_place(std::uint32_t file) const;
    [[nodiscard]] std::span<const Run> runs_of(std::uint32_t file) const {
        const std::uint32_t first = table_.files[file].first_run;
        return std::span(table_.runs).subspan(first, table_.end_run(file) - first);
    }
    [[nodiscard]] int compare_places(std::uint32_t a, std::uint32_t b) const;
    // Nothing: not all of its bytes are known.
    [[nodiscard]] static std::optional<Half> digest_of(const ImageKeys& keys, std::size_t file,
                                                       const PageDigests& digests, Half zeros,
                                                       Sha256& digester);

    Table& table_;
    Joined joined_;
};

std::uint64_t SameGroups::hash_of_place(std::uint32_t file) const {
    std::uint64_t hash = table_.files[file].size();
    const auto mix = [&hash](std::uint64_t value) {
        hash = (hash ^ value) * 0x9E37'79B9'7F4A'7C15;
        hash ^= hash >> 32;
    };
    for (const Run& run : runs_of(file)) {
        mix(run.page);
        mix(run.position);
        mix(run.space);
    }
    return hash;
}

int SameGroups::compare_places(std::uint32_t a, std::uint32_t b) const {
    const auto place = [](const Run& run) { return std::tuple(run.page, run.position, run.space); };
    const auto left = runs_of(a);
    const auto right = runs_of(b);
    if (table_.files[a].size() != table_.files[b].size())
        return table_.files[a].size() < table_.files[b].size() ? -1 : 1;
    for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
        if (place(left[i]) != place(right[i]))
            return place(left[i]) < place(right[i]) ? -1 : 1;
    }
    return static_cast<int>(left.size() > right.size()) -
           static_cast<int>(left.size() < right.size());
}

void SameGroups::by_place() {
    struct Hashed {
        std::uint64_t hash = 0;
        std::uint32_t file = 0;
    };
    std::vector<Hashed> all;
    all.reserve(table_.files.size());
    for (std::uint32_t file = 0; file < table_.files.size(); ++file) {
        if (table_.runs[table_.files[file].first_run].space != unreadable_space)
            all.push_back({hash_of_place(file), file});
    }
    erofs::radix_sort(all, [](const Hashed& one) { return one.hash; });
    const auto before = [this](const Hashed& a, const Hashed& b) {
        return compare_places(a.file, b.file) < 0;
    };
    for (auto first = all.begin(); first != all.end();) {
        const auto end =
            std::find_if(first, all.end(), [&](const Hashed& h) { return h.hash != first->hash; });
        std::stable_sort(first, end, before);
        for (auto at = std::next(first); at < end; ++at) {
            if (compare_places(std::prev(at)->file, at->file) == 0)
                joined_.join(std::prev(at)->file, at->file);
        }
        first = end;
    }
}

std::optional<Half> SameGroups::digest_of(const ImageKeys& keys, std::size_t file,
                                          const PageDigests& digests, Half zeros,
                                          Sha256& digester) {
    // Pages of zeros are counted: a hole may be of any length, and stored ones are the same.
    const std::uint64_t size = keys.files[file].size;
    digester.add(std::span(zero_page).first(static_cast<std::size_t>(size % page_size)));
    const Half last_zeros = half_of(digester.take());
    std::uint64_t zero_pages = 0;
    bool known = true;
    const auto add = [&digester](std::uint64_t high, std::uint64_t low) {
        const std::array<std::uint64_t, 2> pair{high, low};
        digester.add(std::as_bytes(std::span(pair)));
    };
    const auto see = [&](std::uint64_t page, std::uint64_t count, PageState state,
                         const Half* halves) {
        known = known && state == PageState::known;
        for (std::uint64_t i = 0; known && i < count; ++i) {
            if (halves[i] == (page + i < size / page_size ? zeros : last_zeros)) {
                ++zero_pages;
                continue;
            }
            add(0, std::exchange(zero_pages, 0));
            add(halves[i].high, halves[i].low);
        }
    };
    for (std::uint32_t run = keys.files[file].first_run; known && run < keys.end_run(file); ++run) {
        if (keys.runs[run].space == hole_space)
            zero_pages += keys.end_page(run) - keys.runs[run].page;
        else if (keys.runs[run].space == unreadable_space)
            known = false;
        else
            digests.for_each(keys, run, see);
    }
    add(size, zero_pages);
    const Half digest = half_of(digester.take());
    return known ? std::optional(digest) : std::nullopt;
}

Result<void> SameGroups::by_bytes(std::span<const Scan> scans, std::span<const Keys> keys) {
    Sha256 digester;
    digester.add(zero_page);
    const Half zeros = half_of(digester.take());
    std::vector<Printed> all;
    for (std::size_t image = 0; image < scans.size(); ++image) {
        const ImageKeys& from = keys[image].keys();
        for (std::size_t file = 0; file < from.files.size(); ++file) {
            const auto digest = digest_of(from, file, scans[image].digests(), zeros, digester);
            if (digest)
                all.push_back({*digest, from.files[file].size,
                               table_.images[image].first_file + static_cast<std::uint32_t>(file)});
        }
    }
    std::ranges::sort(all, {},
                      [](const Printed& p) { return std::tuple(p.print, p.size, p.file); });
    for (std::size_t i = 1; i < all.size(); ++i) {
        if (all[i].print == all[i - 1].print && all[i].size == all[i - 1].size)
            joined_.join(all[i - 1].file, all[i].file);
    }
    return {};
}

// What is said of them is that a fingerprint would help: where one of them has none.
void SameGroups::finish() {
    const auto count = static_cast<std::uint32_t>(table_.files.size());
    std::vector<std::uint32_t> members(count);
    std::vector<bool> lacking(count);
    for (std::uint32_t file = 0; file < count; ++file) {
        const std::uint32_t least = joined_.least(file);
        ++members[least];
        lacking[least] = lacking[least] || !table_.files[file].has_print;
    }
    Groups& groups = table_.by_same;
    std::vector<std::uint32_t> next(count, no_group); // where the group's next member goes
    std::uint32_t total = 0;
    for (std::uint32_t file = 0; file < count; ++file) {
        const std::uint32_t least = joined_.least(file);
        if (members[least] < 2 || !lacking[least])
            continue;
        if (next[least] == no_group) {
            next[least] = total;
            total += members[least];
            groups.starts.push_back(next[least]);
            groups.files.resize(total);
            table_.files[least].same_group = static_cast<std::uint32_t>(groups.starts.size() - 1);
        }
        File& member = table_.files[file];
        member.same_group = table_.files[least].same_group;
        groups.files[next[least]++] = file;
        improve(member.standing, {Mark::blocked, Reason::no_fingerprint});
    }
}

} // namespace

Standing Table::whole_standing(const File& a, const File& b) const {
    if (a.print_group != no_group && a.print_group == b.print_group) {
        const Mounted& left = images[a.image].mounted;
        const Mounted& right = images[b.image].mounted;
        Standing standing{Mark::by_fingerprint, Reason::none};
        const auto fails = [&standing](bool condition, Reason reason) {
            if (condition)
                standing = {Mark::blocked, reason};
        };
        // In order: the last counts.
        fails(left.domain.empty() || left.domain != right.domain, Reason::other_domain);
        fails(!left.inode_share || !right.inode_share, Reason::no_inode_share);
        fails(left.dax || right.dax, Reason::dax);
        fails(left.block_device != right.block_device, Reason::other_backing);
        fails(a.compressed_layout != b.compressed_layout, Reason::other_layout);
        return standing;
    }
    if (a.same_group != no_group && a.same_group == b.same_group && !(a.has_print && b.has_print))
        return {Mark::blocked, Reason::no_fingerprint};
    return {Mark::alone, Reason::none};
}

Result<void> match_whole_files(Table& table, std::span<const Scan> scans,
                               std::span<const Keys> keys) {
    PrintGroups(table).run(keys);
    if (std::ranges::all_of(table.files, &File::has_print))
        return {};
    SameGroups same(table);
    same.by_place();
    COLDSCOPE_CHECK(same.by_bytes(scans, keys));
    same.finish();
    return {};
}

} // namespace coldscope::sharing
