// A small image with one blob, opened in a workspace, and a simulated run of it: a real engine
// with real stores, steered by commands; no mounts.
#pragma once

#include "app/run/workspace.h"
#include "tests/support/image_builder.h"

#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

namespace coldscope::test {

inline Bytes text_file(std::string_view line, std::size_t size) {
    std::string text;
    while (text.size() < size)
        text += line;
    text.resize(size);
    return to_bytes(text);
}

class SimulatedWorld {
public:
    static constexpr std::uint64_t block = 4096;

    SimulatedWorld() {
        ImageBuilder builder;
        builder.add_device("layer");
        const auto chunked = [&](const char* path, Bytes data, std::uint32_t chunk_bits) {
            FileSpec file;
            file.path = path;
            file.layout = erofs::Layout::chunk_based;
            file.data = std::move(data);
            file.chunk_bits = chunk_bits;
            file.device = 1;
            builder.add(file);
        };
        chunked("/bin/local", pattern(8 * block, 1), 0);
        chunked("/bin/held", pattern(8 * block, 2), 0);
        chunked("/bin/failed", pattern(8 * block, 3), 0);
        chunked("/bin/cold", pattern(24 * block, 4), 2);
        chunked("/lib/tool.py",
                text_file("def answer(value):\n    return value + 41  # more\n", 3 * block), 0);
        chunked("/share/long.txt", text_file("a line of a long text\n", 150 * block), 4);
        Bytes sparse = pattern(16 * block, 5);
        std::fill(sparse.begin() + 4 * block, sparse.begin() + 8 * block, std::byte{0});
        chunked("/share/sparse", std::move(sparse), 2);
        FileSpec tail;
        tail.path = "/etc/inline";
        tail.data = text_file("key = value\n", 300);
        builder.add(tail);
        FileSpec empty;
        empty.path = "/etc/empty";
        builder.add(empty);
        FileSpec link;
        link.path = "/etc/link";
        link.mode = S_IFLNK | 0777;
        link.data = to_bytes("../bin/local");
        builder.add(link);
        built_ = builder.build();
        blob_ = built_.blobs.at(0);
        files_end_ = blob_.size();
        // Blocks that no file uses, and a last one that is cut short.
        const Bytes unused = pattern(40 * block + 1000, 6);
        blob_.insert(blob_.end(), unused.begin(), unused.end());
        write(image_path(), built_.bytes);
        write(blob_path(), blob_);
    }

    [[nodiscard]] QString image_path() const { return folder_.filePath("image.erofs"); }
    [[nodiscard]] QString blob_path() const { return folder_.filePath("layer"); }
    [[nodiscard]] const Bytes& blob() const { return blob_; }
    [[nodiscard]] std::uint64_t files_end() const { return files_end_; } // bytes of the blob

    bool open(app::Workspace& workspace, bool with_blob = true) const {
        if (!with_blob)
            QFile::remove(blob_path());
        workspace.open(image_path());
        return QTest::qWaitFor([&] { return !workspace.opening(); }, 20000) &&
               workspace.image() != nullptr;
    }

    // Live, with one read of metadata and no rule.
    bool start(app::Workspace& workspace) const {
        RunOptions options;
        options.image = image_path().toStdString();
        options.devices = {blob_path().toStdString()};
        options.cache = folder_.filePath("cache").toStdString();
        options.transport = TransportKind::simulated;
        options.engine.listener_silence = 3600 * second; // what is held stays so
        options.reads = {{0, "first", "/etc/inline", 0, ~std::uint64_t{0}}};
        workspace.host().start(options);
        return QTest::qWaitFor([&] { return workspace.host().live(); }, 20000);
    }

    static void stop(app::Workspace& workspace) {
        workspace.host().stop();
        QVERIFY(QTest::qWaitFor(
            [&] { return workspace.host().phase() != app::RunHost::Phase::stopping; }, 20000));
    }

    [[nodiscard]] static erofs::NodeId node(const app::Workspace& workspace, const char* path) {
        return workspace.image()->index.find(path).value_or(erofs::no_node);
    }
    [[nodiscard]] static app::DeviceRange place(const app::Workspace& workspace, const char* path) {
        for (const erofs::Extent& extent : workspace.extents_of(node(workspace, path))) {
            if (extent.kind != erofs::ExtentKind::hole)
                return {extent.device, {extent.address, extent.address + extent.length}};
        }
        return {};
    }

    // Reads a file of the run and waits until one of its requests is in a state.
    static bool read(app::Workspace& workspace, const char* path, RequestState state) {
        if (!workspace.host().read(path))
            return false;
        return QTest::qWaitFor([&] { return row_in(workspace, path, state).has_value(); }, 20000);
    }
    static std::optional<Row> row_in(app::Workspace& workspace, const char* path,
                                     RequestState state) {
        const EventStore& store = workspace.host().store();
        const app::DeviceRange wanted = place(workspace, path);
        std::vector<app::DeviceRange> places;
        for (Row row = 0; row < store.size(); ++row) {
            places.clear();
            workspace.places_of(store[row], places);
            for (const app::DeviceRange& at : places) {
                if (at.device == wanted.device && at.range.overlaps(wanted.range) &&
                    store.state(row) == state)
                    return row;
            }
        }
        return {};
    }

private:
    static void write(const QString& path, const Bytes& bytes) {
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly) ||
            file.write(reinterpret_cast<const char*>(bytes.data()),
                       static_cast<qint64>(bytes.size())) != static_cast<qint64>(bytes.size()))
            qFatal("a file of the test could not be written");
    }

    QTemporaryDir folder_;
    BuiltImage built_;
    Bytes blob_;
    std::uint64_t files_end_ = 0;
};

} // namespace coldscope::test
