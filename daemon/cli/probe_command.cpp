#include "daemon/cli/probe_command.h"

#include "daemon/cli/output.h"
#include "daemon/guard/inode_share.h"
#include "daemon/transport/offer.h"

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace coldscope::cli {

namespace {

int run_probe(bool as_json) {
    const std::vector<Offer> here = offers();
    const bool any = std::ranges::any_of(here, [](const Offer& offer) {
        return offer.works_alone() && offer.kind != TransportKind::simulated;
    });
    const std::string share_obstacle = guard::inode_share_obstacle();
    const std::string share_reason =
        share_obstacle.empty()
            ? "mounts of one domain share page cache by fingerprint: run --share-domain"
            : share_obstacle;
    Output output;
    if (as_json) {
        nlohmann::json transports = nlohmann::json::array();
        for (const Offer& offer : here)
            transports.push_back({{"name", name(offer.kind)},
                                  {"works", offer.works_alone()},
                                  {"administrator", offer.asks()},
                                  {"reason", offer.reason}});
        output.json(
            {{"kernel", kernel_release()},
             {"transports", transports},
             {"inode_share", {{"works", share_obstacle.empty()}, {"reason", share_reason}}}});
    } else {
        output.line(fmt::format("Linux {}", kernel_release()));
        for (const Offer& offer : here)
            output.line(fmt::format("{:<11} {:<5} {}", name(offer.kind),
                                    offer.asks()  ? "admin"
                                    : offer.works ? "yes"
                                                  : "no",
                                    offer.reason));
        output.line(fmt::format("{:<11} {:<5} {}", "inode_share",
                                share_obstacle.empty() ? "yes" : "no", share_reason));
    }
    return output.finish(any ? 0 : 1);
}

} // namespace

void add_probe_command(CLI::App& app, int& exit_code) {
    CLI::App* probe = app.add_subcommand(
        "probe",
        "Say which transports work here, which would with an administrator, and why others don't");
    auto json = std::make_shared<bool>(false);
    probe->add_flag("--json", *json, "As JSON");
    probe->callback([json, &exit_code] { exit_code = run_probe(*json); });
}

} // namespace coldscope::cli
