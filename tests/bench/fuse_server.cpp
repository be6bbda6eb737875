#include "tests/bench/fuse_server.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUSE_USE_VERSION 314
#include "core/rules/command.h"
#include "daemon/run/run.h"

#include <fuse_lowlevel.h>

namespace coldscope::bench {

namespace {

void say_ready() {
    std::puts("ready");
    std::fflush(stdout);
}

// --- the peer: two files, read with pread ---

struct PeerFile {
    const char* name;
    int fd;
    off_t size;
};
std::array<PeerFile, 2> peer_files;

struct stat peer_attributes(fuse_ino_t inode) {
    struct stat attributes {};
    attributes.st_ino = inode;
    attributes.st_mode = inode == FUSE_ROOT_ID ? S_IFDIR | 0500 : S_IFREG | 0400;
    attributes.st_nlink = 1;
    if (inode != FUSE_ROOT_ID)
        attributes.st_size = peer_files[inode - 2].size;
    return attributes;
}

void peer_lookup(fuse_req_t request, fuse_ino_t, const char* name) {
    for (std::size_t i = 0; i < peer_files.size(); ++i) {
        if (std::strcmp(name, peer_files[i].name) != 0)
            continue;
        fuse_entry_param entry{};
        entry.ino = i + 2;
        entry.attr = peer_attributes(entry.ino);
        entry.attr_timeout = entry.entry_timeout = 86400;
        fuse_reply_entry(request, &entry);
        return;
    }
    fuse_reply_err(request, ENOENT);
}

void peer_getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    const struct stat attributes = peer_attributes(inode);
    fuse_reply_attr(request, &attributes, 86400);
}

void peer_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
    static std::vector<char> buffer(1 << 20);
    const ssize_t got = pread(peer_files[inode - 2].fd, buffer.data(), size, offset);
    if (got < 0)
        fuse_reply_err(request, errno);
    else
        fuse_reply_buf(request, buffer.data(), static_cast<size_t>(got));
}

PeerFile open_peer_file(const char* name, const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    fstat(fd, &status);
    return {name, fd, status.st_size};
}

} // namespace

int serve_peer(const Served& served) {
    peer_files = {open_peer_file("bootstrap", served.bootstrap),
                  open_peer_file("blob1", served.blob)};
    fuse_lowlevel_ops operations{};
    operations.lookup = peer_lookup;
    operations.getattr = peer_getattr;
    operations.read = peer_read;
    std::array<char*, 3> words{const_cast<char*>("peer"), const_cast<char*>("-o"),
                               const_cast<char*>("ro,fsname=peer")};
    fuse_args arguments = FUSE_ARGS_INIT(static_cast<int>(words.size()), words.data());
    fuse_session* session = fuse_session_new(&arguments, &operations, sizeof operations, nullptr);
    if (session == nullptr || fuse_session_mount(session, served.scratch.c_str()) != 0)
        return 1;
    // EROFS is mounted by a child, as it reads from this process.
    const pid_t child = fork();
    if (child == 0) {
        close(fuse_session_fd(session));
        const std::string options = "directio,device=" + served.scratch + "/blob1";
        if (mount((served.scratch + "/bootstrap").c_str(), served.mount.c_str(), "erofs", MS_RDONLY,
                  options.c_str()) != 0) {
            std::perror("mount");
            _exit(1);
        }
        say_ready();
        char byte = 0;
        while (read(0, &byte, 1) > 0) {
        }
        umount2(served.mount.c_str(), MNT_DETACH);
        umount2(served.scratch.c_str(), MNT_DETACH);
        _exit(0);
    }
    close(0);
    fuse_session_loop(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

int serve_coldscope(const Served& served) {
    RunOptions options;
    options.image = served.bootstrap;
    options.devices = {served.blob};
    options.mount_point = served.mount;
    options.cache = served.scratch;
    options.transport = TransportKind::fuse_blob;
    if (!served.latency.empty())
        options.shape.latency = parse_duration(served.latency).value();
    const auto run = Run::start(options);
    if (!run) {
        std::fprintf(stderr, "%s\n", describe(run.error()).c_str());
        return 1;
    }
    std::vector<StepRecord> kept;
    kept.reserve(1 << 20);
    say_ready();
    for (;;) {
        (*run)->events().arm();
        (*run)->events().drain([&](const StepRecord& record) { kept.push_back(record); });
        std::array<pollfd, 2> entries{pollfd{0, POLLIN, 0},
                                      pollfd{(*run)->events().fd(), POLLIN, 0}};
        poll(entries.data(), entries.size(), 200);
        (*run)->beat();
        char byte = 0;
        if (entries[0].revents != 0 && read(0, &byte, 1) <= 0)
            break;
        // A window drains at its frame rate; waking for each record would only cost.
        std::this_thread::sleep_for(std::chrono::milliseconds(8));
    }
    const bool stopped = (*run)->stop().has_value();
    if ((*run)->events().lost() != 0) {
        std::fprintf(stderr, "%llu events were lost\n",
                     static_cast<unsigned long long>((*run)->events().lost()));
        return 1;
    }
    return stopped ? 0 : 1;
}

} // namespace coldscope::bench
