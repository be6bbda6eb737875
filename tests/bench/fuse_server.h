// The two servers that bench_fuse compares, each in a process of its own: the daemon core with
// every request kept, and the least libfuse server that can carry the same EROFS mount.
#pragma once

#include <string>

namespace coldscope::bench {

struct Served {
    std::string bootstrap;
    std::string blob;
    std::string mount;   // where EROFS is mounted
    std::string scratch; // an empty folder for what the server needs
    std::string latency; // of the source, as "5ms"; empty for none
};

// Print "ready" once EROFS is mounted; unmount and return at the end of standard input.
int serve_coldscope(const Served& served);
int serve_peer(const Served& served);

} // namespace coldscope::bench
