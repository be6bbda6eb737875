// coldscoped diff: what two images have in common, and what must be fetched for the second.
#pragma once

namespace CLI {
class App;
}

namespace coldscope::cli {

// exit_code: as in add_image_commands(), but 0: the same, 1: they differ, or it could not be told
// for all, 2: an error.
void add_diff_command(CLI::App& app, int& exit_code);

} // namespace coldscope::cli
