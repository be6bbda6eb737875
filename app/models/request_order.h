// In which order requests are listed: their rows with the key that each is sorted by, so that one
// is found, and others are merged in, without looking at the recording.
#pragma once

#include "core/request/event_store.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace coldscope::app {

class RequestOrder {
public:
    enum class By : unsigned char {
        arrival,
        took, // open ones count as longer than all that ended, the oldest as the longest
        length,
        offset,
        object,
        process, // by command, then pid
        state,   // from the harmless to what a person should see first
        fetched,
    };
    struct Entry {
        std::uint64_t key = 0;
        Row row = 0;
        bool operator==(const Entry&) const = default;
    };

    [[nodiscard]] By by() const { return by_; }
    [[nodiscard]] bool descending() const { return descending_; }
    // Equals stay in order of arrival. O(n log n).
    void set(By by, bool descending, const EventStore& store);
    void clear();

    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] Row row(std::size_t at) const { return entries_[at].row; }
    [[nodiscard]] const Entry& entry(std::size_t at) const { return entries_[at]; }
    // Of a row as it is now.
    [[nodiscard]] Entry make(const EventStore& store, Row row);
    // The same for one that is in already.
    [[nodiscard]] Entry entry_of(const EventStore& store, Row row) const {
        return {key(store, row), row};
    }
    [[nodiscard]] bool before(const Entry& one, const Entry& other) const;
    // O(log n). The entry must be as it was put in.
    [[nodiscard]] std::optional<std::size_t> find(const Entry& entry) const;

    void sort(std::vector<Entry>& entries) const;
    // Puts them behind the last, whatever their order: merge() has to follow, unless in_order().
    void append(const std::vector<Entry>& sorted);
    // Whether what was put in from `from` on stands where it belongs; it is sorted in itself.
    [[nodiscard]] bool in_order(std::size_t from) const;
    // Takes the entries at these places (ascending) out, and all from `from` on; merges `sorted`
    // in. O(what lies behind the first change).
    void merge(const std::vector<std::size_t>& out, std::size_t from,
               const std::vector<Entry>& sorted);
    void erase(std::size_t from, std::size_t to);
    // Moves these (ascending) behind all others, which keep their order.
    void move_to_end(const std::vector<std::size_t>& places);

private:
    void rank_readers(const EventStore& store);
    [[nodiscard]] std::uint64_t key(const EventStore& store, Row row) const;

    By by_ = By::arrival;
    bool descending_ = false;
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> rank_; // of each reader, by name and pid; for By::process
};

} // namespace coldscope::app
