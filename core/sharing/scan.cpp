// Scan::read: each stored page once, in the order of where they are, through a file that has it.
#include "core/base/checked.h"
#include "core/erofs/radix.h"
#include "core/erofs/read.h"
#include "core/sharing/page_digests.h"

namespace coldscope::sharing {

namespace {

constexpr std::uint64_t read_size = 256 * 1024; // bytes, whole pages
// Bytes that may be read and decoded, for each that the devices have: what is compressed may decode
// to any size.
constexpr std::uint64_t most_decoded = 64;
constexpr std::uint64_t least_decoded = 64 << 20;

class Scanner {
public:
    Scanner(const Side& side, const ImageKeys& keys, const Report& report)
        : side_(side), keys_(keys), report_(report) {}
    Result<PageDigests> run();

private:
    // Pages of a run that no other before it has.
    struct Wanted {
        std::uint64_t space = 0; // see PageDigests::key_of()
        std::uint64_t begin = 0; // pages of the space
        std::uint64_t end = 0;
        std::uint64_t page = 0; // of the file
        std::uint32_t file = 0;
    };
    void find_wanted();
    [[nodiscard]] std::uint64_t budget() const;
    Result<void> read(const Wanted& wanted);
    // As far as both lie in one file's run.
    Result<void> read_some(const erofs::Inode* inode, const Wanted& wanted);
    void add(const Wanted& wanted, std::uint64_t from, std::uint64_t count, bool known);
    Result<void> report(std::uint64_t bytes);

    const Side& side_;
    const ImageKeys& keys_;
    const Report& report_;
    Sha256 digester_;
    std::vector<Wanted> wanted_;
    std::vector<std::byte> bytes_;
    std::uint64_t done_ = 0;
    std::uint64_t total_ = 0;
    PageDigests digests_;
};

void Scanner::find_wanted() {
    for (std::uint32_t i = 0; i < keys_.runs.size(); ++i) {
        const Run& run = keys_.runs[i];
        if (!is_keyed(run))
            continue;
        const std::uint64_t size = keys_.files[run.file].size;
        const std::uint64_t end = keys_.end_page(i);
        const std::uint64_t whole = std::min(end, size / page_size);
        const std::uint64_t begin = run.position / page_size;
        if (run.page < whole)
            wanted_.push_back({PageDigests::key_of(run, 0), begin, begin + (whole - run.page),
                               run.page, run.file});
        if (whole < end)
            wanted_.push_back({PageDigests::key_of(run, bytes_in_page(size, whole)),
                               begin + (whole - run.page), begin + (end - run.page), whole,
                               run.file});
    }
    erofs::radix_sort(wanted_, [](const Wanted& wanted) { return wanted.begin; });
    erofs::radix_sort(wanted_, [](const Wanted& wanted) { return wanted.space; });
    std::size_t kept = 0;
    std::uint64_t reached = 0; // pages of the space
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
        Wanted wanted = wanted_[i];
        if (i == 0 || kept == 0 || wanted_[kept - 1].space != wanted.space)
            reached = 0;
        const std::uint64_t skip = std::max(wanted.begin, reached) - wanted.begin;
        if (skip >= wanted.end - wanted.begin)
            continue;
        wanted.begin += skip;
        wanted.page += skip;
        reached = wanted.end;
        wanted_[kept++] = wanted;
    }
    wanted_.resize(kept);
    for (const Wanted& wanted : wanted_)
        total_ = checked_add(total_, (wanted.end - wanted.begin) * page_size)
                     .value_or(~std::uint64_t{0});
}

std::uint64_t Scanner::budget() const {
    std::uint64_t sum = 0;
    for (const std::shared_ptr<ReadAt>& device : side_.devices)
        sum = checked_add(sum, device == nullptr ? 0 : device->size()).value_or(sum);
    const auto decoded = checked_mul(sum, most_decoded);
    return std::max(least_decoded, decoded.value_or(~std::uint64_t{0}));
}

Result<void> Scanner::report(std::uint64_t bytes) {
    done_ += bytes;
    if (report_ && !report_(done_, total_))
        return failure(Code::cancelled, "the scan was given up");
    return {};
}

void Scanner::add(const Wanted& wanted, std::uint64_t from, std::uint64_t count, bool known) {
    const std::uint64_t begin = wanted.begin + from;
    auto& stretches = digests_.stretches;
    if (!stretches.empty() && stretches.back().space == wanted.space &&
        stretches.back().end == begin && stretches.back().known == known) {
        stretches.back().end += count;
        return;
    }
    const std::uint64_t first = digests_.digests.size() - (known ? count : 0);
    stretches.push_back({wanted.space, begin, begin + count, first, known});
}

Result<void> Scanner::read_some(const erofs::Inode* inode, const Wanted& wanted) {
    const std::uint64_t offset = wanted.page * page_size;
    const std::uint64_t pages = wanted.end - wanted.begin;
    const std::uint64_t length =
        std::min(keys_.files[wanted.file].size - offset, pages * page_size);
    const auto digest = [&](std::uint64_t from, std::uint64_t count) {
        const std::uint64_t end = std::min(length, (from + count) * page_size);
        for (std::uint64_t at = from * page_size; at < end; at += page_size) {
            digester_.add(std::span(bytes_).subspan(at, std::min(page_size, end - at)));
            digests_.digests.push_back(half_of(digester_.take()));
        }
        add(wanted, from, count, true);
    };
    bytes_.resize(static_cast<std::size_t>(length));
    if (inode == nullptr) {
        add(wanted, 0, pages, false);
        return report(pages * page_size);
    }
    const auto read = erofs::read_file(side_.image, *inode, offset, bytes_, side_.devices);
    if (read) {
        digest(0, pages);
    } else if (read.error().code == Code::not_found) {
        add(wanted, 0, pages, false); // the device: there is nothing to be tried
    } else {
        for (std::uint64_t page = 0; page < pages; ++page) {
            const std::uint64_t at = page * page_size;
            const auto part = std::span(bytes_).subspan(at, std::min(page_size, length - at));
            if (erofs::read_file(side_.image, *inode, offset + at, part, side_.devices))
                digest(page, 1);
            else
                add(wanted, page, 1, false);
        }
    }
    return report(pages * page_size);
}

Result<void> Scanner::read(const Wanted& wanted) {
    const erofs::Node& node = side_.index.node(keys_.files[wanted.file].node);
    const auto inode = side_.image.inode(node.nid);
    const bool usable = inode && inode->size == keys_.files[wanted.file].size;
    constexpr std::uint64_t pages_at_once = read_size / page_size;
    for (Wanted part = wanted; part.begin < wanted.end;) {
        part.end = std::min(wanted.end, part.begin + pages_at_once);
        COLDSCOPE_CHECK(read_some(usable ? &*inode : nullptr, part));
        part.page += part.end - part.begin;
        part.begin = part.end;
    }
    return {};
}

Result<PageDigests> Scanner::run() {
    find_wanted();
    const std::uint64_t most = budget();
    for (const Wanted& wanted : wanted_) {
        if ((wanted.end - wanted.begin) * page_size <= most - std::min(most, done_))
            COLDSCOPE_CHECK(read(wanted));
    }
    return std::move(digests_);
}

} // namespace

Result<Scan> Scan::read(const Side& side, const Keys& keys, const Report& report) {
    COLDSCOPE_TRY(PageDigests digests, Scanner(side, keys.keys(), report).run());
    return Scan(std::make_shared<const PageDigests>(std::move(digests)));
}

} // namespace coldscope::sharing
