#include "core/request/step.h"

namespace coldscope {

std::string_view name(Step step) {
    switch (step) {
    case Step::arrived:
        return "arrived";
    case Step::matched:
        return "matched";
    case Step::held:
        return "held";
    case Step::delayed:
        return "delayed";
    case Step::fetching:
        return "fetching";
    case Step::filling:
        return "filling";
    case Step::answered:
        return "answered";
    case Step::lost:
        return "lost";
    case Step::notice:
        return "notice";
    }
    return "unknown";
}

std::string_view name(Op op) {
    switch (op) {
    case Op::open:
        return "open";
    case Op::read:
        return "read";
    case Op::close:
        return "close";
    }
    return "unknown";
}

std::string_view describe(Notice notice) {
    switch (notice) {
    case Notice::held_released_silent_listener:
        return "the listener was silent for 2 s: held requests were released";
    case Notice::cache_full:
        return "the cache's disk is full: what is fetched can't be kept (on fanotify and "
               "cachefiles its readers get an error)";
    case Notice::cache_writable_again:
        return "the cache takes bytes again";
    case Notice::transport_stopped:
        return "the transport stopped: the kernel asks nothing any more";
    case Notice::unguarded:
        return "unguarded: the guard is gone; mounts would stay if this process died";
    case Notice::guarded_again:
        return "guarded again: a new guard was started";
    case Notice::not_held:
        return "that request does not wait: it was answered already, or never arrived";
    case Notice::no_descriptors:
        return "too many files are open here: an object could not be opened, its mount got an "
               "error";
    case Notice::no_fingerprints:
        return "the image has no fingerprints (mkfs.erofs --xattr-inode-digest): it is mounted "
               "without sharing";
    case Notice::not_asked:
        return "the kernel could not ask about a read: its reader got an error";
    case Notice::prefetch_done:
        return "prefetched: nothing is left of what was asked for";
    case Notice::prefetch_stopped:
        return "prefetching ended: not all of it came";
    case Notice::held_released_link_gone:
        return "no window came back within the hold grace: held requests were released";
    }
    return "unknown notice";
}

} // namespace coldscope
