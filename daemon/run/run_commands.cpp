// What a run is told and asked while it stands.
#include "core/erofs/read_for.h"
#include "daemon/run/prepare.h"
#include "daemon/run/run.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace coldscope {

namespace {

std::unexpected<Error> no_files() {
    return failure(Code::invalid,
                   "no image is known here, so files have no places: name an object");
}

} // namespace

std::string Run::object_name(ObjectId object) const {
    if (!has_image())
        return names_.of(object);
    if (object >= first_file_object)
        return index_.path(object - first_file_object);
    if (object == 0)
        return "bootstrap";
    const std::string& path = options_.devices[object - 1];
    return fmt::format("blob {}: {}", object, std::filesystem::path(path).filename().string());
}

std::string Run::identity() const {
    return image_identity(*image_);
}

std::vector<std::string> Run::files_at(ObjectId object, std::uint64_t offset, std::uint64_t length,
                                       std::size_t most) const {
    std::vector<std::string> files;
    if (!has_image())
        return files;
    if (object >= first_file_object) {
        files.push_back(index_.path(object - first_file_object));
        return files;
    }
    std::vector<erofs::NodeId> nodes;
    index_.files_at(static_cast<std::uint16_t>(object), offset, length,
                    [&](erofs::NodeId node, std::uint64_t, std::uint64_t, std::uint64_t) {
                        if (nodes.size() < most && std::ranges::find(nodes, node) == nodes.end())
                            nodes.push_back(node);
                    });
    for (const erofs::NodeId node : nodes)
        files.push_back(index_.path(node));
    return files;
}

Result<void> Run::read(SimulatedRead read) {
    if (!simulated())
        return failure(Code::invalid, "only a simulated run reads by itself");
    return post(std::move(read));
}

bool Run::ask_who(std::uint32_t thread) {
    if (!guarded())
        return false;
    guard_->ask_who(static_cast<pid_t>(thread));
    return true;
}

std::optional<Result<std::string>> Run::told_who() {
    return guarded() ? guard_->told_who() : std::nullopt;
}

std::string Run::file_of(const ReadFor& origin, ObjectId object, std::uint64_t offset,
                         std::uint64_t length) const {
    const auto node = index_.node_of_nid(origin.nid);
    if (!node || object >= first_file_object ||
        !erofs::may_be_read_for(*image_, index_, *node, static_cast<std::uint16_t>(object), offset,
                                length))
        return {};
    return index_.path(*node);
}

Result<std::uint32_t> Run::command(const Command& command) {
    const auto send = [this](Control control) -> Result<std::uint32_t> {
        COLDSCOPE_CHECK(post(std::move(control)));
        return 0u;
    };
    if (command.verb == Verb::fail && !takes_error(kind_, command.error))
        return failure(Code::invalid,
                       fmt::format("{} takes no {}; it takes EIO, EPERM, EBUSY, ETXTBSY, EAGAIN, "
                                   "ENOSPC and EDQUOT",
                                   name(kind_), errno_name(command.error)));
    if (command.partial && kind_ != TransportKind::cachefiles)
        return failure(
            Code::invalid,
            fmt::format("{} can't answer partly: its reader would get wrong bytes", name(kind_)));
    if (command.verb == Verb::amplify)
        return send(control::Amplify{command.bytes});
    if (command.verb == Verb::prefetch) {
        if (command.end)
            return send(control::StopPrefetch{});
        control::Prefetch ahead{{}, command.bytes};
        COLDSCOPE_CHECK(add_prefetch(command, ahead.places));
        return send(std::move(ahead));
    }
    if (command.verb == Verb::release) {
        if (!command.all)
            return send(control::Release{*command.id});
        std::erase_if(rules_, [](const RuleText& rule) { return rule.action == Action::hold; });
        return send(control::ReleaseAll{});
    }
    if (command.verb == Verb::clear && !command.id) {
        rules_.clear();
        return send(control::ClearRules{});
    }
    if (command.verb == Verb::clear) {
        const auto rule = std::ranges::find(rules_, *command.id, &RuleText::id);
        if (rule == rules_.end())
            return failure(Code::not_found, fmt::format("there is no rule {}", *command.id));
        const std::uint32_t id = rule->id;
        rules_.erase(rule);
        return send(control::RemoveRule{id});
    }
    if (command.id && command.verb == Verb::delay)
        return send(control::Delay{*command.id, command.delay});
    if (command.id && command.verb == Verb::fail)
        return send(control::Fail{*command.id, command.error, command.partial});
    Rule rule;
    rule.id = next_rule_;
    rule.action = command.verb == Verb::hold    ? Action::hold
                  : command.verb == Verb::delay ? Action::delay
                                                : Action::fail;
    rule.delay = command.delay;
    rule.error = command.error;
    rule.partial = command.partial;
    rule.count = command.count;
    COLDSCOPE_TRY(rule.match, resolve(command));
    const Action rule_action = rule.action;
    COLDSCOPE_CHECK(post(control::AddRule{std::move(rule)}));
    rules_.push_back({next_rule_, rule_action, command.text});
    return next_rule_++;
}

Result<Match> Run::resolve(const Command& command) const {
    Match match;
    match.pid = command.pid;
    match.command = command.command;
    match.text = command.text;
    match.op = command.op.value_or(Op::read);
    if (!has_image()) {
        if (!command.file.empty())
            return no_files();
        match.object = command.object;
        match.range = command.range;
        return match;
    }
    const Range range = command.range.value_or(Range{0, ~std::uint64_t{0}});
    if (!command.file.empty()) {
        COLDSCOPE_TRY(match.places, places_of_file(command.file, range));
        match.nowhere = match.places.empty();
        return match;
    }
    if (command.object.empty() && !command.range)
        return match;
    COLDSCOPE_TRY(match.places, places_of_objects(command.object, range));
    return match;
}

// name: empty for all.
Result<std::vector<Place>> Run::places_of_objects(const std::string& name, Range range) const {
    std::vector<Place> places;
    const auto count =
        has_image() ? static_cast<ObjectId>(options_.devices.size() + 1) : names_.size();
    for (ObjectId object = 0; object < count; ++object) {
        const std::string known = object_name(object);
        if (name.empty() || name == known || name == fmt::format("{}", object) ||
            (has_image() ? known.ends_with(": " + name) : is_called(known, name)))
            places.push_back({object, range});
    }
    if (places.empty() && !has_image())
        return failure(
            Code::not_found,
            name.empty()
                ? "the kernel has opened no object yet"
                : fmt::format("the kernel has opened no object that is called '{}'", name));
    if (places.empty())
        return failure(Code::not_found,
                       fmt::format("no object is called '{}'; there is bootstrap, and the blobs by "
                                   "number or file name",
                                   name));
    return places;
}

// range: of the file. In blob mode what its bytes take up on the devices; another file that shares
// them shares their requests, too.
Result<std::vector<Place>> Run::places_of_file(const std::string& path, Range range) const {
    const auto named = index_.find(path);
    if (!named)
        return failure(Code::not_found, fmt::format("the image has no {}", path));
    if (!index_.node(*named).is_regular())
        return failure(Code::invalid, fmt::format("{} is no regular file", path));
    // Of several hard links, requests go by the first.
    const erofs::NodeId node = index_.node_of_nid(index_.node(*named).nid).value_or(*named);
    std::vector<Place> places;
    if (kind_ == TransportKind::fuse_tree) {
        places.push_back({first_file_object + node, range});
        return places;
    }
    COLDSCOPE_CHECK(add_extents(node, range, places));
    return places;
}

Result<void> Run::add_extents(erofs::NodeId node, Range range, std::vector<Place>& places) const {
    COLDSCOPE_TRY(const erofs::Inode inode, image_->inode(index_.node(node).nid));
    if (range.begin >= inode.size)
        return {};
    COLDSCOPE_TRY(const auto extents,
                  image_->map(inode, range.begin, std::min(range.end, inode.size) - range.begin));
    for (const erofs::Extent& extent : extents) {
        if (!extent.is_placed())
            continue;
        const Range part = extent.stored();
        if (!places.empty() && places.back().object == extent.device &&
            places.back().range.end == part.begin)
            places.back().range.end = part.end;
        else
            places.push_back({extent.device, part});
    }
    return {};
}

Result<void> Run::add_prefetch(const Command& command, std::vector<Place>& places) const {
    const Range range = command.range.value_or(Range{0, ~std::uint64_t{0}});
    if (command.file.empty()) {
        COLDSCOPE_TRY(const auto objects, places_of_objects(command.object, range));
        places.insert(places.end(), objects.begin(), objects.end());
        return {};
    }
    if (!has_image())
        return no_files();
    const auto named = index_.find(command.file);
    if (!named)
        return failure(Code::not_found, fmt::format("the image has no {}", command.file));
    std::vector<erofs::NodeId> left{*named};
    while (!left.empty()) {
        const erofs::NodeId node = left.back();
        left.pop_back();
        if (index_.node(node).is_regular())
            COLDSCOPE_CHECK(add_extents(node, range, places));
        else if (node == *named && !index_.node(node).is_directory())
            return failure(Code::invalid,
                           fmt::format("{} is neither a file nor a folder", command.file));
        const erofs::Index::Children children = index_.children(node);
        for (std::uint32_t i = children.count; i > 0; --i)
            left.push_back(children.first + i - 1);
    }
    return {};
}

} // namespace coldscope
