#include "daemon/engine/engine.h"

#include "core/base/checked.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace coldscope {

namespace {
constexpr Nanoseconds settle_delay = 2 * millisecond;
constexpr std::uint64_t page = 4096;
constexpr int largest_errno = 511; // above are the kernel's own, which it takes from no daemon
} // namespace

Engine::Engine(Ring& ring, EventQueue& events, const EngineOptions& options)
    : ring_(ring), events_(events), options_(options),
      readers_([this](ReaderFacts facts) { events_.tell(std::move(facts)); }),
      last_beat_(monotonic_now()) {}

Engine::~Engine() {
    fail_all(EIO);
    if (watch_)
        ring_.cancel(*watch_);
    if (settle_)
        ring_.cancel(*settle_);
}

void Engine::add_store(std::unique_ptr<Source> source, std::unique_ptr<LocalCopy> cache,
                       Keep keep) {
    open_store(static_cast<StoreId>(stores_.size()), std::move(source), std::move(cache), keep);
}

void Engine::open_store(StoreId id, std::unique_ptr<Source> source,
                        std::unique_ptr<LocalCopy> cache, Keep keep) {
    if (id >= stores_.size())
        stores_.resize(id + 1);
    stores_[id] = std::make_unique<Store>(
        std::move(source), std::move(cache), keep,
        [this](const Result<void>& kept) {
            notice(kept ? Notice::cache_writable_again : Notice::cache_full);
            if (!kept)
                background_.stop(); // what is not kept is fetched for nobody
        },
        [this] { schedule_settle(); });
}

void Engine::close_store(StoreId id) {
    std::vector<RequestId> lost;
    for (const auto& [request, open] : requests_) {
        if (std::ranges::any_of(open.ask.pieces, [id](const Piece& piece) {
                return piece.from == Piece::From::store && piece.store == id;
            }))
            lost.push_back(request);
    }
    for (const RequestId request : lost)
        reader_lost(request);
    if (stores_[id])
        closed_ += traffic_of(*stores_[id]);
    stores_[id].reset();
}

void Engine::schedule_settle() {
    if (!settle_)
        settle_ = ring_.after(settle_delay, [this] {
            settle_.reset();
            settle();
        });
}

void Engine::settle() {
    for (const auto& store : stores_) {
        if (store)
            store->settle();
    }
}

void Engine::emit(RequestId id, const Open& open, Step step, int result, std::uint64_t length) {
    StepRecord record;
    record.request = id;
    record.time = monotonic_now();
    record.offset = open.ask.offset;
    record.length = step == Step::fetching ? length : open.ask.length;
    record.object = open.ask.object;
    record.pid = open.ask.pid;
    record.result = result;
    record.step = step;
    record.op = open.ask.op;
    record.flags = open.flags;
    record.command = open.command;
    events_.push(record);
}

void Engine::notice(Notice what, RequestId request) {
    StepRecord record;
    record.request = request;
    record.time = monotonic_now();
    record.step = Step::notice;
    record.result = static_cast<std::int32_t>(what);
    events_.push(record);
}

void Engine::resumed(RequestId request, Nanoseconds time) {
    events_.tell(KernelTime{request, KernelTime::Passed::resumed, time});
}

RequestId Engine::ask(Ask ask, Asker& asker, std::uint64_t token) {
    const RequestId id = next_id_++;
    Open& open = requests_[id];
    open.ask = std::move(ask);
    open.asker = &asker;
    open.token = token;
    if (watcher_ && mounted_ && open.ask.op == Op::read)
        watcher_->arrived(id, open.ask);
    if (open.ask.simulated) {
        open.command = open.ask.command;
        open.flags |= flag::simulated;
    } else {
        const ReadingThread& reader = readers_.find(open.ask.pid);
        open.command = reader.command;
        if (reader.own || !mounted_)
            open.flags |= flag::own;
        if (reader.observer)
            open.flags |= flag::observer;
        if (trace_)
            tell_origin(id, open.ask.pid);
        if (open.ask.asked != 0)
            events_.tell(KernelTime{id, KernelTime::Passed::asked, open.ask.asked});
    }
    emit(id, open, Step::arrived);
    const Verdict verdict = decide(open);
    if (verdict.rule != 0)
        open.flags |= flag::by_rule;
    emit(id, open, Step::matched, static_cast<int>(verdict.rule));
    switch (verdict.action) {
    case Action::pass:
        proceed(id);
        break;
    case Action::hold:
        hold(id, open);
        break;
    case Action::delay:
        delay(id, open, verdict.delay);
        break;
    case Action::fail:
        if (verdict.partial)
            fail_partly(id);
        else
            fail(id, verdict.error);
        break;
    }
    return id;
}

void Engine::tell_origin(RequestId id, std::uint32_t thread) {
    if (const auto read = trace_->last_read(thread))
        events_.tell(ReadFor{id, read->nid, read->offset, read->length});
}

Verdict Engine::decide(const Open& open) {
    if ((open.flags & (flag::own | flag::observer)) != 0 || winding_down_ || rules_.all().empty())
        return {};
    const Ask& ask = open.ask;
    places_.clear();
    places_.push_back({ask.object, ask.op == Op::read ? Range{ask.offset, ask.offset + ask.length}
                                                      : Range{0, ~std::uint64_t{0}}});
    for (const Piece& piece : ask.pieces) {
        if (piece.from == Piece::From::store && piece.store != ask.object)
            places_.push_back({piece.store, {piece.offset, piece.offset + piece.length}});
    }
    const std::string_view command(open.command.data(),
                                   strnlen(open.command.data(), open.command.size()));
    return rules_.decide({ask.op, places_, ask.pid, command, ask.object_name});
}

void Engine::proceed(RequestId id) {
    Open& open = requests_.at(id);
    if (open.ask.error != 0) {
        fail(id, open.ask.error);
        return;
    }
    if (open.ask.op != Op::read) {
        answer(id, {});
        return;
    }
    const std::vector<Piece>& pieces = open.ask.pieces;
    if (pieces.size() == 1 && pieces[0].from == Piece::From::store && !open.ask.decode)
        proceed_single(id, open);
    else
        proceed_pieces(id, open);
}

void Engine::proceed_single(RequestId id, Open& open) {
    const Piece& piece = open.ask.pieces[0];
    Store& store = *stores_[piece.store];
    const Range range{piece.offset, piece.offset + piece.length};
    store.asked(range);
    Store::Plan plan = store.plan(range);
    if (plan.local && open.ask.fill_only) {
        open.flags |= flag::refault;
        answer(id, {});
        return;
    }
    if (plan.local) {
        // Out of reach while it is used: an answer may bring the next question at once.
        std::vector<std::byte> bytes = std::move(scratch_);
        bytes.resize(piece.length);
        const bool read = store.read(range, bytes).has_value();
        if (read) {
            open.flags |= flag::refault;
            answer(id, bytes);
        }
        scratch_ = std::move(bytes);
        if (read)
            return;
        plan = store.plan(range); // the disk gave nothing back: fetch it again
    }
    if (plan.to_fetch.empty())
        open.flags |= flag::joined;
    emit(id, open, Step::fetching, 0, plan.bytes());
    const bool wants_bytes = !open.ask.fill_only;
    get(
        piece.store, range, plan,
        [this, id](Result<std::span<const std::byte>> bytes) {
            const auto at = requests_.find(id);
            if (at == requests_.end())
                return;
            if (!bytes) {
                fail(id, bytes.error());
                return;
            }
            emit(id, at->second, Step::filling);
            answer(id, *bytes);
        },
        wants_bytes);
}

void Engine::proceed_pieces(RequestId id, Open& open) {
    std::uint64_t total = 0;
    std::uint64_t to_fetch = 0;
    bool local = true;
    for (const Piece& piece : open.ask.pieces) {
        total += piece.length;
        if (piece.from != Piece::From::store)
            continue;
        const auto plan = stores_[piece.store]->plan({piece.offset, piece.offset + piece.length});
        local = local && plan.local;
        to_fetch += plan.bytes();
    }
    open.assembled.resize(total);
    open.flags |= local ? flag::refault : to_fetch == 0 ? flag::joined : 0;
    if (!local)
        emit(id, open, Step::fetching, 0, to_fetch);
    // One more than the pieces, so that none that comes at once ends the request in this loop.
    open.pending = open.ask.pieces.size() + 1;
    std::size_t at = 0;
    for (std::size_t i = 0; i < open.ask.pieces.size(); ++i) {
        const Piece& piece = open.ask.pieces[i];
        const std::span<std::byte> into(open.assembled.data() + at, piece.length);
        if (piece.from == Piece::From::bytes) {
            std::memcpy(into.data(), piece.bytes.data(), piece.length);
            --open.pending;
        } else if (piece.from == Piece::From::zeros) {
            std::memset(into.data(), 0, piece.length);
            --open.pending;
        } else {
            Store& store = *stores_[piece.store];
            const Range range{piece.offset, piece.offset + piece.length};
            store.asked(range);
            Store::Plan plan = store.plan(range);
            if (plan.local && store.read(range, into)) {
                --open.pending;
            } else {
                if (plan.local) { // the disk gave nothing back: fetch it again
                    plan = store.plan(range);
                    open.flags = static_cast<std::uint16_t>(open.flags & ~flag::refault);
                    emit(id, open, Step::fetching, 0, plan.bytes());
                }
                get(piece.store, range, plan,
                    [this, id, at](Result<std::span<const std::byte>> bytes) {
                        got_piece(id, at, std::move(bytes));
                    });
                if (!requests_.contains(id))
                    return; // it failed at once
            }
        }
        at += piece.length;
    }
    if (--open.pending == 0)
        answer_assembled(id);
}

void Engine::got_piece(RequestId id, std::size_t at, Result<std::span<const std::byte>> bytes) {
    const auto found = requests_.find(id);
    if (found == requests_.end())
        return;
    Open& open = found->second;
    if (!bytes) {
        fail(id, bytes.error());
        return;
    }
    if (!open.filling) {
        open.filling = true;
        emit(id, open, Step::filling);
    }
    std::memcpy(open.assembled.data() + at, bytes->data(), bytes->size());
    if (--open.pending == 0)
        answer_assembled(id);
}

void Engine::answer_assembled(RequestId id) {
    Open& open = requests_.at(id);
    if (!open.ask.decode) {
        answer(id, open.assembled);
        return;
    }
    // What the thread works on is not the request's: that may be lost or failed meanwhile.
    struct Job {
        decltype(Ask::decode) decode;
        std::vector<std::byte> bytes;
        Result<std::vector<std::byte>> result;
    };
    auto job = std::make_shared<Job>(std::move(open.ask.decode), std::move(open.assembled));
    workers_.run([job] { job->result = job->decode(job->bytes); },
                 [this, job, id] {
                     if (!requests_.contains(id))
                         return;
                     if (job->result)
                         answer(id, *job->result);
                     else
                         fail(id, job->result.error());
                 });
}

void Engine::answer(RequestId id, std::span<const std::byte> bytes) {
    if (watcher_)
        watcher_->ending(id);
    Open& open = requests_.at(id);
    if (open.asker->answer(open.token, bytes))
        emit(id, open, Step::answered);
    else
        emit(id, open, Step::lost, EINTR);
    requests_.erase(id);
}

void Engine::fail(RequestId id, int error, Step step) {
    if (watcher_)
        watcher_->ending(id);
    Open& open = requests_.at(id);
    unhold(open);
    // 0 would be an answer without bytes, and what the kernel refuses would leave the reader
    // waiting.
    const int known = error > 0 && error <= largest_errno ? error : EIO;
    if (open.asker->fail(open.token, known))
        emit(id, open, step, known);
    else
        emit(id, open, Step::lost, EINTR);
    requests_.erase(id);
}

void Engine::fail(RequestId id, const Error& error) {
    events_.tell(Failure{id, describe(error)});
    fail(id, to_errno(error));
}

// A read of one page can't be cut: it gets the error that an answer without bytes is.
void Engine::fail_partly(RequestId id) {
    Open& open = requests_.at(id);
    unhold(open);
    open.flags |= flag::partial;
    if (open.ask.op == Op::read) {
        std::uint64_t& length = open.ask.pieces.front().length;
        length = align_down(length / 2, page);
        if (length == 0) {
            fail(id, EIO);
            return;
        }
    } else {
        open.asker->answer_partial(open.token);
    }
    proceed(id);
}

void Engine::reader_lost(RequestId id) {
    if (requests_.contains(id))
        fail(id, EINTR, Step::lost);
}

void Engine::wind_down() {
    winding_down_ = true;
    background_.end();
    rules_.clear();
    release_all(0);
}

void Engine::fail_all(int error) {
    background_.end();
    while (!requests_.empty())
        fail(requests_.begin()->first, error);
}

} // namespace coldscope
