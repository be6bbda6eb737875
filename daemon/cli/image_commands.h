// The commands of coldscoped that look into an image: check, ls, stat, map, cat.
#pragma once

namespace CLI {
class App;
}

namespace coldscope::cli {

// exit_code is set when a command has run: 0, or 1 after an error that was printed. It must
// outlive app.
void add_image_commands(CLI::App& app, int& exit_code);

} // namespace coldscope::cli
