// A list of files to be observed: whatever is taken for a path is closed, within the list, and
// takes room there.
#include "daemon/guard/observed_list.h"

#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace coldscope;
    const auto list = guard::decode_list(std::as_bytes(std::span(data, size)));
    if (!list) {
        const Error& error = list.error();
        if ((error.code != Code::invalid && error.code != Code::truncated) || error.offset > size)
            std::abort();
        return 0;
    }
    std::size_t used = sizeof(std::uint32_t);
    const auto* begin = reinterpret_cast<const char*>(data);
    const auto look = [&](const char* text) {
        if (text < begin || text >= begin + size)
            std::abort();
        used += sizeof(std::uint32_t) + std::strlen(text) + 1;
    };
    for (const guard::ObservedFolder& folder : *list) {
        look(folder.path);
        used += sizeof(std::uint32_t);
        for (const char* path : folder.paths)
            look(path);
    }
    if (used != size)
        std::abort();
    return 0;
}
