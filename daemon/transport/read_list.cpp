#include "daemon/transport/read_list.h"

#include "core/rules/command.h"
#include "core/rules/words.h"

#include <algorithm>

namespace coldscope {

namespace {

Result<SimulatedRead> parse_read(const std::vector<Word>& words) {
    if (words.size() != 3 && words.size() != 5)
        return failure(Code::invalid, "a read is: TIME PROCESS PATH [OFFSET LENGTH]", words[0].at);
    const auto at_word = [](const auto& result, const Word& word) -> std::unexpected<Error> {
        Error error = result.error();
        error.offset = word.at;
        return std::unexpected(std::move(error));
    };
    SimulatedRead read;
    const auto time = parse_duration(words[0].text);
    if (!time)
        return at_word(time, words[0]);
    read.at = *time;
    read.process = words[1].text;
    read.path = words[2].text;
    if (words.size() == 3)
        return read;
    const auto offset = parse_size(words[3].text);
    if (!offset)
        return at_word(offset, words[3]);
    const auto length = parse_size(words[4].text);
    if (!length)
        return at_word(length, words[4]);
    read.offset = *offset;
    read.length = *length;
    return read;
}

} // namespace

Result<std::vector<SimulatedRead>> parse_read_list(std::string_view text) {
    std::vector<SimulatedRead> reads;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        const auto words = split_words(line.substr(0, line.find('#')));
        auto read = !words           ? Result<SimulatedRead>(std::unexpected(words.error()))
                    : words->empty() ? SimulatedRead{}
                                     : parse_read(*words);
        if (!read) {
            Error error = read.error();
            error.offset += at;
            return std::unexpected(std::move(error));
        }
        if (!words->empty())
            reads.push_back(std::move(*read));
        at = end + 1;
    }
    return reads;
}

std::vector<SimulatedRead> example_reads(const erofs::Index& index) {
    constexpr std::size_t wanted = 200;
    std::vector<erofs::NodeId> files;
    for (erofs::NodeId id = 0; id < index.size(); ++id) {
        if (index.node(id).is_regular() && index.node(id).size != 0)
            files.push_back(id);
    }
    std::vector<SimulatedRead> reads;
    const std::size_t step = std::max<std::size_t>(1, files.size() / wanted);
    for (std::size_t i = 0; i < files.size(); i += step) {
        const bool loader = reads.size() % 3 == 0;
        const std::uint64_t length = loader ? 64u << 10 : 1u << 20;
        reads.push_back({reads.size() * 5 * millisecond, loader ? "loader" : "worker",
                         index.path(files[i]), 0, length});
    }
    return reads;
}

} // namespace coldscope
