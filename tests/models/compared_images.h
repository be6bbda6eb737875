// The workspace's small image, and what may have become of it in the next version.
#pragma once

#include "app/compare/comparer.h"
#include "tests/models/opened_workspace.h"

namespace coldscope::test {

// /usr/bin/cat changed, libtwo.so moved, /hole gone, /new added, /etc/conf has another mode; the
// rest is the same, and libone.so lies elsewhere on another blob.
inline BuiltImage next_image() {
    ImageBuilder builder;
    builder.add_device("next.blob");
    builder.add(chunked_file("/new", 48 << 10, 9));
    builder.add(chunked_file("/usr/bin/cat", 64 << 10, 7));
    builder.add(chunked_file("/usr/lib/libone.so", 256 << 10, 2));
    builder.add(chunked_file("/opt/libtwo.so", 128 << 10, 3));
    FileSpec conf;
    conf.path = "/etc/conf";
    conf.data = to_bytes("colour=no\n");
    conf.mode = S_IFREG | 0600;
    builder.add(conf);
    add_small_files(builder);
    return builder.build();
}

// A folder with the next image and its blob.
class NextImage {
public:
    // False when it did not work.
    [[nodiscard]] bool write(bool with_blob = true) {
        const BuiltImage built = next_image();
        return write_file(path(), built.bytes) &&
               (!with_blob ||
                write_file(folder_.filePath(QStringLiteral("next.blob")), built.blobs.front()));
    }
    [[nodiscard]] QString path() const { return folder_.filePath(QStringLiteral("next.erofs")); }

private:
    QTemporaryDir folder_;
};

// The comparison, when it is there; null: it failed.
inline std::shared_ptr<const app::Compared> compared(app::Comparer& comparer) {
    return QTest::qWaitFor([&] { return !comparer.running(); }, 20'000) ? comparer.compared()
                                                                        : nullptr;
}

} // namespace coldscope::test
