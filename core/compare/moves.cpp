#include "core/compare/moves.h"

#include "core/compare/same_bytes.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_map>

namespace coldscope::compare {

namespace {

constexpr std::size_t dropped = std::numeric_limits<std::size_t>::max();

struct Candidate {
    std::uint64_t size = 0;
    std::size_t change = 0; // dropped: taken already
    std::string key;        // of content
};

std::string text_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

class Moves {
public:
    Moves(const Side& before, const Side& after, FileComparer& files, Meter& meter,
          std::vector<Change>& changes)
        : before_(before), after_(after), files_(files), meter_(meter), changes_(changes) {}

    Result<void> run(bool read);

private:
    void gather();
    // Those whose size the other side has, too; returns their bytes.
    std::uint64_t keep_common_sizes();
    [[nodiscard]] std::string_view name_of(bool after, const Candidate& candidate) const;
    [[nodiscard]] Result<erofs::Inode> inode_of(bool after, const Candidate& candidate);
    // make: inode, after -> Result<std::string>, the key; empty: none.
    template <typename Make>
    Result<void> round(Basis basis, const Make& make);
    void match(std::vector<Candidate>& olds, std::vector<Candidate>& news, Basis basis);
    void move(Candidate& old, Candidate& now, Basis basis);

    const Side& before_;
    const Side& after_;
    FileComparer& files_;
    Meter& meter_;
    std::vector<Change>& changes_;
    std::vector<Candidate> removed_;
    std::vector<Candidate> added_;
};

void Moves::gather() {
    for (std::size_t i = 0; i < changes_.size(); ++i) {
        const Change& change = changes_[i];
        if (change.kind != Kind::added && change.kind != Kind::removed)
            continue;
        const bool after = change.kind == Kind::added;
        const erofs::Node& node =
            after ? after_.index.node(change.new_node) : before_.index.node(change.old_node);
        if (node.is_regular() && node.size != 0)
            (after ? added_ : removed_).push_back({node.size, i, {}});
    }
}

std::uint64_t Moves::keep_common_sizes() {
    std::uint64_t bytes = 0;
    const auto taken = [](const Candidate& candidate) { return candidate.change == dropped; };
    for (auto* list : {&removed_, &added_}) {
        std::erase_if(*list, taken);
        std::ranges::stable_sort(*list, {}, &Candidate::size);
    }
    const auto keep = [&bytes](std::vector<Candidate>& list, const std::vector<Candidate>& other) {
        std::vector<Candidate> kept;
        for (Candidate& candidate : list) {
            if (!std::ranges::binary_search(other, candidate.size, {}, &Candidate::size))
                continue;
            bytes += candidate.size;
            kept.push_back(std::move(candidate));
        }
        return kept;
    };
    std::vector<Candidate> removed = keep(removed_, added_);
    added_ = keep(added_, removed_);
    removed_ = std::move(removed);
    return bytes;
}

std::string_view Moves::name_of(bool after, const Candidate& candidate) const {
    const Change& change = changes_[candidate.change];
    return after ? after_.index.name(change.new_node) : before_.index.name(change.old_node);
}

Result<erofs::Inode> Moves::inode_of(bool after, const Candidate& candidate) {
    const Change& change = changes_[candidate.change];
    return after ? after_.image.inode(after_.index.node(change.new_node).nid)
                 : before_.image.inode(before_.index.node(change.old_node).nid);
}

void Moves::move(Candidate& old, Candidate& now, Basis basis) {
    Change& change = changes_[now.change];
    change.old_node = changes_[old.change].old_node;
    change.kind = Kind::moved;
    change.basis = basis;
    files_.compare_moved(change);
    changes_[old.change].new_node = changes_[old.change].old_node = no_node;
    old.change = now.change = dropped;
}

// Both sorted by size, key and name.
void Moves::match(std::vector<Candidate>& olds, std::vector<Candidate>& news, Basis basis) {
    const auto content = [](const Candidate& c) { return std::tie(c.size, c.key); };
    auto old = olds.begin();
    auto now = news.begin();
    while (old != olds.end() && now != news.end()) {
        const auto old_end = std::find_if(
            old, olds.end(), [&](const Candidate& c) { return content(c) != content(*old); });
        const auto now_end = std::find_if(
            now, news.end(), [&](const Candidate& c) { return content(c) != content(*now); });
        if (old->key.empty() || content(*old) < content(*now)) {
            old = old_end;
            continue;
        }
        if (now->key.empty() || content(*now) < content(*old)) {
            now = now_end;
            continue;
        }
        for (auto a = old, b = now; a != old_end && b != now_end;) {
            const auto order = name_of(false, *a) <=> name_of(true, *b);
            if (order == 0)
                move(*a++, *b++, basis);
            else if (order < 0)
                ++a;
            else
                ++b;
        }
        const auto left = [](auto from, auto to) {
            return std::find_if(from, to, [](const Candidate& c) { return c.change != dropped; });
        };
        auto a = left(old, old_end);
        auto b = left(now, now_end);
        while (a != old_end && b != now_end) {
            move(*a, *b, basis);
            a = left(a, old_end);
            b = left(b, now_end);
        }
        old = old_end;
        now = now_end;
    }
}

template <typename Make>
Result<void> Moves::round(Basis basis, const Make& make) {
    for (const bool after : {false, true}) {
        auto& list = after ? added_ : removed_;
        std::unordered_map<std::uint64_t, std::string> linked; // keys of inodes with several names
        for (Candidate& candidate : list) {
            candidate.key.clear();
            const auto inode = inode_of(after, candidate);
            if (!inode)
                continue;
            if (const auto known = linked.find(inode->nid); known != linked.end()) {
                candidate.key = known->second;
                continue;
            }
            auto key = make(after, *inode);
            if (!key && key.error().code == Code::cancelled)
                return std::unexpected(std::move(key).error());
            if (key) // a file that can't be read stays what it is
                candidate.key = std::move(*key);
            if (inode->nlink > 1)
                linked.emplace(inode->nid, candidate.key);
        }
        std::ranges::stable_sort(list, [&](const Candidate& a, const Candidate& b) {
            return std::forward_as_tuple(a.size, a.key, name_of(after, a)) <
                   std::forward_as_tuple(b.size, b.key, name_of(after, b));
        });
    }
    match(removed_, added_, basis);
    return {};
}

Result<void> Moves::run(bool read) {
    gather();
    keep_common_sizes();
    COLDSCOPE_CHECK(meter_.begin(Phase::paths, 2 * (removed_.size() + added_.size())));
    const auto told = [this](std::string key) -> Result<std::string> {
        COLDSCOPE_CHECK(meter_.advance(1));
        return key;
    };
    Sha256 digester;
    COLDSCOPE_CHECK(round(Basis::place, [&](bool after, const erofs::Inode& inode) {
        const auto place = files_.place_of(after, inode, digester);
        return told(place ? text_of(*place) : std::string());
    }));
    keep_common_sizes();
    COLDSCOPE_CHECK(round(Basis::fingerprint, [&](bool after, const erofs::Inode& inode) {
        return told(files_.fingerprint_of(after, inode));
    }));
    const std::uint64_t bytes = keep_common_sizes();
    if (read) {
        COLDSCOPE_CHECK(meter_.begin(Phase::moves, bytes));
        COLDSCOPE_CHECK(
            round(Basis::bytes, [&](bool after, const erofs::Inode& inode) -> Result<std::string> {
                COLDSCOPE_TRY(const Digest digest,
                              digest_of(after ? after_ : before_, inode, digester, meter_));
                return text_of(digest);
            }));
    }
    std::erase_if(changes_, [](const Change& change) {
        return change.old_node == no_node && change.new_node == no_node;
    });
    return {};
}

} // namespace

Result<void> find_moves(const Side& before, const Side& after, FileComparer& files, bool read,
                        Meter& meter, std::vector<Change>& changes) {
    return Moves(before, after, files, meter, changes).run(read);
}

} // namespace coldscope::compare
