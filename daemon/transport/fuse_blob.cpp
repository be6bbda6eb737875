#include "daemon/transport/fuse_blob.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

namespace coldscope {

struct FuseBlobTransport::Operations {
    static FuseBlobTransport& self(fuse_req_t request) {
        return *static_cast<FuseBlobTransport*>(
            static_cast<FuseSession*>(fuse_req_userdata(request)));
    }

    static void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
        const FuseBlobTransport& transport = self(request);
        const auto found = std::find(transport.names_.begin(), transport.names_.end(), name);
        if (parent != FUSE_ROOT_ID || found == transport.names_.end()) {
            fuse_reply_err(request, ENOENT);
            return;
        }
        fuse_entry_param entry{};
        entry.ino = FUSE_ROOT_ID + 1 +
                    static_cast<fuse_ino_t>(std::distance(transport.names_.begin(), found));
        entry.attr = transport.attributes(entry.ino);
        entry.attr_timeout = entry.entry_timeout = forever;
        fuse_reply_entry(request, &entry);
    }

    static void getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
        const struct stat attributes = self(request).attributes(inode);
        fuse_reply_attr(request, &attributes, forever);
    }

    static void open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* info) {
        if (!self(request).is_file(inode)) {
            fuse_reply_err(request, EISDIR);
            return;
        }
        info->keep_cache = 1;
        fuse_reply_open(request, info);
    }

    static void read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                     fuse_file_info*) {
        FuseBlobTransport& transport = self(request);
        const StoreId store = store_of(inode);
        const std::uint64_t end = transport.engine().store(store).size();
        const auto begin = static_cast<std::uint64_t>(offset);
        if (begin >= end) {
            fuse_reply_buf(request, nullptr, 0);
            return;
        }
        Ask question;
        question.object = store;
        question.offset = begin;
        question.length = size;
        question.pieces.push_back(
            {Piece::From::store, store, begin, std::min<std::uint64_t>(size, end - begin), {}});
        transport.ask(request, std::move(question));
    }

    static void readdir(fuse_req_t request, fuse_ino_t, size_t size, off_t offset,
                        fuse_file_info*) {
        const FuseBlobTransport& transport = self(request);
        std::vector<char> buffer(size);
        std::size_t used = 0;
        for (auto at = static_cast<std::size_t>(offset); at < transport.names_.size(); ++at) {
            const struct stat attributes = transport.attributes(FUSE_ROOT_ID + 1 + at);
            const std::size_t need = fuse_add_direntry(request, buffer.data() + used, size - used,
                                                       transport.names_[at].c_str(), &attributes,
                                                       static_cast<off_t>(at + 1));
            if (need > size - used)
                break;
            used += need;
        }
        fuse_reply_buf(request, buffer.data(), used);
    }
};

const fuse_lowlevel_ops& FuseBlobTransport::operations() const {
    static const fuse_lowlevel_ops table = [] {
        fuse_lowlevel_ops ops{};
        ops.init = &FuseSession::init;
        ops.lookup = &Operations::lookup;
        ops.getattr = &Operations::getattr;
        ops.open = &Operations::open;
        ops.read = &Operations::read;
        ops.readdir = &Operations::readdir;
        return ops;
    }();
    return table;
}

struct stat FuseBlobTransport::attributes(fuse_ino_t inode) const {
    struct stat attributes {};
    attributes.st_ino = inode;
    attributes.st_uid = geteuid(); // as which the guard knows its client's files
    attributes.st_gid = getegid();
    if (is_file(inode)) {
        attributes.st_mode = S_IFREG | 0400;
        attributes.st_nlink = 1;
        attributes.st_size = static_cast<off_t>(engine().store(store_of(inode)).size());
    } else {
        attributes.st_mode = S_IFDIR | 0500;
        attributes.st_nlink = 2;
    }
    return attributes;
}

} // namespace coldscope
