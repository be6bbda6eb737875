// Every request of a run, put together from the records of its steps, in order of arrival.
// No locks: it belongs to the thread that feeds it.
#pragma once

#include "core/request/chunked.h"
#include "core/request/request.h"
#include "core/request/row.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace coldscope {

// How far a view has seen; a new one has seen nothing.
struct ChangeMark {
    Row rows = 0;
    std::size_t changes = 0;
};

// What happened since a mark. A row that is not open never changes again, so over its life a view
// is told of each ended row exactly once.
struct Changes {
    Row first_new = 0; // appended: [first_new, end)
    Row end = 0;
    std::vector<Row> changed; // rows before first_new, ascending, each once
    [[nodiscard]] bool empty() const { return first_new == end && changed.empty(); }
};

class EventStore {
public:
    // The next record, in the order of the event queue. Amortised O(1). Returns the row it belongs
    // to; nothing for a notice, and for a step of a request that had ended, which is counted as
    // stray. An arrival under the number of an ended request is a new one.
    std::optional<Row> take(const StepRecord& record);

    [[nodiscard]] Row size() const { return static_cast<Row>(rows_.size()); }
    // References stay good as long as the store lives. O(1); row < size().
    [[nodiscard]] const RequestRow& operator[](Row row) const { return rows_[row]; }
    // Numbers are dense from 1; those whose records were all lost are not found. O(1).
    [[nodiscard]] std::optional<Row> find(RequestId id) const;

    [[nodiscard]] const Reader& reader(const RequestRow& row) const { return readers_[row.reader]; }
    [[nodiscard]] std::size_t readers() const { return readers_.size(); }
    [[nodiscard]] Steering steering(const RequestRow& row) const;
    [[nodiscard]] RequestState state(Row row) const;
    [[nodiscard]] Request request(Row row) const;

    // Rows of requests that have not ended, ascending. O(open). Good until the next take(). When
    // the last record of one was lost, it stays here until somebody takes a `lost` for it.
    [[nodiscard]] std::span<const Row> open_rows();
    // What was appended and changed since the mark, which is moved to now. O(changes x log).
    [[nodiscard]] Changes changes_since(ChangeMark& mark);

    [[nodiscard]] Summary summary() const { return tally_.summary(); }
    [[nodiscard]] std::uint64_t stray() const { return stray_; }
    // Of the earliest record and the latest; 0 when there was none. ns.
    [[nodiscard]] Nanoseconds earliest() const { return earliest_; }
    [[nodiscard]] Nanoseconds latest() const { return latest_; }

private:
    static constexpr unsigned id_bits = 12;
    using IdChunk = std::unique_ptr<Row[]>; // row + 1; 0: not seen

    struct ReaderHash {
        std::size_t operator()(const Reader& reader) const;
    };

    Row append(const StepRecord& record);
    void remember(RequestId id, Row row);
    std::uint32_t intern(const Reader& reader);
    void drop_ended();

    Chunked<RequestRow> rows_;
    Chunked<Steering> steering_;
    std::vector<IdChunk> by_id_;
    std::unordered_map<RequestId, Row> far_ids_; // too far from the others for by_id_
    Chunked<Reader> readers_;
    std::unordered_map<Reader, std::uint32_t, ReaderHash> reader_index_;
    std::vector<Row> maybe_open_;
    std::size_t open_count_ = 0;
    // Rows that changed, each once between two questions. Rows that nobody was told of yet are not
    // listed: everybody will see them as new.
    Chunked<Row> noted_;
    std::size_t noted_before_ = 0; // noted_ when last asked
    Row told_ = 0;                 // rows that somebody was told of
    Tally tally_;
    std::uint64_t stray_ = 0;
    Nanoseconds earliest_ = 0;
    Nanoseconds latest_ = 0;
};

} // namespace coldscope
