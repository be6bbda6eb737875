// coldscoped run and serve: live runs without a window.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace coldscope::cli {

// command: what stood behind "--". exit_code: as in add_image_commands().
void add_run_command(CLI::App& app, const std::vector<std::string>& command, int& exit_code);
void add_serve_command(CLI::App& app, int& exit_code);

} // namespace coldscope::cli
