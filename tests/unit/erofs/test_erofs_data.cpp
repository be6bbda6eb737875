// Every byte of compressed files read and decoded (DataPlan, DataReader), on the small images of
// test_erofs_compressed: what read_file() can't read is found, and named.
#include "core/erofs/check.h"
#include "core/erofs/data_reader.h"
#include "tests/unit/erofs/erofs_test.h"

#include <filesystem>
#include <random>

#include <fmt/format.h>

using namespace coldscope;
using namespace coldscope::erofs;
using namespace coldscope::test;

namespace {

Bytes image_bytes(const std::string& name) {
    const auto file =
        value(FileReadAt::open(std::string(COLDSCOPE_COMPRESSED_IMAGES) + "/" + name));
    Bytes bytes(static_cast<std::size_t>(file->size()));
    value(file->read(0, bytes));
    return bytes;
}

std::string text(const Findings& findings) {
    std::string all;
    for (const Finding& finding : findings.list())
        all += describe(finding) + "\n";
    return all;
}

struct Opened {
    explicit Opened(Bytes of) : bytes(std::move(of)) {
        Findings tolerated;
        auto made = Image::open(devices[0], &tolerated);
        if (!made)
            return;
        image = std::move(*made);
        if (auto built = Index::build(*image, &tolerated))
            index = std::move(*built);
    }
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;

    Bytes bytes;
    std::vector<std::shared_ptr<ReadAt>> devices{std::make_shared<MemoryReadAt>(bytes)};
    std::unique_ptr<Image> image;
    std::optional<Index> index;
};

// A finding of the inode, whatever it says.
bool is_told(const Findings& findings, std::uint64_t nid) {
    const std::string name = fmt::format("inode {}", nid);
    return std::ranges::any_of(findings.list(), [&](const Finding& finding) {
        return finding.structure == name || finding.structure.starts_with(name + " ") ||
               finding.message.find(name + ":") != std::string::npos;
    });
}

Finding some_finding(const char* message) {
    return {Severity::error, 1, "structure", {}, message, {}};
}

} // namespace

class TestErofsData : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void whatever_does_not_decode_is_named_data() {
        QTest::addColumn<QString>("name");
        for (const auto& entry : std::filesystem::directory_iterator(COLDSCOPE_COMPRESSED_IMAGES)) {
            const std::string name = entry.path().filename();
            if (!name.starts_with("broken-"))
                QTest::newRow(name.c_str()) << QString::fromStdString(name);
        }
    }
    void whatever_does_not_decode_is_named() {
        QFETCH(QString, name);
        const Bytes sound = image_bytes(name.toStdString());
        std::mt19937 random(3);
        int wrong = 0;
        for (int round = 0; round < 60; ++round) {
            Bytes bytes = sound;
            for (int i = 0; i < round; ++i) // none in the first
                bytes[2048 + random() % (bytes.size() - 2048)] = static_cast<std::byte>(random());
            Opened opened(bytes);
            if (!opened.index)
                continue;
            Findings findings = check_image(opened.devices[0]);
            check_data(*opened.image, *opened.index, opened.devices, findings);
            if (round == 0)
                QVERIFY2(findings.errors() == 0, text(findings).c_str());
            for (const Node& node : opened.index->nodes()) {
                const auto inode = opened.image->inode(node.nid);
                if (!node.is_regular() || !is_compressed(node.layout) || !inode ||
                    inode->size > 100'000)
                    continue;
                Bytes read(static_cast<std::size_t>(inode->size));
                if (read_file(*opened.image, *inode, 0, read, opened.devices))
                    continue;
                ++wrong;
                QVERIFY2(is_told(findings, node.nid), qPrintable(QString("round %1, inode %2:\n%3")
                                                                     .arg(round)
                                                                     .arg(node.nid)
                                                                     .arg(text(findings).c_str())));
            }
        }
        QVERIFY(wrong > 0);
    }

    // A file's fragment is decoded as the packed inode's bytes: both are named.
    void fragments() {
        Bytes bytes = image_bytes("all-fragments");
        {
            Opened opened(bytes);
            const Inode packed = value(opened.image->packed_inode());
            const Extent first = value(opened.image->map(packed, 0, 1))[0];
            for (std::uint64_t at = first.stored().begin; at < first.stored().end; ++at)
                bytes[static_cast<std::size_t>(at)] = std::byte{0xFF};
        }
        Opened opened(bytes);
        Findings findings;
        check_data(*opened.image, *opened.index, opened.devices, findings);
        QVERIFY(is_told(findings, opened.image->superblock().packed_nid));
        QVERIFY2(text(findings).find("are a fragment of the packed inode") != std::string::npos,
                 text(findings).c_str());
        QVERIFY(findings.errors() >= 2);
    }

    void the_budget_is_told() {
        Opened opened(image_bytes("lz4"));
        Findings findings;
        {
            DataPlan plan(*opened.image, *opened.index, opened.devices, findings);
            const auto part = plan.next();
            QVERIFY(part);
            DataReader reader(*opened.image, *opened.index, opened.devices);
            const DataOutcome outcome = reader.read(*part);
            QVERIFY(outcome.work > 0 && outcome.work < part->most_work);
            plan.take(outcome);
            QVERIFY(!plan.next());
            plan.finish();
            QVERIFY(findings.empty());
        }
        DataPlan plan(*opened.image, *opened.index, opened.devices, findings);
        const auto part = plan.next();
        QVERIFY(part);
        DataReader reader(*opened.image, *opened.index, opened.devices);
        DataPart cheap = *part;
        cheap.most_work = DataReader::cluster_cost;
        QVERIFY(reader.read(cheap).work < reader.read(*part).work);
        plan.take({.number = part->number, .work = part->most_work, .wrong = {}, .unreadable = {}});
        QVERIFY(!plan.next());
        plan.finish();
        QCOMPARE(findings.list().size(), 1U);
        QCOMPARE(findings.list()[0].severity, Severity::warning);
        QVERIFY(findings.list()[0].message.find("not all of them were decoded") !=
                std::string::npos);
    }

    // In whatever order they come, the findings are in the plan's; one for a file.
    void outcomes_are_put_in_order() {
        Opened opened(image_bytes("fragments"));
        for (const bool backwards : {false, true}) {
            Findings findings;
            DataPlan plan(*opened.image, *opened.index, opened.devices, findings);
            std::vector<DataOutcome> outcomes;
            while (const auto part = plan.next())
                outcomes.push_back({part->number,
                                    1,
                                    {{7, some_finding(part->number == 0 ? "first" : "second")}},
                                    {}});
            QCOMPARE(outcomes.size(), 2U); // of the files, of the packed inode
            if (backwards)
                std::ranges::reverse(outcomes);
            for (DataOutcome& outcome : outcomes)
                plan.take(std::move(outcome));
            plan.finish();
            QCOMPARE(findings.list().size(), 1U);
            QCOMPARE(findings.list()[0].message, std::string("first"));
        }
    }

    void a_tail_past_the_end() {
        Bytes bytes = image_bytes("tail");
        Extent last;
        std::uint64_t nid = 0;
        {
            Opened opened(bytes);
            for (const Node& node : opened.index->nodes()) {
                const auto inode = opened.image->inode(node.nid);
                if (!node.is_regular() || !is_compressed(node.layout) || inode->size == 0 ||
                    node.parent != root_node) // other directories lie behind
                    continue;
                const Extent tail = value(opened.image->map(*inode, inode->size - 1, 1))[0];
                const std::uint64_t header = value(read_map_header(*opened.image, *inode)).offset;
                if (tail.address > last.address && tail.address < header + 512) {
                    last = tail;
                    nid = node.nid;
                }
            }
        }
        QVERIFY(nid != 0);
        bytes.resize(static_cast<std::size_t>(last.stored().end - 1));
        const Findings findings = check_image(std::make_shared<MemoryReadAt>(bytes));
        const bool told = std::ranges::any_of(findings.list(), [](const Finding& finding) {
            return finding.field == "idata_size" &&
                   finding.message.find("past the end of the image") != std::string::npos;
        });
        QVERIFY2(told, text(findings).c_str());
        QVERIFY(is_told(findings, nid));
    }
};

QTEST_GUILESS_MAIN(TestErofsData)
#include "test_erofs_data.moc"
