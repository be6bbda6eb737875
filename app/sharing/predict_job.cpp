// What is done beside the main thread: images are read and scanned, and all of them predicted.
#include "app/sharing/sharing_set.h"

namespace coldscope::app {

namespace {

// An image of the worker's own over the same files.
Result<std::unique_ptr<erofs::Image>> own_image(const OpenedImage& opened) {
    erofs::Findings listed_already;
    COLDSCOPE_TRY(auto image, erofs::Image::open(opened.devices[0], &listed_already));
    if (opened.image->flattened())
        image->flatten();
    return image;
}

} // namespace

std::vector<sharing::SeenPiece> pieces_of(const Predicted& predicted, const Seen* seen,
                                          std::size_t image, erofs::NodeId node) {
    if (seen != nullptr)
        return seen->observed.file(image, node);
    std::vector<sharing::SeenPiece> pieces;
    for (const sharing::Piece& piece : predicted.prediction.file(image, node).pieces)
        pieces.push_back({piece});
    return pieces;
}

std::shared_ptr<SharingSet::Read> SharingSet::read(Work& work, std::shared_ptr<OpenedImage> opened,
                                                   const std::string& path) {
    auto outcome = std::make_shared<Read>();
    const auto done = [&]() -> Result<void> {
        if (!opened) {
            COLDSCOPE_TRY(opened, open_image(path, {}));
        }
        outcome->opened = opened;
        COLDSCOPE_TRY(const auto image, own_image(*opened));
        COLDSCOPE_TRY(
            outcome->keys,
            sharing::Keys::read({*image, opened->index, opened->devices, {}}, work.report()));
        return {};
    }();
    if (!done)
        outcome->error = done.error();
    return outcome;
}

std::shared_ptr<SharingSet::Outcome> SharingSet::predict(Work& work, std::vector<Entry> ready,
                                                         bool scan) {
    auto outcome = std::make_shared<Outcome>();
    const auto done = [&]() -> Result<void> {
        std::vector<sharing::Side> sides;
        std::vector<sharing::Keys> keys;
        std::vector<sharing::Scan> scans;
        for (Entry& entry : ready) {
            sides.push_back(
                {*entry.opened->image, entry.opened->index, entry.opened->devices, entry.mounted});
            keys.push_back(*entry.keys);
            if (scan && !entry.scan) {
                COLDSCOPE_TRY(const auto image, own_image(*entry.opened));
                COLDSCOPE_TRY(entry.scan,
                              sharing::Scan::read({*image, entry.opened->index,
                                                   entry.opened->devices, entry.mounted},
                                                  *entry.keys, work.report()));
            }
            if (entry.scan)
                scans.push_back(*entry.scan);
        }
        if (scans.size() != ready.size())
            scans.clear();
        const bool scanned = !scans.empty();
        COLDSCOPE_TRY(auto prediction,
                      sharing::Prediction::make(sides, keys, work.report(), scans));
        COLDSCOPE_TRY(auto if_shared,
                      sharing::Prediction::make(sharing::as_if_shared(sides), std::move(keys),
                                                work.report(), std::move(scans)));
        auto predicted = std::make_shared<Predicted>(std::move(prediction), std::move(if_shared));
        for (const Entry& entry : ready) {
            predicted->images.push_back(entry.opened);
            predicted->mounted.push_back(entry.mounted);
            predicted->indices.push_back(&entry.opened->index);
        }
        predicted->files = FileUnion(predicted->indices);
        predicted->usage = sharing::usage_of_all(predicted->if_shared);
        predicted->tally = Tally(
            predicted->files, predicted->indices, predicted->prediction,
            [&](std::size_t image, erofs::NodeId node) {
                return pieces_of(*predicted, nullptr, image, node);
            },
            work.cancelled);
        predicted->scanned = scanned;
        outcome->predicted = std::move(predicted);
        outcome->entries = std::move(ready);
        return {};
    }();
    if (!done)
        outcome->error = done.error();
    return outcome;
}

std::shared_ptr<const Seen> see(std::shared_ptr<const Predicted> predicted,
                                std::shared_ptr<const Taken> taken) {
    const std::vector<sharing::SampledFile>& files = taken->list->files;
    auto seen =
        std::make_shared<Seen>(Seen{predicted,
                                    taken,
                                    sharing::Observed(predicted->prediction, taken->sample, files),
                                    sharing::usage_of(predicted->if_shared, taken->sample, files),
                                    {}});
    const std::atomic<bool> stop = false;
    seen->tally = Tally(
        predicted->files, predicted->indices, predicted->prediction,
        [&](std::size_t image, erofs::NodeId node) { return seen->observed.file(image, node); },
        stop);
    return seen;
}

} // namespace coldscope::app
