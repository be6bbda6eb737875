#include "daemon/cli/diff_command.h"

#include "core/compare/compare.h"
#include "daemon/cli/diff_report.h"
#include "daemon/cli/open_image.h"
#include "daemon/cli/output.h"
#include "daemon/cli/progress_line.h"

#include <array>
#include <memory>

#include <CLI/CLI.hpp>

namespace coldscope::cli {

namespace {

constexpr int failed = 2;

struct DiffOptions {
    std::string old_image;
    std::string new_image;
    std::vector<std::string> old_devices; // of devices 1, 2, ...
    std::vector<std::string> new_devices;
    std::vector<std::string> blobs; // of either, by name
    std::vector<std::string> ignore;
    bool json = false;
    bool summary = false;
    bool all = false;
    bool no_read = false;
};

struct OpenedSide {
    std::unique_ptr<OpenedImage> opened;
    erofs::Index index;

    [[nodiscard]] compare::Side side() const {
        return {*opened->image, index, opened->devices, opened->rafs.get()};
    }
};

bool open_side(const std::string& name, const std::vector<std::string>& devices,
               const std::vector<std::string>& blobs, OpenedSide& side,
               std::vector<std::string>& left_out) {
    side.opened = open_image(name, blobs_by_name(name, devices, blobs), &left_out);
    if (side.opened == nullptr)
        return false;
    auto index = erofs::Index::build(*side.opened->image);
    if (!index) {
        print_error(index.error(), name);
        return false;
    }
    side.index = std::move(*index);
    return true;
}

Result<compare::Comparison> compare_sides(const compare::Side& before, const compare::Side& after,
                                          const DiffOptions& options) {
    ProgressLine line;
    compare::Options wanted;
    for (const std::string& field : options.ignore)
        wanted.ignore |= compare::field_by_name(field).value_or(0);
    wanted.read = !options.no_read;
    wanted.report = [&line](const compare::Progress& progress) {
        line.tell(compare::name(progress.phase), progress.done, progress.total);
        return true;
    };
    return compare::compare(before, after, wanted);
}

int run_diff(const DiffOptions& options) {
    OpenedSide old_side;
    OpenedSide new_side;
    std::vector<std::string> left_out;
    if (!open_side(options.old_image, options.old_devices, options.blobs, old_side, left_out) ||
        !open_side(options.new_image, options.new_devices, options.blobs, new_side, left_out) ||
        !all_used(options.blobs, std::array{old_side.opened.get(), new_side.opened.get()},
                  "--old-device or --new-device"))
        return failed;
    const compare::Side before = old_side.side();
    const compare::Side after = new_side.side();
    auto comparison = compare_sides(before, after, options);
    if (!comparison) {
        print_error(comparison.error(), {});
        return failed;
    }
    for (const std::string& blob : left_out)
        comparison->warnings.push_back(blob + "; what it holds is not compared");
    Output output;
    const DiffReport report{options.old_image, options.new_image, before,     after,
                            *comparison,       options.summary,   options.all};
    if (options.json)
        print_diff_json(report, output);
    else
        print_diff(report, output);
    for (const std::string& warning : comparison->warnings)
        print_warning(printable(warning));
    const int code = comparison->same() ? 0 : 1;
    return output.finish(code) == code ? code : failed;
}

} // namespace

void add_diff_command(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<DiffOptions>();
    CLI::App* command = app.add_subcommand(
        "diff", "Compare two images: files, and what a node that has OLD must fetch for NEW");
    command->add_option("OLD", options->old_image, "The first image (its bootstrap)")->required();
    command->add_option("NEW", options->new_image, "The second image")->required();
    const auto blobs = [command](const char* name, std::vector<std::string>& list,
                                 const char* text) {
        command->add_option(name, list, text)->type_name("BLOB")->allow_extra_args(false);
    };
    blobs("--blob", options->blobs,
          "A blob of either image; its file name is the tag in the device table");
    blobs("--old-device", options->old_devices,
          "A blob of OLD; once for each, in the device table's order");
    blobs("--new-device", options->new_devices, "Likewise of NEW");
    command
        ->add_option("--ignore", options->ignore,
                     "Fields that may differ: mode, uid, gid, mtime, links, xattrs")
        ->type_name("FIELD,...")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::IsMember({"mode", "uid", "gid", "mtime", "links", "xattrs"}));
    command->add_flag("--no-read", options->no_read,
                      "Read no files and no blobs: what only their bytes tell is unknown");
    command->add_flag("--all", options->all, "List what is the same, too");
    command->add_flag("--summary", options->summary, "Only the figures, no paths");
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([options, &exit_code] { exit_code = run_diff(*options); });
}

} // namespace coldscope::cli
