// The demo: a small image of Coldscope's own sources that the build makes, and what is done with
// it.
#pragma once

#include "app/run/launcher.h"
#include "daemon/transport/offer.h"

#include <QString>
#include <vector>

namespace coldscope::app {

// In share/coldscope/demo beside the program's own folder; empty when it is not there.
[[nodiscard]] QString demo_image();

// By the best transport that asks nobody, with a program that reads from the mount at a pace at
// which people see requests come; without one, on the simulated kernel.
[[nodiscard]] Choice demo_choice(const std::vector<Offer>& offers);

} // namespace coldscope::app
