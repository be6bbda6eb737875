// coldscoped: the daemon core without a window. Exit codes: 0, 1 for errors, 2 for wrong usage;
// `run -- COMMAND` gives the command's, `diff` its own.
#include "coldscope_version.h"
#include "daemon/cli/diff_command.h"
#include "daemon/cli/image_commands.h"
#include "daemon/cli/probe_command.h"
#include "daemon/cli/run_command.h"
#include "daemon/cli/share_command.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char** argv) {
    using namespace coldscope::cli;
    // 0, 1 and 2 are what they should be, even when started without: nothing else gets their
    // numbers.
    int fd = 0;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= 2);
    close(fd);
    int exit_code = 0;
    // What stands behind "--" is the command's, whatever it looks like.
    int own = argc;
    if (argc > 1 && std::string_view(argv[1]) == "run")
        own = static_cast<int>(std::find(argv, argv + argc, std::string_view("--")) - argv);
    const std::vector<std::string> command(argv + std::min(own + 1, argc), argv + argc);

    CLI::App app("Look into EROFS images and run them on demand", "coldscoped");
    app.set_version_flag("--version", "coldscoped " COLDSCOPE_VERSION);
    app.require_subcommand(1);
    add_probe_command(app, exit_code);
    add_image_commands(app, exit_code);
    add_diff_command(app, exit_code);
    add_share_command(app, exit_code);
    add_run_command(app, command, exit_code);
    add_serve_command(app, exit_code);
    try {
        app.parse(own, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return exit_code;
}
