// A command line: any bytes give a command or an error that names a byte of the line.
#include "core/rules/command.h"

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
    static_cast<void>(parse_size(line));
    static_cast<void>(parse_duration(line));
    return 0;
}
