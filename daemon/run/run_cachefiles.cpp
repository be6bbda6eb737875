// How a run serves /dev/cachefiles.
#include "daemon/run/run.h"
#include "daemon/source/folder.h"
#include "daemon/transport/cachefiles.h"

#include <fmt/format.h>
#include <sys/resource.h>

namespace coldscope {

namespace {

constexpr rlim_t fewest_descriptors = 4096; // each object takes two

Result<void> raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return system_error("cannot tell how many files may be open");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < fewest_descriptors)
        return failure(Code::unsupported,
                       fmt::format("only {} files may be open here, and each object needs two; "
                                   "raise the hard limit of RLIMIT_NOFILE to {} or more",
                                   limit.rlim_cur, fewest_descriptors));
    return {};
}

} // namespace

// Whoever mounts does so by hand; what the one before has left waits for us.
Result<void> Run::bind_cachefiles() {
    std::vector<CachefilesTransport::Ahead> ahead;
    for (const Command& command : options_.prefetch) {
        if (command.object.empty())
            return failure(Code::invalid,
                           fmt::format("'{}' is no object: no image is known here, so files have "
                                       "no places",
                                       command.text));
        ahead.push_back({command.object, command.range.value_or(Range{0, ~std::uint64_t{0}})});
    }
    COLDSCOPE_CHECK(raise_descriptor_limit());
    auto folder = SourceFolder::open(options_.from);
    if (!folder)
        return std::unexpected(folder.error());
    auto find = [this, from = std::make_shared<SourceFolder>(std::move(*folder))](
                    const std::string& cookie) -> Result<std::unique_ptr<Source>> {
        return from->find(*ring_, cookie, options_.shape);
    };
    COLDSCOPE_TRY(auto notes, SourceNotes::open(options_.cache));
    COLDSCOPE_TRY(const guard::Client::Device device,
                  guard_->bind_cachefiles(options_.tag, options_.limits));
    auto transport = std::make_unique<CachefilesTransport>(
        *ring_, *engine_, device.fd, std::move(find), std::move(notes), names_, std::move(ahead));
    // All that is asked from now on is traced: of a new device nothing was asked before.
    auto trace = std::make_unique<CachefilesTrace>(
        device.standing,
        [this](RequestId request, Nanoseconds time) { engine_->resumed(request, time); });
    traced_ = open_tracepoints(CachefilesTrace::names,
                               [&](std::string_view name, guard::Client::Trace one) {
                                   return trace->add(name, std::move(one.event), one.format);
                               });
    if (traced_) {
        trace->leave_out_warm();
        transport->trace_by(std::move(trace));
    }
    if (device.standing)
        COLDSCOPE_CHECK(transport->restore());
    transport_ = std::move(transport);
    thread_ = std::thread([this] { ring_thread(); });
    return {};
}

} // namespace coldscope
