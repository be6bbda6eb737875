// coldscoped serve, with a window's client attached that keeps every request, against a bare loop
// that polls, reads and writes: both in one virtual machine, on one image, in turns. The client is
// in this process; nothing is drawn. bench_cachefiles [ROUNDS [SERIES [MEASURE]]]. Its last lines:
// "ratio random X" and "ratio sequential X" (of throughput, one reader), "ratio readers X" (the
// same, 16 readers and a source of 5 ms), "ratio ahead local X" and "ratio ahead far X" (p95 of
// misses beside a prefetch to that without one).
#include "tests/bench/kept_requests.h"
#include "tests/bench/made_bytes.h"
#include "tests/kernel/live_run.h"
#include "tests/vm/virtual_machine.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

using namespace coldscope;
using namespace coldscope::test;

namespace {

constexpr qint64 file_size = 64 << 20;

struct Target {
    const char* name;
    const char* unit;
    double least; // coldscoped's to the bare loop's
};
constexpr Target targets[] = {
    {"random", "reads/s", 0.9}, {"sequential", "MiB/s", 0.9}, {"readers", "reads/s", 3}};

// Empty, or what could not be made.
QString make_data(const QString& folder) {
    TreeImage tree;
    tree.tree = folder + "/tree";
    QDir().mkpath(tree.tree);
    QDir().mkpath(folder + "/data/objects");
    QFile file(tree.tree + "/file");
    if (!file.open(QIODevice::WriteOnly))
        return "no file";
    QByteArray words(1 << 20, 0);
    for (qint64 at = 0; at < file_size; at += words.size()) {
        for (qsizetype in = 0; in < words.size(); in += 8) {
            const std::uint64_t word = bench::made_word(static_cast<std::uint64_t>(at + in));
            std::memcpy(words.data() + in, &word, sizeof word);
        }
        if (file.write(words) != words.size())
            return "no file";
    }
    file.close();
    tree.bootstrap = folder + "/image.erofs";
    QString error;
    const TreeImage image = make_image_of(tree, "flat", &error);
    return QFile::rename(image.bootstrap, folder + "/data/objects/bench") ? QString() : error;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values.empty() ? 0 : values[values.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
    const QCoreApplication application(argc, argv);
    const QByteArray rounds = argc > 1 ? argv[1] : "5";
    VirtualMachine machine(argc > 2 ? argv[2] : "6.12");
    if (const QString obstacle = machine.obstacle(); !obstacle.isEmpty()) {
        std::printf("skipped: %s\n", qPrintable(obstacle));
        return 77;
    }
    QTemporaryDir folder;
    if (const QString error = make_data(folder.path()); !error.isEmpty()) {
        std::fprintf(stderr, "%s\n", qPrintable(error));
        return 1;
    }
    machine.programs << program("coldscoped") << program("coldscope-guard")
                     << program("coldscope-bench-guest");
    machine.data = folder.path() + "/data";
    machine.timeout_s = 1800;
    machine.options << "--silence"
                    << "200"
                    << "--memory-mb"
                    << "2048";
    machine.script = "coldscope-bench-guest " + rounds + ' ' + (argc > 3 ? argv[3] : "") + '\n';
    machine.with_port = true;
    const bool started = machine.start();
    bench::KeptRequests kept("unix:" + machine.port());
    const bool ended = started && machine.finish();
    kept.stop();
    std::map<QByteArray, std::map<QByteArray, std::vector<double>>> figures;
    for (const QByteArray& line : machine.said("FIGURE")) {
        const QByteArrayList words = line.split(' ');
        if (words.size() == 3)
            figures[words[0]][words[1]].push_back(words[2].toDouble());
    }
    if (!ended)
        return 1;
    QString ratios;
    for (const Target& target : targets) {
        const auto& bare = figures[target.name]["bare"];
        const auto& own = figures[target.name]["coldscoped"];
        if (own.empty())
            continue;
        std::vector<double> pairs;
        for (std::size_t i = 0; i < std::min(bare.size(), own.size()); ++i)
            pairs.push_back(own[i] / bare[i]);
        std::printf("%-10s bare %8.1f %s, coldscoped %8.1f; of %zu pairs", target.name,
                    median(bare), target.unit, median(own), pairs.size());
        for (const double pair : pairs)
            std::printf(" %.2f", pair);
        std::printf("\n");
        ratios.append(QString::asprintf("ratio %s %.2f (target: at least %.1f)\n", target.name,
                                        median(pairs), target.least));
    }
    std::printf("%s", qPrintable(ratios));
    kept.print();
    for (const QByteArray& line : machine.said("SUMS"))
        std::printf("%s\n", line.constData());
    for (const QByteArray& line : machine.said("AHEAD")) {
        const QByteArrayList words = line.split(' ');
        if (words.size() != 4)
            continue;
        const double alone = words[1].toDouble() / 1e6;
        const double beside = words[2].toDouble() / 1e6;
        std::printf("p95 of misses %.3f ms alone, %.3f ms beside a prefetch of %.1f MiB\n"
                    "ratio ahead %s %.2f (target: at most 1.2)\n",
                    alone, beside, words[3].toDouble() / (1 << 20), words[0].constData(),
                    beside / alone);
    }
    return 0;
}
