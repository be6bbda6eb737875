// A command line, and a list of what to prefetch: any bytes give commands or an error that names a
// byte of them.
#include "core/rules/command.h"
#include "core/rules/prefetch_list.h"

#include <cstddef>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const auto command = parse_command(line);
    if (!command && (command.error().code != Code::invalid || command.error().offset > size))
        std::abort();
    if (command && (command->text != line || command->error < 0 || command->error > 511))
        std::abort();
    const auto list = parse_prefetch_list(line);
    if (!list && (list.error().code != Code::invalid || list.error().offset > size))
        std::abort();
    for (const Command& one : list ? *list : std::vector<Command>{}) {
        if (one.verb != Verb::prefetch || one.file.empty() == one.object.empty() ||
            (one.range && one.range->begin >= one.range->end))
            std::abort();
    }
    static_cast<void>(parse_size(line));
    static_cast<void>(parse_duration(line));
    return 0;
}
