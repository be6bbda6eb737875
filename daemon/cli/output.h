// Standard output for the commands. A reader that goes away (a broken pipe) is no error: writing
// stops and the command ends quietly.
#pragma once

#include "core/base/error.h"
#include "daemon/run/json_text.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace coldscope::cli {

class Output {
public:
    // fd is borrowed; without one it is standard output.
    explicit Output(int fd = STDOUT_FILENO);
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output();

    // False when nobody reads any more, or after an error: stop.
    bool write(std::string_view text);
    bool write(std::span<const std::byte> bytes);
    bool line(std::string_view text);
    bool json(const nlohmann::json& value); // indented, with a newline
    bool flush();
    // For programs that must not wait for a slow reader: from then on write() only collects, and
    // flush_ready() writes what can be written at once.
    void never_wait() { waits_ = false; }
    bool flush_ready();
    [[nodiscard]] int error() const { return error_; } // errno of the write that failed
    [[nodiscard]] std::size_t waiting() const { return buffer_.size(); } // bytes

    // Writes out what is buffered. The exit code: exit_code, or 1 when writing failed for a
    // reason other than a broken pipe, which is then printed.
    [[nodiscard]] int finish(int exit_code);

private:
    std::string buffer_;
    int fd_;
    bool waits_ = true;
    int error_ = 0;
};

// Prints "coldscoped: FILE: at byte N: what (why)" and the next step to standard error.
// Returns 1, the exit code.
int print_error(const Error& error, std::string_view file);
void print_warning(std::string_view text);

// Text for a person's terminal: as json_text(), and control characters become \xNN, too.
[[nodiscard]] std::string printable(std::string_view bytes);
// Sets object[key], and object[key + "_hex"] too when the bytes are not valid UTF-8.
void set_text(nlohmann::json& object, const std::string& key, std::string_view bytes);

} // namespace coldscope::cli
