// Real files as RAFS images: bootstraps over two blobs, which share the files between them.
#pragma once

#include "tests/kernel/original_files.h"
#include "tests/support/rafs_builder.h"

#include <QtTest>

namespace coldscope::test {

inline QByteArray all_of(const QString& path) {
    return original(path, 0, QFileInfo(path).size());
}

inline void write_file(const QString& path, const Bytes& bytes) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) ||
        file.write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<qint64>(bytes.size())) != static_cast<qint64>(bytes.size()))
        qFatal("cannot write %s", qPrintable(path));
}

struct Outcome {
    int exit_code = -1;
    QString text;
};

inline Outcome run_program(const QString& name, const QStringList& arguments) {
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(name, arguments);
    Outcome outcome;
    if (process.waitForFinished(60000) && process.exitStatus() == QProcess::NormalExit)
        outcome.exit_code = process.exitCode();
    outcome.text = QString::fromUtf8(process.readAll());
    return outcome;
}

class RafsTree {
public:
    static constexpr std::uint32_t chunk_size = 128U << 10;

    // False: the files could not be copied; error says why.
    [[nodiscard]] bool make(QString* error) {
        tree_ = make_tree_image(folder_.path(), sanitized ? 60 : 300, error, 2 << 20);
        if (tree_.tree.isEmpty())
            return false;
        originals_ = OriginalFiles(tree_);
        return true;
    }
    [[nodiscard]] const TreeImage& tree() const { return tree_; }
    [[nodiscard]] const OriginalFiles& originals() const { return originals_; }

    [[nodiscard]] BuiltRafs build(const RafsSpec& spec) const;
    // In a folder of its own, the blobs under their ids beside the bootstrap.
    [[nodiscard]] TreeImage write(const BuiltRafs& built, const QString& folder) const;

private:
    QTemporaryDir folder_;
    TreeImage tree_;
    OriginalFiles originals_;
};

inline BuiltRafs RafsTree::build(const RafsSpec& spec) const {
    ImageBuilder image;
    image.add_device("1").add_device("2");
    std::uint32_t bits = 0;
    while ((4096U << bits) < spec.chunk_size)
        ++bits;
    for (qsizetype i = 0; i < tree_.files.size(); ++i) {
        const QByteArray bytes = all_of(tree_.tree + '/' + tree_.files[i]);
        FileSpec file;
        file.path = '/' + tree_.files[i].toStdString();
        file.layout = erofs::Layout::chunk_based;
        file.chunk_bits = i % 5 == 0 ? bits + 5 : bits; // some have one entry for all chunks
        file.device = static_cast<std::uint16_t>(1 + i % 2);
        file.deduplicate = true;
        file.data =
            to_bytes(std::string_view(bytes.data(), static_cast<std::size_t>(bytes.size())));
        image.add(std::move(file));
    }
    return build_rafs(std::move(image), spec);
}

inline TreeImage RafsTree::write(const BuiltRafs& built, const QString& folder) const {
    QDir().mkpath(folder);
    TreeImage image = tree_;
    image.bootstrap = folder + "/bootstrap";
    image.blob.clear();
    write_file(image.bootstrap, built.image.bytes);
    for (std::size_t i = 0; i < built.ids.size(); ++i)
        write_file(folder + '/' + QString::fromStdString(built.ids[i]), built.stored[i]);
    return image;
}

} // namespace coldscope::test
