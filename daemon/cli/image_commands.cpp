#include "daemon/cli/image_commands.h"

#include "daemon/cli/commands.h"

#include <memory>

#include <CLI/CLI.hpp>

namespace coldscope::cli {

namespace {

using Inspect = int (*)(const ImageOptions& options);

struct Command {
    CLI::App* app;
    std::shared_ptr<ImageOptions> options;
};

Command add(CLI::App& app, int& exit_code, const char* name, const char* description,
            Inspect inspect) {
    auto options = std::make_shared<ImageOptions>();
    CLI::App* command = app.add_subcommand(name, description);
    command->add_option("IMAGE", options->image, "The EROFS image (its bootstrap)")->required();
    command
        ->add_option("--device", options->devices,
                     "A blob of the image; once for each, in the device table's order")
        ->type_name("BLOB")
        ->allow_extra_args(false);
    command->callback([options, inspect, &exit_code] { exit_code = inspect(*options); });
    return {command, std::move(options)};
}

void add_json(const Command& command) {
    command.app->add_flag("--json", command.options->json, "Print JSON");
}

void add_path(const Command& command, bool required) {
    CLI::Option* path =
        command.app->add_option("PATH", command.options->path, "A path in the image");
    if (required)
        path->required();
    else
        command.options->path_given = [path] { return path->count() != 0; };
}

} // namespace

void add_image_commands(CLI::App& app, int& exit_code) {
    const Command check = add(app, exit_code, "check",
                              "Check an image, and with --device its blobs, for damage", run_check);
    add_json(check);
    check.app->add_flag("--data", check.options->data,
                        "Read and decode compressed files and RAFS chunks, too");
    check.app->add_flag("--digests", check.options->digests,
                        "Read whole blobs and files, too, and compare their digests");
    check.app->add_flag("-v,--verbose", check.options->verbose,
                        "Show the fields around each finding");

    const Command ls = add(app, exit_code, "ls", "List names in an image", run_ls);
    add_path(ls, false);
    add_json(ls);
    ls.app->add_flag("-l,--long", ls.options->long_form, "Mode, links, owner, size and time too");
    ls.app->add_flag("-R,--recursive", ls.options->recursive,
                     "Everything below, with paths instead of names");

    const Command stat =
        add(app, exit_code, "stat", "Describe a file, or without PATH the image and its devices",
            run_stat);
    add_path(stat, false);
    add_json(stat);

    const Command map = add(app, exit_code, "map", "Show where a file's bytes lie", run_map);
    add_path(map, true);
    add_json(map);

    const Command cat = add(app, exit_code, "cat", "Write a file's bytes", run_cat);
    add_path(cat, true);
}

} // namespace coldscope::cli
