#include "core/base/cursor.h"
#include "core/erofs/check.h"
#include "core/erofs/fields.h"
#include "tests/support/image_writer.h"
#include "tests/unit/erofs/erofs_test.h"

#include <QCryptographicHash>

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

    void xattr_entries() {
        const BuiltImage built = sample_image(12);
        const std::uint64_t area = built.inode.at("/flat/inline") + 32;
        const std::uint64_t entries = area + 12 + 4; // "one", "two" with a long prefix, "x"
        BuiltImage broken = built;
        put<std::uint16_t>(broken.bytes, entries + 2, 6000);
        QCOMPARE(at(check_image(broken.primary()), entries).value, std::string("6000"));
        broken = built;
        put<std::uint8_t>(broken.bytes, entries + 1, 7);
        QCOMPARE(at(check_image(broken.primary()), entries + 1).field, std::string("name_index"));
        broken = built;
        put<std::uint8_t>(broken.bytes, entries + 1, 0x81); // of one prefix
        QVERIFY(at(check_image(broken.primary()), entries + 1).message.find("long prefix 1") !=
                std::string::npos);
        broken = built;
        put<std::uint32_t>(broken.bytes, area + 12, 0x3FFF'FFFF);
        const Finding shared = at(check_image(broken.primary()), area + 12);
        QCOMPARE(shared.field, std::string("shared xattr id"));
        QCOMPARE(shared.place.structure, Structure::xattrs);
        QCOMPARE(shared.place.offset, area);
    }

    void xattr_filter() {
        BuiltImage built = sample_image(12);
        const std::uint64_t area = built.inode.at("/flat/inline") + 32;
        const auto compat_bits = static_cast<std::uint32_t>(
            compat::checksum | compat::mtime | compat::plain_xattr_prefixes | compat::xattr_filter);
        put<std::uint32_t>(built.bytes, 1024 + 8, compat_bits);
        built.fix_checksum();
        QVERIFY(check_image(built.primary()).empty());
        put<std::uint32_t>(built.bytes, area, 0xFFFFFFFF); // "none of them is there"
        const Findings findings = check_image(built.primary());
        QCOMPARE(findings.errors(), 4U); // three of its own, one shared
        QCOMPARE(at(findings, area + 16).field, std::string("name_filter"));
        QCOMPARE(at(findings, area + 16).value, std::string("0xffffffff"));
        // One bit alone: "one" has bit number 29 (xxh32 of the name, seeded with the prefix).
        int missed = 0;
        for (int bit = 0; bit < 32; ++bit) {
            put<std::uint32_t>(built.bytes, area, 1U << bit);
            missed += static_cast<int>(check_image(built.primary()).errors());
        }
        QCOMPARE(missed, 4);
    }

    void overlaps() {
        const BuiltImage built = sample_image(12);
        // The first blocks of a directory on those of another.
        const BuiltImage small = sample_image(9);
        const auto image = open(small);
        const Inode many = value(image->find("/many"));
        BuiltImage broken = small;
        put<std::uint32_t>(broken.bytes, small.inode.at("/chunks") + 16,
                           static_cast<std::uint32_t>(many.start_block));
        put<std::uint32_t>(broken.bytes, small.inode.at("/chunks") + 8,
                           static_cast<std::uint32_t>(many.size));
        QVERIFY(text(check_image(broken.primary())).find("belong to directory") !=
                std::string::npos);
        // A file's bytes on the superblock.
        broken = built;
        put<std::uint32_t>(broken.bytes, built.inode.at("/flat/plain") + 16, 0);
        const Finding found = at(check_image(broken.primary()), 1024);
        QCOMPARE(found.severity, Severity::error);
        QVERIFY(found.message.find("/flat/plain") != std::string::npos);
        QCOMPARE(found.structure, std::string("superblock"));
        // An inode's chunk table reaches into what follows it.
        broken = built;
        put<std::uint32_t>(broken.bytes, built.inode.at("/chunks/four") + 8, 4096 * 64);
        QVERIFY(text(check_image(broken.primary())).find("belong to") != std::string::npos);
    }

    void devices_without_tag_or_with_one() {
        BuiltImage built = sample_image(12);
        std::memset(built.bytes.data() + 1152, 0, 64);
        built.fix_checksum();
        Finding found = at(check_image(built.primary()), 1152);
        QCOMPARE(found.severity, Severity::note);
        QCOMPARE(found.field, std::string("tag"));
        std::memcpy(built.bytes.data() + 1152, "blob-two", 8);
        built.fix_checksum();
        found = at(check_image(built.primary()), 1152 + 128);
        QCOMPARE(found.severity, Severity::warning);
        QCOMPARE(found.value, std::string("\"blob-two\""));
    }

    void device_ranges_overlap() {
        BuiltImage built = sample_image(12);
        const auto first = load_le<std::uint32_t>(built.bytes.data() + 1152 + 68);
        put<std::uint32_t>(built.bytes, 1152 + 128 + 68, first);
        built.fix_checksum();
        const Finding found = at(check_image(built.primary()), 1152 + 128 + 68);
        QCOMPARE(found.severity, Severity::error);
        QCOMPARE(found.place.structure, Structure::device_slot);
        QCOMPARE(found.place.offset, 1152U + 128);
        QCOMPARE(found.value, std::to_string(first));
    }

    void places_and_values() {
        BuiltImage built = sample_image(12);
        built.bytes[1150] ^= std::byte{1};
        const Finding checksum = at(check_image(built.primary()), 1028);
        QCOMPARE(checksum.place.structure, Structure::superblock);
        QVERIFY(checksum.value.starts_with("0x"));
        built = sample_image(12);
        const std::uint64_t inode = built.inode.at("/flat/plain");
        put<std::uint16_t>(built.bytes, inode, 5 << 1);
        const Finding format = at(check_image(built.primary()), inode);
        QCOMPARE(format.place.structure, Structure::inode);
        QCOMPARE(format.field, std::string("format"));
        built = sample_image(12);
        const std::uint64_t names = entry(built, "/chunks", 3);
        put<std::uint8_t>(built.bytes, names + 10, 99);
        const Finding type = at(check_image(built.primary()), names + 10);
        QCOMPARE(type.place.structure, Structure::directory_block);
        QCOMPARE(type.value, std::string("99"));
        const auto image = open(built);
        const auto bytes = value(place_bytes(*image, type.place));
        const auto fields = fields_of(image->superblock(), type.place, bytes);
        const auto field = field_of(type, fields);
        QVERIFY(field);
        QCOMPARE(fields[*field].name, std::string("file_type"));
        QCOMPARE(fields[*field].offset, names + 10);
        // Fields of each structure follow one another and stay within it.
        for (const Field& each : fields)
            QVERIFY(each.offset >= type.place.offset &&
                    each.offset + each.width <= type.place.offset + type.place.length);
    }

    void a_digest_as_tag() {
        const BuiltImage built = sample_image(12);
        const QByteArray digest =
            QCryptographicHash::hash(
                QByteArrayView(reinterpret_cast<const char*>(built.blobs[0].data()),
                               static_cast<qsizetype>(built.blobs[0].size())),
                QCryptographicHash::Sha256)
                .toHex();
        BuiltImage tagged = built;
        std::memcpy(tagged.bytes.data() + 1152, digest.data(), 64);
        tagged.fix_checksum();
        const auto image = open(tagged);
        Findings findings;
        check_digest(*image, 0, *built.devices()[1], "blob", findings);
        QVERIFY2(findings.empty(), text(findings).c_str());
        check_digest(*image, 1, *built.devices()[2], "a name, no digest", findings);
        QVERIFY(findings.empty());
        tagged.blobs[0][5000] ^= std::byte{4};
        check_digest(*image, 0, *tagged.devices()[1], "blob", findings);
        QCOMPARE(at(findings, 1152).field, std::string("tag"));
        QCOMPARE(findings.errors(), 1U);
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

    // The header of a file with extent records has their number in place of algorithms.
    void header_of_extent_records() {
        Bytes bytes(8);
        put<std::uint32_t>(bytes, 0, 77);
        put<std::uint16_t>(bytes, 4, 5);
        put<std::uint16_t>(bytes, 6, 3);
        const Place place{Structure::map_header, false, 16, 4096, 8, 0};
        const auto fields = fields_of(Superblock(), place, bytes);
        QCOMPARE(fields.size(), std::size_t{3});
        QCOMPARE(fields[0].name, std::string("extents_lo"));
        QCOMPARE(fields[0].value, std::string("77"));
        QCOMPARE(fields[1].value, std::string("0x0005: extent records of 16 bytes"));
        QCOMPARE(fields[2].offset, std::uint64_t{4102});
        QCOMPARE(fields[2].value, std::string("3"));
    }
};

QTEST_APPLESS_MAIN(TestErofsCheck)
#include "test_erofs_check.moc"
