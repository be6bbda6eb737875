// A simulated kernel, for machines where nothing else works and for demonstrations: pages of
// 4 KiB, readahead that doubles up to 128 KiB, and readers that read what a list says. It asks the
// engine exactly as blob mode does; nothing is mounted, and no real process waits.
#pragma once

#include "core/base/range_set.h"
#include "core/erofs/image.h"
#include "daemon/engine/engine.h"
#include "daemon/ring/ring.h"
#include "daemon/transport/read_list.h"
#include "daemon/transport/transport.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace coldscope {

class SimulatedTransport final : public Transport, private Asker {
public:
    // on_finished: on the ring thread, each time that no reader has anything left to read.
    SimulatedTransport(Ring& ring, Engine& engine, std::unique_ptr<erofs::Image> image,
                       std::vector<SimulatedRead> reads, std::function<void()> on_finished);

    [[nodiscard]] std::string_view name() const override { return "simulated"; }
    void start() override;
    void stop() override { stopped_ = true; }
    // One more read, `at` from now; after start().
    void add(SimulatedRead read);

private:
    struct File {
        erofs::Inode inode;
        RangeSet cached;    // bytes in the page cache
        RangeSet in_flight; // asked for
    };
    struct Reader {
        std::uint32_t pid = 0;
        std::array<char, 16> command{};
        std::deque<SimulatedRead> reads; // the first is the one it waits in
        std::uint64_t done = 0;          // bytes of that
        std::uint64_t expected = 0;      // where a sequential read would go on
        std::uint64_t window = 0;        // of readahead, bytes
        std::string path;                // that expected and window are about
        std::uint64_t number = 0;        // of the read it is in, counted
        bool alone = false;              // readahead failed: the next question is for one page
    };
    struct Question {
        File* file = nullptr;
        Range range; // in the file
        std::string reader;
        std::uint64_t read = 0; // Reader::number when it was asked
    };

    bool answer(std::uint64_t token, std::span<const std::byte> bytes) override;
    bool fail(std::uint64_t token, int error) override;
    void begin(SimulatedRead read);
    void advance(const std::string& name);
    // Asks for what is missing from `at` on; false when there is nothing to wait for.
    bool ask(Reader& reader, const std::string& name, File& file, Range range);
    [[nodiscard]] Range window_at(Reader& reader, const File& file, std::uint64_t at,
                                  std::uint64_t end);
    [[nodiscard]] File* file_of(const std::string& path);
    void end_read(Reader& reader);
    void wake_all();

    Ring& ring_;
    Engine& engine_;
    std::unique_ptr<erofs::Image> image_;
    std::vector<SimulatedRead> reads_;
    std::function<void()> on_finished_;
    bool stopped_ = false;
    std::size_t left_ = 0; // reads that have not ended
    std::map<std::string, File, std::less<>> files_;
    std::map<std::string, Reader> readers_; // by name
    std::unordered_map<std::uint64_t, Question> questions_;
    std::uint64_t next_token_ = 1;
};

} // namespace coldscope
