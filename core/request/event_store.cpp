#include "core/request/event_store.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace coldscope {

std::size_t EventStore::ReaderHash::operator()(const Reader& reader) const {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::memcpy(&low, reader.command.data(), sizeof low);
    std::memcpy(&high, reader.command.data() + sizeof low, sizeof high);
    std::uint64_t hash = (low ^ reader.pid) * 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ (hash >> 32) ^ high) * 0xd6e8feb86659fd93ULL;
    return hash ^ (hash >> 32);
}

std::optional<Row> EventStore::take(const StepRecord& record) {
    if (!is_request_step(record.step))
        return std::nullopt;
    std::optional<Row> known = find(record.request);
    if (known && !rows_[*known].open()) {
        if (record.step != Step::arrived) {
            ++stray_;
            return std::nullopt;
        }
        known.reset();
    }
    if (!known && rows_.size() == std::numeric_limits<Row>::max()) {
        ++stray_;
        return std::nullopt;
    }
    earliest_ = rows_.empty() ? record.time : std::min(earliest_, record.time);
    latest_ = std::max(latest_, record.time);
    const Row at = known ? *known : append(record);
    RequestRow& row = rows_[at];
    tally_.step(row, steering(row), record);
    apply(row, record);
    if (record.step == Step::held || record.step == Step::delayed) {
        if (row.steering == 0) {
            steering_.push_back({});
            row.steering = static_cast<std::uint32_t>(steering_.size());
        }
        apply(steering_[row.steering - 1], record);
    }
    if (!row.open()) {
        --open_count_;
        if (maybe_open_.size() > 2 * open_count_ + 64)
            drop_ended();
    }
    if (at < told_ && !row.noted) {
        row.noted = true;
        noted_.push_back(at);
    }
    return at;
}

Row EventStore::append(const StepRecord& record) {
    const Row at = size();
    RequestRow& row = rows_.push_back(begin(record));
    row.reader = intern(reader_of(record));
    remember(row.id, at);
    maybe_open_.push_back(at);
    ++open_count_;
    tally_.begin(record);
    return at;
}

std::optional<Row> EventStore::find(RequestId id) const {
    const std::uint64_t chunk = id >> id_bits;
    if (chunk < by_id_.size() && by_id_[chunk]) {
        const Row row = by_id_[chunk][id & ((1U << id_bits) - 1)];
        if (row != 0)
            return row - 1;
    }
    if (!far_ids_.empty()) {
        if (const auto at = far_ids_.find(id); at != far_ids_.end())
            return at->second;
    }
    return std::nullopt;
}

// A number far above the count of rows is kept aside, so that no record can ask for more than some
// hundred bytes. One that was kept aside stays there: find() would prefer the other.
void EventStore::remember(RequestId id, Row row) {
    const std::uint64_t chunk = id >> id_bits;
    const std::uint64_t nearest = (rows_.size() >> 6) + 16;
    const auto aside = far_ids_.empty() ? far_ids_.end() : far_ids_.find(id);
    if (aside != far_ids_.end() || chunk >= std::max<std::uint64_t>(nearest, by_id_.size())) {
        far_ids_[id] = row;
        return;
    }
    if (chunk >= by_id_.size())
        by_id_.resize(chunk + 1);
    if (!by_id_[chunk])
        by_id_[chunk] = std::make_unique<Row[]>(std::size_t{1} << id_bits);
    by_id_[chunk][id & ((1U << id_bits) - 1)] = row + 1;
}

std::uint32_t EventStore::intern(const Reader& reader) {
    const auto [at, is_new] =
        reader_index_.try_emplace(reader, static_cast<std::uint32_t>(readers_.size()));
    if (is_new)
        readers_.push_back(reader);
    return at->second;
}

Steering EventStore::steering(const RequestRow& row) const {
    return row.steering == 0 ? Steering{} : steering_[row.steering - 1];
}

RequestState EventStore::state(Row row) const {
    return state_of(rows_[row], steering(rows_[row]));
}

Request EventStore::request(Row row) const {
    return to_request(rows_[row], steering(rows_[row]), reader(rows_[row]));
}

void EventStore::drop_ended() {
    std::erase_if(maybe_open_, [this](Row row) { return !rows_[row].open(); });
}

std::span<const Row> EventStore::open_rows() {
    if (maybe_open_.size() != open_count_)
        drop_ended();
    return maybe_open_;
}

Changes EventStore::changes_since(ChangeMark& mark) {
    for (; noted_before_ < noted_.size(); ++noted_before_)
        rows_[noted_[noted_before_]].noted = false;
    told_ = size();
    Changes result;
    result.first_new = mark.rows;
    result.end = told_;
    for (std::size_t i = mark.changes; i < noted_.size(); ++i) {
        if (noted_[i] < mark.rows)
            result.changed.push_back(noted_[i]);
    }
    std::sort(result.changed.begin(), result.changed.end());
    const auto end = std::unique(result.changed.begin(), result.changed.end());
    result.changed.erase(end, result.changed.end());
    mark = {told_, noted_.size()};
    return result;
}

} // namespace coldscope
