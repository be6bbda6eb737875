// What kinds, fields and reasons are called.
#include "core/compare/compare.h"

namespace coldscope::compare {

namespace {

constexpr std::array<const char*, field_count> fields_in_order{
    "type", "content", "target", "rdev", "mode", "uid", "gid", "mtime", "links", "xattrs"};

} // namespace

const char* name(Kind kind) {
    switch (kind) {
    case Kind::same:
        return "same";
    case Kind::changed:
        return "changed";
    case Kind::added:
        return "added";
    case Kind::removed:
        return "removed";
    case Kind::moved:
        return "moved";
    case Kind::unknown:
        return "unknown";
    }
    return "unknown";
}

const char* name(Basis basis) {
    switch (basis) {
    case Basis::none:
        return "no content";
    case Basis::size:
        return "size";
    case Basis::place:
        return "place";
    case Basis::fingerprint:
        return "fingerprint";
    case Basis::bytes:
        return "bytes";
    case Basis::not_read:
        return "not read";
    case Basis::missing:
        return "blob missing";
    case Basis::unsupported:
        return "unsupported";
    case Basis::failed:
        return "unreadable";
    }
    return "unknown";
}

const char* name(Phase phase) {
    switch (phase) {
    case Phase::devices:
        return "comparing blobs";
    case Phase::paths:
        return "comparing paths";
    case Phase::contents:
        return "comparing contents";
    case Phase::moves:
        return "looking for moved files";
    case Phase::blocks:
        return "looking for blocks of the same content";
    }
    return "comparing";
}

std::vector<const char*> field_names(std::uint16_t fields) {
    std::vector<const char*> names;
    for (std::size_t bit = 0; bit < field_count; ++bit) {
        if (((fields >> bit) & 1U) != 0)
            names.push_back(fields_in_order[bit]);
    }
    return names;
}

std::optional<std::uint16_t> field_by_name(std::string_view name) {
    for (std::size_t bit = 0; bit < field_count; ++bit) {
        if (name == fields_in_order[bit])
            return static_cast<std::uint16_t>(1U << bit);
    }
    return std::nullopt;
}

} // namespace coldscope::compare
