// All that the sharing dock shows: the images, what was predicted of them, the samples, and the one
// of these that is looked at. Tells the maps about the open image.
#pragma once

#include "app/sharing/samples.h"
#include "app/sharing/sharing_set.h"

namespace coldscope::app {

class SharingState final : public QObject {
    Q_OBJECT

public:
    explicit SharingState(Workspace& workspace, QObject* parent = nullptr);

    [[nodiscard]] SharingSet& set() { return set_; }
    [[nodiscard]] const SharingSet& set() const { return set_; }
    [[nodiscard]] Samples& samples() { return samples_; }
    [[nodiscard]] const Samples& samples() const { return samples_; }

    // The last one or beyond: whichever is the latest, from now on.
    void choose_sample(std::size_t at);
    [[nodiscard]] std::optional<std::size_t> sample() const; // nothing: there is none
    [[nodiscard]] bool follows() const { return chosen_ == nullptr; }

    // As of set(), and how the chosen sample shows it; null until both are there.
    [[nodiscard]] const std::shared_ptr<const Predicted>& predicted() const {
        return set_.predicted();
    }
    [[nodiscard]] const std::shared_ptr<const Seen>& seen() const { return seen_; }
    [[nodiscard]] bool busy() const; // more is to come by itself

    // How many bytes the sample has in EROFS's cache and in the blob's as well. Nothing where the
    // files that images are mounted from are not all known and seen, and without a sample.
    [[nodiscard]] std::optional<std::uint64_t> twice() const;
    // Of predicted(); nothing where the open image is none of them.
    [[nodiscard]] std::optional<std::size_t> open_image() const;

Q_SIGNALS:
    void changed(); // predicted() or seen()

private:
    void follow_set();
    void refresh();
    void make_seen();
    void tell_maps();

    Workspace& workspace_;
    SharingSet set_;
    Samples samples_;
    std::shared_ptr<const Taken> chosen_; // null: the latest
    std::shared_ptr<const Seen> seen_;
    std::shared_ptr<const Predicted> shown_;
    std::shared_ptr<const Taken> wanted_; // what is to be made of it; null: nothing
    bool making_ = false;                 // one at a time
};

} // namespace coldscope::app
