#include "core/erofs/check.h"
#include "tests/support/image_writer.h"
#include "tests/unit/erofs/erofs_test.h"

using namespace coldscope;
using namespace coldscope::erofs;
using namespace coldscope::test;

namespace {

std::string text(const Findings& findings) {
    std::string all;
    for (const Finding& finding : findings.list())
        all += describe(finding) + "\n";
    return all;
}

// The finding at this byte, or a failed test.
Finding at(const Findings& findings, std::uint64_t offset) {
    for (const Finding& finding : findings.list()) {
        if (finding.offset == offset)
            return finding;
    }
    qFatal("nothing found at byte %llu in:\n%s", static_cast<unsigned long long>(offset),
           text(findings).c_str());
}

// Where entry number index of a directory is stored.
std::uint64_t entry(const BuiltImage& built, const char* path, std::uint64_t index) {
    const auto image = open(built);
    const Inode inode = value(image->find(path));
    return value(image->map(inode, 0, 1))[0].address + index * 12;
}

} // namespace

class TestErofsCheck : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void sound_images() {
        for (const std::uint32_t bits : {9U, 10U, 12U, 16U}) {
            const BuiltImage built = sample_image(bits);
            const Findings findings = check_image(built.primary());
            QVERIFY2(findings.empty(), text(findings).c_str());
            QVERIFY(verify_image(built.primary()));
        }
        const BuiltImage boxed = metabox_image(12);
        QVERIFY2(check_image(boxed.primary()).empty(), text(check_image(boxed.primary())).c_str());
    }

    void checksum() {
        BuiltImage built = sample_image(12);
        built.bytes[1150] ^= std::byte{1};
        const Findings findings = check_image(built.primary());
        QCOMPARE(findings.list().size(), 1U);
        QCOMPARE(at(findings, 1028).field, std::string("checksum"));
        QVERIFY(!at(findings, 1028).advice.empty());
        const auto strict = verify_image(built.primary());
        QVERIFY(!strict);
        QCOMPARE(strict.error().offset, 1028U);
    }

    void truncated() {
        BuiltImage built = sample_image(12);
        built.bytes.resize(built.bytes.size() - 5000);
        const Findings findings = check_image(built.primary());
        QCOMPARE(at(findings, built.bytes.size()).field, std::string("blocks"));
    }

    void data_behind_the_image() {
        BuiltImage built = sample_image(12);
        const std::uint64_t end = built.bytes.size();
        built.bytes.resize(end + 10000);
        const Findings findings = check_image(built.primary());
        QCOMPARE(at(findings, end).severity, Severity::note);
        QVERIFY(verify_image(built.primary()));
    }

    void inode_outside() {
        BuiltImage built = sample_image(12);
        const std::uint64_t where = entry(built, "/flat", 2); // "empty", after "." and ".."
        put<std::uint64_t>(built.bytes, where, 0xFFFFFFFF);
        QCOMPARE(check_image(built.primary()).errors(), 1U);
        put<std::uint64_t>(built.bytes, where, 0x7FFF'FFFF'FFFF'FFFF);
        QCOMPARE(at(check_image(built.primary()), where).severity, Severity::error);
    }

    void bad_layout() {
        BuiltImage built = sample_image(12);
        const std::uint64_t inode = built.inode.at("/flat/plain");
        put<std::uint16_t>(built.bytes, inode, 5 << 1);
        QCOMPARE(at(check_image(built.primary()), inode).severity, Severity::error);
    }

    void directory_offsets() {
        BuiltImage built = sample_image(12);
        const std::uint64_t first = entry(built, "/flat", 0) + 8;
        for (const int bad : {0, 5, 13, 4092}) {
            BuiltImage broken = built;
            put<std::uint16_t>(broken.bytes, first, static_cast<std::uint16_t>(bad));
            QCOMPARE(at(check_image(broken.primary()), first).severity, Severity::error);
        }
        for (const int bad : {1, 20000}) { // of the second entry
            BuiltImage broken = built;
            put<std::uint16_t>(broken.bytes, first + 12, static_cast<std::uint16_t>(bad));
            QVERIFY(check_image(broken.primary()).errors() >= 1);
        }
    }

    void unsorted_and_repeated_names() {
        const BuiltImage built = sample_image(12);
        const std::uint64_t first = entry(built, "/chunks", 0); // . .. copy copy2 four one two
        const auto names = first + 7 * 12 + 3;
        BuiltImage broken = built;
        std::memcpy(broken.bytes.data() + names, "zopy", 4);
        QVERIFY(at(check_image(broken.primary()), first + 36).message.find("sorted") !=
                std::string::npos);
        broken = built;
        std::memcpy(broken.bytes.data() + names + 4 + 5 + 4, "two", 3); // one becomes two
        QVERIFY(at(check_image(broken.primary()), first + 72).message.find("twice") !=
                std::string::npos);
        broken = built;
        std::memcpy(broken.bytes.data() + names, "c/py", 4);
        QVERIFY(check_image(broken.primary()).errors() >= 1);
    }

    void dots() {
        const BuiltImage built = sample_image(12);
        const std::uint64_t first = entry(built, "/chunks", 0);
        BuiltImage broken = built;
        put<std::uint64_t>(broken.bytes, first, built.nids.at("/"));
        QVERIFY(at(check_image(broken.primary()), first).message.find("\".\"") !=
                std::string::npos);
        broken = built;
        put<std::uint64_t>(broken.bytes, first + 12, built.nids.at("/flat"));
        QVERIFY(at(check_image(broken.primary()), first + 12).message.find("\"..\"") !=
                std::string::npos);
        broken = built;
        std::memcpy(broken.bytes.data() + first + 7 * 12, "-", 1);
        QVERIFY(text(check_image(broken.primary())).find("no entry \".\"") != std::string::npos);
        // Allowed where the inode says so.
        put<std::uint16_t>(broken.bytes, built.inode.at("/chunks"),
                           static_cast<std::uint16_t>((2 << 1) | 0x10));
        QVERIFY(text(check_image(broken.primary())).find("no entry \".\"") == std::string::npos);
    }

    void chunks_past_a_device() {
        BuiltImage built = sample_image(12);
        const std::uint64_t table = built.inode.at("/chunks/one") + 32;
        put<std::uint32_t>(built.bytes, table + 8 + 4, 5000);
        const Finding found = at(check_image(built.primary()), table + 8);
        QCOMPARE(found.severity, Severity::error);
        QCOMPARE(found.field, std::string("chunk address"));
    }

    void link_counts() {
        BuiltImage built = sample_image(12);
        put<std::uint16_t>(built.bytes, built.inode.at("/link") + 6, 9);
        const Finding found = at(check_image(built.primary()), built.inode.at("/link") + 6);
        QCOMPARE(found.severity, Severity::warning);
        QVERIFY(verify_image(built.primary()));
    }

    void xattrs() {
        BuiltImage built = sample_image(12);
        put<std::uint8_t>(built.bytes, built.inode.at("/flat/inline") + 32 + 4, 250);
        QVERIFY(text(check_image(built.primary())).find("shared xattrs") != std::string::npos);
    }

    void device_slots() {
        BuiltImage built = sample_image(12);
        put<std::uint32_t>(built.bytes, 1152 + 68, 2); // within the primary device
        built.fix_checksum();
        QCOMPARE(at(check_image(built.primary()), 1152 + 68).structure,
                 std::string("device slot 1"));
        put<std::uint32_t>(built.bytes, 1152 + 64, 0);
        built.fix_checksum();
        QCOMPARE(at(check_image(built.primary()), 1152 + 64).severity, Severity::note);
    }

    void blobs() {
        const BuiltImage built = sample_image(12);
        const auto image = open(built);
        const std::uint64_t one = built.blobs[0].size();
        const std::uint64_t two = built.blobs[1].size();
        QVERIFY(one != two);
        const auto check = [&](std::vector<std::optional<GivenBlob>> given) {
            Findings findings;
            check_blobs(*image, given, findings);
            return findings;
        };
        const auto blob = [](const char* name, std::uint64_t size) {
            return std::optional(GivenBlob{name, size});
        };
        QVERIFY(check({blob("x", one), blob("y", two)}).empty());
        const Findings short_one = check({blob("x", one - 1), blob("y", two)});
        QCOMPARE(at(short_one, 1152 + 64).severity, Severity::error);
        const Findings long_one = check({blob("x", one), blob("y", two + 4096)});
        QCOMPARE(at(long_one, 1152 + 128 + 64).severity, Severity::warning);
        QVERIFY(at(check({blob("x", one)}), 1152 + 128).message.find("blob-two") !=
                std::string::npos);
        const Findings swapped = check({blob("x", two), blob("y", one)});
        QCOMPARE(swapped.errors(), 2U);
        QVERIFY(text(swapped).find("order") != std::string::npos);
        const Findings by_name = check({blob("a/blob-two", one), blob("a/blob-one", two)});
        QCOMPARE(by_name.errors(), 2U);
        QVERIFY(text(by_name).find("order") != std::string::npos);
        QCOMPARE(check({blob("x", one), blob("y", two), blob("z", 1)}).errors(), 0U);
        QCOMPARE(check({blob("x", one), blob("y", two), blob("z", 1)}).list().size(), 1U);
    }

    void many_findings_are_counted() {
        Findings findings;
        for (int i = 0; i < 1500; ++i)
            findings.add({Severity::error, 0, "x", "", "y", ""});
        QCOMPARE(findings.list().size(), Findings::limit);
        QCOMPARE(findings.errors(), 1500U);
        QCOMPARE(findings.left_out(), 500U);
    }
};

QTEST_APPLESS_MAIN(TestErofsCheck)
#include "test_erofs_check.moc"
