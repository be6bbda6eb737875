// An engine on a real ring, with scripted sources below it and a scripted asker above.
#pragma once

#include "daemon/engine/cache_file.h"
#include "daemon/engine/engine.h"
#include "tests/unit/daemon/scripted_source.h"

#include <QTemporaryDir>
#include <algorithm>
#include <map>

namespace coldscope::test {

// Remembers what it was answered.
class FakeAsker final : public Asker {
public:
    struct Reply {
        int calls = 0;
        int error = 0;
        Bytes bytes;
    };
    std::map<std::uint64_t, Reply> replies; // by token
    std::function<void(std::uint64_t token)> on_reply = [](std::uint64_t) {};

    bool answer(std::uint64_t token, std::span<const std::byte> bytes) override {
        Reply& reply = replies[token];
        ++reply.calls;
        reply.bytes.assign(bytes.begin(), bytes.end());
        on_reply(token);
        return true;
    }
    bool fail(std::uint64_t token, int error) override {
        Reply& reply = replies[token];
        ++reply.calls;
        reply.error = error;
        on_reply(token);
        return true;
    }
};

inline Piece stored(std::uint64_t offset, std::uint64_t length, StoreId store = 0) {
    return {Piece::From::store, store, offset, length, {}};
}
inline Piece zeros(std::uint64_t length) {
    return {Piece::From::zeros, 0, 0, length, {}};
}
inline Piece given(Bytes bytes) {
    return {Piece::From::bytes, 0, 0, bytes.size(), std::move(bytes)};
}

// The engine's and its parts, in the order of a run. The stores' bytes have the store's number as
// their seed.
struct EngineRig {
    static constexpr std::uint64_t size = 4 << 20; // of each store
    // A thread that is not this process's: the machine's first.
    static constexpr std::uint32_t foreign = 1;

    // options: by default no listener is ever silent for too long, so that only what a test does
    // lets go what is held.
    explicit EngineRig(std::size_t stores = 1, const EngineOptions& options = {3600 * second},
                       std::size_t event_capacity = 1 << 16)
        : ring(make_ring()), events(event_capacity), engine(*ring, events, options) {
        for (unsigned i = 0; i < stores; ++i) {
            auto source = std::make_unique<ScriptedSource>(*ring, size, i);
            sources.push_back(source.get());
            auto cache = CacheFile::open(folder.path().toStdString(), std::to_string(i),
                                         source->identity(), size);
            if (!cache)
                qFatal("%s", describe(cache.error()).c_str());
            engine.add_store(std::move(source), std::move(*cache));
        }
        engine.mounted();
    }

    RequestId ask(std::vector<Piece> pieces, std::uint64_t token, std::uint32_t pid = foreign) {
        Ask ask;
        ask.offset = pieces.empty() ? 0 : pieces[0].offset;
        for (const Piece& piece : pieces)
            ask.length += piece.length;
        ask.pid = pid;
        ask.pieces = std::move(pieces);
        return engine.ask(std::move(ask), asker, token);
    }

    void add_rule(Action action, std::uint64_t count = 0, Nanoseconds delay = 0, int error = 0) {
        Rule rule;
        rule.id = ++last_rule;
        rule.action = action;
        rule.count = count;
        rule.delay = delay;
        rule.error = error;
        engine.apply(control::AddRule{std::move(rule)});
    }

    // Until there are so many replies.
    [[nodiscard]] bool replied(std::size_t count) {
        return run_until(*ring, [&] { return asker.replies.size() >= count; });
    }

    // What was told since the last call.
    std::vector<StepRecord> drain() {
        std::vector<StepRecord> records;
        events.drain([&](const StepRecord& record) { records.push_back(record); });
        return records;
    }
    // The steps of one request, as words.
    static std::string steps(const std::vector<StepRecord>& records, RequestId id) {
        std::string words;
        for (const StepRecord& record : records) {
            if (record.step != coldscope::Step::notice && record.request == id)
                words += (words.empty() ? "" : " ") + std::string(name(record.step));
        }
        return words;
    }
    static std::size_t notices(const std::vector<StepRecord>& records, Notice what) {
        return static_cast<std::size_t>(
            std::ranges::count_if(records, [what](const StepRecord& record) {
                return record.step == coldscope::Step::notice &&
                       record.result == static_cast<int>(what);
            }));
    }
    // The request's record of this step; a test that has none ends.
    static StepRecord at(const std::vector<StepRecord>& records, RequestId id,
                         coldscope::Step step) {
        for (const StepRecord& record : records) {
            if (record.step == step && record.request == id)
                return record;
        }
        qFatal("no such step");
    }

    QTemporaryDir folder;
    std::unique_ptr<Ring> ring;
    EventQueue events;
    FakeAsker asker;
    std::vector<ScriptedSource*> sources; // the stores'
    std::uint32_t last_rule = 0;
    Engine engine;
};

} // namespace coldscope::test
