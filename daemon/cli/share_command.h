// coldscoped share: which page cache images share, could share, and what stands in the way.
#pragma once

namespace CLI {
class App;
}

namespace coldscope::cli {

// exit_code: as in add_image_commands().
void add_share_command(CLI::App& app, int& exit_code);

} // namespace coldscope::cli
