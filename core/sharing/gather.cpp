// The images' keys in common terms.
#include "core/erofs/radix.h"
#include "core/sharing/intern.h"
#include "core/sharing/table.h"

#include <array>
#include <map>

namespace coldscope::sharing {

namespace {

class Gatherer {
public:
    Gatherer(std::span<const Side> sides, std::span<const Keys> keys)
        : sides_(sides), keys_(keys), blobs_(find_blobs(sides)) {
        table_.blob_count = blobs_.count;
    }
    Result<Table> run();

private:
    [[nodiscard]] std::uint32_t space(std::size_t image, std::uint32_t local) const;
    [[nodiscard]] Part common(std::size_t image, const Part& part) const;
    void number_clusters();
    void number_composed();
    void add_image(std::size_t image);
    void set_own_reasons();
    void sort_segments();

    std::span<const Side> sides_;
    std::span<const Keys> keys_;
    Blobs blobs_;
    Sha256 digester_;
    Table table_;
    // Of each image, one behind the other: their clusters' and composed pages' common numbers.
    std::vector<std::uint32_t> clusters_;
    std::vector<std::uint64_t> composed_; // positions
    std::vector<std::size_t> first_cluster_;
    std::vector<std::size_t> first_composed_;
    std::map<std::string, std::uint32_t> domains_;
};

std::uint32_t Gatherer::space(std::size_t image, std::uint32_t local) const {
    const std::vector<std::uint32_t>& blobs = blobs_.of[image];
    switch (local) {
    case local_space::metabox:
        return table_.metabox_space(blobs[0]);
    case local_space::clusters:
        return table_.cluster_space();
    case local_space::composed:
        return table_.composed_space();
    case hole_space:
    case unreadable_space:
        return local;
    default:
        return blobs[local];
    }
}

Part Gatherer::common(std::size_t image, const Part& part) const {
    Part moved = part;
    moved.space = space(image, part.space);
    if (part.space == local_space::clusters)
        moved.position =
            (std::uint64_t{clusters_[first_cluster_[image] + (part.position >> cluster_bits)]}
             << cluster_bits) |
            (part.position & ((std::uint64_t{1} << cluster_bits) - 1));
    else if (part.space == local_space::composed)
        moved.position = composed_[first_composed_[image] + (part.position >> page_bits)];
    return moved;
}

// What LZ4 decodes a cluster's bytes to depends on whether they are padded in front.
void Gatherer::number_clusters() {
    std::vector<Cluster> all;
    for (std::size_t i = 0; i < sides_.size(); ++i) {
        first_cluster_.push_back(all.size());
        const bool padded = sides_[i].image.superblock().has(erofs::incompat::lz4_0padding);
        for (Cluster cluster : keys_[i].keys().clusters) {
            cluster.space = space(i, cluster.space) * 2 + (padded ? 1U : 0U);
            all.push_back(cluster);
        }
    }
    clusters_ = intern(all);
}

void Gatherer::number_composed() {
    std::vector<Half> all;
    std::vector<bool> plain; // no part of it is a cluster's
    for (std::size_t i = 0; i < sides_.size(); ++i) {
        first_composed_.push_back(all.size());
        const ImageKeys& keys = keys_[i].keys();
        for (std::size_t page = 0; page < keys.composed.size(); ++page) {
            plain.push_back(true);
            for (const Part& part : keys.parts_of(page)) {
                const Part moved = common(i, part);
                plain.back() = plain.back() && part.space != local_space::clusters;
                const std::array<std::uint64_t, 3> place{moved.space, moved.position, moved.length};
                digester_.add(std::as_bytes(std::span(place)));
            }
            all.push_back(half_of(digester_.take()));
        }
    }
    const std::vector<std::uint32_t> numbers = intern(all);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        composed_.push_back((std::uint64_t{numbers[i]} << page_bits) | (plain[i] ? 1U : 0U));
}

void Gatherer::add_image(std::size_t number) {
    const Side& side = sides_[number];
    const ImageKeys& keys = keys_[number].keys();
    TableImage image;
    image.index = &side.index;
    image.mounted = side.mounted;
    image.domain =
        domains_.try_emplace(side.mounted.domain, static_cast<std::uint32_t>(domains_.size()))
            .first->second;
    image.first_file = static_cast<std::uint32_t>(table_.files.size());
    image.blobs = blobs_.of[number];
    image.file_of_node = keys.file_of_node;
    for (std::uint32_t& file : image.file_of_node)
        file += file == no_file ? 0 : image.first_file;
    const auto first_run = static_cast<std::uint32_t>(table_.runs.size());
    for (const FileKeys& from : keys.files) {
        File& file = table_.files.emplace_back();
        file.whole.end = from.size;
        file.first_run = first_run + from.first_run;
        file.image = static_cast<std::uint32_t>(number);
        file.node = from.node;
        file.has_print = from.has_print;
        file.compressed_layout = from.compressed_layout;
        file.own = from.has_encoded ? Reason::compressed
                   : from.has_tail  ? Reason::inline_tail
                                    : Reason::none;
    }
    for (const Run& from : keys.runs) {
        const Part moved = common(number, {from.position, from.space, 0});
        table_.runs.push_back(
            {from.page, moved.position, moved.space, from.file + image.first_file});
    }
    table_.images.push_back(std::move(image));
}

// On more than one blob: holes are on none.
void Gatherer::set_own_reasons() {
    for (std::size_t image = 0; image < sides_.size(); ++image) {
        const ImageKeys& keys = keys_[image].keys();
        for (std::size_t i = 0; i < keys.files.size(); ++i) {
            File& file = table_.files[table_.images[image].first_file + i];
            if (file.own != Reason::none)
                continue;
            std::uint32_t blob = no_group;
            const auto see = [&](std::uint32_t local) {
                if (local >= unreadable_space)
                    return;
                const std::uint32_t here = space(image, local);
                if (blob != no_group && blob != here)
                    file.own = Reason::spans_blobs;
                blob = here;
            };
            for (std::uint32_t at = keys.files[i].first_run; at < keys.end_run(i); ++at) {
                const Run& run = keys.runs[at];
                if (run.space != local_space::composed)
                    see(run.space);
                else
                    for (const Part& part : keys.parts_of(run.position >> page_bits))
                        see(part.space);
            }
        }
    }
}

void Gatherer::sort_segments() {
    std::vector<Segment>& segments = table_.segments;
    segments.reserve(table_.runs.size());
    for (std::uint32_t i = 0; i < table_.runs.size(); ++i) {
        const Run& run = table_.runs[i];
        if (is_keyed(run))
            segments.push_back({Table::space_of(run), run.position / page_size, 0, i});
    }
    erofs::radix_sort(segments, [](const Segment& segment) { return segment.begin; });
    erofs::radix_sort(segments, [](const Segment& segment) { return segment.space; });
    for (std::size_t i = 0; i < segments.size(); ++i) {
        Segment& here = segments[i];
        here.reach = here.begin + table_.end_page(here.run) - table_.runs[here.run].page;
        if (i > 0 && segments[i - 1].space == here.space)
            here.reach = std::max(here.reach, segments[i - 1].reach);
    }
}

Result<Table> Gatherer::run() {
    std::uint64_t runs = 0;
    std::uint64_t files = 0;
    for (const Keys& keys : keys_) {
        runs += keys.keys().runs.size();
        files += keys.keys().files.size();
    }
    if (runs >= no_file || blobs_.count >= no_group / 8)
        return failure(Code::unsupported, "more runs of pages, or blobs, than can be numbered");
    table_.runs.reserve(runs);
    table_.files.reserve(files);
    number_clusters();
    number_composed();
    for (std::size_t i = 0; i < sides_.size(); ++i)
        add_image(i);
    set_own_reasons();
    sort_segments();
    return std::move(table_);
}

} // namespace

Result<Table> gather(std::span<const Side> sides, std::span<const Keys> keys) {
    return Gatherer(sides, keys).run();
}

} // namespace coldscope::sharing
