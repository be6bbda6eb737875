// What the window works on: one image, its run, and what is chosen of both. Every view is given
// this and nothing else.
#pragma once

#include "app/run/opened_image.h"
#include "app/run/residency.h"
#include "app/run/run_host.h"
#include "app/run/selection.h"
#include "app/run/workload.h"
#include "core/sharing/usage.h"

#include <QFutureWatcher>
#include <QObject>
#include <QString>
#include <QStringList>
#include <functional>
#include <memory>
#include <vector>

namespace coldscope::app {

class Workspace final : public QObject {
    Q_OBJECT

public:
    explicit Workspace(QObject* parent = nullptr);
    ~Workspace() override;

    // Opens beside the main thread, instead of what is being opened: first the root, with which
    // reading() is there and image() is gone, then the rest. image_changed() comes with each;
    // failed() when it can't be opened, and nothing else if the root already can't. Not while a run
    // is on.
    void open(const QString& path, const QStringList& device_paths = {});
    // There is no image then, and none is being opened.
    void close_image();
    // This very image with these blobs (empty ones: any), not replaced on disk since.
    [[nodiscard]] bool is_open(const QString& path, const QStringList& device_paths) const;
    [[nodiscard]] bool opening() const { return is_opening_; }

    // Null before the first one is open, and while the rest of another is read.
    [[nodiscard]] const std::shared_ptr<OpenedImage>& image() const { return image_; }
    // While the rest of an image is read, as much of it as there is: see open_root().
    [[nodiscard]] const std::shared_ptr<OpenedImage>& reading() const { return reading_; }
    // What there is to look at of files: the image, else the one that is being read.
    [[nodiscard]] const std::shared_ptr<OpenedImage>& shown() const {
        return image_ ? image_ : reading_;
    }
    // Without an image: why there is nothing to show; `then`, where opening one would help.
    [[nodiscard]] QString no_image_text(const QString& then) const;
    // Of opening, and when checking() is over, of the whole check.
    [[nodiscard]] const erofs::Findings& findings() const { return findings_; }
    [[nodiscard]] bool checking() const { return is_checking_; }

    [[nodiscard]] RunHost& host() { return host_; }
    [[nodiscard]] const RunHost& host() const { return host_; }
    [[nodiscard]] Selection& selection() { return selection_; }
    [[nodiscard]] const Residency& residency() const { return residency_; }
    [[nodiscard]] Workload& workload() { return workload_; }

    // "bootstrap", "blob 1: layer.blob", or a file's path in tree mode.
    [[nodiscard]] QString object_name(ObjectId object) const;
    // Ranges of devices that a request asks for; in tree mode by its file's extents.
    void places_of(const RequestRow& request, std::vector<DeviceRange>& into) const;
    // Files with bytes in these, each once, at most `most`; more(): there were others.
    struct Files {
        std::vector<erofs::NodeId> nodes;
        bool more = false;
    };
    [[nodiscard]] Files files_of(const RequestRow& request, std::size_t most = 4) const;
    [[nodiscard]] Files files_at(const DeviceRange& place, std::size_t most = 4) const;
    [[nodiscard]] QString path_of(erofs::NodeId node) const;
    // Extents of a file on devices, holes and inline tails too. Empty for what is no file.
    [[nodiscard]] std::vector<erofs::Extent> extents_of(erofs::NodeId node) const;

    // Of a regular file of the image: which of its pages are in memory once with others', or could
    // be. Empty: nobody compared it with other images.
    using SharedPieces = std::function<std::vector<sharing::SeenPiece>(erofs::NodeId)>;
    [[nodiscard]] const SharedPieces& shared_pieces() const { return shared_pieces_; }
    void set_shared_pieces(SharedPieces pieces);

    // What is chosen, with what follows from it.
    void choose_request(Row row);
    void choose_node(erofs::NodeId node);
    void choose_range(const DeviceRange& place);

    // Reads a file as if somebody did: by a process in the mount, which drops the kernel's copy
    // first so that it is a question again, or by the simulated kernel. A run is live.
    void read_now(erofs::NodeId node);

    // Bytes of a file from its image and blobs, not through any mount; at most `most` of them.
    [[nodiscard]] Result<QByteArray> read_file(erofs::NodeId node, std::uint64_t offset,
                                               std::uint64_t most) const;
    // Bytes of a device; of the file it comes from.
    [[nodiscard]] Result<QByteArray> read_device(const DeviceRange& place) const;

    // What a reader gets when its request is failed with this errno: EROFS on files of a FUSE mount
    // turns every error into EIO.
    [[nodiscard]] int seen_by_reader(int error) const;

Q_SIGNALS:
    void opening_changed();
    // image() or reading() is another.
    void image_changed();
    // What programs in the mount print, and how read_now() went.
    void printed(const QByteArray& text);
    void findings_changed();
    void sharing_changed();
    void failed(const QString& title, const QString& text);

private:
    using Opened = std::shared_ptr<Result<std::shared_ptr<OpenedImage>>>;
    void root_is_there();
    void whole_is_there();
    void finish_check();
    void stop_opening();
    void drop_image();

    QString path_; // of what is open or being opened
    QStringList device_paths_;
    std::shared_ptr<OpenedImage> image_;
    std::shared_ptr<OpenedImage> reading_;
    erofs::Findings findings_;
    SharedPieces shared_pieces_;
    RunHost host_;
    Selection selection_;
    Residency residency_;
    Workload workload_;
    std::vector<std::unique_ptr<Workload>> readers_; // of read_now()
    QFutureWatcher<Opened> opening_root_;
    QFutureWatcher<Opened> opening_whole_;
    std::shared_ptr<std::atomic<bool>> not_wanted_; // set: what is read is for nobody
    bool is_opening_ = false;                       // until it was taken in
    QFutureWatcher<std::shared_ptr<erofs::Findings>> checking_;
    std::shared_ptr<std::atomic<bool>> check_stopped_;
    bool is_checking_ = false;
};

} // namespace coldscope::app
