// Images with something wrong, 20,000 of them: a check of each ends, within work bounded by the
// image's size; where fsck.erofs finds corruption, so does the check, and what the check finds
// alone is of classes that are explained below.
//   COLDSCOPE_ROUNDS    how many images fsck.erofs reads; 2,000 without it, 20,000 at most
//   COLDSCOPE_SEED      another seed
//   COLDSCOPE_MUTATION  this image alone, by its number, with COLDSCOPE_ROUNDS=20000
#include "core/erofs/check.h"
#include "tests/golden/fsck.h"
#include "tests/golden/golden_tools.h"
#include "tests/golden/mutation.h"

#include <QtTest>
#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace coldscope;
using namespace coldscope::golden;

namespace {

constexpr std::uint64_t mutations = 20000;
constexpr std::uint64_t read_by_fsck = 2000; // of them, without COLDSCOPE_ROUNDS
constexpr std::uint64_t default_seed = 20261126;
constexpr int most_cpu = 20; // seconds for one image; a check takes about 1 ms

// What a check finds and fsck.erofs does not, by what the message says: and why that is right.
struct Class {
    const char* words;
    const char* reason;
};
constexpr Class alone[] = {
    {": packed_nid", "fsck.erofs reads the packed inode only where fragments are a feature"},
    {"but the file ends after", "fsck.erofs reads zeros behind a file's end"},
    {"read past the end", "fsck.erofs reads zeros behind a file's end"},
    {"ends early", "fsck.erofs reads zeros behind a file's end"},
    {"past the end of device", "fsck.erofs reads zeros behind a device's end"},
    {"past the end", "fsck.erofs reads zeros there, or does not look: shared xattrs"},
    {"is too short", "fsck.erofs does not compare a blob with its slot"},
    {"says that there is no", "fsck.erofs does not look at name filters; kernels do"},
    {"shared xattrs do not fit", "fsck.erofs counts beyond the area's end"},
    {"there is no such name prefix", "fsck.erofs does not look at xattrs' names"},
    {"long prefix ", "fsck.erofs does not look at xattrs' names"},
    {"belong to", "fsck.erofs looks for no overlaps"},
    {"is beyond any image", "fsck.erofs lets addresses wrap around"},
    {"directory blocks larger", "fsck.erofs does not look at dirblkbits; kernels do"},
    {"is no directory", "fsck.erofs takes any file for a root; kernels do not"},
    {"its fragment at", "fsck.erofs reads on in the last block of the packed inode"},
    {"compression configuration", "fsck.erofs reads the configuration of lz4 alone"},
    {"names must be sorted", "fsck.erofs compares names within a block alone"},
    {"crosses a block's end", "fsck.erofs says so, but exits with 0; kernels give EUCLEAN"},
    {"is reached twice", "fsck.erofs looks for a directory among its own parents alone"},
    {"a NUL within a name", "fsck.erofs compares names up to a NUL"},
    {"the block holds", "fsck.erofs decodes the metabox as far as it reads it alone"},
    {"has no bytes", "fsck.erofs maps what pipes have and no kernel reads"},
};

class CountedBytes final : public ReadAt {
public:
    explicit CountedBytes(const Bytes& bytes) : file_(bytes) {}
    [[nodiscard]] std::uint64_t size() const override { return file_.size(); }
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
        read_ += into.size();
        return file_.read(offset, into);
    }
    [[nodiscard]] std::uint64_t bytes_read() const { return read_; }

private:
    MemoryReadAt file_;
    std::uint64_t read_ = 0;
};

std::atomic<std::uint64_t> under_way{0};

// A check that does not end is told by its number, and ends the test.
void give_up(int) {
    char text[] = "a check did not end: mutation 00000\n";
    std::uint64_t number = under_way.load();
    for (std::size_t at = sizeof text - 3; number != 0; --at, number /= 10)
        text[at] = static_cast<char>('0' + number % 10);
    static_cast<void>(!write(STDERR_FILENO, text, sizeof text - 1));
    std::_Exit(1);
}

void watch(int seconds) {
    const itimerval time{{0, 0}, {seconds, 0}};
    setitimer(ITIMER_VIRTUAL, &time, nullptr);
}

Bytes bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto* first = reinterpret_cast<const std::byte*>(text.data());
    return {first, first + text.size()};
}

void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

std::string text_like(std::size_t size, std::uint32_t seed) {
    static const char* const words[] = {"chunk ", "block ", "image ", "0x5f3a ", "the ", "\n"};
    std::string text;
    while (text.size() < size) {
        seed = seed * 1664525 + 1013904223;
        text += words[(seed >> 24) % 6];
        if ((seed >> 16) % 5 == 0)
            text += std::to_string(seed);
    }
    text.resize(size);
    return text;
}

void make_small_tree(const std::string& tree) {
    for (const char* folder : {"", "/usr", "/usr/lib", "/usr/share", "/empty"})
        mkdir((tree + folder).c_str(), 0755);
    const std::size_t sizes[] = {0, 3, 100, 4000, 4096, 5000, 12345, 30000};
    for (std::size_t i = 0; i < std::size(sizes); ++i)
        write_file(tree + "/usr/lib/file-" + std::to_string(i),
                   text_like(sizes[i], static_cast<std::uint32_t>(i)));
    for (int i = 0; i < 40; ++i)
        write_file(tree + "/usr/share/a-name-of-some-length-" + std::to_string(i),
                   text_like(static_cast<std::size_t>(i) * 7, 5));
    write_file(tree + "/usr/copy", text_like(12345, 6));
    symlink("usr/lib/file-4", (tree + "/link").c_str());
    static_cast<void>(!link((tree + "/usr/lib/file-2").c_str(), (tree + "/hard").c_str()));
    mkfifo((tree + "/fifo").c_str(), 0600);
    for (int i = 1; i < 7; ++i) {
        const std::string path = tree + "/usr/lib/file-" + std::to_string(i);
        const std::string own = std::to_string(i);
        setxattr(path.c_str(), "user.shared", "the same for all", 16, 0);
        setxattr(path.c_str(), "user.long.prefix.own", own.data(), own.size(), 0);
    }
}

struct Layout {
    const char* name;
    std::vector<std::string> options;
    bool blob = false;
};
const std::vector<Layout>& layouts() {
    static const std::vector<Layout> all{
        {"inline", {}},
        {"plain, blocks of 1 KiB", {"-E^inline_data", "-b1024"}},
        {"chunks", {"--chunksize=4096"}},
        {"block map", {"--chunksize=4096", "-Eforce-inode-blockmap"}},
        {"chunks on a blob", {"--chunksize=4096"}, true},
        {"shared xattrs, long prefixes", {"-x1", "--xattr-prefix=user.long.prefix."}},
        {"extended inodes, fingerprints", {"-Eforce-inode-extended", "--xattr-inode-digest"}},
        {"48 bit", {"-E48bit", "--chunksize=8192"}},
        {"metadata zone", {"--MZ=id"}},
        {"48 bit, inline", {"-E48bit"}},
        {"lz4", {"-zlz4"}},
        {"lz4, big clusters", {"-zlz4hc", "-C16384"}},
        {"lz4, full indexes", {"-zlz4", "-Elegacy-compress"}},
        {"lz4, inline tails", {"-zlz4", "-Eztailpacking"}},
        {"lzma, fragments", {"-zlzma", "-C16384", "-Efragments"}},
        {"all in one", {"-zlz4", "-Eall-fragments,dedupe"}},
        {"deflate", {"-zdeflate", "-C8192"}},
        {"zstd, dedupe", {"-zzstd", "-C16384", "-Ededupe"}},
        {"extent records", {"-zlz4", "-E48bit", "-C16384"}},
        {"compressed metadata", {"-zlz4", "-m4096"}},
        {"compressed directories", {"-zlz4", "--zD=1"}},
    };
    return all;
}

// Every cluster is decoded, as fsck.erofs --extract does.
void check_decoding(const std::shared_ptr<ReadAt>& file, erofs::Findings& findings) {
    erofs::Findings again;
    const auto image = erofs::Image::open(file, &again);
    if (!image)
        return;
    if (const auto index = erofs::Index::build(**image, &again))
        erofs::check_data(**image, *index, std::span(&file, 1), findings);
}

} // namespace

class TestMutations : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void sound_images();
    void check_ends();
    void agrees_with_fsck();

private:
    [[nodiscard]] Mutation mutation(std::uint64_t number) const {
        return mutate(images_, number % images_.size(), seed_, number);
    }
    [[nodiscard]] static std::string first_error(const erofs::Findings& findings);
    // Writes an image to be looked at, and says where.
    [[nodiscard]] static QString keep(const Mutation& mutated, const SeedImage& image,
                                      std::uint64_t number, const std::string& text);
    [[nodiscard]] erofs::Findings check(const Bytes& bytes, const std::string& blob,
                                        std::uint64_t number) const;

    QTemporaryDir folder_;
    std::vector<SeedImage> images_;
    std::uint64_t seed_ = default_seed;
};

void TestMutations::initTestCase() {
    const std::string mkfs = erofs_tool("mkfs.erofs");
    if (mkfs.empty()) {
        if (qEnvironmentVariableIsSet("CI"))
            QFAIL("no mkfs.erofs 1.9");
        QSKIP("no mkfs.erofs 1.9: packaging/setup --for test builds it");
    }
    if (qEnvironmentVariableIsSet("COLDSCOPE_SEED"))
        seed_ = qEnvironmentVariable("COLDSCOPE_SEED").toULongLong();
    const std::string tree = folder_.filePath("tree").toStdString();
    make_small_tree(tree);
    for (const Layout& layout : layouts()) {
        SeedImage image;
        image.name = layout.name;
        const std::string path =
            folder_.filePath(QString("%1.img").arg(images_.size())).toStdString();
        std::vector<std::string> arguments{"--quiet", "-T1700000000",
                                           "-U12345678-1234-1234-1234-123456789abc"};
        arguments.insert(arguments.end(), layout.options.begin(), layout.options.end());
        if (layout.blob) {
            image.blob = path + ".blob";
            arguments.push_back("--blobdev=" + image.blob);
        }
        arguments.insert(arguments.end(), {path, tree});
        const Output made = run(mkfs, arguments);
        if (made.exit_code != 0) {
            qInfo("not made: %s: %s", layout.name, made.err.c_str());
            continue;
        }
        image.bytes = bytes_of(path);
        find_structures(image);
        QVERIFY(image.bytes.size() < 512 * 1024);
        images_.push_back(std::move(image));
    }
    QVERIFY(images_.size() + 1 >= layouts().size());
    for (const SeedImage& image : images_)
        qInfo("  %6zu bytes: %s", image.bytes.size(), image.name.c_str());
    qInfo("seed %llu, %zu images", static_cast<unsigned long long>(seed_), images_.size());
    std::signal(SIGVTALRM, give_up);
}

erofs::Findings TestMutations::check(const Bytes& bytes, const std::string& blob,
                                     std::uint64_t number) const {
    under_way = number;
    watch(most_cpu);
    const auto file = std::make_shared<CountedBytes>(bytes);
    erofs::Findings findings = erofs::check_image(file);
    const std::uint64_t checked = file->bytes_read();
    if (!blob.empty()) {
        erofs::Findings again;
        if (const auto image = erofs::Image::open(file, &again)) {
            struct stat status {};
            stat(blob.c_str(), &status);
            const std::optional<erofs::GivenBlob> given[] = {
                erofs::GivenBlob{blob, static_cast<std::uint64_t>(status.st_size)}};
            erofs::check_blobs(**image, given, findings);
        }
    }
    check_decoding(file, findings);
    watch(0);
    // Windows of metadata are read more than once only where more of them are in use than kept.
    const std::uint64_t most = 16 * bytes.size() + 65536;
    if (checked > most)
        qFatal("mutation %llu: %llu bytes of %zu read", static_cast<unsigned long long>(number),
               static_cast<unsigned long long>(checked), bytes.size());
    return findings;
}

void TestMutations::sound_images() {
    Fsck fsck(erofs_tool("fsck.erofs"));
    for (const SeedImage& image : images_) {
        const erofs::Findings findings = check(image.bytes, image.blob, 0);
        for (const erofs::Finding& finding : findings.list())
            QVERIFY2(finding.severity == erofs::Severity::note,
                     (image.name + ": " + describe(finding)).c_str());
        const Fsck::Verdict verdict = fsck.check(image.bytes, image.blob);
        QVERIFY2(verdict.ended && !verdict.corrupt, (image.name + ": " + verdict.text).c_str());
    }
}

void TestMutations::check_ends() {
    std::map<std::string, int> found; // mutations by the structure of their first error
    int sound = 0;
    for (std::uint64_t number = 0; number < mutations; ++number) {
        const std::size_t image = number % images_.size();
        const Mutation mutated = mutation(number);
        const erofs::Findings findings = check(mutated.bytes, images_[image].blob, number);
        const auto error =
            std::ranges::find(findings.list(), erofs::Severity::error, &erofs::Finding::severity);
        if (findings.errors() == 0) {
            ++sound;
        } else if (error != findings.list().end()) {
            const std::string& name = error->structure;
            ++found[name.substr(0, name.find(' ')) + " " + error->field];
        }
    }
    qInfo("%llu images checked, %d without an error; first errors by structure:",
          static_cast<unsigned long long>(mutations), sound);
    for (const auto& [name, count] : found)
        qInfo("  %6d %s", count, name.c_str());
    QVERIFY(sound < static_cast<int>(mutations) / 2);
}

std::string TestMutations::first_error(const erofs::Findings& findings) {
    const auto error =
        std::ranges::find(findings.list(), erofs::Severity::error, &erofs::Finding::severity);
    return error == findings.list().end() ? std::string() : describe(*error);
}

QString TestMutations::keep(const Mutation& mutated, const SeedImage& image, std::uint64_t number,
                            const std::string& text) {
    const std::string path =
        fmt::format("{}/coldscope-mutation-{}.img", QDir::tempPath().toStdString(), number);
    write_file(path, {reinterpret_cast<const char*>(mutated.bytes.data()), mutated.bytes.size()});
    return QString::fromStdString(fmt::format("mutation {} of \"{}\" ({}), kept as {}: {}", number,
                                              image.name, mutated.what, path, text));
}

void TestMutations::agrees_with_fsck() {
    const std::string program = erofs_tool("fsck.erofs");
    QVERIFY(!program.empty());
    Fsck fsck(program);
    std::uint64_t rounds = read_by_fsck;
    if (qEnvironmentVariableIsSet("COLDSCOPE_ROUNDS"))
        rounds = std::min<std::uint64_t>(mutations,
                                         qEnvironmentVariable("COLDSCOPE_ROUNDS").toULongLong());
    QVERIFY(rounds > 0);
    std::uint64_t only = mutations;
    if (qEnvironmentVariableIsSet("COLDSCOPE_MUTATION"))
        only = qEnvironmentVariable("COLDSCOPE_MUTATION").toULongLong();
    std::uint64_t both = 0;
    std::uint64_t neither = 0;
    std::uint64_t more = 0;
    std::uint64_t not_ended = 0;
    std::map<std::string, int> by_class;
    QStringList unexplained;
    for (std::uint64_t n = 0; n < rounds; ++n) {
        const std::uint64_t number = n * mutations / rounds; // spread over all of them
        if (only != mutations && number != only)
            continue;
        const SeedImage& image = images_[number % images_.size()];
        const Mutation mutated = mutation(number);
        const Fsck::Verdict theirs = fsck.check(mutated.bytes, image.blob);
        const erofs::Findings findings = check(mutated.bytes, image.blob, number);
        const bool ours = findings.errors() != 0;
        if (!theirs.ended) {
            ++not_ended;
        } else if (theirs.corrupt && !ours) {
            unexplained << keep(mutated, image, number, theirs.text);
        } else if (theirs.corrupt) {
            ++both;
        } else if (ours) {
            ++more;
            const std::string error = first_error(findings);
            const auto found = std::ranges::find_if(alone, [&](const Class& each) {
                return error.find(each.words) != std::string::npos;
            });
            if (found != std::end(alone))
                ++by_class[found->words];
            else
                unexplained << keep(mutated, image, number, "the check alone: " + error);
        } else {
            ++neither;
        }
    }
    qInfo("%llu images read by fsck.erofs: corrupt to both %llu, to neither %llu, to the check "
          "alone %llu; fsck.erofs crashed or did not end %llu",
          static_cast<unsigned long long>(rounds), static_cast<unsigned long long>(both),
          static_cast<unsigned long long>(neither), static_cast<unsigned long long>(more),
          static_cast<unsigned long long>(not_ended));
    for (const Class& each : alone) {
        if (by_class[each.words] != 0)
            qInfo("  to the check alone, %d: \"%s\": %s", by_class[each.words], each.words,
                  each.reason);
    }
    for (const QString& line : unexplained)
        qWarning("%s", qPrintable(line));
    QVERIFY2(unexplained.isEmpty(), "where the two differ, nobody has said why");
    QVERIFY(only != mutations || both > rounds / 10);
}

QTEST_GUILESS_MAIN(TestMutations)
#include "test_mutations.moc"
