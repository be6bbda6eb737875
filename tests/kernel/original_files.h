// What the files of a tree should read as, wherever it is mounted.
#pragma once

#include "tests/kernel/live_run.h"

#include <vector>

namespace coldscope::test {

class OriginalFiles {
public:
    OriginalFiles() = default;
    explicit OriginalFiles(const TreeImage& image) : files_(image.files) {
        for (const QString& file : files_)
            digests_.push_back(sha256_of(image.tree + '/' + file));
    }

    // Reads all files; how many differ from the originals. The first few are in the warnings.
    [[nodiscard]] int differing(const QString& mount) const {
        constexpr int told = 5;
        int wrong = 0;
        for (qsizetype i = 0; i < files_.size(); ++i) {
            QString error;
            if (sha256_of(mount + '/' + files_[i], &error) == digests_[static_cast<std::size_t>(i)])
                continue;
            if (++wrong <= told)
                qWarning("%s differs %s", qPrintable(files_[i]), qPrintable(error));
        }
        return wrong;
    }

private:
    QStringList files_;
    std::vector<QByteArray> digests_; // by file
};

} // namespace coldscope::test
