// How a bootstrap's tables are read, strictly or tolerantly; behind read_bootstrap().
#pragma once

#include "core/base/cursor.h"
#include "core/rafs/bootstrap.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace coldscope::rafs {

class BootstrapReader {
public:
    BootstrapReader(erofs::Image& image, erofs::Findings* tolerant)
        : image_(image), file_(image.primary()), tolerant_(tolerant) {}
    [[nodiscard]] Result<std::shared_ptr<const Bootstrap>> read();

private:
    [[nodiscard]] Result<void> say(erofs::Severity severity, std::uint64_t offset,
                                   std::string structure, std::string field, std::string message);
    [[nodiscard]] Result<void> say_extension(erofs::Severity severity, std::uint64_t field,
                                             const char* name, std::string message) {
        return say(severity, extension_offset + field, "RAFS superblock", name, std::move(message));
    }
    [[nodiscard]] Result<void> read_extension();
    [[nodiscard]] Result<void> fit(std::uint64_t offset, std::uint64_t& size, std::uint64_t entry,
                                   std::uint64_t field, const char* name);
    [[nodiscard]] Result<void> check_tables();
    [[nodiscard]] Result<void> read_blobs();
    [[nodiscard]] Result<void> read_blob(std::size_t index, Cursor at);
    [[nodiscard]] Result<void> check_blob(std::size_t index, std::uint32_t stored_index);
    [[nodiscard]] Result<void> read_chunks();
    // Whether the chunk may be kept.
    [[nodiscard]] Result<bool> check_chunk(const Chunk& chunk);
    [[nodiscard]] Result<void> place_chunks();
    [[nodiscard]] Result<void> read_prefetch();

    erofs::Image& image_;
    ReadAt& file_;
    erofs::Findings* tolerant_;
    std::shared_ptr<Bootstrap> out_ = std::make_shared<Bootstrap>();
};

} // namespace coldscope::rafs
