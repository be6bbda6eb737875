// coldscoped probe: which transports work here, which would with an administrator, and why others
// don't.
#pragma once

namespace CLI {
class App;
}

namespace coldscope::cli {

// exit_code: as in add_image_commands(); 1 when no real transport works without an administrator.
void add_probe_command(CLI::App& app, int& exit_code);

} // namespace coldscope::cli
