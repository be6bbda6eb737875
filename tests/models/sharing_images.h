// Two images of one blob: what is on it can be shared by blob, but for a file that has another end.
#pragma once

#include "app/sharing/sharing_state.h"
#include "tests/models/opened_workspace.h"

namespace coldscope::test {

// /both/{one,two} and /only/N on the blob; /both/tail differs in its last page, and has the first
// ones from the blob. second: has /moved in place of /both/two, and /new.
inline BuiltImage image_of_pair(bool second) {
    ImageBuilder builder;
    builder.add_device("layer.blob");
    builder.add(chunked_file("/both/one", 64 << 10, 1));
    builder.add(chunked_file(second ? "/moved" : "/both/two", 128 << 10, 2));
    FileSpec tail = chunked_file("/both/tail", 32 << 10, 3);
    builder.add(tail);
    builder.add(chunked_file(second ? "/new" : "/old", 16 << 10, second ? 5 : 4));
    add_small_files(builder);
    return builder.build();
}

// A folder with both images and their blobs; the second one's blob is the first one's, so that
// /new is what /old is.
class ImagePair {
public:
    // False when it did not work.
    [[nodiscard]] bool write() {
        const BuiltImage first = image_of_pair(false);
        const BuiltImage second = image_of_pair(true);
        return write_file(path(false), first.bytes) && write_file(path(true), second.bytes) &&
               write_file(folder_.filePath(QStringLiteral("layer.blob")), first.blobs.front());
    }
    [[nodiscard]] QString path(bool second) const {
        return folder_.filePath(second ? QStringLiteral("second.erofs")
                                       : QStringLiteral("first.erofs"));
    }
    [[nodiscard]] QString folder() const { return folder_.path(); }
    // Opens the first one; false when it did not work.
    [[nodiscard]] bool open(app::Workspace& workspace) const {
        workspace.open(path(false));
        return QTest::qWaitFor([&] { return !workspace.opening() && !workspace.checking(); },
                               20'000) &&
               workspace.image() != nullptr;
    }

private:
    QTemporaryDir folder_;
};

// What is under way has come.
inline bool settled(const app::SharingState& state) {
    return QTest::qWaitFor([&] { return !state.busy(); }, 20'000);
}

} // namespace coldscope::test
