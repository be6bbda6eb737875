#include "daemon/cli/event_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace coldscope::cli {

EventFile::EventFile(int fd, std::string path)
    : descriptor_{fd}, path_(std::move(path)), output_(fd), report_(true, false, output_) {
    output_.never_wait();
}

Result<std::unique_ptr<EventFile>> EventFile::open(const std::string& path) {
    // Non-blocking for pipes, whose readers may be slow or gone.
    const int fd =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0)
        return system_error("opening the file of events");
    return std::unique_ptr<EventFile>(new EventFile(fd, path));
}

EventFile::Descriptor::~Descriptor() {
    ::close(fd);
}

void EventFile::flush() {
    if (stopped_)
        return;
    if (!output_.flush_ready())
        stop(std::strerror(output_.error()));
    else if (output_.waiting() > most_waiting)
        stop("its reader is too slow");
}

bool EventFile::finish() {
    flush();
    if (!stopped_ && output_.waiting() != 0)
        stop("its reader is too slow");
    return !stopped_;
}

void EventFile::stop(const std::string& why) {
    stopped_ = true;
    print_warning(fmt::format("{}: no more events are written: {}", path_, why));
}

} // namespace coldscope::cli
