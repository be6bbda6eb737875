#include "app/run/attacher.h"

#include "app/run/work_pool.h"
#include "app/style/text.h"
#include "daemon/run/prepare.h"

#include <QFileInfo>
#include <QSettings>
#include <QtConcurrentRun>
#include <algorithm>
#include <filesystem>

#include <fcntl.h>

namespace coldscope::app {

namespace {

constexpr qsizetype most_recent = 8;
constexpr std::uint64_t most_fetched = 256u << 20; // bytes of a primary device

// Whether the file is the image of that identity.
bool is_image(const std::string& path, const std::string& identity) {
    std::error_code ignored_error;
    if (!std::filesystem::is_regular_file(path, ignored_error)) // opening a pipe would wait
        return false;
    auto file = FileReadAt::open(path);
    if (!file)
        return false;
    erofs::Findings ignored;
    const auto image = erofs::Image::open(std::shared_ptr<ReadAt>(std::move(*file)), &ignored);
    return image && image_identity(**image) == identity;
}

} // namespace

Attacher::Attacher(Workspace& workspace) : workspace_(workspace) {
    connect(&workspace_.host(), &RunHost::greeted, this, &Attacher::find_image);
    connect(&workspace_.host(), &RunHost::image_fetched, this, &Attacher::image_fetched);
    connect(&finding_, &QFutureWatcher<QString>::finished, this, &Attacher::image_found);
    connect(&workspace_, &Workspace::image_changed, this, [this] {
        if (step_ == Step::opening && workspace_.image())
            go_on();
    });
    connect(&workspace_, &Workspace::failed, this, [this] {
        if (step_ == Step::opening && !workspace_.opening())
            go_on_without(tr("It could not be opened."));
    });
    connect(&workspace_.host(), &RunHost::phase_changed, this, [this] {
        if (workspace_.host().attachment() == nullptr)
            step_ = Step::idle;
    });
}

Attacher::~Attacher() {
    finding_.disconnect(this);
    finding_.waitForFinished();
}

void Attacher::attach(const QString& where, const QString& copy) {
    const RunHost::Phase phase = workspace_.host().phase();
    if (phase != RunHost::Phase::none && phase != RunHost::Phase::ended)
        return;
    const auto address = attach::parse_attach_address(where.toStdString());
    if (!address) {
        Q_EMIT workspace_.failed(tr("Not attached to %1").arg(where), error_text(address.error()));
        return;
    }
    copy_ = copy;
    step_ = Step::greeting;
    workspace_.host().attach(*address);
}

// On a thread of its own, since files may be slow; a mount of the run is not looked into.
void Attacher::find_image() {
    add_recent();
    const attach::Hello& hello = workspace_.host().attachment()->hello();
    if (hello.image.empty()) { // it serves whatever the kernel opens
        workspace_.close_image();
        return go_on();
    }
    std::vector<std::string> candidates;
    if (!copy_.isEmpty())
        candidates.push_back(copy_.toStdString());
    candidates.push_back(hello.image);
    step_ = Step::finding;
    finding_.setFuture(QtConcurrent::run(&work_pool(), [candidates, identity = hello.identity] {
        for (const std::string& path : candidates) {
            if (is_image(path, identity))
                return QString::fromStdString(path);
        }
        return QString();
    }));
}

void Attacher::image_found() {
    if (step_ != Step::finding)
        return;
    const QString path = finding_.result();
    const attach::Hello& hello = workspace_.host().attachment()->hello();
    if (path.isEmpty())
        return fetch_image();
    QStringList devices;
    for (std::size_t i = 1; i < hello.devices.size(); ++i) {
        const QString device = QString::fromStdString(hello.devices[i].path);
        devices << (QFileInfo(device).isFile() ? device : QString());
    }
    open(path, devices);
}

void Attacher::fetch_image() {
    const attach::Hello& hello = workspace_.host().attachment()->hello();
    if (hello.image_size > most_fetched)
        return go_on_without(
            tr("It has %1, which is too much to fetch. Name a copy of it under File, Attach….")
                .arg(size_text(hello.image_size)));
    old_folder_ = std::move(folder_);
    folder_ = std::make_unique<QTemporaryDir>();
    const QString name = QFileInfo(QString::fromStdString(hello.image)).fileName();
    Fd file(::open(folder_->filePath(name).toLocal8Bit().constData(),
                   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!folder_->isValid() || !file)
        return go_on_without(tr("There is no place to keep it: %1").arg(folder_->errorString()));
    step_ = Step::fetching;
    if (!workspace_.host().fetch_image(std::move(file)))
        go_on_without(tr("It could not be asked for."));
}

void Attacher::image_fetched(const QString& error) {
    if (step_ != Step::fetching)
        return;
    if (!error.isEmpty())
        return go_on_without(error);
    const QString image = QString::fromStdString(workspace_.host().attachment()->hello().image);
    open(folder_->filePath(QFileInfo(image).fileName()), {});
}

void Attacher::open(const QString& path, const QStringList& devices) {
    step_ = Step::opening;
    if (workspace_.is_open(path, devices))
        go_on();
    else
        workspace_.open(path, devices);
}

void Attacher::go_on_without(const QString& why) {
    workspace_.close_image();
    go_on();
    Q_EMIT without_image(why);
}

void Attacher::go_on() {
    step_ = Step::idle;
    // The folder of an image before is not watched any more once all have heard of the new one.
    QMetaObject::invokeMethod(
        this, [this] { old_folder_.reset(); }, Qt::QueuedConnection);
    workspace_.host().follow();
}

QStringList Attacher::recent() {
    return QSettings().value(QStringLiteral("attach/recent")).toStringList();
}

void Attacher::add_recent() {
    QStringList places = recent();
    const QString where = workspace_.host().attachment()->where();
    places.removeAll(where);
    places.prepend(where);
    QSettings().setValue(QStringLiteral("attach/recent"), places.mid(0, most_recent));
}

} // namespace coldscope::app
