// The two ways between an observer and its guard's child: the list of files, and what is told.
#include "daemon/guard/frame_names.h"
#include "daemon/guard/observed_list.h"
#include "daemon/observe/sample_reader.h"

#include <QTest>
#include <cerrno>
#include <cstring>
#include <set>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::guard;

namespace {

void put(std::vector<std::byte>& bytes, std::initializer_list<std::uint32_t> head,
         std::initializer_list<std::uint64_t> rest) {
    const auto add = [&](auto value) {
        const std::size_t at = bytes.size();
        bytes.resize(at + sizeof value);
        std::memcpy(&bytes[at], &value, sizeof value);
    };
    for (const std::uint32_t value : head)
        add(value);
    for (const std::uint64_t value : rest)
        add(value);
}

// Two runs that touch, one apart; a file that is not there; one that breaks off; the end.
std::vector<std::byte> told() {
    std::vector<std::byte> bytes;
    put(bytes, {1, 0}, {8, 77, 40000});
    put(bytes, {2, 2}, {0, 100, 101});
    put(bytes, {2, 1}, {2, 50});
    put(bytes, {2, 1}, {9, 0});
    put(bytes, {1, ENOENT}, {0, 0, 0});
    put(bytes, {1, 0}, {8, 78, 8192});
    put(bytes, {2, 2}, {0, 7, 8});
    put(bytes, {3, EIO}, {});
    put(bytes, {4, 0}, {5});
    return bytes;
}

bool takes(SampleReader& reader, std::span<const std::byte> bytes) {
    return reader.take(bytes).has_value();
}

} // namespace

class TestObserved : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void a_list_there_and_back() {
        ObservedListWriter writer;
        writer.folder("/mnt/a b", 3);
        for (const char* path : {"usr/bin/x", "", "\xff\n"})
            writer.path(path);
        writer.folder("/mnt/none", 0);
        const auto fd = writer.seal();
        QVERIFY(fd);
        const auto bytes = SealedBytes::map(fd->get());
        QVERIFY(bytes);
        const auto list = decode_list(bytes->bytes());
        QVERIFY(list);
        QCOMPARE(list->size(), std::size_t{2});
        QCOMPARE(std::string(list->at(0).path), std::string("/mnt/a b"));
        QCOMPARE(list->at(0).paths.size(), std::size_t{3});
        QCOMPARE(std::string(list->at(0).paths[0]), std::string("usr/bin/x"));
        QCOMPARE(std::string(list->at(0).paths[1]), std::string());
        QCOMPARE(std::string(list->at(0).paths[2]), std::string("\xff\n"));
        QVERIFY(list->at(1).paths.empty());
        // Nobody changes it.
        QVERIFY(::write(fd->get(), "x", 1) < 0 && ftruncate(fd->get(), 1) != 0);
        for (std::size_t size = 0; size < bytes->bytes().size(); ++size)
            QVERIFY(!decode_list(bytes->bytes().first(size)));
    }

    void lists_that_cant_be() {
        ObservedListWriter zero;
        zero.folder(std::string("/a\0b", 4), 0);
        QVERIFY(!zero.seal());
        ObservedListWriter longest;
        longest.folder("/a", 1);
        longest.path(std::string(largest_list, 'a'));
        QVERIFY(!longest.seal());
        ObservedListWriter folders;
        std::vector<std::byte> bytes;
        put(bytes, {most_folders + 1}, {});
        for (std::uint32_t i = 0; i <= most_folders; ++i) {
            folders.folder("/a", 0);
            put(bytes, {1}, {});
            bytes.push_back(std::byte{0});
            put(bytes, {0}, {});
        }
        QVERIFY(!folders.seal());
        QCOMPARE(decode_list(bytes).error().code, Code::invalid);
    }

    void names_of_frames() {
        auto names = FrameNames::make(), others = FrameNames::make();
        QVERIFY(names && others);
        QCOMPARE((*names)(0), 0u);
        std::set<std::uint64_t> told;
        std::size_t kept = 0, the_same = 0;
        for (std::uint64_t frame = 1; frame <= 100'000; ++frame) {
            told.insert((*names)(frame));
            kept += (*names)(frame) == frame ? 1 : 0;
            the_same += (*names)(frame) == (*others)(frame) ? 1 : 0;
        }
        QCOMPARE(told.size(), std::size_t{100'000});
        QVERIFY(!told.contains(0));
        QCOMPARE(kept + the_same, std::size_t{0});
    }

    void a_sample() {
        const std::vector<std::byte> bytes = told();
        for (std::size_t at_once = 1; at_once <= bytes.size(); ++at_once) {
            SampleReader reader(3);
            for (std::size_t at = 0; at < bytes.size(); at += at_once)
                QVERIFY(takes(reader,
                              std::span(bytes).subspan(at, std::min(at_once, bytes.size() - at))));
            const auto sample = reader.finish();
            QVERIFY(sample);
            QCOMPARE(sample->gone, 5u);
            QCOMPARE(sample->files.size(), std::size_t{3});
            const auto runs = sample->runs_of(sample->files[0]);
            QCOMPARE(runs.size(), std::size_t{2});
            QVERIFY(runs[0].page == 0 && runs[0].count == 3 && runs[1].page == 9);
            QVERIFY(std::ranges::equal(sample->frames_of(runs[0]),
                                       std::vector<std::uint64_t>{100, 101, 50}));
            QCOMPARE(sample->frames_of(runs[1])[0], 0u);
            QCOMPARE(sample->files[1].sys_errno, ENOENT);
            QCOMPARE(sample->files[2].sys_errno, EIO);
            QCOMPARE(sample->files[2].runs, 0u);
            QCOMPARE(sample->frames.size(), std::size_t{4});
        }
    }

    void cut_anywhere() {
        const std::vector<std::byte> bytes = told();
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            SampleReader reader(3);
            QVERIFY(takes(reader, std::span(bytes).first(size)));
            QVERIFY(!reader.finish());
            const sharing::Sample sample = reader.give_up();
            QCOMPARE(sample.files.size(), std::size_t{3});
            // A file may have had more: nothing is known of it then.
            const bool first_is_whole = size >= 32 + 32 + 24 + 24 + 32;
            QCOMPARE(sample.files[0].sys_errno, first_is_whole ? 0 : ETIMEDOUT);
            QCOMPARE(sample.frames.size(), std::size_t{first_is_whole ? 4u : 0u});
        }
    }

    void what_cant_be_true() {
        const auto refused = [](std::size_t files, const std::vector<std::byte>& bytes) {
            SampleReader reader(files);
            const auto taken = reader.take(bytes);
            return !taken && taken.error().code == Code::corrupt;
        };
        std::vector<std::byte> bytes = told();
        QVERIFY(refused(2, bytes)); // a third file
        put(bytes, {4, 0}, {5});
        QVERIFY(refused(3, bytes)); // behind the end
        bytes.clear();
        put(bytes, {2, 1}, {0, 1});
        QVERIFY(refused(3, bytes)); // a run of no file
        for (const auto& [page, size] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
                 {2, 8192}, {~std::uint64_t{0}, 8192}, {0, 0}, {1, 4096}}) {
            bytes.clear();
            put(bytes, {1, 0}, {8, 77, size});
            put(bytes, {2, 1}, {page, 1});
            QVERIFY(refused(1, bytes));
        }
        bytes.clear();
        put(bytes, {1, 0}, {8, 77, 1 << 20});
        put(bytes, {2, 2}, {4, 1, 2});
        put(bytes, {2, 1}, {5, 1});
        QVERIFY(refused(1, bytes)); // twice
        for (const std::uint32_t count : {0u, 4097u, ~0u}) {
            bytes.clear();
            put(bytes, {1, 0}, {8, 77, std::uint64_t{1} << 50});
            put(bytes, {2, count}, {0});
            QVERIFY(refused(1, bytes));
        }
        bytes.clear();
        put(bytes, {9, 0}, {});
        QVERIFY(refused(1, bytes));
    }
};

QTEST_GUILESS_MAIN(TestObserved)
#include "test_observed.moc"
