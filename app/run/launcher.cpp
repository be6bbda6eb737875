#include "app/run/launcher.h"

#include "app/run/demo.h"
#include "app/style/text.h"
#include "core/erofs/features.h"
#include "daemon/run/prepare.h"
#include "daemon/transport/offer.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSettings>
#include <QStandardPaths>

#include <unistd.h>

namespace coldscope::app {

namespace {

constexpr qint64 longest_read_list = 16 << 20; // bytes

template <typename T>
Result<void> parse_field(const QString& text, const QString& field,
                         Result<T> (*parse)(std::string_view), T& into) {
    if (text.trimmed().isEmpty())
        return {};
    auto value = parse(text.trimmed().toStdString());
    if (!value) {
        Error error = value.error();
        error.context = (field + QStringLiteral(": ")).toStdString() + error.context;
        return std::unexpected(error);
    }
    into = *value;
    return {};
}

Result<std::vector<SimulatedRead>> load_reads(const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return failure(Code::io, (path + QStringLiteral(": ") + file.errorString()).toStdString());
    return parse_read_list(file.read(longest_read_list).toStdString());
}

QString runtime_folder() {
    const QString path = QStandardPaths::writableLocation(QStandardPaths::RuntimeLocation);
    return !path.isEmpty() && !path.contains(u',') && QFileInfo(path).isWritable()
               ? path
               : QString::fromStdString("/tmp");
}

} // namespace

void Choice::save() const {
    if (image == demo_image()) // gone with the AppImage that it may lie in
        return;
    QSettings settings;
    settings.beginGroup(QStringLiteral("start"));
    settings.setValue(QStringLiteral("image"), image);
    settings.setValue(QStringLiteral("devices"), devices);
    settings.setValue(QStringLiteral("transport"), transport);
    settings.setValue(QStringLiteral("latency"), latency);
    settings.setValue(QStringLiteral("jitter"), jitter);
    settings.setValue(QStringLiteral("bandwidth"), bandwidth);
    settings.setValue(QStringLiteral("mount"), mount);
    settings.setValue(QStringLiteral("cache"), cache);
    settings.setValue(QStringLiteral("buffered"), buffered);
    settings.setValue(QStringLiteral("share_domain"), share_domain);
    settings.setValue(QStringLiteral("reads"), reads);
    settings.setValue(QStringLiteral("command"), command);
}

Choice Choice::saved() {
    QSettings settings;
    settings.beginGroup(QStringLiteral("start"));
    const auto text = [&](const char* key) {
        return settings.value(QLatin1String(key)).toString();
    };
    Choice choice;
    choice.image = text("image");
    choice.devices = settings.value(QStringLiteral("devices")).toStringList();
    choice.transport = text("transport");
    choice.latency = settings.value(QStringLiteral("latency"), QStringLiteral("2ms")).toString();
    choice.jitter = text("jitter");
    choice.bandwidth = text("bandwidth");
    choice.mount = text("mount");
    choice.cache = text("cache");
    choice.buffered = settings.value(QStringLiteral("buffered")).toBool();
    choice.share_domain = text("share_domain");
    choice.reads = text("reads");
    choice.command = settings.value(QStringLiteral("command")).toStringList();
    return choice;
}

Result<Shape> shape_of(const Choice& choice) {
    Shape shape;
    COLDSCOPE_CHECK(
        parse_field(choice.latency, QObject::tr("Latency"), parse_duration, shape.latency));
    COLDSCOPE_CHECK(
        parse_field(choice.jitter, QObject::tr("Jitter"), parse_duration, shape.jitter));
    COLDSCOPE_CHECK(
        parse_field(choice.bandwidth, QObject::tr("Bandwidth"), parse_size, shape.bandwidth));
    return shape;
}

guard::Rights asked_by(const Choice& choice, const erofs::Superblock* image) {
    if (!choice.privileged || geteuid() == 0)
        return guard::Rights::own;
    auto kind = transport_by_name(choice.transport.toStdString());
    if (choice.transport.isEmpty()) {
        if (const auto best = choose_transport(std::nullopt, true))
            kind = *best;
    }
    const bool shares = !choice.share_domain.isEmpty() &&
                        (image == nullptr || image->has_compat(erofs::compat::inode_share_xattrs));
    return kind ? rights_for(*kind, shares) : guard::Rights::own;
}

Launcher::Launcher(Workspace& workspace) : workspace_(workspace) {
    connect(&workspace_, &Workspace::image_changed, this, &Launcher::go_on);
    connect(&workspace_, &Workspace::failed, this, [this] {
        if (step_ == Step::opening && !workspace_.opening())
            step_ = Step::idle;
    });
    connect(&workspace_.host(), &RunHost::phase_changed, this, [this] {
        const RunHost::Phase phase = workspace_.host().phase();
        if (phase == RunHost::Phase::live && step_ == Step::starting)
            run_began();
        if (phase == RunHost::Phase::ended || phase == RunHost::Phase::none) {
            remove_folder();
            if (step_ == Step::starting)
                step_ = Step::idle;
        }
    });
}

Launcher::~Launcher() {
    remove_folder();
}

// Nothing beyond a mount is ever deleted: the mount's folder only if it is empty, the cache's files
// by name.
void Launcher::remove_folder() {
    if (!folder_)
        return;
    const QDir folder(folder_->path());
    QDir cache(folder.filePath(QStringLiteral("cache")));
    for (const QString& file : cache.entryList(QDir::Files | QDir::Hidden))
        cache.remove(file);
    folder.rmdir(QStringLiteral("cache"));
    folder.rmdir(QStringLiteral("mount"));
    QDir().rmdir(folder.path());
    folder_.reset();
}

void Launcher::start(const Choice& choice) {
    const RunHost::Phase phase = workspace_.host().phase();
    if (step_ != Step::idle || (phase != RunHost::Phase::none && phase != RunHost::Phase::ended))
        return;
    last_ = choice;
    step_ = Step::opening;
    if (!workspace_.is_open(choice.image, choice.devices))
        workspace_.open(choice.image, choice.devices);
    else
        go_on();
}

void Launcher::go_on() {
    if (step_ != Step::opening || workspace_.opening())
        return;
    if (workspace_.image() && workspace_.image()->path == last_->image.toStdString())
        begin_run();
    else
        step_ = Step::idle; // it was closed, or another one was opened instead
}

void Launcher::refuse(const QString& text) {
    step_ = Step::idle;
    remove_folder();
    Q_EMIT workspace_.failed(tr("The run did not start"), text);
}

void Launcher::begin_run() {
    const Choice& choice = *last_;
    RunOptions options;
    options.image = workspace_.image()->path;
    options.devices = workspace_.image()->device_paths;
    for (std::size_t i = 0; i < options.devices.size(); ++i) {
        if (options.devices[i].empty())
            return refuse(tr("No file is named for %1. Name it under Run, Start….")
                              .arg(QString::fromStdString(workspace_.image()->device_name(
                                  static_cast<std::uint16_t>(i + 1)))));
    }
    if (!choice.transport.isEmpty()) {
        options.transport = transport_by_name(choice.transport.toStdString());
        if (!options.transport)
            return refuse(tr("'%1' is no transport").arg(choice.transport));
    }
    auto shape = shape_of(choice);
    if (!shape)
        return refuse(error_text(shape.error()));
    options.shape = *shape;
    options.buffered = choice.buffered;
    options.share_domain = choice.share_domain.toStdString();
    options.engine = engine;
    if (!choice.reads.isEmpty()) {
        auto reads = load_reads(choice.reads);
        if (!reads)
            return refuse(error_text(reads.error(), choice.reads));
        options.reads = std::move(*reads);
    }
    folder_ =
        std::make_unique<QTemporaryDir>(runtime_folder() + QStringLiteral("/coldscope.XXXXXX"));
    if (!folder_->isValid())
        return refuse(
            tr("No folder can be made in %1: %2").arg(runtime_folder(), folder_->errorString()));
    folder_->setAutoRemove(false);
    const QDir folder(folder_->path());
    if (choice.mount.isEmpty())
        folder.mkdir(QStringLiteral("mount"));
    options.mount_point =
        (choice.mount.isEmpty() ? folder.filePath(QStringLiteral("mount")) : choice.mount)
            .toStdString();
    options.cache =
        (choice.cache.isEmpty() ? folder.filePath(QStringLiteral("cache")) : choice.cache)
            .toStdString();
    step_ = Step::starting;
    workspace_.host().start(options, asked_by(choice, &workspace_.image()->image->superblock()));
}

void Launcher::run_began() {
    step_ = Step::idle;
    for (const QString& line : last_->steering) {
        if (const auto done = workspace_.host().command(line.toStdString()); !done)
            Q_EMIT workspace_.failed(tr("Not done: %1").arg(line), error_text(done.error()));
    }
    if (last_->command.isEmpty() || workspace_.host().simulated())
        return;
    const auto started = workspace_.workload().start(
        last_->command, QString::fromStdString(workspace_.host().options().mount_point));
    if (!started)
        Q_EMIT workspace_.failed(tr("The program did not start"), error_text(started.error()));
}

void Launcher::stop() {
    workspace_.workload().end();
    workspace_.host().stop();
}

} // namespace coldscope::app
