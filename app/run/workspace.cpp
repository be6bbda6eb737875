#include "app/run/workspace.h"

#include "app/run/work_pool.h"
#include "app/style/text.h"
#include "core/erofs/read.h"

#include <QtConcurrentRun>
#include <algorithm>
#include <cerrno>

namespace coldscope::app {

namespace {

// Adds a node once, as long as there is room.
void add_node(Workspace::Files& files, erofs::NodeId node, std::size_t most) {
    if (std::ranges::find(files.nodes, node) != files.nodes.end())
        return;
    if (files.nodes.size() == most)
        files.more = true;
    else
        files.nodes.push_back(node);
}

} // namespace

Workspace::Workspace(QObject* parent)
    : QObject(parent), residency_(host_, [this](const RequestRow& request, auto& into) {
          places_of(request, into);
      }) {
    connect(&opening_root_, &QFutureWatcher<Opened>::finished, this, &Workspace::root_is_there);
    connect(&opening_whole_, &QFutureWatcher<Opened>::finished, this, &Workspace::whole_is_there);
    connect(&checking_, &QFutureWatcher<std::shared_ptr<erofs::Findings>>::finished, this,
            &Workspace::finish_check);
    connect(&host_, &RunHost::failed, this, &Workspace::failed);
    connect(&workload_, &Workload::printed, this, &Workspace::printed);
    connect(&host_, &RunHost::began, &selection_, &Selection::clear);
    // Why there is none may be another reason now.
    connect(&host_, &RunHost::began, this, [this] {
        if (image_)
            return;
        Q_EMIT image_changed();
        Q_EMIT findings_changed();
    });
}

Workspace::~Workspace() {
    stop_opening();
    if (check_stopped_)
        *check_stopped_ = true;
    opening_root_.waitForFinished();
    opening_whole_.waitForFinished();
    checking_.waitForFinished();
}

void Workspace::open(const QString& path, const QStringList& device_paths) {
    if (opening() && path == path_ && device_paths == device_paths_)
        return;
    const bool was_read = reading_ != nullptr;
    stop_opening();
    path_ = path;
    device_paths_ = device_paths;
    is_opening_ = true;
    std::vector<std::string> devices;
    for (const QString& device : device_paths)
        devices.push_back(device.toStdString());
    not_wanted_ = std::make_shared<std::atomic<bool>>(false);
    opening_root_.setFuture(QtConcurrent::run(
        &work_pool(), [path = path.toStdString(), devices, stopped = not_wanted_] {
            return std::make_shared<Result<std::shared_ptr<OpenedImage>>>(
                open_root(path, devices, stopped));
        }));
    Q_EMIT opening_changed();
    if (was_read)
        Q_EMIT image_changed();
}

// Whatever comes of it is not taken in.
void Workspace::stop_opening() {
    is_opening_ = false;
    if (not_wanted_)
        *not_wanted_ = true;
    not_wanted_.reset();
    opening_root_.cancel();
    opening_whole_.cancel();
    reading_.reset();
}

void Workspace::drop_image() {
    image_.reset();
    shared_pieces_ = {};
    findings_ = {};
    is_checking_ = false;
    if (check_stopped_)
        *check_stopped_ = true;
    residency_.set_image({});
    selection_.clear();
}

void Workspace::root_is_there() {
    if (opening_root_.isCanceled())
        return;
    Result<std::shared_ptr<OpenedImage>>& result = *opening_root_.result();
    if (!result) {
        is_opening_ = false;
        Q_EMIT opening_changed();
        if (!image_) { // what was shown of one that was being read is gone
            Q_EMIT image_changed();
            Q_EMIT findings_changed();
        }
        Q_EMIT failed(tr("The image could not be opened"), error_text(result.error(), path_));
        return;
    }
    drop_image();
    reading_ = std::move(*result);
    // Before the views take their time.
    opening_whole_.setFuture(QtConcurrent::run(&work_pool(), [root = reading_,
                                                              stopped = not_wanted_] {
        return std::make_shared<Result<std::shared_ptr<OpenedImage>>>(open_whole(*root, stopped));
    }));
    Q_EMIT image_changed();
    Q_EMIT findings_changed();
}

void Workspace::whole_is_there() {
    if (opening_whole_.isCanceled())
        return;
    is_opening_ = false;
    Result<std::shared_ptr<OpenedImage>>& result = *opening_whole_.result();
    const std::shared_ptr<OpenedImage> root = std::move(reading_);
    not_wanted_.reset();
    if (!result) {
        selection_.clear();
        Q_EMIT opening_changed();
        Q_EMIT image_changed();
        Q_EMIT findings_changed();
        Q_EMIT failed(tr("The image could not be opened"), error_text(result.error(), path_));
        return;
    }
    image_ = std::move(*result);
    findings_ = image_->findings;
    // The file may have been written meanwhile.
    const auto& node = selection_.current().node;
    if (node && (*node >= image_->index.size() ||
                 image_->index.node(*node).nid != root->index.node(*node).nid))
        selection_.clear();
    is_checking_ = true;
    check_stopped_ = std::make_shared<std::atomic<bool>>(false);
    checking_.setFuture(
        QtConcurrent::run(&work_pool(), [path = image_->path, devices = image_->device_paths,
                                         stopped = check_stopped_] {
            return std::make_shared<erofs::Findings>(check_opened(path, devices, stopped));
        }));
    residency_.set_image(image_);
    Q_EMIT opening_changed();
    Q_EMIT image_changed();
    Q_EMIT findings_changed();
}

void Workspace::close_image() {
    stop_opening();
    path_.clear();
    drop_image();
    Q_EMIT opening_changed();
    Q_EMIT image_changed();
    Q_EMIT findings_changed();
}

void Workspace::finish_check() {
    if (!is_checking_)
        return;
    is_checking_ = false;
    findings_ = *checking_.result();
    Q_EMIT findings_changed();
}

QString Workspace::no_image_text(const QString& then) const {
    if (opening())
        return tr("Reading the image…");
    return host_.has_image() ? then
                             : tr("This run serves whatever the kernel opens: no image is named.");
}

bool Workspace::is_open(const QString& path, const QStringList& device_paths) const {
    if (!image_ || image_->path != path.toStdString() || image_->replaced())
        return false;
    for (qsizetype i = 0; i < device_paths.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (!device_paths[i].isEmpty() &&
            (at >= image_->device_paths.size() ||
             image_->device_paths[at] != device_paths[i].toStdString()))
            return false;
    }
    return true;
}

QString Workspace::object_name(ObjectId object) const {
    if (const std::string told = host_.told_name(object); !told.empty())
        return QString::fromStdString(told);
    if (object >= first_file_object && image_)
        return path_of(object - first_file_object);
    return image_ ? QString::fromStdString(image_->device_name(static_cast<std::uint16_t>(object)))
                  : tr("object %1").arg(object);
}

void Workspace::places_of(const RequestRow& request, std::vector<DeviceRange>& into) const {
    const Range range{request.offset, request.offset + request.length};
    if (request.object < first_file_object) {
        into.push_back({static_cast<std::uint16_t>(request.object), range});
        return;
    }
    const erofs::NodeId node = request.object - first_file_object;
    if (!image_ || node >= image_->index.size())
        return;
    const auto inode = image_->image->inode(image_->index.node(node).nid);
    if (!inode || range.begin >= inode->size)
        return;
    const auto extents =
        image_->image->map(*inode, range.begin, std::min(range.end, inode->size) - range.begin);
    if (!extents)
        return;
    for (const erofs::Extent& extent : *extents) {
        if (extent.is_placed())
            into.push_back({extent.device, extent.stored()});
    }
}

Workspace::Files Workspace::files_of(const RequestRow& request, std::size_t most) const {
    if (request.object < first_file_object)
        return files_at({static_cast<std::uint16_t>(request.object),
                         {request.offset, request.offset + request.length}},
                        most);
    Files files;
    if (const erofs::NodeId node = request.object - first_file_object;
        image_ && node < image_->index.size())
        files.nodes.push_back(node);
    return files;
}

Workspace::Files Workspace::files_at(const DeviceRange& place, std::size_t most) const {
    Files files;
    if (!image_)
        return files;
    image_->index.files_at(place.device, place.range.begin, place.range.length(),
                           [&](erofs::NodeId node, std::uint64_t, std::uint64_t, std::uint64_t) {
                               add_node(files, node, most);
                           });
    return files;
}

QString Workspace::path_of(erofs::NodeId node) const {
    const auto& image = shown();
    return image && node < image->index.size() ? QString::fromStdString(image->index.path(node))
                                               : QString();
}

std::vector<erofs::Extent> Workspace::extents_of(erofs::NodeId node) const {
    const auto& image = shown();
    if (!image || node >= image->index.size() || !image->index.node(node).is_regular())
        return {};
    const auto inode = image->image->inode(image->index.node(node).nid);
    if (!inode)
        return {};
    return image->image->map(*inode, 0, inode->size).value_or(std::vector<erofs::Extent>{});
}

void Workspace::set_shared_pieces(SharedPieces pieces) {
    shared_pieces_ = std::move(pieces);
    Q_EMIT sharing_changed();
}

void Workspace::choose_request(Row row) {
    if (row >= host_.store().size())
        return;
    const RequestRow& request = host_.store()[row];
    Chosen chosen;
    chosen.by = Chosen::By::request;
    chosen.request = row;
    chosen.view = selection_.current().view;
    if (const Files files = files_of(request, 1); !files.nodes.empty())
        chosen.node = files.nodes.front();
    std::vector<DeviceRange> places;
    places_of(request, places);
    if (!places.empty())
        chosen.range = places.front();
    selection_.choose(chosen);
}

void Workspace::choose_node(erofs::NodeId node) {
    if (!shown() || node >= shown()->index.size())
        return;
    Chosen chosen;
    chosen.by = Chosen::By::node;
    chosen.node = node;
    chosen.view = selection_.current().view;
    for (const erofs::Extent& extent : extents_of(node)) {
        if (!extent.is_placed())
            continue;
        chosen.range = {extent.device, extent.stored()};
        break;
    }
    selection_.choose(chosen);
}

void Workspace::choose_range(const DeviceRange& place) {
    Chosen chosen;
    chosen.by = Chosen::By::range;
    chosen.range = place;
    chosen.view = selection_.current().view;
    if (const Files files = files_at(place, 1); !files.nodes.empty())
        chosen.node = files.nodes.front();
    selection_.choose(chosen);
}

void Workspace::read_now(erofs::NodeId node) {
    const QString path = path_of(node);
    if (!host_.live() || path.isEmpty())
        return;
    if (host_.simulated()) {
        if (const auto read = host_.read(path.toStdString()); !read)
            Q_EMIT failed(tr("%1 was not read").arg(path), error_text(read.error()));
        return;
    }
    if (host_.attachment() != nullptr) {
        Q_EMIT failed(tr("%1 was not read").arg(path),
                      tr("The window is attached to a run: read it where its mount is."));
        return;
    }
    std::erase_if(readers_, [](const auto& reader) { return !reader->running(); });
    auto reader = std::make_unique<Workload>();
    connect(reader.get(), &Workload::printed, this, &Workspace::printed);
    connect(reader.get(), &Workload::ended, this, [this, path](int exit_code) {
        Q_EMIT printed(
            (exit_code == 0 ? tr("read %1\n") : tr("reading %1 failed\n")).arg(path).toUtf8());
    });
    const auto started = reader->start(
        {QStringLiteral("sh"), QStringLiteral("-c"),
         QStringLiteral("dd if=\"$1\" iflag=nocache count=0 status=none; exec cat -- \"$1\" "
                        ">/dev/null"),
         QStringLiteral("sh"), QStringLiteral(".") + path},
        QString::fromStdString(host_.options().mount_point));
    if (!started)
        Q_EMIT failed(tr("%1 was not read").arg(path), error_text(started.error()));
    else
        readers_.push_back(std::move(reader));
}

Result<QByteArray> Workspace::read_file(erofs::NodeId node, std::uint64_t offset,
                                        std::uint64_t most) const {
    if (!image_ || node >= image_->index.size())
        return failure(Code::not_found, "no image is open");
    COLDSCOPE_TRY(const erofs::Inode inode, image_->image->inode(image_->index.node(node).nid));
    if (!inode.is_regular())
        return failure(Code::invalid, "only regular files have bytes to show");
    if (offset >= inode.size)
        return QByteArray();
    QByteArray bytes(static_cast<qsizetype>(std::min(most, inode.size - offset)), '\0');
    COLDSCOPE_CHECK(erofs::read_file(
        *image_->image, inode, offset,
        std::as_writable_bytes(std::span(bytes.data(), static_cast<std::size_t>(bytes.size()))),
        image_->devices));
    return bytes;
}

Result<QByteArray> Workspace::read_device(const DeviceRange& place) const {
    if (!image_ || place.device >= image_->devices.size() || !image_->devices[place.device])
        return failure(Code::not_found, "the file of this device is not there");
    ReadAt& file = *image_->devices[place.device];
    if (place.range.begin >= file.size())
        return QByteArray();
    QByteArray bytes(
        static_cast<qsizetype>(std::min(place.range.end, file.size()) - place.range.begin), '\0');
    COLDSCOPE_CHECK(file.read(
        place.range.begin,
        std::as_writable_bytes(std::span(bytes.data(), static_cast<std::size_t>(bytes.size())))));
    return bytes;
}

int Workspace::seen_by_reader(int error) const {
    return host_.transport() == TransportKind::fuse_tree ? error : EIO;
}

} // namespace coldscope::app
