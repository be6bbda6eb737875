// The RFC's table and what was observed, of invented samples, against sets of pages.
#include "core/sharing/usage.h"
#include "tests/unit/sharing/random_images.h"

#include <array>
#include <map>
#include <set>

using namespace coldscope;
using namespace coldscope::sharing;
using namespace coldscope::test;

namespace {

// A file that was sampled; what the Sample says of it.
struct Seen {
    SampledFile which;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::map<std::uint64_t, std::uint64_t> frames; // by page
    bool failed = false;
    std::uint64_t size = 0; // bytes
    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> id() const { return {device, inode}; }
};

Sample sample_of(const std::vector<Seen>& seen) {
    Sample sample;
    for (const Seen& one : seen) {
        SeenFile file;
        file.sys_errno = one.failed ? EACCES : 0;
        file.device = one.device;
        file.inode = one.inode;
        file.size = one.size;
        file.first_run = sample.runs.size();
        for (const auto& [page, frame] : one.frames) {
            const bool joins = sample.runs.size() > file.first_run &&
                               sample.runs.back().page + sample.runs.back().count == page;
            if (!joins)
                sample.runs.push_back({page, 0, sample.frames.size()});
            ++sample.runs.back().count;
            sample.frames.push_back(frame);
        }
        file.runs = sample.runs.size() - file.first_run;
        sample.files.push_back(file);
    }
    return sample;
}

class Invented {
public:
    explicit Invented(std::uint32_t seed)
        : made_({12, 1, 3, 2, 8}, seed), brute_(made_.images(), false), random_(seed) {
        for (std::size_t i = 0; i < made_.images().size(); ++i)
            add_image(i, 10 + i);
        add_image(0, 99); // mounted twice
        for (std::uint16_t device = 0; device < 3; ++device)
            add_device(0, device);
        SampledFile stranger;
        seen_.push_back({stranger, 5, 5, {{0, 7}}, false, 4096});
        sample_ = sample_of(seen_);
        for (const Seen& one : seen_)
            files_.push_back(one.which);
    }
    void verify_usage() const;
    void verify_observed() const;

private:
    [[nodiscard]] std::uint32_t below(std::uint32_t limit) {
        return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
    }
    void add_image(std::size_t image, std::uint64_t device);
    void add_device(std::uint32_t image, std::uint16_t device);
    // One for each inode of the images: as it was seen first.
    [[nodiscard]] std::vector<const Seen*> inodes() const;
    [[nodiscard]] const BruteFile& file_of(const Seen& seen) const {
        return brute_.file(seen.which.image, seen.which.node);
    }
    [[nodiscard]] bool is_twice(const BruteFile& file, std::uint64_t page) const;
    [[nodiscard]] bool is_shared(const Seen& seen, std::uint64_t frame) const;
    void verify_file(const Prediction& prediction, const Observed& observed,
                     const BruteFile& file) const;

    RandomImages made_;
    BruteForce brute_;
    std::mt19937 random_;
    std::vector<Seen> seen_;
    std::vector<SampledFile> files_;
    Sample sample_;
};

void Invented::add_image(std::size_t image, std::uint64_t device) {
    const erofs::Index& index = made_.images()[image]->index;
    std::map<std::uint64_t, Seen> known; // by nid: another name sees the same
    for (erofs::NodeId node = 0; node < index.size(); ++node) {
        const erofs::Node& of = index.node(node);
        if (!of.is_regular() || below(8) == 0)
            continue;
        Seen seen;
        if (const auto at = known.find(of.nid); at != known.end()) {
            seen = at->second;
        } else {
            seen.device = device;
            seen.inode = of.nid;
            seen.size = of.size;
            seen.failed = below(10) == 0;
            for (std::uint64_t page = 0; page * 4096 < of.size; ++page) {
                if (below(3) != 0)
                    seen.frames[page] = below(60);
            }
            known[of.nid] = seen;
        }
        seen.which = {static_cast<std::uint32_t>(image), node, 0};
        seen_.push_back(seen);
    }
}

void Invented::add_device(std::uint32_t image, std::uint16_t device) {
    Seen seen;
    seen.which = {image, erofs::no_node, device};
    seen.device = 1;
    seen.inode = 100U + device;
    const std::uint64_t size = made_.images()[image]->devices[device]->size();
    for (std::uint64_t page = 0; page * 4096 < size; ++page) {
        if (below(2) == 0)
            seen.frames[page] = 1000 + page;
    }
    seen_.push_back(seen);
}

std::vector<const Seen*> Invented::inodes() const {
    std::vector<const Seen*> list;
    std::set<std::pair<std::uint64_t, std::uint64_t>> known;
    for (std::uint32_t image = 0; image < made_.images().size(); ++image) {
        for (const Seen& seen : seen_) {
            if (seen.which.image == image && seen.which.node != erofs::no_node && !seen.failed &&
                known.insert(seen.id()).second)
                list.push_back(&seen);
        }
    }
    return list;
}

void Invented::verify_usage() const {
    std::vector<Usage> wanted(made_.images().size());
    std::set<std::uint64_t> frames;
    const std::vector<const Seen*> all = inodes();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const BruteFile& file = file_of(*all[i]);
        Usage& usage = wanted[file.image];
        usage.files += all[i]->frames.empty() ? 0 : 1;
        for (const auto& [page, frame] : all[i]->frames) {
            bool had_by_print = false;
            bool had_by_rfc = false;
            for (std::size_t before = 0; before < i; ++before) {
                const BruteFile& other = file_of(*all[before]);
                if (!all[before]->frames.contains(page))
                    continue;
                // An image that is mounted twice has two inodes of one file.
                had_by_print =
                    had_by_print || brute_.whole(file, other) == Said{Mark::by_fingerprint, {}};
                had_by_rfc =
                    had_by_rfc || (page < other.pages.size() &&
                                   brute_.pair(file, page, other, page) == Said{Mark::by_blob, {}});
            }
            usage.off += 4096;
            usage.by_fingerprint += had_by_print ? 0 : 4096;
            usage.by_rfc += had_by_rfc ? 0 : 4096;
            if (frame == 0)
                usage.unknown += 4096;
            else if (frames.insert(frame).second)
                usage.observed += 4096;
        }
    }
    const Prediction prediction = predict(made_.images(), false);
    const std::vector<Usage> said = usage_of(prediction, sample_, files_);
    QCOMPARE(said.size(), wanted.size());
    for (std::size_t i = 0; i < said.size(); ++i) {
        QCOMPARE(said[i].off, wanted[i].off);
        QCOMPARE(said[i].by_rfc, wanted[i].by_rfc);
        QCOMPARE(said[i].by_fingerprint, wanted[i].by_fingerprint);
        QCOMPARE(said[i].observed, wanted[i].observed);
        QCOMPARE(said[i].unknown, wanted[i].unknown);
        QCOMPARE(said[i].files, wanted[i].files);
    }
}

// By the tags, any image's blobs are the first one's.
bool Invented::is_twice(const BruteFile& file, std::uint64_t page) const {
    const BrutePage& of = file.pages[page];
    if (!of.device || (*of.device == 0 && file.image != 0))
        return false;
    for (const Seen& seen : seen_) {
        if (seen.which.image != 0 || seen.which.node != erofs::no_node ||
            seen.which.device != *of.device)
            continue;
        for (std::uint64_t byte = of.address; byte < of.address + of.bytes.size(); ++byte) {
            if (!seen.frames.contains(byte / 4096))
                return false;
        }
        return true;
    }
    return false;
}

bool Invented::is_shared(const Seen& seen, std::uint64_t frame) const {
    if (frame == 0)
        return false;
    return std::ranges::any_of(seen_, [&](const Seen& other) {
        return other.which.image != SampledFile::nobody && other.which.node != erofs::no_node &&
               !other.failed && other.id() != seen.id() &&
               std::ranges::any_of(other.frames,
                                   [&](const auto& of) { return of.second == frame; });
    });
}

void Invented::verify_file(const Prediction& prediction, const Observed& observed,
                           const BruteFile& file) const {
    const erofs::Index& index = made_.images()[file.image]->index;
    const std::uint64_t nid = index.node(file.node).nid;
    std::vector<const Seen*> own;
    for (const Seen& seen : seen_) {
        if (seen.which.image == file.image && seen.which.node != erofs::no_node && !seen.failed &&
            index.node(seen.which.node).nid == nid)
            own.push_back(&seen);
    }
    const auto predicted = prediction.file(file.image, file.node).pieces;
    std::uint64_t at = 0;
    for (const SeenPiece& piece : observed.file(file.image, file.node)) {
        QCOMPARE(piece.piece.begin, at);
        for (std::uint64_t page = at / 4096; page * 4096 < piece.piece.end; ++page) {
            Presence residency = own.empty() ? Presence::unknown : Presence::absent;
            bool shared = false;
            for (const Seen* seen : own) {
                const auto frame = seen->frames.find(page);
                if (frame == seen->frames.end())
                    continue;
                residency = Presence::resident;
                shared = shared || is_shared(*seen, frame->second);
            }
            QCOMPARE(int(piece.residency), int(residency));
            QCOMPARE(piece.twice, residency == Presence::resident && is_twice(file, page));
            const auto below = std::ranges::find_if(
                predicted, [&](const Piece& p) { return p.end > page * 4096; });
            QCOMPARE(int(piece.piece.mark), int(shared ? Mark::shared_now : below->mark));
            QCOMPARE(int(piece.piece.reason), int(shared ? Reason::none : below->reason));
        }
        at = piece.piece.end;
    }
    QCOMPARE(at, file.size);
    for (std::uint64_t page = 0; page < file.pages.size() && !own.empty(); ++page) {
        std::set<std::tuple<std::size_t, std::uint64_t, bool>> wanted; // file, its page, same file
        const auto frame = own[0]->frames.find(page);
        for (std::size_t i = 0; i < seen_.size() && frame != own[0]->frames.end(); ++i) {
            if (&seen_[i] == own[0] || seen_[i].failed || frame->second == 0 ||
                seen_[i].which.node == erofs::no_node)
                continue;
            for (const auto& [there, other] : seen_[i].frames) {
                if (other == frame->second)
                    wanted.insert({i, there, seen_[i].id() == own[0]->id()});
            }
        }
        std::set<std::tuple<std::size_t, std::uint64_t, bool>> told;
        for (const SeenHolder& holder :
             observed.holders(file.image, file.node, {page * 4096, page * 4096 + 1}, 1000)) {
            for (std::uint64_t q = holder.offset; q < holder.offset + holder.length; q += 4096)
                told.insert({holder.file, q / 4096, holder.same_file});
        }
        QVERIFY(told == wanted);
    }
}

void Invented::verify_observed() const {
    const Prediction prediction = predict(made_.images(), false);
    const Observed observed(prediction, sample_, files_);
    for (const BruteFile& file : brute_.files())
        verify_file(prediction, observed, file);
    std::vector<SeenTotals> wanted(made_.images().size());
    for (const Seen* seen : inodes()) {
        SeenTotals& totals = wanted[seen->which.image];
        totals.files += seen->frames.empty() ? 0 : 1;
        for (const auto& [page, frame] : seen->frames) {
            totals.resident += 4096;
            totals.shared_now += is_shared(*seen, frame) ? 4096 : 0;
            totals.twice += is_twice(file_of(*seen), page) ? 4096 : 0;
        }
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        QCOMPARE(observed.totals(i).resident, wanted[i].resident);
        QCOMPARE(observed.totals(i).shared_now, wanted[i].shared_now);
        QCOMPARE(observed.totals(i).twice, wanted[i].twice);
        QCOMPARE(observed.totals(i).files, wanted[i].files);
        SeenTotals sum;
        for (const BruteFile& file : brute_.files()) {
            if (file.image == i)
                sum.resident += observed.of_file(i, file.node).resident;
        }
        QCOMPARE(sum.resident, wanted[i].resident);
    }
    QCOMPARE(observed.strangers(), 0U);
}

} // namespace

class TestSharingUsage : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void samples() {
        for (std::uint32_t seed = 0; seed < 30; ++seed) {
            const Invented invented(seed);
            invented.verify_usage();
            invented.verify_observed();
        }
    }

    // All pages, as if all of them were read.
    void all_pages() {
        for (std::uint32_t seed = 100; seed < 115; ++seed) {
            const RandomImages made({12, 0, 3, 2, 8}, seed);
            const BruteForce brute(made.images(), false);
            std::vector<Usage> wanted(made.images().size());
            for (const BruteFile& file : brute.files()) {
                Usage& usage = wanted[file.image];
                ++usage.files;
                for (std::size_t page = 0; page < file.pages.size(); ++page) {
                    bool had_by_print = false;
                    bool had_by_rfc = false;
                    for (const BruteFile& other : brute.files()) {
                        if (&other == &file)
                            break;
                        had_by_print = had_by_print ||
                                       brute.whole(file, other) == Said{Mark::by_fingerprint, {}};
                        had_by_rfc = had_by_rfc || (page < other.pages.size() &&
                                                    brute.pair(file, page, other, page) ==
                                                        Said{Mark::by_blob, {}});
                    }
                    usage.off += 4096;
                    usage.by_fingerprint += had_by_print ? 0 : 4096;
                    usage.by_rfc += had_by_rfc ? 0 : 4096;
                }
            }
            const std::vector<Usage> said = usage_of_all(predict(made.images(), false));
            for (std::size_t i = 0; i < said.size(); ++i) {
                QCOMPARE(said[i].off, wanted[i].off);
                QCOMPARE(said[i].by_fingerprint, wanted[i].by_fingerprint);
                QCOMPARE(said[i].by_rfc, wanted[i].by_rfc);
                QCOMPARE(said[i].files, wanted[i].files);
            }
        }
    }

    // It has an inode number of its own there, and no memory.
    void an_overlay_shows_another_s_memory() {
        const RandomImages made({12, 0, 2, 2, 4}, 1);
        const Prediction prediction = predict(made.images(), false);
        const erofs::NodeId node = made.images()[0]->node("/file-0");
        const SampledFile which{0, node, 0};
        const std::uint64_t size = made.images()[0]->index.node(node).size;
        const auto see = [&](std::uint64_t frame_above, bool stacked) {
            Sample sample = sample_of({{which, 1, 7, {{0, 50}}, false, size},
                                       {which, 2, 7, {{0, frame_above}}, false, size}});
            sample.files[1].stacked = stacked;
            const Observed observed(prediction, sample, std::array{which, which});
            return observed.totals(0);
        };
        QCOMPARE(see(50, true).resident, 4096U);
        QCOMPARE(see(50, true).shared_now, 0U);
        QCOMPARE(see(51, true).resident, 8192U); // of another mount of the image
        QCOMPARE(see(50, false).shared_now, 8192U);
    }

    // Another image is mounted there, or the files were unpacked.
    void a_file_of_another_size_is_a_stranger() {
        const RandomImages made({12, 0, 2, 2, 4}, 1);
        const Prediction prediction = predict(made.images(), false);
        const erofs::NodeId node = made.images()[0]->node("/file-0");
        const SampledFile which{0, node, 0};
        const Sample sample = sample_of({{which, 1, 7, {{0, 50}}, false, 1}});
        const Observed observed(prediction, sample, std::array{which});
        QCOMPARE(observed.strangers(), 1U);
        QCOMPARE(observed.totals(0).resident, 0U);
        for (const SeenPiece& piece : observed.file(0, node))
            QCOMPARE(int(piece.residency), int(Presence::unknown));
        QCOMPARE(usage_of(prediction, sample, std::array{which})[0].off, 0U);
    }

    void nothing_is_resident_that_was_not_seen() {
        const RandomImages made({12, 0, 2, 2, 4}, 1);
        const Prediction prediction = predict(made.images(), false);
        const Sample sample;
        const Observed observed(prediction, sample, {});
        const erofs::NodeId node = made.images()[0]->node("/file-0");
        for (const SeenPiece& piece : observed.file(0, node))
            QCOMPARE(int(piece.residency), int(Presence::unknown));
        QCOMPARE(observed.totals(0).resident, 0U);
        QVERIFY(observed.holders(0, node, {0, 4096}, 10).empty());
    }
};

QTEST_APPLESS_MAIN(TestSharingUsage)
#include "test_sharing_usage.moc"
