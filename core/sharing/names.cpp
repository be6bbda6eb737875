#include "core/sharing/mark.h"

namespace coldscope::sharing {

const char* name(Mark mark) {
    switch (mark) {
    case Mark::shared_now:
        return "shared now";
    case Mark::by_fingerprint:
        return "shareable, by fingerprint";
    case Mark::by_blob:
        return "shareable, by blob";
    case Mark::blocked:
        return "blocked";
    case Mark::same_bytes:
        return "same bytes, not deduplicated";
    case Mark::alone:
        return "private";
    }
    return "unknown";
}

const char* name(Reason reason) {
    switch (reason) {
    case Reason::none:
        return "";
    case Reason::other_domain:
        return "other domain";
    case Reason::no_inode_share:
        return "mounted without inode_share";
    case Reason::dax:
        return "mounted with DAX";
    case Reason::other_backing:
        return "one mounted from a file, one from a device";
    case Reason::other_layout:
        return "one compressed, one not";
    case Reason::no_fingerprint:
        return "no fingerprint";
    case Reason::spans_blobs:
        return "spans blobs";
    case Reason::inline_tail:
        return "inline tail";
    case Reason::compressed:
        return "compressed";
    case Reason::offset_differs:
        return "at another offset";
    case Reason::hole:
        return "hole";
    case Reason::not_scanned:
        return "not scanned";
    case Reason::unreadable:
        return "unreadable";
    }
    return "unknown";
}

const char* name(Lift lift) {
    switch (lift) {
    case Lift::none:
        return "";
    case Lift::one_domain:
        return "give both mounts one domain_id";
    case Lift::share_mount:
        return "mount both with inode_share, without DAX, from files";
    case Lift::fingerprint:
        return "store fingerprints: mkfs.erofs --xattr-inode-digest";
    case Lift::same_layout:
        return "compress both or neither";
    case Lift::chunk_size:
        return "a chunk size of at least the file's size";
    case Lift::no_inline:
        return "no inline tail: mkfs.erofs -E noinline_data";
    case Lift::plain:
        return "store it without compression";
    }
    return "unknown";
}

} // namespace coldscope::sharing
