// What is known beside the records of steps: of a reading thread when it first asks, and again now
// and then, since its number may have become another's; of a request where the kernel's tracepoints
// tell which file it is for, and where it fails.
#pragma once

#include "core/base/clock.h"
#include "core/request/step.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace coldscope {

struct ReaderFacts {
    Nanoseconds time = 0;      // CLOCK_MONOTONIC, before the request that it is told with
    std::uint32_t thread = 0;  // as in StepRecord::pid
    std::uint32_t process = 0; // 0: not known
    std::string cgroup;        // its path in the unified hierarchy; empty: not known

    [[nodiscard]] bool same_as(const ReaderFacts& other) const {
        return thread == other.thread && process == other.process && cgroup == other.cgroup;
    }
};

// The read that EROFS was at, in the same thread, just before it asked.
struct ReadFor {
    RequestId request = 0;
    std::uint64_t nid = 0;    // the inode
    std::uint64_t offset = 0; // bytes in the file, page-aligned
    std::uint64_t length = 0;
};

// When the reader itself passed a place in the kernel. Of what comes after the answer it is told
// late, or not at all.
struct KernelTime {
    enum class Passed : std::uint8_t {
        asked,   // it began to ask: before Step::arrived
        resumed, // it went on, with an answer or because it was killed
    };
    RequestId request = 0;
    Passed passed = Passed::asked;
    Nanoseconds time = 0; // CLOCK_MONOTONIC
};

// Why a request fails, where a source or the cache says so. Before its Step::answered.
struct Failure {
    RequestId request = 0;
    std::string why;
};

// The reader asked through another mount that shares page cache with the run's own, where this
// file has the same memory. Comes when it is known, which may be after the answer.
struct AskedThrough {
    RequestId request = 0;
    std::string file;  // its path as the reader sees it
    std::string mount; // the folder that the other mount stands on
};

using Fact = std::variant<ReaderFacts, ReadFor, KernelTime, Failure, AskedThrough>;

// Of the content of /proc/PID/cgroup: the path in the unified hierarchy, else the first one.
[[nodiscard]] std::string_view cgroup_path(std::string_view proc_cgroup);
// The short form of the container's id that a cgroup's path has in it, as docker, podman,
// containerd and cri-o name them: 64 hexadecimal digits. Empty where there is none.
[[nodiscard]] std::string_view container_id(std::string_view cgroup);

} // namespace coldscope
