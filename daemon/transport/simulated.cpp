#include "daemon/transport/simulated.h"

#include "core/base/checked.h"

#include <algorithm>
#include <cstring>

namespace coldscope {

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t first_window = 4 * page;
constexpr std::uint64_t largest_window = 128u << 10;
constexpr std::uint32_t first_pid = 1001;

} // namespace

SimulatedTransport::SimulatedTransport(Ring& ring, Engine& engine,
                                       std::unique_ptr<erofs::Image> image,
                                       std::vector<SimulatedRead> reads,
                                       std::function<void()> on_finished)
    : ring_(ring), engine_(engine), image_(std::move(image)), reads_(std::move(reads)),
      on_finished_(std::move(on_finished)) {}

void SimulatedTransport::start() {
    for (SimulatedRead& read : reads_)
        add(std::move(read));
    reads_.clear();
    if (left_ == 0)
        ring_.after(0, [this] { on_finished_(); });
}

void SimulatedTransport::add(SimulatedRead read) {
    ++left_;
    const Nanoseconds due = monotonic_now() + read.at;
    ring_.at(due, [this, read = std::move(read)]() mutable {
        if (!stopped_)
            begin(std::move(read));
    });
}

void SimulatedTransport::begin(SimulatedRead read) {
    const std::string name = read.process;
    Reader& reader = readers_[name];
    if (reader.pid == 0) {
        reader.pid = first_pid + static_cast<std::uint32_t>(readers_.size() - 1);
        std::memcpy(reader.command.data(), name.data(),
                    std::min(name.size(), reader.command.size() - 1));
    }
    reader.reads.push_back(std::move(read));
    if (reader.reads.size() == 1)
        advance(name);
}

SimulatedTransport::File* SimulatedTransport::file_of(const std::string& path) {
    const auto known = files_.find(path);
    if (known != files_.end())
        return &known->second;
    const auto inode = image_->find(path);
    if (!inode || !inode->is_regular())
        return nullptr;
    return &files_.emplace(path, File{*inode, {}, {}}).first->second;
}

// Goes on with the reader's reads until it has to wait.
void SimulatedTransport::advance(const std::string& name) {
    Reader& reader = readers_.at(name);
    while (!stopped_ && !reader.reads.empty()) {
        const SimulatedRead& read = reader.reads.front();
        File* file = file_of(read.path);
        if (file == nullptr || read.offset >= file->inode.size) {
            end_read(reader);
            continue;
        }
        if (reader.path != read.path) {
            reader.path = read.path;
            reader.expected = 0;
            reader.window = 0;
        }
        const std::uint64_t end =
            read.offset + std::min(read.length, file->inode.size - read.offset);
        const std::uint64_t whole_end = align_up(end, page);
        const auto missing =
            file->cached.missing({align_down(read.offset + reader.done, page), whole_end});
        if (missing.empty()) {
            end_read(reader);
            continue;
        }
        reader.done = std::max(read.offset, missing.front().begin) - read.offset;
        const std::uint64_t at = missing.front().begin;
        if (!file->in_flight.missing({at, at + page}).empty()) {
            const Range window = window_at(reader, *file, at, whole_end);
            reader.expected = window.end;
            if (!ask(reader, name, *file, window))
                continue;
        }
        return; // woken when a question is answered
    }
}

// As the kernel does it: a sequential reader's window doubles, another gets what it asked for.
Range SimulatedTransport::window_at(Reader& reader, const File& file, std::uint64_t at,
                                    std::uint64_t end) {
    const bool sequential = at == reader.expected;
    reader.window = reader.alone         ? page
                    : !sequential        ? std::min(end - at, largest_window)
                    : reader.window == 0 ? first_window
                                         : std::min(reader.window * 2, largest_window);
    reader.alone = false;
    Range window{at, std::min(at + reader.window, align_up(file.inode.size, page))};
    // Up to the first page that is there or on its way.
    for (std::uint64_t next = at + page; next < window.end; next += page) {
        if (file.cached.contains({next, next + page}) ||
            file.in_flight.contains({next, next + page}))
            window.end = next;
    }
    return window;
}

bool SimulatedTransport::ask(Reader& reader, const std::string& name, File& file, Range range) {
    const auto extents = image_->map(file.inode, range.begin, range.length());
    if (!extents) {
        end_read(reader); // a damaged file: the read fails
        return false;
    }
    bool waits = false;
    for (const erofs::Extent& extent : *extents) {
        const Range part{extent.offset, align_up(extent.offset + extent.length, page)};
        const bool encoded = extent.kind == erofs::ExtentKind::encoded;
        if ((extent.kind != erofs::ExtentKind::data && !encoded) || !extent.is_placed()) {
            file.cached.add(part); // zeros, or a tail that came with the metadata
            continue;
        }
        const Range stored = extent.stored();
        if (extent.device >= engine_.store_count() ||
            stored.end > engine_.store(extent.device).size()) {
            end_read(reader); // past its device's end: an error
            return false;
        }
        Ask question;
        question.object = extent.device;
        // Whole pages, as far as the device goes.
        question.offset = align_down(stored.begin, page);
        question.length =
            std::min(align_up(stored.end, page), engine_.store(extent.device).size()) -
            question.offset;
        question.pid = reader.pid;
        question.simulated = true;
        question.command = reader.command;
        question.pieces.push_back(
            {Piece::From::store, extent.device, question.offset, question.length, {}});
        const std::uint64_t token = next_token_++;
        questions_[token] = {&file, part, name, reader.number};
        file.in_flight.add(part);
        waits = true;
        engine_.ask(std::move(question), *this, token);
    }
    return waits;
}

bool SimulatedTransport::answer(std::uint64_t token, std::span<const std::byte>) {
    auto node = questions_.extract(token);
    Question& question = node.mapped();
    question.file->in_flight.remove(question.range);
    question.file->cached.add(question.range);
    wake_all();
    return true;
}

// The kernel tries a page whose readahead failed once more by itself, then gives up.
bool SimulatedTransport::fail(std::uint64_t token, int) {
    auto node = questions_.extract(token);
    Question& question = node.mapped();
    question.file->in_flight.remove(question.range);
    Reader& reader = readers_.at(question.reader);
    if (reader.number == question.read && !reader.reads.empty()) { // else it reads on elsewhere
        if (question.range.length() > page) {
            reader.alone = true;
            reader.expected = 0;
        } else {
            end_read(reader);
        }
    }
    wake_all();
    return true;
}

// Not from within an answer: the engine may still be about to return from ask().
void SimulatedTransport::wake_all() {
    ring_.after(0, [this] {
        for (auto& [name, reader] : readers_)
            advance(name);
    });
}

void SimulatedTransport::end_read(Reader& reader) {
    reader.reads.pop_front();
    ++reader.number;
    reader.done = 0;
    if (--left_ == 0)
        ring_.after(0, [this] { on_finished_(); });
}

} // namespace coldscope
