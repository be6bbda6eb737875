#include "tests/bench/compressed_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <vector>

#include <fmt/format.h>

namespace coldscope::bench {

namespace {

constexpr std::uint64_t files_a_folder = 64;

class Maker {
public:
    Maker();
    void text(std::string& into, std::size_t size);
    void program(std::string& into, std::size_t size);
    [[nodiscard]] std::size_t size();

private:
    [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    // Small numbers far more often than large ones.
    [[nodiscard]] std::size_t few(std::size_t limit) {
        return static_cast<std::size_t>(below(below(below(below(limit) + 1) + 1) + 1));
    }
    void add_noise(std::string& into, std::size_t size);

    std::mt19937_64 random_{20'240'101};
    std::vector<std::string> phrases_;
    std::vector<std::string> codes_; // as sequences of machine instructions
};

Maker::Maker() {
    constexpr std::array syllables{"an", "be", "co", "de", "er", "fo", "ge", "ha", "in", "jo",
                                   "ka", "lu", "me", "no", "or", "pi", "qu", "re", "st", "ti"};
    for (int i = 0; i < 6000; ++i) {
        std::string phrase;
        for (std::uint64_t n = 3 + below(12); n > 0; --n) {
            phrase += syllables[below(syllables.size())];
            if (below(4) == 0)
                phrase += ' ';
        }
        phrases_.push_back(std::move(phrase));
    }
    for (int i = 0; i < 2000; ++i) {
        std::string code;
        add_noise(code, 4 + below(16));
        codes_.push_back(std::move(code));
    }
}

void Maker::add_noise(std::string& into, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        into += static_cast<char>(random_() >> 32);
}

// Lines with an indent, phrases, now and then a number.
void Maker::text(std::string& into, std::size_t size) {
    const std::size_t end = into.size() + size;
    while (into.size() < end) {
        into.append(below(4) * 4, ' ');
        for (std::uint64_t n = 1 + below(6); n > 0; --n) {
            if (below(12) == 0)
                into += fmt::format("{} ", below(100'000));
            else
                into += phrases_[few(phrases_.size())] + (below(9) == 0 ? ", " : " ");
        }
        into += '\n';
    }
    into.resize(end);
}

// Sections of sequences of instructions with operands, of tables of growing numbers, of noise.
void Maker::program(std::string& into, std::size_t size) {
    const std::size_t end = into.size() + size;
    while (into.size() < end) {
        const std::size_t section = std::min<std::size_t>(end, into.size() + 4096 + below(60'000));
        const std::uint64_t kind = below(10);
        if (kind == 0) {
            add_noise(into, section - into.size());
        } else if (kind < 3) {
            for (auto entry = static_cast<std::uint32_t>(random_()); into.size() < section;
                 entry += 16 + static_cast<std::uint32_t>(below(64)))
                into.append(reinterpret_cast<const char*>(&entry), sizeof entry);
        } else {
            while (into.size() < section) {
                into += codes_[few(codes_.size())];
                if (below(3) == 0)
                    add_noise(into, 1 + below(2));
            }
        }
    }
    into.resize(end);
}

std::size_t Maker::size() {
    const std::uint64_t kind = below(100);
    if (kind < 70)
        return 200 + below(16'000);
    if (kind < 97)
        return 16'000 + below(250'000);
    return 1'000'000 + below(7'000'000);
}

} // namespace

std::string write_compressed_tree(const std::string& folder, std::uint64_t bytes) {
    Maker maker;
    std::string contents;
    std::string directory;
    for (std::uint64_t number = 0; bytes != 0; ++number) {
        if (number % files_a_folder == 0) {
            directory = fmt::format("{}/part-{:03}", folder, number / files_a_folder);
            std::error_code error;
            if (!std::filesystem::create_directory(directory, error))
                return fmt::format("{}: {}", directory, error.message());
        }
        const std::size_t size = std::min<std::uint64_t>(maker.size(), bytes);
        contents.clear();
        if (number % 2 == 0)
            maker.text(contents, size);
        else
            maker.program(contents, size);
        bytes -= size;
        const std::string path = fmt::format("{}/file-{:05}", directory, number);
        std::FILE* const file = std::fopen(path.c_str(), "wb");
        if (file == nullptr)
            return fmt::format("{}: {}", path, std::strerror(errno));
        const bool written = std::fwrite(contents.data(), 1, size, file) == size;
        if (std::fclose(file) != 0 || !written)
            return fmt::format("{}: {}", path, std::strerror(errno));
    }
    return {};
}

} // namespace coldscope::bench
