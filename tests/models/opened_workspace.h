// A workspace with a small image of one blob, and simulated runs of it.
#pragma once

#include "app/run/workspace.h"
#include "tests/support/image_builder.h"

#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>

namespace coldscope::test {

inline FileSpec chunked_file(const char* path, std::size_t size, unsigned seed) {
    FileSpec file;
    file.path = path;
    file.data = pattern(size, seed);
    file.layout = erofs::Layout::chunk_based;
    file.device = 1;
    return file;
}

// /empty, /link and a folder with many files.
inline void add_small_files(ImageBuilder& builder) {
    FileSpec empty;
    empty.path = "/empty";
    builder.add(empty);
    FileSpec link;
    link.path = "/link";
    link.mode = S_IFLNK | 0777;
    link.data = to_bytes("usr/lib");
    builder.add(link);
    for (int i = 0; i < 300; ++i) {
        FileSpec file;
        file.path = "/many/file" + std::to_string(i);
        file.data = to_bytes("x");
        builder.add(file);
    }
}

// /usr/bin/cat and /usr/lib/{libone.so,libtwo.so} on the blob, /etc/conf inline, /empty, /hole,
// /link and a folder with many files.
inline BuiltImage small_image() {
    ImageBuilder builder;
    builder.add_device("layer.blob");
    builder.add(chunked_file("/usr/bin/cat", 64 << 10, 1));
    builder.add(chunked_file("/usr/lib/libone.so", 256 << 10, 2));
    builder.add(chunked_file("/usr/lib/libtwo.so", 128 << 10, 3));
    FileSpec hole = chunked_file("/hole", 0, 0);
    hole.data.assign(16 << 10, std::byte{0});
    builder.add(hole);
    FileSpec conf;
    conf.path = "/etc/conf";
    conf.data = to_bytes("colour=no\n");
    builder.add(conf);
    add_small_files(builder);
    return builder.build();
}

inline bool write_file(const QString& path, const Bytes& bytes) {
    QFile file(path);
    const auto size = static_cast<qint64>(bytes.size());
    return file.open(QIODevice::WriteOnly) &&
           file.write(reinterpret_cast<const char*>(bytes.data()), size) == size;
}

class OpenedWorkspace {
public:
    app::Workspace workspace;

    OpenedWorkspace() {
        QObject::connect(&workspace, &app::Workspace::failed, &workspace,
                         [this](const QString& title, const QString& text) {
                             failures.push_back(title + QStringLiteral(": ") + text);
                         });
    }
    ~OpenedWorkspace() { stop(); }

    QStringList failures;

    [[nodiscard]] QString image() const { return folder_.filePath(QStringLiteral("small.erofs")); }
    [[nodiscard]] QString blob() const { return folder_.filePath(QStringLiteral("layer.blob")); }

    // False when it did not work.
    [[nodiscard]] bool open() { return open(small_image()); }
    [[nodiscard]] bool open(const BuiltImage& built) {
        if (!write_file(image(), built.bytes) ||
            (!built.blobs.empty() && !write_file(blob(), built.blobs.front())))
            return false;
        workspace.open(image());
        return QTest::qWaitFor([&] { return !workspace.opening() && !workspace.checking(); },
                               20'000) &&
               workspace.image() != nullptr;
    }

    // A simulated run, each with a cache of its own; nothing is read but what is asked for.
    [[nodiscard]] bool start(Nanoseconds latency = 0) {
        RunOptions options;
        options.image = image().toStdString();
        options.devices = {blob().toStdString()};
        options.cache = folder_.filePath(QStringLiteral("cache%1").arg(++runs_)).toStdString();
        options.transport = TransportKind::simulated;
        options.shape.latency = latency;
        options.engine.listener_silence = 3600 * second; // what is held stays so
        // An empty list would be an example made from the image.
        options.reads.push_back({0, "nobody", "/empty", 0, 0});
        workspace.host().start(options);
        return QTest::qWaitFor([this] { return workspace.host().live(); }, 20'000);
    }
    void stop() {
        workspace.host().stop();
        (void)QTest::qWaitFor(
            [this] {
                return workspace.host().phase() == app::RunHost::Phase::none ||
                       workspace.host().phase() == app::RunHost::Phase::ended;
            },
            20'000);
    }
    [[nodiscard]] bool command(const char* line) {
        return workspace.host().command(line).has_value();
    }

    [[nodiscard]] erofs::NodeId node(const char* path) const {
        return workspace.image()->index.find(path).value_or(erofs::no_node);
    }

    // Records as the run's, without a run.
    void take(const std::vector<StepRecord>& records) {
        for (const StepRecord& record : records)
            workspace.host().store().take(record);
    }
    void advance() { Q_EMIT workspace.host().advanced(); }

private:
    QTemporaryDir folder_;
    int runs_ = 0;
};

} // namespace coldscope::test
