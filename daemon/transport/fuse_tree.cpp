#include "daemon/transport/fuse_tree.h"

#include "core/erofs/read.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

namespace coldscope {

namespace {

// FUSE wants 1 for the root and no 0; EROFS has the root where it likes.
constexpr fuse_ino_t first_number = 2;

// Bytes of clusters that one question may take, beside twice what it asks for.
constexpr std::uint64_t most_stored = 32U << 20;

// The type bits of a mode, for a directory entry's type.
mode_t type_bits(std::uint8_t type) {
    switch (static_cast<erofs::FileType>(type)) {
    case erofs::FileType::regular:
        return S_IFREG;
    case erofs::FileType::directory:
        return S_IFDIR;
    case erofs::FileType::char_device:
        return S_IFCHR;
    case erofs::FileType::block_device:
        return S_IFBLK;
    case erofs::FileType::fifo:
        return S_IFIFO;
    case erofs::FileType::socket:
        return S_IFSOCK;
    case erofs::FileType::symlink:
        return S_IFLNK;
    case erofs::FileType::unknown:
        break;
    }
    return 0;
}

struct stat attributes_of(const erofs::Inode& inode, std::uint32_t block_size) {
    struct stat attributes {};
    attributes.st_ino = inode.nid;
    attributes.st_mode = inode.mode;
    attributes.st_nlink = inode.nlink;
    attributes.st_uid = inode.uid;
    attributes.st_gid = inode.gid;
    attributes.st_rdev = makedev(inode.rdev_major(), inode.rdev_minor());
    attributes.st_size = static_cast<off_t>(inode.size);
    attributes.st_blksize = static_cast<blksize_t>(block_size);
    attributes.st_blocks = static_cast<blkcnt_t>((inode.size + 511) / 512);
    attributes.st_mtim.tv_sec = inode.mtime;
    attributes.st_mtim.tv_nsec = inode.mtime_nsec;
    attributes.st_atim = attributes.st_ctim = attributes.st_mtim;
    return attributes;
}

} // namespace

struct FuseTreeTransport::Operations {
    static FuseTreeTransport& self(fuse_req_t request) {
        return *static_cast<FuseTreeTransport*>(
            static_cast<FuseSession*>(fuse_req_userdata(request)));
    }
    static void refuse(fuse_req_t request, const Error& error) {
        fuse_reply_err(request, to_errno(error));
    }
    static const erofs::Inode& open_file(const fuse_file_info* info) {
        return *reinterpret_cast<const erofs::Inode*>(info->fh); // owned by open_files_
    }

    static void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
        FuseTreeTransport& transport = self(request);
        const auto directory = transport.inode(parent);
        if (!directory)
            return refuse(request, directory.error());
        const auto nid = transport.image_->look_up(*directory, name);
        if (!nid)
            return refuse(request, nid.error());
        fuse_entry_param entry{};
        entry.entry_timeout = entry.attr_timeout = forever;
        if (*nid) {
            entry.ino = transport.number_of(**nid);
            const auto inode = transport.inode(entry.ino);
            if (!inode)
                return refuse(request, inode.error());
            entry.attr = attributes_of(*inode, transport.image_->superblock().block_size());
        }
        // Without a number the entry says, for as long, that the name does not exist.
        fuse_reply_entry(request, &entry);
    }

    static void getattr(fuse_req_t request, fuse_ino_t number, fuse_file_info*) {
        FuseTreeTransport& transport = self(request);
        const auto inode = transport.inode(number);
        if (!inode)
            return refuse(request, inode.error());
        const struct stat attributes =
            attributes_of(*inode, transport.image_->superblock().block_size());
        fuse_reply_attr(request, &attributes, forever);
    }

    static void readlink(fuse_req_t request, fuse_ino_t number) {
        FuseTreeTransport& transport = self(request);
        const auto inode = transport.inode(number);
        if (!inode)
            return refuse(request, inode.error());
        const auto target = transport.image_->link_target(*inode);
        if (!target)
            return refuse(request, target.error());
        fuse_reply_readlink(request, target->c_str());
    }

    static void open(fuse_req_t request, fuse_ino_t number, fuse_file_info* info) {
        FuseTreeTransport& transport = self(request);
        const auto inode = transport.inode(number);
        if (!inode)
            return refuse(request, inode.error());
        auto file = std::make_unique<erofs::Inode>(*inode);
        info->fh = reinterpret_cast<std::uintptr_t>(file.get());
        info->keep_cache = 1;
        info->cache_readdir = 1;
        const std::uint64_t handle = info->fh;
        if (fuse_reply_open(request, info) == 0)
            transport.open_files_.emplace(handle, std::move(file));
    }

    static void release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
        self(request).open_files_.erase(info->fh);
        fuse_reply_err(request, 0);
    }

    static void read(fuse_req_t request, fuse_ino_t, size_t size, off_t offset,
                     fuse_file_info* info) {
        FuseTreeTransport& transport = self(request);
        const erofs::Inode& file = open_file(info);
        const auto begin = static_cast<std::uint64_t>(offset);
        if (begin >= file.size) {
            fuse_reply_buf(request, nullptr, 0);
            return;
        }
        auto question = transport.question(file, begin, size);
        if (!question)
            return refuse(request, question.error());
        transport.ask(request, std::move(*question));
    }

    static void readdir(fuse_req_t request, fuse_ino_t, size_t size, off_t offset,
                        fuse_file_info* info) {
        FuseTreeTransport& transport = self(request);
        std::vector<char> buffer(size);
        std::size_t used = 0;
        std::string name;
        const auto listed = transport.image_->for_each_entry(
            open_file(info), static_cast<std::uint64_t>(offset),
            [&](const erofs::DirEntry& entry, std::uint64_t next) {
                name = entry.name;
                struct stat attributes {};
                attributes.st_ino = entry.nid;
                attributes.st_mode = type_bits(entry.type);
                const std::size_t need =
                    fuse_add_direntry(request, buffer.data() + used, size - used, name.c_str(),
                                      &attributes, static_cast<off_t>(next));
                if (need > size - used)
                    return false;
                used += need;
                return true;
            });
        if (!listed && used == 0)
            return refuse(request, listed.error());
        fuse_reply_buf(request, buffer.data(), used);
    }

    static void getxattr(fuse_req_t request, fuse_ino_t number, const char* name, size_t size) {
        with_xattrs(request, number, size, [&](const std::vector<erofs::Xattr>& all) {
            const auto found = std::find_if(
                all.begin(), all.end(), [&](const erofs::Xattr& one) { return one.name == name; });
            return found == all.end() ? std::nullopt : std::optional(found->value);
        });
    }

    static void listxattr(fuse_req_t request, fuse_ino_t number, size_t size) {
        with_xattrs(request, number, size, [](const std::vector<erofs::Xattr>& all) {
            std::string names;
            for (const erofs::Xattr& one : all) {
                names += one.name;
                names += '\0';
            }
            return std::optional(names);
        });
    }

    // choose: the bytes to answer with, or nothing for ENODATA.
    template <typename Choose>
    static void with_xattrs(fuse_req_t request, fuse_ino_t number, size_t size, Choose choose) {
        FuseTreeTransport& transport = self(request);
        const auto inode = transport.inode(number);
        if (!inode)
            return refuse(request, inode.error());
        const auto all = transport.image_->xattrs(*inode);
        if (!all)
            return refuse(request, all.error());
        const std::optional<std::string> value = choose(*all);
        if (!value)
            fuse_reply_err(request, ENODATA);
        else if (size == 0)
            fuse_reply_xattr(request, value->size());
        else if (value->size() > size)
            fuse_reply_err(request, ERANGE);
        else
            fuse_reply_buf(request, value->data(), value->size());
    }

    static void statfs(fuse_req_t request, fuse_ino_t) {
        const erofs::Superblock& super = self(request).image_->superblock();
        struct statvfs status {};
        status.f_bsize = status.f_frsize = super.block_size();
        status.f_blocks = super.blocks;
        status.f_files = super.inodes;
        status.f_namemax = 255;
        fuse_reply_statfs(request, &status);
    }
};

const fuse_lowlevel_ops& FuseTreeTransport::operations() const {
    static const fuse_lowlevel_ops table = [] {
        fuse_lowlevel_ops ops{};
        ops.init = &FuseSession::init;
        ops.lookup = &Operations::lookup;
        ops.getattr = &Operations::getattr;
        ops.readlink = &Operations::readlink;
        ops.open = &Operations::open;
        ops.release = &Operations::release;
        ops.read = &Operations::read;
        ops.opendir = &Operations::open;
        ops.releasedir = &Operations::release;
        ops.readdir = &Operations::readdir;
        ops.getxattr = &Operations::getxattr;
        ops.listxattr = &Operations::listxattr;
        ops.statfs = &Operations::statfs;
        return ops;
    }();
    return table;
}

Result<erofs::Inode> FuseTreeTransport::inode(fuse_ino_t number) {
    return image_->inode(number == FUSE_ROOT_ID ? image_->root_nid() : number - first_number);
}

fuse_ino_t FuseTreeTransport::number_of(std::uint64_t nid) const {
    return nid == image_->root_nid() ? FUSE_ROOT_ID : nid + first_number;
}

Result<Ask> FuseTreeTransport::question(const erofs::Inode& file, std::uint64_t offset,
                                        std::uint64_t length) {
    COLDSCOPE_TRY(const auto extents, image_->map(file, offset, length));
    Ask ask;
    const auto node = index_.node_of_nid(file.nid);
    if (!node)
        return failure(Code::not_found, "a file that is not in the index", file.offset);
    ask.object = first_file_object + *node;
    ask.offset = offset;
    ask.length = length;
    bool encoded = false;
    std::uint64_t stored = 0;
    for (const erofs::Extent& extent : extents) {
        stored += extent.is_placed() ? extent.stored().length() : 0;
        if (stored > most_stored + 2 * length)
            return failure(Code::corrupt,
                           fmt::format("inode {}: {} bytes from {} on are stored in too many "
                                       "clusters",
                                       file.nid, length, offset),
                           file.offset);
        COLDSCOPE_TRY(Piece piece, this->piece(file, extent));
        encoded = encoded || (extent.kind == erofs::ExtentKind::encoded && extent.is_placed());
        ask.pieces.push_back(std::move(piece));
    }
    if (encoded)
        ask.decode = [clusters = clusters_, extents](std::span<const std::byte> bytes) {
            return clusters->put_together(extents, bytes);
        };
    return ask;
}

// What an extent is read from: a cluster whole, and encoded.
Result<Piece> FuseTreeTransport::piece(const erofs::Inode& file, const erofs::Extent& extent) {
    Piece piece;
    piece.length = extent.length;
    if (extent.kind == erofs::ExtentKind::hole)
        return piece;
    if (extent.kind == erofs::ExtentKind::inline_tail || !extent.is_placed()) {
        piece.from = Piece::From::bytes;
        piece.bytes.resize(extent.length);
        COLDSCOPE_CHECK(
            erofs::read_file(*image_, file, extent.offset, piece.bytes, std::span(&primary_, 1)));
        return piece;
    }
    const Range stored = extent.stored();
    piece.from = Piece::From::store;
    piece.store = extent.device;
    piece.offset = stored.begin;
    piece.length = stored.length();
    if (extent.device >= engine().store_count() ||
        stored.begin > engine().store(extent.device).size() ||
        stored.length() > engine().store(extent.device).size() - stored.begin)
        return failure(Code::corrupt, "bytes lie past their device's end", extent.address);
    return piece;
}

} // namespace coldscope
